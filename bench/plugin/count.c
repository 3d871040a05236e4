/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCG plugin that counts executed instructions by where they run: in the
 * hypervisor (an address range), in a kernel (top bit set), elsewhere; and in
 * the hypervisor those that an instruction count makes look free. A `hint`
 * with a number from 0x60 to 0x7f, executed by any guest, writes one line with
 * all counters; so does dom0's first instruction (number 0x20). With x86=on
 * marks are arguments.h's no-operation, and there are two more: the image's
 * entry point (image=, number 0x10), and the first byte more in the file that
 * the serial line goes to (said=, number 0x30, to the next code that is new).
 *
 *   -plugin libcount.so,hv_start=0x200000,hv_end=0x400000,out=marks.txt
 *
 * Counters are shared by all CPUs: run with one CPU or with thread=single.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/plugin/arguments.h"
#include "bench/plugin/qemu_plugin_7_2.h"

#define INSN_BYTES 4
#define IMAGE_MARK 0x10UL
#define ENTRY_MARK 0x20UL
#define SAID_MARK 0x30UL
#define SETTLED 10000

/* An instruction class: encodings for which (insn & mask) == value. */
struct insn_class {
    const char *name;
    uint32_t mask;
    uint32_t value;
    uint64_t count;
};

/* Only counted within the hypervisor's range. Encodings: Arm ARM C4.1, C5.3 to C5.5. */
static struct insn_class classes[] = {
    { "eret", 0xffffffff, 0xd69f03e0, 0 },
    { "tlbi", 0xfff8f400, 0xd5088000, 0 }, /* CRm below 4: to every CPU (inner or outer shareable) */
    { "tlbi_local", 0xfff8f400, 0xd5088400, 0 },
    { "dsb", 0xfffff0ff, 0xd503309f, 0 },
    { "isb", 0xfffff0ff, 0xd50330df, 0 },
    { "ich_low", 0xffdffe00, 0xd51cca00, 0 }, /* S3_4_C12_C10..C11: ICH_*_EL2 */
    { "ich_lr", 0xffdffe00, 0xd51ccc00, 0 }, /* S3_4_C12_C12..C13: ICH_LR<n>_EL2 */
    { "exclusive", 0x3fc08000, 0x08408000, 0 }, /* LDAXR family */
    { "exclusive_plain", 0x3fc08000, 0x08400000, 0 }, /* LDXR family */
    { "lse_atomic", 0x3f200c00, 0x38200000, 0 },
};
#define CLASS_COUNT (sizeof(classes) / sizeof(classes[0]))

enum place { HYPERVISOR, KERNEL, REST, PLACES };
static uint64_t executed[PLACES];
static uint64_t hv_start, hv_end;
static uint64_t image;
static const char *said;
static off_t said_before;
static bool x86;
static FILE *out;

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_INTERFACE;

static void write_mark(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    fprintf(out, "MARK %u total %lu hv %lu kernel %lu rest %lu", (unsigned)(uintptr_t)userdata,
            executed[HYPERVISOR] + executed[KERNEL] + executed[REST], executed[HYPERVISOR],
            executed[KERNEL], executed[REST]);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        fprintf(out, " %s %lu", classes[i].name, classes[i].count);
    fputc('\n', out);
    fflush(out);
}

static enum place place_of(uint64_t address)
{
    if (address >= hv_start && address < hv_end)
        return HYPERVISOR;
    return address >> 63 ? KERNEL : REST;
}

/*
 * The first code outside the hypervisor after it has settled at its own
 * addresses is dom0's first instruction: it is translated just before it runs.
 */
static void watch_for_entry(enum place place)
{
    static bool entered;

    if (entered || place != REST || executed[HYPERVISOR] < SETTLED)
        return;
    entered = true;
    write_mark(0, (void *)ENTRY_MARK);
}

static off_t said_bytes(void)
{
    struct stat st;

    return said && !stat(said, &st) ? st.st_size : 0;
}

/* A loader's code can lie where the image is later: it counts once the code there is the image's, which is entered there last. */
static void watch_for_image(uint64_t address)
{
    if (image && address == image && executed[HYPERVISOR] == 0)
        write_mark(0, (void *)IMAGE_MARK);
    if (!executed[HYPERVISOR])
        said_before = said_bytes();
}

static void watch_for_words(void)
{
    if (!said || !executed[HYPERVISOR] || said_bytes() <= said_before)
        return;
    said = NULL;
    write_mark(0, (void *)SAID_MARK);
}

static void look_at_insn(struct qemu_plugin_insn *insn, enum place place)
{
    uint32_t word;
    unsigned mark = mark_of(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn), x86);

    if (mark)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, write_mark, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)mark);
    if (place != HYPERVISOR || x86)
        return;
    memcpy(&word, qemu_plugin_insn_data(insn), INSN_BYTES);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if ((word & classes[i].mask) == classes[i].value)
            qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                                       &classes[i].count, 1);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t insns = qemu_plugin_tb_n_insns(tb);
    enum place place = place_of(qemu_plugin_tb_vaddr(tb));

    (void)id;
    watch_for_image(qemu_plugin_tb_vaddr(tb));
    watch_for_words();
    watch_for_entry(place);
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &executed[place],
                                             insns);
    for (size_t i = 0; i < insns; i++)
        look_at_insn(qemu_plugin_tb_get_insn(tb, i), place);
}

static void at_end(qemu_plugin_id_t id, void *userdata)
{
    (void)id;
    (void)userdata;
    write_mark(0, NULL);
}

static void take_argument(const char *argument, const char **path)
{
    const char *value;

    if (take_common(argument, &hv_start, &hv_end, path))
        return;
    if (value_of(argument, "x86"))
        x86 = true;
    else if ((value = value_of(argument, "image")))
        image = strtoull(value, NULL, 0);
    else if ((value = value_of(argument, "said")))
        said = strdup(value);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
                                           int argc, char **argv)
{
    const char *path = NULL;

    (void)info;
    for (int i = 0; i < argc; i++)
        take_argument(argv[i], &path);
    out = path ? fopen(path, "w") : stderr;
    if (!out || hv_start >= hv_end) {
        fprintf(stderr, "count: needs hv_start, hv_end and a writable out\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, at_end, NULL);
    return 0;
}
