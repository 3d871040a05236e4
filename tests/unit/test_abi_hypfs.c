/* SPDX-License-Identifier: Apache-2.0 */
/* hypfs_op: what dom0 reads and sets of the hypervisor. */
#include "tests/unit/abi.h"
#include "core/console.h"
#include "lib/print.h"

#define PATH_AT 0
#define DATA_AT 4096
#define DATA_BYTES 512

static int64_t hypfs(struct domain *d, unsigned command, const char *path, size_t path_bytes, uint64_t data, uint64_t bytes)
{
    put(d, at(PATH_AT), path, strlen(path) + 1);
    return host_hypercall(d->vcpus[0], __HYPERVISOR_hypfs_op, command, at(PATH_AT), path_bytes, data, bytes, 0);
}

static int64_t read_entry(const char *path, struct xen_hypfs_direntry *e, char *content)
{
    char all[DATA_BYTES];
    int64_t r = hypfs(dom0, XEN_HYPFS_OP_read, path, strlen(path) + 1, at(DATA_AT), sizeof(all));

    get(dom0, at(DATA_AT), all, sizeof(all));
    memcpy(e, all, sizeof(*e));
    if (!r)
        memcpy(content, all + sizeof(*e), e->content_len);
    return r;
}

static int64_t set(const char *path, const char *value, size_t bytes)
{
    put(dom0, at(DATA_AT), value, bytes);
    return hypfs(dom0, XEN_HYPFS_OP_write_contents, path, strlen(path) + 1, at(DATA_AT), bytes);
}

static void test_version(void **state UNUSED)
{
    assert_int_equal(call_as(dom0, __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_get_version, 0, 0), XEN_HYPFS_VERSION);
    assert_int_equal(call_as(dom0, __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_get_version, 1, 0), -E_INVAL);
    assert_int_equal(call_as(dom0, __HYPERVISOR_hypfs_op, 3, 0, 0), -E_OPNOTSUPP);
    assert_int_equal(call_as(guest, __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_get_version, 0, 0), -E_PERM);
    assert_int_equal(hypfs(guest, XEN_HYPFS_OP_read, "/", 2, at(DATA_AT), DATA_BYTES), -E_PERM);
}

/* Goes through the tree as the tools do; returns the entries below. */
static unsigned walk(const char *path)
{
    struct xen_hypfs_direntry dir, one;
    char content[DATA_BYTES], value[DATA_BYTES], below[128];
    unsigned n = 0, where = 0;
    struct xen_hypfs_dirlistentry *e;

    assert_int_equal(read_entry(*path ? path : "/", &dir, content), 0);
    assert_int_equal(dir.type, XEN_HYPFS_TYPE_DIR);
    do {
        e = (struct xen_hypfs_dirlistentry *)(content + where);
        format_string(below, sizeof(below), "%s/%s", path, e->name);
        assert_true(where + offsetof(struct xen_hypfs_dirlistentry, name) + strlen(e->name) < dir.content_len);
        assert_int_equal(read_entry(below, &one, value), 0);
        assert_memory_equal(&one, &e->e, sizeof(one));
        assert_true(one.type != XEN_HYPFS_TYPE_STRING || strlen(value) + 1 == one.content_len);
        n += 1 + (one.type == XEN_HYPFS_TYPE_DIR ? walk(below) : 0);
        where += e->off_next;
    } while (e->off_next);
    return n;
}

static void test_tree(void **state UNUSED)
{
    struct xen_hypfs_direntry e;
    char content[DATA_BYTES];
    uint32_t major;

    assert_int_equal(walk(""), 14);
    assert_int_equal(read_entry("/buildinfo/version/major", &e, content), 0);
    memcpy(&major, content, sizeof(major));
    assert_int_equal(major, 4);
    assert_int_equal(e.max_write_len, 0);
    assert_int_equal(read_entry("/params/", &e, content), 0);
}

static void test_paths_that_are_none(void **state UNUSED)
{
    static const char *const paths[] = { "", "params", "/param", "/params/loglv", "/params/loglvll", "/params/loglvl/x", "//params",
        "/a-path-that-is-longer-than-any-of-those-that-there-are-in-the-whole-tree" };
    struct xen_hypfs_direntry e;
    char content[DATA_BYTES];

    for (unsigned i = 0; i < ARRAY_SIZE(paths); i++)
        assert_int_equal(read_entry(paths[i], &e, content), -E_NOENT);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 0, at(DATA_AT), DATA_BYTES), -E_INVAL);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 7, at(DATA_AT), DATA_BYTES), -E_INVAL);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 9, at(DATA_AT), DATA_BYTES), -E_INVAL);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 1025, at(DATA_AT), DATA_BYTES), -E_INVAL);
    assert_int_equal(host_hypercall(dom0->vcpus[0], __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_read, NOWHERE, 8, at(DATA_AT), DATA_BYTES, 0),
                     -E_FAULT);
}

static void test_small_buffers(void **state UNUSED)
{
    struct xen_hypfs_direntry e = { 0 };

    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 8, at(DATA_AT), sizeof(e) - 1), -E_INVAL);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 8, at(DATA_AT), sizeof(e)), -E_NOBUFS);
    get(dom0, at(DATA_AT), &e, sizeof(e));
    assert_int_equal(e.type, XEN_HYPFS_TYPE_DIR);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 8, at(DATA_AT), sizeof(e) + e.content_len - 1), -E_NOBUFS);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 8, at(DATA_AT), sizeof(e) + e.content_len), 0);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_read, "/params", 8, NOWHERE, DATA_BYTES), -E_FAULT);
}

static void test_write(void **state UNUSED)
{
    struct xen_hypfs_direntry e;
    char content[DATA_BYTES];

    assert_int_equal(set("/params/loglvl", "debug", 6), 0);
    assert_int_equal(read_entry("/params/guest_loglvl", &e, content), 0);
    assert_string_equal(content, "all");
    assert_int_equal(set("/params/guest_loglvl", "warning/all", 12), 0);
    assert_string_equal(console_level(), "warning");
    assert_int_equal(set("/params/loglvl", "loud", 5), -E_INVAL);
    assert_int_equal(set("/params/loglvl", "info", 4), -E_INVAL);
    assert_int_equal(set("/params/loglvl", "info\0x", 6), -E_INVAL);
    assert_int_equal(set("/params/loglvl", "", 0), -E_INVAL);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_write_contents, "/params/loglvl", 15, at(DATA_AT), 33), -E_NOSPC);
    assert_int_equal(hypfs(dom0, XEN_HYPFS_OP_write_contents, "/params/loglvl", 15, NOWHERE, 6), -E_FAULT);
    assert_int_equal(set("/params", "info", 5), -E_ACCES);
    assert_int_equal(set("/buildinfo/version/extra", "-mine", 6), -E_ACCES);
    assert_int_equal(set("/nothing", "info", 5), -E_NOENT);
    assert_string_equal(console_level(), "warning");
    assert_int_equal(set("/params/loglvl", "info", 5), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_version, abi_setup), cmocka_unit_test_setup(test_tree, abi_setup),
        cmocka_unit_test_setup(test_paths_that_are_none, abi_setup), cmocka_unit_test_setup(test_small_buffers, abi_setup),
        cmocka_unit_test_setup(test_write, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
