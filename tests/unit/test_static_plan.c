/* SPDX-License-Identifier: Apache-2.0 */
/* Static domains' nodes to plans: what is right is read as it is meant, what is wrong gets one line that names it and hurts nobody else,
 * and no tree, however damaged, is read out of bounds (AddressSanitizer watches). */
#include "tests/unit/plans.h"

#define TEXT(s) s, sizeof(s)
#define BYTES(s) s, sizeof(s) - 1

/* Catches: a property read in other units, another order, or not at all. */
static void what_is_right_is_read(void **state)
{
    static const uint32_t rtds[] = { 0x10270000, 0xa00f0000, 0x01000000 };     /* 10000 4000 1, big-endian */
    const struct partition_plan *p;

    (void)state;
    begin_board();
    begin_domain("domU1");
    cells("memory", 2, 0, 131072);
    cells("cpus", 1, 3);
    fdt_property(blob, "vpl011", "", 0);
    fdt_property_string(blob, "xen,enhanced", "no-xenstore");
    cells("nr_spis", 1, 64);
    cells("max_grant_frames", 1, 32);
    fdt_property_string(blob, "vinci,name", "camera");
    cells("vinci,priority", 1, (unsigned)-3);
    fdt_property(blob, "vinci,pin", "0\0001-2\0all", 10);
    fdt_property(blob, "vinci,rtds", rtds, sizeof(rtds));
    fdt_property_string(blob, "vinci,on-crash", "restart-board");
    cells("vinci,restart-limit", 2, 3, 10);
    cells("vinci,watchdog", 1, 2);
    cells("vinci,console-rate", 1, 100);
    cells("vinci,interrupt-rate", 1, 5000);
    module("multiboot,kernel", 0x48000000, 0x2000, "console=ttyAMA0");
    module("multiboot,ramdisk", 0x49000000, 0x3000, NULL);
    fdt_end_node(blob);
    domain_with("domU2", 0x48100000, NULL, NULL, 0);
    assert_int_equal(parse_board(), 2);
    assert_int_equal(line_count, 0);
    p = plans[1];
    assert_false(p->broken);
    assert_string_equal(p->name, "camera");
    assert_int_equal(p->memory, UINT64_C(128) << 20);
    assert_int_equal(p->vcpu_count, 3);
    assert_int_equal(p->console, CONSOLE_VPL011);
    assert_int_equal(p->enhanced, ENHANCED_NO_XENSTORE);
    assert_int_equal(p->shared_irqs, 64);
    assert_int_equal(p->max_grant_frames, 32);
    assert_int_equal(p->priority, -3);
    assert_int_equal(p->vcpus[0].pin.bits[0], 1);
    assert_int_equal(p->vcpus[1].pin.bits[0], 6);
    assert_true(cpu_set_has(&p->vcpus[2].pin, 5));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(p->vcpus[i].period_us, 10000);
        assert_int_equal(p->vcpus[i].budget_us, 4000);
        assert_true(p->vcpus[i].extratime);
    }
    assert_int_equal(p->policy.on_crash, PARTITION_RESTART_BOARD);
    assert_int_equal(p->policy.on_watchdog, PARTITION_RESTART_BOARD);
    assert_int_equal(p->policy.restart_limit, 3);
    assert_int_equal(p->policy.restart_window, 10);
    assert_int_equal(p->policy.watchdog, 2);
    assert_int_equal(p->limits.console_lines, 100);
    assert_int_equal(p->limits.interrupts, 5000);
    assert_int_equal(p->kernel.base, 0x48000000);
    assert_int_equal(p->kernel.size, 0x2000);
    assert_int_equal(p->ramdisk.size, 0x3000);
    assert_string_equal(p->command_line, "console=ttyAMA0");
    assert_string_equal(plans[0]->name, "domU2");
    assert_int_equal(plans[0]->policy.restart_limit, 5);
    assert_int_equal(plans[0]->priority, 0);
}

