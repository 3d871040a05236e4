/* SPDX-License-Identifier: Apache-2.0 */
/* Static domains' nodes to plans: what is right is read as it is meant, what is wrong gets one line that names it and hurts nobody else,
 * and no tree, however damaged, is read out of bounds (AddressSanitizer watches). */
#include "tests/unit/unit.h"
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include "boot/static_plan.h"
#include "lib/string.h"

#define BUFFER 65536
#define MAX_LINES 400

static uint8_t blob[BUFFER], partials[4][4096], *partial = partials[0];
static char lines[MAX_LINES][320];
static unsigned line_count, broken_lines;

static void note(void *context, bool broken, const char *text)
{
    (void)context;
    assert_true(line_count < MAX_LINES);
    assert_true(strlen(text) < sizeof(lines[0]));
    string_copy(lines[line_count++], text, sizeof(lines[0]));
    broken_lines += broken;
}

static const struct static_report report = { .line = note };

static bool was_said(const char *text)
{
    for (unsigned i = 0; i < line_count; i++)
        if (strstr(lines[i], text))
            return true;
    return false;
}

/* ---- trees ---- */

static void cells(const char *name, unsigned n, ...)
{
    fdt32_t value[16];
    va_list args;

    va_start(args, n);
    for (unsigned i = 0; i < n; i++)
        value[i] = cpu_to_fdt32(va_arg(args, unsigned));
    va_end(args);
    assert_int_equal(fdt_property(blob, name, value, 4 * (int)n), 0);
}

static void begin_board(void)
{
    const uint64_t memory[] = { cpu_to_fdt64(0x40000000), cpu_to_fdt64(0x40000000) };

    memset(blob, 0, sizeof(blob));
    line_count = broken_lines = 0;
    assert_int_equal(fdt_create(blob, BUFFER), 0);
    fdt_finish_reservemap(blob);
    fdt_begin_node(blob, "");
    cells("#address-cells", 1, 2);
    cells("#size-cells", 1, 2);
    fdt_begin_node(blob, "memory@40000000");
    fdt_property(blob, "reg", memory, sizeof(memory));
    fdt_property_string(blob, "device_type", "memory");
    fdt_end_node(blob);
    fdt_begin_node(blob, "pl011@9000000");
    fdt_property_string(blob, "compatible", "arm,pl011");
    cells("reg", 4, 0, 0x9000000, 0, 0x1000);
    cells("interrupts", 3, 0, 1, 4);
    fdt_end_node(blob);
    fdt_begin_node(blob, "smmu@9050000");
    fdt_property_string(blob, "compatible", "arm,smmu-v3");
    cells("reg", 4, 0, 0x9050000, 0, 0x20000);
    fdt_end_node(blob);
    fdt_begin_node(blob, "soc");
    fdt_property(blob, "ranges", "", 0);
    fdt_begin_node(blob, "nic@a000000");
    cells("reg", 4, 0, 0xa000000, 0, 0x1000);
    cells("interrupts", 6, 0, 16, 1, 0, 17, 1);
    fdt_property(blob, "xen,passthrough", "", 0);
    fdt_end_node(blob);
    fdt_end_node(blob);
    fdt_begin_node(blob, "chosen");
}

static void module(const char *kind, unsigned at, unsigned size, const char *text)
{
    char name[32], compatible[64];
    int length = snprintf(compatible, sizeof(compatible), "%s%cmultiboot,module", kind, 0) + 1;

    snprintf(name, sizeof(name), "module@%x", at);
    fdt_begin_node(blob, name);
    fdt_property(blob, "compatible", compatible, length);
    cells("reg", 4, 0, at, 0, size);
    if (text)
        fdt_property_string(blob, "bootargs", text);
    fdt_end_node(blob);
}

static void begin_domain(const char *name)
{
    fdt_begin_node(blob, name);
    fdt_property_string(blob, "compatible", "xen,domain");
    cells("#address-cells", 1, 2);
    cells("#size-cells", 1, 2);
}

/* With what it needs, and a property of the test's. */
static void domain_with(const char *name, unsigned kernel_at, const char *property, const void *value, unsigned length)
{
    begin_domain(name);
    if (!property || strcmp(property, "memory") != 0)
        cells("memory", 2, 0, 8192);
    if (!property || strcmp(property, "cpus") != 0)
        cells("cpus", 1, 2);
    if (property)
        fdt_property(blob, property, value, (int)length);
    module("multiboot,kernel", kernel_at, 0x1000, "quiet");
    fdt_end_node(blob);
}

