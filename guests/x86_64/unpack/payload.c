/* SPDX-License-Identifier: Apache-2.0 */
/* From a kernel's file to its ELF file: the setup header of Linux (Documentation/x86/boot.rst, "The Real-Mode Kernel Header") says where
 * the compressed one is; its last four bytes are its size before compression. */
#include "unpack.h"
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#define SECTOR 512
#define HEADER_AT 0x1f1
#define HEADER_MAGIC 0x53726448     /* "HdrS" */
#define BOOT_FLAG 0xaa55
#define VERSION_PAYLOAD 0x208
#define VERSION_INIT_SIZE 0x20a
#define SIZE_MAX_UNPACKED (UINT64_C(1) << 30)
#define XZ_MEMORY_MAX (UINT64_C(256) << 20)
#define LZ4_BLOCK (8 * MIB)
#define LZ4_MAGIC 0x184c2102u
#define SIZE_BYTES 4
#define PE_POINTER_AT 0x3c
#define PE_CERTIFICATES (4 + 20 + 112 + 4 * 8)

/* From offset 0x1f1 on, as far as it is read. */
struct __attribute__((packed)) setup_header {
    uint8_t setup_sects;
    uint16_t root_flags;
    uint32_t syssize;
    uint16_t ram_size, vid_mode, root_dev, boot_flag, jump;
    uint32_t header;
    uint16_t version;
    uint8_t skipped[0x248 - 0x208];
    uint32_t payload_offset, payload_length;
    uint64_t setup_data, pref_address;
    uint32_t init_size;
};
_Static_assert(offsetof(struct setup_header, header) == 0x202 - HEADER_AT, "setup header");
_Static_assert(offsetof(struct setup_header, payload_offset) == 0x248 - HEADER_AT, "setup header");
_Static_assert(offsetof(struct setup_header, init_size) == 0x260 - HEADER_AT, "setup header");

static uint32_t word_at(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

/* Each unpacks `in` to exactly out.size bytes; false: it is damaged. */
static bool unpack_gzip(struct range in, struct range out)
{
    z_stream z = { .next_in = (void *)in.base, .avail_in = (uInt)in.size, .next_out = (void *)out.base, .avail_out = (uInt)out.size };

    return inflateInit2(&z, 16 + MAX_WBITS) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out == 0;
}

static bool unpack_xz(struct range in, struct range out)
{
    uint64_t memory = XZ_MEMORY_MAX;
    size_t in_at = 0, out_at = 0;

    return lzma_stream_buffer_decode(&memory, 0, NULL, (void *)in.base, &in_at, in.size, (void *)out.base, &out_at, out.size) == LZMA_OK &&
           out_at == out.size;
}

static bool unpack_zstd(struct range in, struct range out)
{
    return ZSTD_decompress((void *)out.base, out.size, (void *)in.base, in.size) == out.size;
}

/* The old format: magic, then blocks of 8 MiB, each with its compressed size in front. */
static bool unpack_lz4(struct range in, struct range out)
{
    const uint8_t *from = (void *)in.base, *end = from + in.size;
    uint64_t done = 0;

    while (end - from >= SIZE_BYTES) {
        uint32_t size = word_at(from);

        from += SIZE_BYTES;
        if (size == LZ4_MAGIC)
            continue;
        if (size > (uint64_t)(end - from) || done == out.size)
            return false;
        uint64_t room = out.size - done < LZ4_BLOCK ? out.size - done : LZ4_BLOCK;
        int n = LZ4_decompress_safe((const char *)from, (char *)out.base + done, (int)size, (int)room);

        if (n < 0)
            return false;
        from += size;
        done += (uint64_t)n;
    }
    return done == out.size && from == end;
}

static const struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_size;
    bool size_apart;        /* the size is behind the format's own end */
    bool (*unpack)(struct range in, struct range out);      /* NULL: not one of ours */
} formats[] = {
    { "gzip", { 0x1f, 0x8b }, 2, false, unpack_gzip },
    { "XZ", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, true, unpack_xz },
    { "LZ4", { 0x02, 0x21, 0x4c, 0x18 }, 4, true, unpack_lz4 },
    { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, true, unpack_zstd },
    { "bzip2", { 'B', 'Z', 'h' }, 3, true, NULL },
    { "LZMA", { 0x5d, 0, 0 }, 3, true, NULL },
    { "LZO", { 0x89, 'L', 'Z', 'O' }, 4, true, NULL },
};

static const struct format *format_of(struct range in)
{
    for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (in.size > formats[i].magic_size && memcmp((void *)in.base, formats[i].magic, formats[i].magic_size) == 0)
            return &formats[i];
    stop("the kernel is compressed in a way that is not known");
}

static struct range unpack_payload(struct range in)
{
    const struct format *f = format_of(in);
    uint64_t size = word_at((uint8_t *)in.base + in.size - SIZE_BYTES);

    say("unpack: ");
    say(f->name);
    if (!f->unpack)
        stop("the kernel is compressed so; gzip, XZ, LZ4 and zstd are known");
    if (size == 0 || size > SIZE_MAX_UNPACKED)
        stop_with("the kernel would have so many bytes:", size);
    struct range out = { (uint64_t)memory_take(size), size };

    say(", ");
    say_number(in.size);
    say(" bytes to ");
    say_number(size);
    say("\n");
    if (f->size_apart)
        in.size -= SIZE_BYTES;
    if (!f->unpack(in, out))
        stop("the kernel is damaged");
    return out;
}

static bool is_bzimage(struct range module, struct setup_header *h)
{
    if (module.size < HEADER_AT + sizeof(*h))
        return false;
    memcpy(h, (uint8_t *)module.base + HEADER_AT, sizeof(*h));
    return h->boot_flag == BOOT_FLAG && h->header == HEADER_MAGIC;
}

/* Where a signed file ends: behind the certificates that its PE header names (Microsoft PE Format, "Optional Header Data Directories"). */
static uint64_t signature_end(struct range module, uint64_t kernel_end)
{
    const uint8_t *file = (void *)module.base;
    uint64_t directory = word_at(file + PE_POINTER_AT) + PE_CERTIFICATES;

    if (directory + 8 > kernel_end || memcmp(file + directory - PE_CERTIFICATES, "PE\0", 4) != 0)
        return kernel_end;
    uint64_t end = (uint64_t)word_at(file + directory) + word_at(file + directory + 4);

    return end > kernel_end && end <= module.size ? end : kernel_end;
}

struct range payload_find(struct range module, struct range *rest)
{
    struct setup_header h;

    *rest = (struct range){ 0, 0 };
    if (!is_bzimage(module, &h))
        return module;
    uint64_t protected_mode = (h.setup_sects ? h.setup_sects + 1u : 5u) * SECTOR;
    uint64_t whole = protected_mode + h.syssize * UINT64_C(16);

    if (h.version < VERSION_PAYLOAD || h.payload_length <= 2 * SIZE_BYTES)
        stop("this Linux is too old: its header names no payload");
    if (protected_mode + h.payload_offset + h.payload_length > module.size)
        stop("the kernel's file is cut off");
    whole = whole < module.size ? signature_end(module, whole) : module.size;
    if (whole < module.size)
        *rest = (struct range){ module.base + whole, module.size - whole };
    /* What is taken from now on is out of its way. */
    if (h.version >= VERSION_INIT_SIZE)
        memory_keep((struct range){ h.pref_address, h.init_size });
    return unpack_payload((struct range){ module.base + protected_mode + h.payload_offset, h.payload_length });
}
