/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI's tables of IOMMUs: what is read of them, whatever their bytes are. */
#include <string.h>

#include "tests/unit/unit.h"
#include "lib/acpi.h"

static uint8_t table[512];
static uint32_t used;

static void put(const void *p, uint32_t n)
{
    assert_true(used + n <= sizeof(table));
    memcpy(table + used, p, n);
    used += n;
}

static void begin(uint32_t first)
{
    memset(table, 0, sizeof(table));
    used = first;
}

/* An IVHD with these entries; its length is right. */
static void put_ivhd(uint8_t type, uint16_t function, uint16_t segment, const void *entries, uint16_t n)
{
    uint8_t h[40] = { type, 0x2f };
    uint16_t header = type == 0x10 ? 24 : 40, length = (uint16_t)(header + n);
    uint64_t base = 0xfed80000 + function;

    memcpy(h + 2, &length, 2);
    memcpy(h + 4, &function, 2);
    memcpy(h + 8, &base, 8);
    memcpy(h + 16, &segment, 2);
    put(h, header);
    put(entries, n);
}

static void put_ivmd(uint8_t flags, uint64_t base, uint64_t size)
{
    uint8_t m[32] = { 0x20, flags, 32 };

    memcpy(m + 16, &base, 8);
    memcpy(m + 24, &size, 8);
    put(m, sizeof(m));
}

static void test_ivrs(void **state UNUSED)
{
    static const uint8_t plain[] = {
        2, 0x08, 0x00, 0,                                   /* one device */
        3, 0x00, 0x01, 0x80, 4, 0xff, 0x01, 0,              /* a range */
        66, 0x00, 0x02, 0, 0, 0x20, 0x02, 0,                /* an alias above its device */
        72, 0, 0, 0xd7, 6, 0xa0, 0x00, 1,                   /* an IO-APIC, of this number */
        72, 0, 0, 0x00, 7, 0xa1, 0x00, 2,                   /* an HPET */
    };
    static const uint8_t longer[] = { 2, 0x08, 0x00, 0, 240, 0x30, 0x02, 0x01, [4 + 21] = 3, 'a', 'b', 'c', 2, 0x10, 0x03, 0 };
    static const uint8_t all[] = { 1, 0, 0, 0 };
    struct acpi_ivrs v;

    begin(48);
    put_ivhd(0x10, 0x02, 0, plain, sizeof(plain));
    put_ivhd(0x40, 0x02, 0, longer, sizeof(longer));
    put_ivhd(0x11, 0x102, 0, all, sizeof(all));
    put_ivhd(0x10, 0x202, 1, all, sizeof(all));
    put_ivmd(0x07, 0x1000, 0x2000);
    put_ivmd(0x08, 0x8000, 0x1000);
    put_ivmd(0x06, 0x9000, 0x1000);
    assert_null(acpi_read_ivrs(table, used, &v));
    assert_int_equal(v.units, 2);
    assert_int_equal(v.left_out, 1);
    assert_int_equal(v.unit[0].function, 2);
    assert_int_equal(v.unit[0].base.v, 0xfed80002);
    assert_int_equal(v.unit[0].flags, 0x2f);
    assert_int_equal(v.unit[0].last_device, 0x310);
    assert_int_equal(v.unit[0].quirks, 3);
    assert_int_equal(v.unit[0].quirk[0].first, 0x100);
    assert_int_equal(v.unit[0].quirk[0].last, 0x1ff);
    assert_int_equal(v.unit[0].quirk[1].first, 0xa0);
    assert_int_equal(v.unit[0].quirk[1].setting, 0xd7);
    assert_int_equal(v.io_apics, 1);
    assert_int_equal(v.io_apic[0].id, 6);
    assert_int_equal(v.io_apic[0].source, 0xa0);
    assert_int_equal(v.unit[0].quirk[2].first, 0x230);
    assert_int_equal(v.unit[1].last_device, 0xffff);
    assert_int_equal(v.ranges, 2);
    assert_int_equal(v.range[1].base, 0x8000);
}

/* Catches: a block or an entry of no length, longer than what it is in, or not known and skipped by a guess. */
static void test_ivrs_that_is_wrong(void **state UNUSED)
{
    static const uint8_t cut[] = { 66, 0x00, 0x02, 0 }, unknown[] = { 200, 0, 0, 0 }, name[] = { 240, 0x30, 0x02, 0, [21] = 9 };
    struct acpi_ivrs v;

    begin(48);
    assert_non_null(acpi_read_ivrs(table, used, &v));
    assert_non_null(acpi_read_ivrs(table, 0, &v));
    put_ivhd(0x10, 2, 0, cut, sizeof(cut));
    assert_non_null(acpi_read_ivrs(table, used, &v));
    begin(48);
    put_ivhd(0x10, 2, 0, unknown, sizeof(unknown));
    assert_non_null(acpi_read_ivrs(table, used, &v));
    begin(48);
    put_ivhd(0x40, 2, 0, name, sizeof(name));
    assert_non_null(acpi_read_ivrs(table, used, &v));
    begin(48);
    put_ivhd(0x40, 2, 0, cut, 0);
    table[48 + 2] = 30;
    assert_non_null(acpi_read_ivrs(table, 48 + 30, &v));
    table[48 + 2] = 0;
    assert_non_null(acpi_read_ivrs(table, used, &v));
}