/* Catches: another order, a node that is left out, and the first to start losing what it wants to one that starts later. */
static void the_order_of_start_is_by_priority(void **state)
{
    static const char *const order[] = { "high", "high-too", "one", "two", "low" };

    (void)state;
    begin_board();
    domain_with("low", 0x48100800, "vinci,priority", BYTES("\x80\0\0\0"));
    domain_with("one", 0x48200000, NULL, NULL, 0);
    domain_with("high", 0x48100000, "vinci,priority", BYTES("\x7f\xff\xff\xff"));
    domain_with("two", 0x48200800, "vinci,priority", BYTES("\0\0\0\0"));
    domain_with("high-too", 0x48300000, "vinci,priority", BYTES("\x7f\xff\xff\xff"));
    assert_int_equal(parse_board(), 5);
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        assert_string_equal(plans[i]->name, order[i]);
        assert_int_equal(plans[i]->broken, i >= 3);
    }
    assert_true(was_said("/chosen/low: kernel at 0x48100800, 0x1000 bytes, overlaps a module of /chosen/high"));
    assert_true(was_said("/chosen/two: kernel at 0x48200800, 0x1000 bytes, overlaps a module of /chosen/one"));
}

struct wrong {
    const char *property, *value;
    unsigned length;
    const char *said;           /* of the line, after "/chosen/bad: " */
};

