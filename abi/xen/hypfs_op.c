/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hypfs_op: a small tree that dom0 reads, and some of which it writes: what the build is, and the options of the command line that
 * may change later (`xl set-parameters`). (xen/hypfs.h)
 */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "abi/xen/version.h"
#include "core/console.h"
#include "lib/string.h"

#define FAMILY_HYPFS HYPERCALL(__HYPERVISOR_hypfs_op)
#define PATH_ROOM 64            /* more than the longest path below */
#define CONTENT_ROOM 256        /* more than any content */
#define VALUE_ROOM 32           /* of what is written, with its NUL */

/* One entry. Text: constant, or `now` says it; a number; a directory, whose entries are those with its path before theirs. */
struct entry {
    const char *path;
    uint8_t type;
    uint32_t number;
    const char *text;
    const char *(*now)(void);
    bool (*set)(const char *value);     /* NULL: read-only */
};

static const struct entry entries[] = {
    { .path = "", .type = XEN_HYPFS_TYPE_DIR },
    { .path = "/buildinfo", .type = XEN_HYPFS_TYPE_DIR },
    { .path = "/buildinfo/changeset", .type = XEN_HYPFS_TYPE_STRING, .text = VERSION_CHANGESET },
    { .path = "/buildinfo/compileinfo", .type = XEN_HYPFS_TYPE_DIR },
    { .path = "/buildinfo/compileinfo/compile_by", .type = XEN_HYPFS_TYPE_STRING, .text = COMPILE_BY },
    { .path = "/buildinfo/compileinfo/compile_date", .type = XEN_HYPFS_TYPE_STRING, .text = COMPILE_DATE },
    { .path = "/buildinfo/compileinfo/compile_domain", .type = XEN_HYPFS_TYPE_STRING, .text = COMPILE_DOMAIN },
    { .path = "/buildinfo/compileinfo/compiler", .type = XEN_HYPFS_TYPE_STRING, .text = COMPILER },
    { .path = "/buildinfo/version", .type = XEN_HYPFS_TYPE_DIR },
    { .path = "/buildinfo/version/extra", .type = XEN_HYPFS_TYPE_STRING, .text = VERSION_EXTRA },
    { .path = "/buildinfo/version/major", .type = XEN_HYPFS_TYPE_UINT, .number = VERSION_MAJOR },
    { .path = "/buildinfo/version/minor", .type = XEN_HYPFS_TYPE_UINT, .number = VERSION_MINOR },
    { .path = "/params", .type = XEN_HYPFS_TYPE_DIR },
    { .path = "/params/guest_loglvl", .type = XEN_HYPFS_TYPE_STRING, .now = console_level, .set = console_set_level },
    { .path = "/params/loglvl", .type = XEN_HYPFS_TYPE_STRING, .now = console_level, .set = console_set_level },
};

/* The name of e in directory d, or NULL: it is not in there, or deeper. */
static const char *name_in(const struct entry *d, const struct entry *e)
{
    size_t length = strlen(d->path);
    const char *rest = e->path + length;

    if (e == d || strncmp(e->path, d->path, length) != 0 || *rest != '/' || strchr(rest + 1, '/'))
        return NULL;
    return rest + 1;
}

static uint32_t listed_bytes(const char *name)
{
    return ROUND_UP(offsetof(struct xen_hypfs_dirlistentry, name) + strlen(name) + 1, _Alignof(struct xen_hypfs_dirlistentry));
}

static uint32_t content_length(const struct entry *e)
{
    uint32_t n = 0;

    if (e->type == XEN_HYPFS_TYPE_UINT)
        return sizeof(e->number);
    if (e->type == XEN_HYPFS_TYPE_STRING)
        return strlen(e->now ? e->now() : e->text) + 1;
    ASSERT(e->type == XEN_HYPFS_TYPE_DIR);
    for (const struct entry *x = entries; x < entries + ARRAY_SIZE(entries); x++)
        n += name_in(e, x) ? listed_bytes(name_in(e, x)) : 0;
    return n;
}

static struct xen_hypfs_direntry describe(const struct entry *e)
{
    return (struct xen_hypfs_direntry){ .type = e->type, .encoding = XEN_HYPFS_ENC_PLAIN, .content_len = content_length(e),
                                        .max_write_len = e->set ? VALUE_ROOM : 0 };
}

