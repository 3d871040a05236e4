/* SPDX-License-Identifier: Apache-2.0 */
/* What boot decides: sets of memory ranges, where dom0's parts go, what the command line means. */
#include <string.h>
#include "tests/unit/unit.h"
#include "arch/include/boot.h"
#include "boot/arm64/boot_info.h"
#include "boot/command_line.h"
#include "boot/arm64/dom0.h"
#include "core/domain.h"
#include "core/options.h"

#define MIB UINT64_C(0x100000)
#define RAM (HOST_RAM_BASE.v << PAGE_SHIFT)

/* A world of 256 units to compare with. */
static void mark(uint8_t *model, uint64_t base, uint64_t size, uint8_t with)
{
    for (uint64_t i = base; i < base + size && i < 256; i++)
        model[i] = with;
}

/* Catches: a cut that loses or keeps a piece, ranges that are empty or overlap what was cut. */
static void removing_ranges_is_set_difference(void **state)
{
    (void)state;
    host_boot(&(struct host_config){ .seed = 3 });
    for (unsigned round = 0; round < 3000; round++) {
        struct range_list l = { .count = 0 };
        uint8_t model[256] = { 0 };

        for (unsigned i = 0; i < 3; i++) {
            uint64_t base = i * 85 + host_random_below(20), size = 1 + host_random_below(60);

            range_add(&l, base, size);
            mark(model, base, size, 1);
        }
        for (unsigned i = 0; i < 8; i++) {
            uint64_t base = host_random_below(240), size = 1 + host_random_below(40);

            range_remove(&l, base, size);
            mark(model, base, size, 0);
        }
        for (unsigned i = 0; i < 256; i++)
            assert_int_equal(range_overlaps(&l, i, 1), model[i]);
        for (unsigned i = 0; i < l.count; i++)
            assert_true(l.range[i].size > 0);
    }
}

/* A board of 64 MiB of simulated memory with a kernel image of 2 MiB and a ramdisk. */
static struct boot_info *board(uint64_t kernel_at, uint64_t ramdisk_at, uint32_t magic)
{
    static struct boot_info b;
    uint8_t *header = boot_map(HPA(kernel_at), 64);
    const uint64_t image_size = 3 * MIB;

    memset(&b, 0, sizeof(b));
    memset(header, 0, 64);
    memcpy(header + 16, &image_size, 8);
    memcpy(header + 56, &magic, 4);
    range_add(&b.memory, RAM, 64 * MIB);
    b.modules.module[b.modules.count++] = (struct boot_module){ .kind = MODULE_KERNEL, .at = { kernel_at, 2 * MIB } };
    b.modules.module[b.modules.count++] = (struct boot_module){ .kind = MODULE_RAMDISK, .at = { ramdisk_at, MIB } };
    return &b;
}

#define GOOD_MAGIC 0x644d5241u
static const struct memory_range image = { UINT64_C(0x8000) << PAGE_SHIFT, 2 * MIB };

static int plan(struct dom0_layout *l, const struct boot_info *b)
{
    struct range_list usable = b->memory;

    range_remove(&usable, image.base, image.size);
    return dom0_plan(l, b, &usable, image);
}

/* Parts may not lie over each other or outside dom0's memory. */
static void check_layout(const struct dom0_layout *l)
{
    const struct memory_range parts[] = { l->kernel, l->ramdisk, l->tree };

    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        struct range_list others = { .count = 0 };

        assert_true(range_contains(&l->ram, parts[i].base, parts[i].size));
        for (unsigned k = 0; k < ARRAY_SIZE(parts); k++)
            if (k != i)
                range_add(&others, parts[k].base, parts[k].size);
        assert_false(range_overlaps(&others, parts[i].base, parts[i].size));
    }
    assert_false(range_overlaps(&l->ram, l->grant_frames.base, l->grant_frames.size));
}

/* Catches: copying what could stay, staying where it cannot, parts over each other. */
static void dom0_parts_stay_or_move(void **state)
{
    struct dom0_layout l;

    (void)state;
    host_boot(&(struct host_config){ .seed = 1 });
    boot_options.dom0_memory = 32 * MIB;
    assert_int_equal(plan(&l, board(RAM + 8 * MIB, RAM + 16 * MIB, GOOD_MAGIC)), 0);
    assert_false(l.copy_kernel || l.copy_ramdisk);
    assert_int_equal(l.entry, RAM + 8 * MIB);
    check_layout(&l);
    /* not on a 2 MiB boundary: must be copied */
    assert_int_equal(plan(&l, board(RAM + 9 * MIB, RAM + 16 * MIB, GOOD_MAGIC)), 0);
    assert_true(l.copy_kernel);
    assert_int_equal(l.entry % (2 * MIB), 0);
    check_layout(&l);
    /* the ramdisk lies in the kernel's bss: the kernel moves */
    assert_int_equal(plan(&l, board(RAM + 8 * MIB, RAM + 10 * MIB, GOOD_MAGIC)), 0);
    assert_true(l.copy_kernel);
    check_layout(&l);
}

/* A host's tree of nothing but its root. */
static void tree_of_host(struct boot_info *b)
{
    static uint8_t blob[512];
    struct dt_writer w;
    const char *why;

    dt_write_start(&w, blob, sizeof(blob));
    dt_write_begin(&w, "");
    dt_write_u32(&w, "#address-cells", 2);
    dt_write_u32(&w, "#size-cells", 2);
    dt_write_end(&w);
    assert_int_not_equal(dt_write_finish(&w), 0);
    assert_int_equal(dt_open(&b->tree, blob, sizeof(blob), &why), 0);
}