static const struct wrong wrongs[] = {
    { "memory", TEXT("much"), "memory = \"much\": expects two cells" },
    { "memory", BYTES("\0\0\x20"), "memory = (3 bytes): expects two cells" },
    { "memory", BYTES("\0\0\0\0\0\0\0\0"), "memory = <0x0 0x0>: expects 64 KiB" },
    { "memory", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), "memory = <0xffffffff 0xffffffff>: expects 64 KiB" },
    { "memory", BYTES(""), "memory = (empty): expects two cells" },
    { "cpus", BYTES("\0\0\0\0"), "cpus = <0x0>: expects one cell" },
    { "cpus", BYTES("\0\0\1\0"), "cpus = <0x100>: expects one cell" },
    { "cpus", TEXT("two"), "cpus = \"two\": expects one cell" },
    { "nr_spis", BYTES("\0\0\x10\0"), "nr_spis = <0x1000>: expects" },
    { "xen,enhanced", TEXT("yes"), "xen,enhanced = \"yes\": expects \"enabled\"" },
    { "xen,static-mem", BYTES("\0\0\0\0\x50\0\0\0"), "xen,static-mem = <0x0 0x50000000>: expects pairs" },
    { "xen,static-mem", BYTES("\0\0\0\0\x50\0\0\1\0\0\0\0\0\x80\0\0"), "xen,static-mem = <0x0 0x50000001 0x0 0x800000>: expects pieces" },
    { "xen,static-mem", BYTES("\0\0\0\0\x50\0\0\0\0\0\0\0\0\x40\0\0"), "memory is 8192 KiB, but xen,static-mem sums up to 4096 KiB" },
    { "xen,static-mem", BYTES("\0\0\0\0\x80\0\0\0\0\0\0\0\0\x80\0\0"), "is not all memory of this board" },
    { "xen,static-mem", BYTES("\0\0\0\0\x40\0\0\0\0\0\0\0\0\x80\0\0"), "lies over the hypervisor" },
    { "xen,static-mem", BYTES("\0\0\0\0\x48\x18\0\0\0\0\0\0\0\x80\0\0"), "lies in xen,static-mem of /chosen/bad" },
    { "direct-map", BYTES(""), "direct-map needs xen,static-mem" },
    { "max_grant_version", BYTES("\0\0\0\2"), "max_grant_version = <0x2>: expects one cell, 1" },
    { "max_grant_frames", BYTES("\0\0\0\0"), "max_grant_frames = <0x0>: expects" },
    { "max_maptrack_frames", BYTES("\0\0"), "max_maptrack_frames = (2 bytes): expects" },
    { "domain-cpupool", BYTES("\0\0\0\7"), "domain-cpupool = <0x7>: is the phandle of no xen,cpupool node" },
    { "vinci,name", TEXT(""), "vinci,name = (1 bytes): expects a text" },
    { "vinci,name", TEXT("a b"), "vinci,name = \"a b\": expects letters" },
    { "vinci,name", TEXT("a-name-of-more-than-thirty-one-chars"), "expects a text of 1 to 31" },
    { "vinci,name", TEXT("good"), "vinci,name \"good\" is the name of /chosen/good already" },
    { "vinci,priority", TEXT("high"), "vinci,priority = \"high\": expects one cell" },
    { "vinci,on-crash", TEXT("ignore"), "vinci,on-crash = \"ignore\": expects \"restart\"" },
    { "vinci,on-watchdog", BYTES("restart"), "vinci,on-watchdog = (7 bytes): expects" },
    { "vinci,restart-limit", BYTES("\0\0\0\5"), "vinci,restart-limit = <0x5>: expects two cells" },
    { "vinci,restart-limit", BYTES("\0\0\0\5\0\0\0\0"), "vinci,restart-limit = <0x5 0x0>: expects two cells" },
    { "vinci,watchdog", BYTES("\0\0\0\0"), "vinci,watchdog = <0x0>: expects" },
    { "vinci,event-rate", BYTES("\0\0\0\0"), "vinci,event-rate = <0x0>: expects" },
    { "vinci,hypercall-share", BYTES("\0\0\0\x65"), "vinci,hypercall-share = <0x65>: expects" },
    { "vinci,console-rate", BYTES("\0"), "vinci,console-rate = (1 bytes): expects" },
    { "vinci,interrupt-rate", BYTES("\0\0\0\0"), "vinci,interrupt-rate = <0x0>: expects" },
    { "vinci,weight", BYTES("\0\1\0\0"), "vinci,weight = <0x10000>: expects" },
    { "vinci,cap", TEXT("all"), "vinci,cap = \"all\": expects" },
    { "vinci,pin", TEXT("0-"), "vinci,pin = \"0-\": expects lists of CPUs" },
    { "vinci,pin", TEXT("3-1"), "vinci,pin = \"3-1\": expects" },
    { "vinci,pin", TEXT("99999999999999999999"), "vinci,pin = " },
    { "vinci,pin", TEXT("0\0001\0002"), "vinci,pin = \"0\": expects" },
    { "vinci,pin", BYTES("0,1"), "vinci,pin = (3 bytes): expects" },
    { "vinci,pin", TEXT("0,"), "vinci,pin = \"0,\": expects" },
    { "vinci,rtds", BYTES("\0\0\0\1\0\0\0\2\0\0\0\0"), "vinci,rtds = <0x1 0x2 0x0>: expects 0 < budget" },
    { "vinci,rtds", BYTES("\0\0\0\1\0\0\0\1"), "vinci,rtds = <0x1 0x1>: expects <period" },
};

/* Catches: a wrong value that is taken, a line that does not name it, one mistake that spoils another domain. */
static void what_is_wrong_is_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(wrongs); i++) {
        const struct wrong *w = &wrongs[i];

        begin_board();
        domain_with("good", 0x48100000, NULL, NULL, 0);
        domain_with("bad", 0x48200000, w->property, w->value, w->length);
        domain_with("also-good", 0x48300000, NULL, NULL, 0);
        assert_int_equal(parse_board(), 3);
        if (broken_lines != 1 || !was_said(w->said) || strncmp(lines[0], "/chosen/bad: ", 13) != 0)
            fail_msg("%s: wanted \"%s\", got %u lines: %s", w->property, w->said, line_count, line_count ? lines[0] : "");
        assert_false(plans[0]->broken || plans[2]->broken);
        assert_true(plans[1]->broken);
    }
}