/* The entries of directory d, one behind the other. */
static void list(const struct entry *d, char *out, uint32_t length)
{
    char *end = out + length;

    for (const struct entry *e = entries; e < entries + ARRAY_SIZE(entries); e++) {
        struct xen_hypfs_dirlistentry head = { .off_next = 0 };
        const char *name = name_in(d, e);
        uint32_t bytes;

        if (!name)
            continue;
        bytes = listed_bytes(name);
        ASSERT(bytes <= (size_t)(end - out));
        head.e = describe(e);
        head.off_next = (uint16_t)(out + bytes == end ? 0 : bytes);
        memcpy(out, &head, offsetof(struct xen_hypfs_dirlistentry, name));
        string_copy(out + offsetof(struct xen_hypfs_dirlistentry, name), name, strlen(name) + 1);
        out += bytes;
    }
    ASSERT(out == end);
}

/* Paths have no length of their own to fear: one that is longer than all of ours names nothing. */
static int find(struct vcpu *v, uint64_t path, uint64_t length, const struct entry **out)
{
    char text[PATH_ROOM] = "";
    int r;

    if (length == 0 || length > XEN_HYPFS_MAX_PATHLEN)
        return -E_INVAL;
    if (length > sizeof(text))
        return -E_NOENT;
    r = read_guest(v, text, path, length);
    if (r)
        return r;
    if (strnlen(text, length) != length - 1)
        return -E_INVAL;
    if (text[0] != '/')
        return -E_NOENT;
    if (text[length - 2] == '/')
        text[length - 2] = 0;
    for (const struct entry *e = entries; e < entries + ARRAY_SIZE(entries); e++) {
        *out = e;
        if (strcmp(e->path, text) == 0)
            return 0;
    }
    return -E_NOENT;
}

static int64_t op_version(struct vcpu *v UNUSED, const uint64_t args[6], void *op UNUSED)
{
    if (args[1] || args[2] || args[3] || args[4])
        return -E_INVAL;
    subcall_reached(FAMILY_HYPFS, XEN_HYPFS_OP_get_version);
    return XEN_HYPFS_VERSION;
}

static int64_t op_read(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct {
        struct xen_hypfs_direntry head;
        char content[CONTENT_ROOM];
    } out = { 0 };
    const struct entry *e;
    int r = find(v, args[1], args[2], &e);

    if (r)
        return r;
    if (args[4] < sizeof(out.head))
        return -E_INVAL;
    out.head = describe(e);
    subcall_reached(FAMILY_HYPFS, XEN_HYPFS_OP_read);
    if (args[4] < sizeof(out.head) + out.head.content_len) {
        r = write_guest(v, args[3], &out.head, sizeof(out.head));
        return r ? r : -E_NOBUFS;
    }
    ASSERT(out.head.content_len <= sizeof(out.content));
    if (e->type == XEN_HYPFS_TYPE_DIR)
        list(e, out.content, out.head.content_len);
    else if (e->type == XEN_HYPFS_TYPE_UINT)
        memcpy(out.content, &e->number, sizeof(e->number));
    else
        string_copy(out.content, e->now ? e->now() : e->text, out.head.content_len);
    return write_guest(v, args[3], &out, sizeof(out.head) + out.head.content_len);
}

static int64_t op_write(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    char value[VALUE_ROOM] = "";
    const struct entry *e;
    int r = find(v, args[1], args[2], &e);

    if (r)
        return r;
    if (!e->set)
        return -E_ACCES;
    if (args[4] > sizeof(value))
        return -E_NOSPC;
    r = read_guest(v, value, args[3], args[4]);
    if (r)
        return r;
    if (!args[4] || strnlen(value, args[4]) != args[4] - 1)
        return -E_INVAL;
    subcall_reached(FAMILY_HYPFS, XEN_HYPFS_OP_write_contents);
    return e->set(value) ? 0 : -E_INVAL;
}

const struct subcall hypfs_subcalls[] = {
    SUBCALL(XEN_HYPFS_OP_get_version, CALLER_CONTROL, op_version),
    SUBCALL(XEN_HYPFS_OP_read, CALLER_CONTROL, op_read),
    SUBCALL(XEN_HYPFS_OP_write_contents, CALLER_CONTROL, op_write),
};
STATIC_ASSERT(ARRAY_SIZE(hypfs_subcalls) == XEN_HYPFS_OP_write_contents + 1);

int64_t hypercall_hypfs_op(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_HYPFS, (uint32_t)args[0], args, NULL);
}