static void end_board(void)
{
    fdt_end_node(blob);
    fdt_end_node(blob);
    assert_int_equal(fdt_finish(blob), 0);
}

/* ---- reading them ---- */

static struct boot_info info;
static struct partition_plan *plans;
static struct partition_vcpu *vcpus;

/* Objects of exactly the sizes that were asked for. */
static unsigned parse(const void *tree, uint32_t size)
{
    static const struct range_list taken = { .count = 1, .range = { { 0x40200000, 0x200000 } } };
    struct devicetree t;
    struct static_needs needs;
    const char *why;
    unsigned n;

    free(plans);
    free(vcpus);
    plans = NULL;
    vcpus = NULL;
    if (dt_open(&t, tree, size, &why) || boot_info_scan(&info, &t, NULL, &why))
        return 0;
    needs = static_count(&info);
    assert_true(needs.plans <= MAX_PARTITIONS);
    plans = calloc(needs.plans + 1, sizeof(*plans));
    vcpus = calloc(needs.vcpus + 1, sizeof(*vcpus));
    n = static_parse(&info, plans, vcpus, &report);
    assert_true(n <= needs.plans);
    for (unsigned i = 0; i < n; i++)
        static_check(&info, plans, i, &taken, 288, &report);
    return n;
}

static unsigned parse_board(void)
{
    end_board();
    return parse(blob, fdt_totalsize(blob));
}

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
    module("multiboot,kernel", 0x48000000, 0x2000, "console=ttyAMA0");
    module("multiboot,ramdisk", 0x49000000, 0x3000, NULL);
    fdt_end_node(blob);
    domain_with("domU2", 0x48100000, NULL, NULL, 0);
    assert_int_equal(parse_board(), 2);
    assert_int_equal(line_count, 0);
    p = &plans[0];
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
    assert_int_equal(p->kernel.base, 0x48000000);
    assert_int_equal(p->kernel.size, 0x2000);
    assert_int_equal(p->ramdisk.size, 0x3000);
    assert_string_equal(p->command_line, "console=ttyAMA0");
    assert_string_equal(plans[1].name, "domU2");
    assert_int_equal(plans[1].policy.restart_limit, 5);
    assert_int_equal(plans[1].priority, 0);
}

static void begin_sharer(const char *name, unsigned kernel_at)
{
    begin_domain(name);
    cells("memory", 2, 0, 8192);
    cells("cpus", 1, 1);
    module("multiboot,kernel", kernel_at, 0x1000, NULL);
}

static void share(const char *name, const char *id, unsigned host, unsigned guest, unsigned size)
{
    fdt_begin_node(blob, name);
    fdt_property_string(blob, "compatible", "xen,domain-shared-memory-v1");
    fdt_property_string(blob, "xen,shm-id", id);
    cells("xen,shared-mem", 6, 0, host, 0, guest, 0, size);
    fdt_end_node(blob);
}

static void channel(const char *name, unsigned port, unsigned own, unsigned peer)
{
    fdt_begin_node(blob, name);
    fdt_property_string(blob, "compatible", "xen,evtchn-v1");
    cells("phandle", 1, own);
    cells("xen,evtchn", 2, port, peer);
    fdt_end_node(blob);
}

/* Catches: cells in another order; dom0's nodes given to a domain, or a domain's to dom0; memory that the allocator would hand out. */
static void what_is_shared_is_read(void **state)
{
    struct partition_plan dom0 = { 0 };

    (void)state;
    begin_board();
    share("dom0-share", "both", 0x60000000, 0x60000000, 0x4000);
    channel("dom0-end", 7, 1, 2);
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    channel("end", 10, 2, 1);
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 1);
    static_parse_dom0(&info, &dom0, &report);
    static_check_links(&info, &dom0, 0, &report);
    assert_int_equal(line_count, 0);
    assert_int_equal(plans[0].share_count, 1);
    assert_string_equal(plans[0].shares[0].id, "both");
    assert_int_equal(plans[0].shares[0].host, 0x60000000);
    assert_int_equal(plans[0].shares[0].guest, 0x70000000);
    assert_int_equal(plans[0].shares[0].size, 0x4000);
    assert_int_equal(plans[0].channel_count, 1);
    assert_int_equal(plans[0].channels[0].port, 10);
    assert_int_equal(dom0.share_count, 1);
    assert_int_equal(dom0.channels[0].port, 7);
    assert_int_equal(dom0.channels[0].peer, plans[0].channels[0].phandle);
    assert_true(range_contains(&info.static_memory, 0x60000000, 0x4000));
}