/* A structure whose length is said, and 16 bytes of what is in it. */
static void put_dmar(uint16_t type, uint16_t length, uint16_t segment, uint64_t a, uint64_t b)
{
    uint8_t s[48] = { (uint8_t)type, 0, (uint8_t)length, 0, 0, 0, (uint8_t)segment };

    memcpy(s + 8, &a, 8);
    memcpy(s + 16, &b, 8);
    put(s, length);
}

static void test_dmar(void **state UNUSED)
{
    struct acpi_dmar d;

    begin(48);
    assert_string_equal(acpi_read_dmar(table, used, &d), "the DMAR has no unit");
    put_dmar(0, 24, 0, 0xfed90000, 0x001ff00500000803);
    put_dmar(0, 16, 1, 0xfed91000, 0);
    put_dmar(5, 40, 0, 7, 7);
    put_dmar(1, 32, 0, 0x7b800000, 0x7fffffff);
    put_dmar(1, 32, 0, 0x7b800000, 0x100);
    put_dmar(0, 16, 0, 0xfed92000, 0);
    assert_null(acpi_read_dmar(table, used, &d));
    assert_int_equal(d.units, 2);
    assert_int_equal(d.unit[0].v, 0xfed90000);
    assert_int_equal(d.unit[1].v, 0xfed92000);
    assert_int_equal(d.ranges, 1);
    assert_int_equal(d.range[0].base, 0x7b800000);
    assert_int_equal(d.range[0].size, 0x4800000);
    assert_int_equal(d.left_out, 1);
    assert_int_equal(d.io_apics, 1);
    assert_int_equal(d.io_apic[0].id, 5);
    assert_int_equal(d.io_apic[0].source, 0xf0f8);
    assert_false(d.remaps);
    table[37] = 1;
    assert_null(acpi_read_dmar(table, used, &d));
    assert_true(d.remaps);
    /* Cut anywhere it is refused, or is a shorter table. */
    for (uint32_t n = 0; n < used; n++)
        (void)!acpi_read_dmar(table, n, &d);
    assert_non_null(acpi_read_dmar(table, used - 5, &d));
    for (unsigned i = 0; i < 7; i++)
        put_dmar(0, 16, 0, 0xfed93000 + 0x1000 * i, 0);
    assert_string_equal(acpi_read_dmar(table, used, &d), "the DMAR has too many units");
    begin(48);
    put_dmar(0, 24, 0, 0xfed90000, 0x001ff00500000903);
    assert_non_null(acpi_read_dmar(table, used, &d));
    begin(48);
    put_dmar(0, 16, 0, 0xfed90001, 0);
    assert_non_null(acpi_read_dmar(table, used, &d));
}

/* Any bytes: nothing is read outside of the table, which the sanitizer sees, and what is read is within its bounds. */
static void test_hostile_bytes(void **state UNUSED)
{
    for (unsigned round = 0; round < 30000; round++) {
        static const uint8_t types[] = { 0x10, 0x11, 0x40, 0x20, 0x21, 240, 72, 66, 67, 1, 3, 4 };
        uint32_t length = host_random_below(160);
        uint8_t *p = test_malloc(length + 1);
        struct acpi_ivrs v;
        struct acpi_dmar d;

        for (uint32_t i = 0; i < length; i++)
            p[i] = host_random_below(3) ? (uint8_t)host_random_below(48) : types[host_random_below(sizeof(types))];
        if (!acpi_read_ivrs(p, length, &v))
            assert_in_range(v.units, 1, ACPI_IOMMUS);
        assert_true(v.ranges <= ACPI_IOMMU_RANGES && v.unit[0].quirks <= ACPI_IOMMU_QUIRKS);
        if (!acpi_read_dmar(p, length, &d))
            assert_in_range(d.units, 1, ACPI_VTD_UNITS);
        assert_true(d.ranges <= ACPI_VTD_RANGES && d.io_apics <= ACPI_IO_APICS);
        test_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ivrs),
        cmocka_unit_test(test_ivrs_that_is_wrong),
        cmocka_unit_test(test_dmar),
        cmocka_unit_test(test_hostile_bytes),
    };

    host_boot(&(struct host_config){ .seed = 7 });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