/* Catches: regions out of order, over dom0's memory or what is reserved, or too small for Linux. */
static void extended_regions_ascend(void **state)
{
    static uint8_t blob[4096];
    const uint64_t gib = UINT64_C(1) << 30, want[][2] = {
        { 2 * gib, 256 * 1024 }, { gib, 256 * MIB }, { gib + 512 * MIB, 256 * MIB }, { 2 * gib + 512 * MIB, 512 * MIB },
    };
    struct boot_info *b = board(RAM + 8 * MIB, RAM + 16 * MIB, GOOD_MAGIC);
    struct dom0_layout l = { .grant_frames = { 2 * gib, 256 * 1024 } };
    struct domain d = { .max_vcpus = 1 };
    struct dt_property reg;
    struct devicetree t;
    const char *why;
    struct dt_walk w;
    struct dt_node n;

    (void)state;
    b->memory.count = 0;
    range_add(&b->memory, gib, 2 * gib);
    range_add(&l.ram, gib + 256 * MIB, 256 * MIB);
    range_add(&b->reserved, gib + 768 * MIB, MIB);      /* and a rest of 127 MiB behind it is dom0's */
    range_add(&l.ram, gib + 896 * MIB, 640 * MIB);
    tree_of_host(b);
    assert_int_not_equal(dom0_write_tree(b, &d, &l, blob, sizeof(blob)), 0);
    assert_int_equal(dt_open(&t, blob, sizeof(blob), &why), 0);
    dt_walk_start(&w, &t);
    while (dt_walk_next(&w, &n) && strcmp(n.name, "hypervisor") != 0)
        continue;
    assert_true(dt_property(&t, &n, "reg", &reg));
    assert_int_equal(reg.length, sizeof(want));
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(want); i++)
        assert_int_equal(dt_cells(&reg, 2 * i, 2), want[i / 2][i % 2]);
}

/* Catches: a plan that pretends; every refusal leaves nothing behind to build on. */
static void bad_boards_are_refused(void **state)
{
    struct dom0_layout l;
    struct boot_info *b;

    (void)state;
    host_boot(&(struct host_config){ .seed = 1 });
    boot_options.dom0_memory = 32 * MIB;
    assert_int_equal(plan(&l, board(RAM + 8 * MIB, RAM + 16 * MIB, 0x12345678)), -E_INVAL);
    boot_options.dom0_memory = 4 * MIB;
    assert_int_equal(plan(&l, board(RAM + 8 * MIB, RAM + 16 * MIB, GOOD_MAGIC)), -E_NOMEM);
    boot_options.dom0_memory = 4096 * MIB;
    assert_int_equal(plan(&l, board(RAM + 8 * MIB, RAM + 16 * MIB, GOOD_MAGIC)), -E_NOMEM);
    b = board(RAM + 8 * MIB, RAM + 16 * MIB, GOOD_MAGIC);
    b->modules.count = 0;
    assert_int_equal(plan(&l, b), -E_INVAL);
}

/* Catches: wrong units, a bound taken for the size, a bad value that changes something. */
static void the_command_line_is_understood(void **state)
{
    (void)state;
    host_boot(&(struct host_config){ .seed = 1 });
    memset(&boot_options, 0, sizeof(boot_options));
    command_line_parse("dom0_mem=1024M dom0_max_vcpus=1-3  noreboot loglvl=all/all nonsense=1");
    assert_int_equal(boot_options.dom0_memory, 1024 * MIB);
    assert_int_equal(boot_options.dom0_vcpus, 3);
    assert_true(boot_options.noreboot);
    command_line_parse("dom0_mem=min:64M,max:2G,512M noreboot=no maxcpus=2");
    assert_int_equal(boot_options.dom0_memory, 512 * MIB);
    assert_false(boot_options.noreboot);
    assert_int_equal(boot_options.max_cpus, 2);
    command_line_parse("dom0_mem=65536");
    assert_int_equal(boot_options.dom0_memory, 64 * MIB);
    command_line_parse("dom0_max_vcpus=many no-noreboot");
    assert_false(boot_options.noreboot);
    command_line_parse("dom0_mem=min:64M,max:2G nosmp");
    assert_int_equal(boot_options.dom0_memory, 2048 * MIB);
    assert_int_equal(boot_options.max_cpus, 1);
    command_line_parse("dom0_mem=soon");
    assert_int_equal(boot_options.dom0_memory, 2048 * MIB);
}

/* Catches: a list of which one word hides the others, a word without effect that nobody is told of. */
static void lists_of_words_are_understood(void **state)
{
    (void)state;
    host_boot(&(struct host_config){ .seed = 1 });
    memset(&boot_options, 0, sizeof(boot_options));
    host_console_clear();
    command_line_parse("iommu=verbose,off dom0=pvh,verbose console=com1 dom0=pvh console=dtuart");
    assert_true(boot_options.no_iommu);
    assert_null(strstr(host_console_text(), "not understood"));
    command_line_parse("iommu=on,verbose");
    assert_false(boot_options.no_iommu);
    assert_null(strstr(host_console_text(), "not understood"));
    command_line_parse("iommu=off,no-intremap dom0=pv console=com1,vga");
    assert_true(boot_options.no_iommu);
    assert_non_null(strstr(host_console_text(), "iommu=off,no-intremap is not understood"));
    assert_non_null(strstr(host_console_text(), "dom0=pv is not understood: dom0 expects pvh"));
    assert_non_null(strstr(host_console_text(), "console=com1,vga is not understood"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removing_ranges_is_set_difference),
        cmocka_unit_test(dom0_parts_stay_or_move),
        cmocka_unit_test(extended_regions_ascend), cmocka_unit_test(bad_boards_are_refused),
        cmocka_unit_test(the_command_line_is_understood), cmocka_unit_test(lists_of_words_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
