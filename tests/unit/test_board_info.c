/* SPDX-License-Identifier: Apache-2.0 */
/* What boot reads of a board: UEFI's memory map, and which serial line is the console. */
#include "tests/unit/unit.h"
#include <libfdt.h>
#include "boot/arm64/boot_info.h"

#define MIB UINT64_C(0x100000)
#define WRITE_BACK BIT(3)
enum { RESERVED, LOADER_CODE, LOADER_DATA, BOOT_CODE, BOOT_DATA, RUNTIME_CODE, RUNTIME_DATA, CONVENTIONAL, ACPI_RECLAIM = 9, REGISTERS = 11 };

struct descriptor {
    uint32_t type, pad;
    uint64_t base, virtual_base, pages, attributes, extension;     /* longer than what is read, as firmware's are */
};

static void read_map(struct range_list *memory, struct range_list *reserved, const struct descriptor *d, unsigned count)
{
    const struct efi_map map = { d, count * sizeof(*d), sizeof(*d) };

    memory->count = reserved->count = 0;
    efi_map_read(memory, reserved, &map);
}

/* Catches: runtime or ACPI memory that would be given away, registers taken for memory, pieces that are not joined. */
static void what_firmware_keeps_is_reserved(void **state)
{
    const struct descriptor map[] = {
        { CONVENTIONAL, 0, 0x40000000, 0, 256, WRITE_BACK, 0 },
        { RUNTIME_DATA, 0, 0x40200000, 0, 16, WRITE_BACK | BIT(63), 0 },
        { BOOT_DATA, 0, 0x40100000, 0, 256, WRITE_BACK, 0 },
        { LOADER_CODE, 0, 0x40210000, 0, 16, WRITE_BACK, 0 },
        { ACPI_RECLAIM, 0, 0x40220000, 0, 1, WRITE_BACK, 0 },
        { RESERVED, 0, 0x80000000, 0, 1, 1, 0 },                    /* not cached: no RAM */
        { REGISTERS, 0, 0x09000000, 0, 1, 1 | BIT(63), 0 },
        { LOADER_DATA, 0, 0x100000000, 0, 1, WRITE_BACK, 0 },
        { CONVENTIONAL, 0, UINT64_MAX - 0xfff, 0, UINT64_MAX, WRITE_BACK, 0 },
    };
    struct range_list memory, reserved;

    (void)state;
    read_map(&memory, &reserved, map, ARRAY_SIZE(map));
    assert_int_equal(memory.count, 2);
    assert_true(range_contains(&memory, 0x40000000, 0x221000));
    assert_true(range_contains(&memory, 0x100000000, 0x1000));
    assert_false(range_overlaps(&memory, 0x80000000, 0x1000));
    assert_true(range_contains(&reserved, 0x40200000, 0x10000));
    assert_true(range_contains(&reserved, 0x40220000, 0x1000));
    assert_false(range_overlaps(&reserved, 0x40000000, 0x200000));
    assert_false(range_overlaps(&reserved, 0x40210000, 0x10000));
}

/* Catches: reserved memory forgotten where there is no room for one more range. */
static void nothing_that_is_kept_is_forgotten(void **state)
{
    enum { COUNT = 4 * MAX_RANGES };
    static struct descriptor map[COUNT];
    struct range_list memory, reserved;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        map[i] = (struct descriptor){ i % 2 ? RUNTIME_CODE : CONVENTIONAL, 0, 0x40000000 + i * MIB, 0, 256, WRITE_BACK, 0 };
    read_map(&memory, &reserved, map, COUNT);
    assert_int_equal(memory.count, 1);
    for (unsigned i = 1; i < COUNT; i += 2)
        assert_true(range_overlaps(&reserved, map[i].base + 255 * PAGE_SIZE, PAGE_SIZE));
}

/* A board with two lines below a bus, the second by alias "serial1". */
static const struct boot_info *board(const char *stdout_path)
{
    static uint8_t blob[4096];
    static struct boot_info info;
    struct devicetree t;
    const char *why;
    uint32_t reg[] = { cpu_to_fdt32(0xff000000), cpu_to_fdt32(0x1000) }, memory[] = { 0, cpu_to_fdt32(0x1000000) };

    fdt_create(blob, sizeof(blob));
    fdt_finish_reservemap(blob);
    fdt_begin_node(blob, "");
    fdt_property_u32(blob, "#address-cells", 1);
    fdt_property_u32(blob, "#size-cells", 1);
    fdt_begin_node(blob, "memory@0");
    fdt_property_string(blob, "device_type", "memory");
    fdt_property(blob, "reg", memory, sizeof(memory));
    fdt_end_node(blob);
    fdt_begin_node(blob, "axi");
    fdt_property(blob, "ranges", "", 0);
    for (unsigned i = 0; i < 2; i++) {
        fdt_begin_node(blob, i ? "serial@ff010000" : "serial@ff000000");
        fdt_property(blob, "compatible", i ? "xlnx,zynqmp-uart\0cdns,uart-r1p12" : "arm,pl011", i ? 33 : 10);
        fdt_property(blob, "reg", reg, sizeof(reg));
        fdt_end_node(blob);
        reg[0] = cpu_to_fdt32(0xff010000);
    }
    fdt_end_node(blob);
    fdt_begin_node(blob, "chosen");
    if (stdout_path)
        fdt_property_string(blob, "stdout-path", stdout_path);
    fdt_end_node(blob);
    fdt_begin_node(blob, "aliases");
    fdt_property_string(blob, "serial1", "/axi/serial@ff010000");
    fdt_end_node(blob);
    fdt_end_node(blob);
    assert_int_equal(fdt_finish(blob), 0);
    assert_int_equal(dt_open(&t, blob, sizeof(blob), &why), 0);
    assert_int_equal(boot_info_scan(&info, &t, NULL, &why), 0);
    return &info;
}

/* Catches: an alias that is not followed, options that are taken for the name, a path that only begins alike. */
static void the_console_is_what_stdout_path_names(void **state)
{
    static const struct {
        const char *path;
        uint64_t uart;
    } rows[] = {
        { NULL, 0xff000000 }, { "serial1:115200n8", 0xff010000 }, { "serial1", 0xff010000 }, { "serial2", 0xff000000 },
        { "/axi/serial@ff010000", 0xff010000 }, { "/axi/serial@ff01000", 0xff000000 }, { "/axi", 0xff000000 }, { "", 0xff000000 },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct boot_info *info = board(rows[i].path);

        assert_int_equal(info->uart, rows[i].uart);
        assert_int_equal(info->uart_kind, rows[i].uart == 0xff000000 ? BOOT_UART_PL011 : BOOT_UART_CADENCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_firmware_keeps_is_reserved), cmocka_unit_test(nothing_that_is_kept_is_forgotten),
        cmocka_unit_test(the_console_is_what_stdout_path_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
