/* SPDX-License-Identifier: Apache-2.0 */
/* Boards with static domains for tests: trees are written, read as boot reads them, and what is said of them is kept. */
#ifndef TESTS_UNIT_PLANS_H
#define TESTS_UNIT_PLANS_H

#include "tests/unit/unit.h"
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include "boot/arm64/static_plan.h"
#include "lib/string.h"

#define BUFFER 65536
#define MAX_LINES 400

static uint8_t blob[BUFFER];
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
static struct partition_plan *plans[MAX_PARTITIONS];    /* in the order of start */
static unsigned plan_count;

static void forget_plans(void)
{
    while (plan_count) {
        free(plans[--plan_count]->vcpus);
        free(plans[plan_count]);
    }
}

/* Objects of exactly the sizes that were asked for. */
static unsigned parse(const void *tree, uint32_t size)
{
    static const struct range_list taken = { .count = 1, .range = { { 0x40200000, 0x200000 } } };
    struct devicetree t;
    const char *why;

    forget_plans();
    if (dt_open(&t, tree, size, &why) || boot_info_scan(&info, &t, NULL, &why))
        return 0;
    for (unsigned node = static_next(&info, STATIC_NONE); node != STATIC_NONE; node = static_next(&info, node)) {
        struct partition_plan *plan = calloc(1, sizeof(*plan));
        struct partition_vcpu *vcpus = calloc(static_vcpus(&info, node), sizeof(*vcpus));

        assert_true(plan_count < MAX_PARTITIONS);
        plans[plan_count] = plan;
        static_parse(&info, node, plan, vcpus, &report);
        static_check(&info, plans, plan_count++, &taken, 288, &report);
    }
    static_check_count(&info, &report);
    assert_int_equal(plan_count, static_count(&info));
    return plan_count;
}

static unsigned parse_board(void)
{
    end_board();
    return parse(blob, fdt_totalsize(blob));
}

/* A few bytes and whole words are changed at random. */
static void damage(uint8_t *tree, unsigned size, unsigned places, unsigned *seed)
{
    static const uint32_t odd[] = { 0, 1, 2, 3, 4, 9, 0x7fffffff, 0x80000000, 0xffffffff };

    for (unsigned i = 0; i < places; i++) {
        uint32_t at = (uint32_t)rand_r(seed) % (size - 4), value = cpu_to_fdt32(odd[(unsigned)rand_r(seed) % ARRAY_SIZE(odd)]);

        if (rand_r(seed) % 2)
            tree[at] = (uint8_t)rand_r(seed);
        else
            memcpy(tree + at / 4 * 4, &value, 4);
    }
}

#endif