/* Catches: neighbours who would see different memory under one name, or each other's; a channel with one end. */
static void what_does_not_agree_is_said(void **state)
{
    (void)state;
    begin_board();
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    channel("end", 10, 2, 9);
    fdt_end_node(blob);
    begin_sharer("two", 0x48100000);
    share("share", "other", 0x60002000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    begin_sharer("three", 0x48200000);
    share("share", "much too long a name", 0x61000000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    begin_sharer("four", 0x48300000);
    share("share", "odd", 0x61000000, 0x70000123, 0x4000);
    share("far", "far", 0xf0000000, 0x70000000, 0x4000);
    channel("end", 5000, 3, 4);
    fdt_end_node(blob);
    begin_sharer("five", 0x48400000);
    share("share", "five", 0xf0000000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(plans[i].broken, i != 1);
    assert_true(was_said("one: static event channel 10: the other end's node does not name this one"));
    assert_true(was_said("three: xen,shm-id = \"much too long a name\": expects a text of 1 to 15 characters"));
    assert_true(was_said("four: xen,shared-mem = "));
    assert_true(was_said("four: xen,evtchn = <0x1388 0x4>: expects a port of 1 to 1023"));
    assert_true(was_said("five: shared memory \"five\" at 0xf0000000, 0x4000 bytes, is not all free memory of this board"));
}

/* Two is right but for its overlap with one, which is not broken here. */
static void overlapping_shares_are_said(void **state)
{
    (void)state;
    begin_board();
    begin_sharer("one", 0x48000000);
    share("share", "both", 0x60000000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    begin_sharer("two", 0x48100000);
    share("share", "other", 0x60002000, 0x70000000, 0x4000);
    fdt_end_node(blob);
    assert_int_equal(parse_board(), 2);
    assert_false(plans[0].broken);
    assert_true(was_said("two: shared memory \"other\" at 0x60002000, 0x4000 bytes, does not agree with \"both\" of /chosen/one"));
}

struct wrong {
    const char *property, *value;
    unsigned length;
    const char *said;           /* of the line, after "/chosen/bad: " */
};

#define TEXT(s) s, sizeof(s)
#define BYTES(s) s, sizeof(s) - 1

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
        assert_false(plans[0].broken || plans[2].broken);
        assert_true(plans[1].broken);
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
    assert_false(plans[0].broken || plans[1].broken);
    assert_true(plans[2].broken && plans[3].broken && plans[4].broken && plans[5].broken);
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
    assert_false(plans[0].broken || plans[1].broken);
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
        assert_int_equal(plans[i].kernel.base, 0x48000000 + 0x1000 * i);
    assert_true(range_contains(&info.partition_modules, 0x48000000, 0x1000 * MAX_PARTITIONS));
}

/* ---- devices ---- */

static void partial_cells(const char *name, const unsigned *value, unsigned n)
{
    fdt32_t v[16];

    for (unsigned i = 0; i < n; i++)
        v[i] = cpu_to_fdt32(value[i]);
    fdt_property(partial, name, v, 4 * (int)n);
}

static void partial_tree(const unsigned *reg, unsigned n, const char *path)
{
    const unsigned two = 2, irq[] = { 0, 40, 4 };

    memset(partial, 0, sizeof(partials[0]));
    fdt_create(partial, sizeof(partials[0]));
    fdt_finish_reservemap(partial);
    fdt_begin_node(partial, "");
    fdt_begin_node(partial, "passthrough");
    partial_cells("#address-cells", &two, 1);
    partial_cells("#size-cells", &two, 1);
    fdt_begin_node(partial, "nic");
    partial_cells("xen,reg", reg, n);
    partial_cells("interrupts", irq, 3);
    if (path)
        fdt_property_string(partial, "xen,path", path);
    fdt_end_node(partial);
    fdt_end_node(partial);
    fdt_end_node(partial);
    assert_int_equal(fdt_finish(partial), 0);
}

static void give_devices(struct partition_plan *plan)
{
    const char *why;

    assert_int_equal(dt_open(&plan->partial, partial, fdt_totalsize(partial), &why), 0);
    static_parse_devices(&info, plan, &report);
}

/* Catches: host and guest address swapped, the wrong node's interrupts, a device that two have. */
static void devices_are_given_once(void **state)
{
    static const unsigned nic[] = { 0, 0xa000000, 0, 0x1000, 0, 0x10000000 }, uart[] = { 0, 0x9000000, 0, 0x1000, 0, 0x9000000 },
                          smmu[] = { 0, 0x9060000, 0, 0x1000, 0, 0x9060000 };
    static const struct range_list taken;

    (void)state;
    begin_board();
    domain_with("first", 0x48100000, NULL, NULL, 0);
    domain_with("second", 0x48200000, NULL, NULL, 0);
    domain_with("third", 0x48300000, NULL, NULL, 0);
    domain_with("fourth", 0x48400000, NULL, NULL, 0);
    domain_with("fifth", 0x48500000, NULL, NULL, 0);
    assert_int_equal(parse_board(), 5);
    partial_tree(nic, 6, "/soc/nic@a000000");
    give_devices(&plans[0]);
    give_devices(&plans[1]);
    partial = partials[1];
    assert_int_equal(line_count, 0);
    assert_int_equal(plans[0].register_count, 1);
    assert_int_equal(plans[0].registers[0].base, 0xa000000);
    assert_int_equal(plans[0].registers[0].guest, 0x10000000);
    assert_int_equal(plans[0].irq_count, 2);
    assert_int_equal(plans[0].irqs[0], 48);
    assert_int_equal(plans[0].irqs[1], 49);
    assert_string_equal(plans[0].devices[0].path, "/soc/nic@a000000");
    partial_tree(uart, 6, NULL);
    give_devices(&plans[2]);
    assert_int_equal(plans[2].irqs[0], 72);
    partial = partials[2];
    partial_tree(nic, 5, "/nic@a000000");
    give_devices(&plans[3]);
    assert_true(was_said("/chosen/fourth: xen,reg = <0x0 0xa000000 0x0 0x1000 0x0>: expects triples"));
    assert_true(was_said("/chosen/fourth: xen,path = \"/nic@a000000\": is the path of no node"));
    partial = partials[3];
    partial_tree(smmu, 6, NULL);
    give_devices(&plans[4]);
    for (unsigned i = 0; i < 5; i++)
        static_check(&info, plans, i, &taken, 288, &report);
    assert_false(plans[0].broken);
    assert_true(plans[1].broken && plans[2].broken && plans[3].broken);
    assert_true(was_said("/chosen/second: device registers (xen,reg) 0xa000000, 0x1000 bytes, are given to two domains, here and in /chosen/first"));
    assert_true(was_said("/chosen/second: interrupt 48 is given to two domains"));
    assert_true(was_said("/chosen/second: device /soc/nic@a000000 (xen,path) is given to two domains"));
    assert_true(was_said("/chosen/fifth: device registers (xen,reg) 0x9060000, 0x1000 bytes, are the hypervisor's own"));
    assert_true(was_said("/chosen/third: device registers (xen,reg) 0x9000000, 0x1000 bytes, are the hypervisor's own"));
}

/* Catches: anything that believes a tree. Bytes and whole words of a good one are changed at random. */
static void damaged_trees_do_no_harm(void **state)
{
    static const uint32_t odd[] = { 0, 1, 2, 3, 4, 9, 0x7fffffff, 0x80000000, 0xffffffff };
    static const unsigned reg[] = { 0, 0xa000000, 0, 0x1000, 0, 0x10000000 };
    static uint8_t good[BUFFER];
    unsigned seed = 1, size;

    (void)state;
    begin_board();
    for (unsigned i = 0; i < ARRAY_SIZE(wrongs); i += 4)
        domain_with("some", 0x48000000 + 0x10000 * i, wrongs[i].property, wrongs[i].value, wrongs[i].length);
    end_board();
    size = fdt_totalsize(blob);
    memcpy(good, blob, size);
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t *copy = malloc(size);
        unsigned n;

        memcpy(copy, good, size);
        for (unsigned i = 0; i <= round % 4; i++) {
            uint32_t at = (uint32_t)rand_r((unsigned *)&seed) % (size - 4), value = cpu_to_fdt32(odd[(unsigned)rand_r(&seed) % ARRAY_SIZE(odd)]);

            if (rand_r(&seed) % 2)
                copy[at] = (uint8_t)rand_r(&seed);
            else
                memcpy(copy + at / 4 * 4, &value, 4);
        }
        line_count = broken_lines = 0;
        n = parse(copy, size);
        partial_tree(reg, 6, "/soc/nic@a000000");
        if (n)
            give_devices(&plans[n - 1]);
        free(plans);
        free(vcpus);
        plans = NULL;
        vcpus = NULL;
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_read),
        cmocka_unit_test(what_is_shared_is_read),
        cmocka_unit_test(what_does_not_agree_is_said),
        cmocka_unit_test(overlapping_shares_are_said), cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(what_two_of_them_want_the_first_has), cmocka_unit_test(slips_are_guessed),
        cmocka_unit_test(as_many_as_there_is_room_for), cmocka_unit_test(devices_are_given_once),
        cmocka_unit_test(damaged_trees_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