/* Catches: mistakes that several nodes make together, and the wrong one of the two being stopped. */
static void what_two_of_them_want_the_first_has(void **state)
{
    (void)state;
    begin_board();
    domain_with("one", 0x48100000, NULL, NULL, 0);
    domain_with("same-kernel", 0x48100000, NULL, NULL, 0);
    domain_with("half-kernel", 0x48100800, NULL, NULL, 0);
    domain_with("nowhere", 0x30000000, NULL, NULL, 0);
    begin_domain("no-kernel");
    cells("memory", 2, 0, 8192);
    cells("cpus", 1, 1);
    fdt_end_node(blob);
    fdt_begin_node(blob, "no-nothing");
    fdt_property_string(blob, "compatible", "xen,domain");
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 6);
    assert_false(plans[0]->broken || plans[1]->broken);
    assert_true(plans[2]->broken && plans[3]->broken && plans[4]->broken && plans[5]->broken);
    assert_true(was_said("/chosen/half-kernel: kernel at 0x48100800, 0x1000 bytes, overlaps a module of /chosen/one"));
    assert_true(was_said("/chosen/nowhere: kernel at 0x30000000, 0x1000 bytes, is not all memory of this board"));
    assert_true(was_said("/chosen/no-kernel: no kernel"));
    assert_true(was_said("/chosen/no-nothing: cpus is missing"));
    assert_true(was_said("/chosen/no-nothing: memory is missing"));
}

/* Catches: a slip of the pen that goes unseen, or that stops a domain. */
static void slips_are_guessed(void **state)
{
    (void)state;
    begin_board();
    domain_with("slip", 0x48100000, "vinci,prioritty", BYTES("\0\0\0\1"));
    domain_with("odd", 0x48200000, "colour", TEXT("red"));
    assert_int_equal(parse_board(), 2);
    assert_false(plans[0]->broken || plans[1]->broken);
    assert_true(was_said("/chosen/slip: property vinci,prioritty is not known, ignored: did you mean vinci,priority?"));
    assert_true(was_said("/chosen/odd: property colour is not known, ignored"));
}

/* Catches: counting that differs between the two passes. */
static void as_many_as_there_is_room_for(void **state)
{
    char name[16];

    (void)state;
    begin_board();
    for (unsigned i = 0; i < MAX_PARTITIONS + 2; i++) {
        snprintf(name, sizeof(name), "p%u", i);
        domain_with(name, 0x48000000 + 0x1000 * i, NULL, NULL, 0);
    }
    assert_int_equal(parse_board(), MAX_PARTITIONS);
    assert_true(was_said("more than 128 xen,domain nodes"));
    assert_int_equal(broken_lines, 1);
    for (unsigned i = 0; i < MAX_PARTITIONS; i++)
        assert_int_equal(plans[i]->kernel.base, 0x48000000 + 0x1000 * i);
    assert_true(range_contains(&info.partition_modules, 0x48000000, 0x1000 * MAX_PARTITIONS));
}

/* Catches: anything that believes a tree. */
static void damaged_trees_do_no_harm(void **state)
{
    unsigned seed = 1, size;

    (void)state;
    begin_board();
    for (unsigned i = 0; i < ARRAY_SIZE(wrongs); i += 4)
        domain_with("some", 0x48000000 + 0x10000 * i, wrongs[i].property, wrongs[i].value, wrongs[i].length);
    end_board();
    size = fdt_totalsize(blob);
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t *copy = malloc(size);

        memcpy(copy, blob, size);
        damage(copy, size, 1 + round % 4, &seed);
        line_count = broken_lines = 0;
        (void)parse(copy, size);
        for (unsigned i = 0; i < plan_count; i++)
            assert_true(!plans[i]->kernel.size || range_contains(&info.partition_modules, plans[i]->kernel.base, plans[i]->kernel.size));
        forget_plans();
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_read),
        cmocka_unit_test(the_order_of_start_is_by_priority),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_two_of_them_want_the_first_has),
        cmocka_unit_test(slips_are_guessed),
        cmocka_unit_test(as_many_as_there_is_room_for),
        cmocka_unit_test(damaged_trees_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
