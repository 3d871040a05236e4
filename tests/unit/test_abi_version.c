/* SPDX-License-Identifier: Apache-2.0 */
/* The table of hypercalls and xen_version. */
#include "tests/unit/abi.h"

static int64_t version(struct domain *d, uint64_t command, uint64_t to)
{
    return call_as(d, __HYPERVISOR_xen_version, command, to, 0);
}

static void test_numbers_that_are_none(void **state UNUSED)
{
    static const uint64_t numbers[] = { 0, 1, 11, 15, 38, 43, 47, 48, 55, 60, 63, 64, 1000, 0x80000000u, 0xffffffffu };

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        assert_int_equal(call_as(guest, numbers[i], 0, 0, 0), -E_NOSYS);
        assert_int_equal(call_as(dom0, numbers[i], 0, 0, 0), -E_NOSYS);
    }
}

static void test_subcalls_that_are_none(void **state UNUSED)
{
    static const struct { uint64_t number; int64_t error; } families[] = {
        { __HYPERVISOR_xen_version, -E_NOSYS }, { __HYPERVISOR_memory_op, -E_NOSYS }, { __HYPERVISOR_sched_op, -E_NOSYS },
        { __HYPERVISOR_hvm_op, -E_NOSYS }, { __HYPERVISOR_physdev_op, -E_NOSYS }, { __HYPERVISOR_console_io, -E_NOSYS },
        { __HYPERVISOR_vm_assist, -E_NOSYS }, { __HYPERVISOR_vcpu_op, -E_INVAL }, { __HYPERVISOR_event_channel_op, -E_NOSYS },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
        assert_int_equal(call_as(guest, families[i].number, 62, 0, 0), families[i].error);
        /* One bit beyond what any table holds. memory_op keeps its progress there. */
        if (families[i].number != __HYPERVISOR_memory_op && families[i].number != __HYPERVISOR_vcpu_op)
            assert_int_equal(call_as(guest, families[i].number, UINT64_C(1) << 31, 0, 0), families[i].error);
    }
}

static void test_rows(void **state UNUSED)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hypercall_table); i++) {
        const struct hypercall *h = &hypercall_table[i];

        assert_non_null(h->handler);
        assert_non_null(h->name);
        for (unsigned n = 0; n < h->subcall_count; n++)
            assert_true(!h->subcalls[n].handler || h->subcalls[n].name);
    }
    assert_int_equal(hypercall_table[__HYPERVISOR_event_channel_op].subcall_count, event_channel_subcall_count);
    assert_int_equal(hypercall_table[__HYPERVISOR_grant_table_op].subcall_count, grant_table_subcall_count);
}

static void test_only_for_dom0(void **state UNUSED)
{
    assert_int_equal(call_as(guest, __HYPERVISOR_domctl, at(0), 0, 0), -E_PERM);
    assert_int_equal(call_as(guest, __HYPERVISOR_sysctl, at(0), 0, 0), -E_PERM);
    assert_int_equal(call_as(guest, __HYPERVISOR_platform_op, at(0), 0, 0), -E_PERM);
    assert_int_equal(call_as(guest, __HYPERVISOR_console_io, CONSOLEIO_read, 1, at(0)), -E_PERM);
}

static void test_texts(void **state UNUSED)
{
    char text[1024];

    assert_int_equal(version(guest, XENVER_version, 0), 4 << 16 | 17);
    assert_int_equal(version(guest, XENVER_extraversion, at(0)), 0);
    get(guest, at(0), text, 16);
    assert_string_equal(text, "-vinci");
    assert_int_equal(version(guest, XENVER_capabilities, at(0)), 0);
    get(guest, at(0), text, sizeof(text));
    assert_string_equal(text, "xen-3.0-aarch64 xen-3.0-armv7l ");
    assert_int_equal(version(guest, XENVER_commandline, at(0)), 0);
    get(guest, at(0), text, sizeof(text));
    assert_string_equal(text, "<denied>");
    assert_int_equal(version(dom0, XENVER_commandline, at(0)), 0);
    assert_int_equal(version(guest, XENVER_changeset, at(0)), 0);
    assert_int_equal(version(guest, XENVER_compile_info, at(0)), 0);
    assert_int_equal(version(guest, XENVER_platform_parameters, at(0)), 0);
    assert_int_equal(version(guest, XENVER_pagesize, 0), 4096);
    assert_int_equal(version(guest, XENVER_pagesize, 1), -E_INVAL);
}

static void test_text_nowhere(void **state UNUSED)
{
    static const uint64_t commands[] = { XENVER_extraversion, XENVER_compile_info, XENVER_capabilities, XENVER_changeset,
                                         XENVER_platform_parameters, XENVER_get_features, XENVER_guest_handle,
                                         XENVER_commandline };

    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        assert_int_equal(version(guest, commands[i], NOWHERE), -E_FAULT);
        assert_int_equal(version(guest, commands[i], UINT64_MAX - 3), -E_FAULT);
    }
}

/* Across the end of the guest's memory. */
static void test_half_a_buffer(void **state UNUSED)
{
    assert_int_equal(version(guest, XENVER_capabilities, at(ARGUMENT_PAGES * PAGE_SIZE - 512)), -E_FAULT);
}

static uint32_t features(struct domain *d)
{
    struct xen_feature_info info = { 0 };

    assert_int_equal(call_with(d, __HYPERVISOR_xen_version, XENVER_get_features, &info, sizeof(info)), 0);
    return info.submap;
}

static void test_features(void **state UNUSED)
{
    struct xen_feature_info info = { .submap_idx = 1 };
    uint32_t f = features(guest);

    assert_true(f & 1u << XENFEAT_auto_translated_physmap);
    assert_true(f & 1u << XENFEAT_not_direct_mapped);
    assert_false(f & (1u << XENFEAT_direct_mapped | 1u << XENFEAT_dom0));
    assert_true(features(dom0) & 1u << XENFEAT_dom0);
    assert_int_equal(call_with(guest, __HYPERVISOR_xen_version, XENVER_get_features, &info, sizeof(info)), -E_INVAL);
}

static void test_handle(void **state UNUSED)
{
    uint8_t handle[16];

    memset(guest->uuid, 0x5a, sizeof(guest->uuid));
    assert_int_equal(version(guest, XENVER_guest_handle, at(0)), 0);
    get(guest, at(0), handle, sizeof(handle));
    assert_memory_equal(handle, guest->uuid, sizeof(handle));
}

static void test_build_id(void **state UNUSED)
{
    assert_int_equal(version(guest, XENVER_build_id, 0), -E_PERM);
    assert_int_equal(version(dom0, XENVER_build_id, 0), -E_NODATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_numbers_that_are_none, abi_setup), cmocka_unit_test_setup(test_subcalls_that_are_none, abi_setup),
        cmocka_unit_test_setup(test_rows, abi_setup), cmocka_unit_test_setup(test_only_for_dom0, abi_setup),
        cmocka_unit_test_setup(test_texts, abi_setup), cmocka_unit_test_setup(test_text_nowhere, abi_setup),
        cmocka_unit_test_setup(test_half_a_buffer, abi_setup), cmocka_unit_test_setup(test_features, abi_setup),
        cmocka_unit_test_setup(test_handle, abi_setup), cmocka_unit_test_setup(test_build_id, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
