/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI's tables as a BIOS may leave them: right, wrong, and made to be read past their ends. */
#include "tests/unit/unit.h"
#include "lib/acpi.h"
#include "lib/string.h"

/* Physical memory of 1 MiB; what is mapped is copied to a piece of its own, so that a read past it is seen. */
static uint8_t memory[0x100000];
static unsigned mapped;

static void *map(hpa_t at, uint64_t size)
{
    uint8_t *p;

    if (at.v >= sizeof(memory) || size > sizeof(memory) - at.v)
        return NULL;
    p = test_malloc(size);
    memcpy(p, memory + at.v, size);
    mapped++;
    return p;
}

static void unmap(void *p, uint64_t size)
{
    (void)size;
    test_free(p);
    mapped--;
}

static const struct acpi_reader reader = { map, unmap };

static void put32(uint64_t at, uint32_t value)
{
    memcpy(memory + at, &value, 4);
}

static void put64(uint64_t at, uint64_t value)
{
    memcpy(memory + at, &value, 8);
}

static void finish(uint64_t at, uint32_t length, unsigned sum_at)
{
    memory[at + sum_at] = 0;
    memory[at + sum_at] = (uint8_t)-acpi_sum(memory + at, length);
}

static void table(uint64_t at, const char *signature, uint32_t length)
{
    memcpy(memory + at, signature, 4);
    put32(at + 4, length);
    finish(at, length, 9);
}

#define RSDP 0xf5a0
#define XSDT 0x20000
#define MADT 0x21000
#define FADT 0x22000
#define DSDT 0x23000
#define MADT_BYTES (44 + 8 + 16 + 12 + 10)

static void madt(void)
{
    static const uint8_t entries[] = {
        0, 8, 7, 3, 1, 0, 0, 0,                                             /* local APIC: UID 7, id 3 */
        9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0,              /* x2APIC: id 0x1234, UID 9 */
        1, 12, 2, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,                          /* IO-APIC 2 at 0xfec00000 */
        2, 10, 0, 0, 2, 0, 0, 0, 0, 0,                                      /* IRQ 0 is GSI 2 */
    };

    STATIC_ASSERT(sizeof(entries) == MADT_BYTES - 44);
    put32(MADT + 36, 0xfee00000);
    put32(MADT + 40, 1);
    memcpy(memory + MADT + 44, entries, sizeof(entries));
    table(MADT, "APIC", MADT_BYTES);
}

static int good_board(void **state)
{
    static const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00 };

    (void)state;
    mapped = 0;
    memset(memory, 0, sizeof(memory));
    memcpy(memory + 0xf0000 + RSDP % 0x10000, "RSD PTR ", 8);
    memory[0xf0000 + RSDP % 0x10000 + 15] = 2;
    put32(0xf0000 + RSDP % 0x10000 + 20, 36);
    put64(0xf0000 + RSDP % 0x10000 + 24, XSDT);
    finish(0xf0000 + RSDP % 0x10000, 20, 8);
    finish(0xf0000 + RSDP % 0x10000, 36, 32);
    madt();
    memory[FADT + 65] = 6, memory[FADT + 64] = 4;
    put32(FADT + 40, DSDT);
    table(FADT, "FACP", 116);
    memcpy(memory + DSDT + 40, s5, sizeof(s5));
    table(DSDT, "DSDT", 64);
    put64(XSDT + 36, FADT);
    put64(XSDT + 44, MADT);
    table(XSDT, "XSDT", 52);
    return 0;
}

static void tables_are_found_and_read(void **state)
{
    struct acpi_tables t;
    struct acpi_madt m;
    struct acpi_power p;
    unsigned broken;

    (void)state;
    assert_null(acpi_scan(&reader, HPA(0), &t, &broken));
    assert_int_equal(broken, 0);
    assert_int_equal(t.count, 3);
    assert_true(t.root_is_xsdt);
    assert_int_equal(acpi_find(&t, "DSDT", 0)->at.v, DSDT);
    assert_null(acpi_find(&t, "DSDT", 1));
    assert_null(acpi_read_madt(memory + MADT, MADT_BYTES, &m));
    assert_int_equal(m.cpus, 2);
    assert_int_equal(m.cpu[0].apic_id, 3);
    assert_int_equal(m.cpu[0].uid, 7);
    assert_int_equal(m.cpu[1].apic_id, 0x1234);
    assert_int_equal(m.io_apics, 1);
    assert_int_equal(m.io_apic[0].at.v, 0xfec00000);
    assert_int_equal(m.override[0].gsi, 2);
    assert_null(acpi_read_fadt(memory + FADT, 116, &p));
    assert_int_equal(p.pm1a_control, 0x604);
    acpi_read_s5(memory + DSDT, 64, &p);
    assert_true(p.has_s5);
    assert_int_equal(p.s5_a, 5);
    assert_int_equal(p.s5_b, 1);
    assert_int_equal(mapped, 0);
}

/* Catches: a checksum that is not looked at, one broken table that takes the others with it. */
static void a_broken_table_is_left_out(void **state)
{
    struct acpi_tables t;
    unsigned broken;

    (void)state;
    memory[MADT + 50] ^= 1;
    assert_null(acpi_scan(&reader, HPA(0), &t, &broken));
    assert_int_equal(broken, 1);
    assert_null(acpi_find(&t, "APIC", 0));
    assert_non_null(acpi_find(&t, "FACP", 0));
    memory[XSDT + 40] ^= 1;
    assert_non_null(acpi_scan(&reader, HPA(0), &t, &broken));
    memory[0xf0000 + RSDP % 0x10000] ^= 1;
    assert_non_null(acpi_scan(&reader, HPA(0), &t, &broken));
    assert_int_equal(mapped, 0);
}

/* Catches: entries without a length, longer than their table, shorter than what is read of them. */
static void entries_of_any_length_stay_in_their_table(void **state)
{
    struct acpi_madt m;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint32_t length = host_random_below(100);
        uint8_t *p = test_malloc(length + 1);

        for (uint32_t i = 0; i < length; i++)
            p[i] = (uint8_t)host_random_below(i > 44 && i % 3 ? 12 : 256);
        if (!acpi_read_madt(p, length, &m))
            assert_in_range(m.cpus, 1, MAX_CPUS);
        test_free(p);
    }
}

/* Any byte may be wrong although the checksums are right: nothing is read past what is mapped, and all is unmapped. */
static void hostile_bytes_with_right_sums(void **state)
{
    static const struct { uint64_t at; uint32_t length; } tables[] = {
        { XSDT, 52 }, { MADT, MADT_BYTES }, { FADT, 116 }, { DSDT, 64 },
    };

    for (unsigned round = 0; round < 3000; round++) {
        struct acpi_tables t;
        struct acpi_power p = { 0 };
        unsigned broken, n = host_random_below(4);
        uint64_t at = tables[n].at;

        good_board(state);
        memory[at + 4 + host_random_below(tables[n].length - 4)] = (uint8_t)host_random_below(256);
        finish(at, tables[n].length, 9);
        if (!acpi_scan(&reader, HPA(0), &t, &broken))
            assert_true(t.count <= ACPI_TABLES);
        uint8_t *dsdt = test_malloc(64);

        memcpy(dsdt, memory + DSDT, 64);
        acpi_read_s5(dsdt, 36 + host_random_below(29), &p);
        test_free(dsdt);
        assert_int_equal(mapped, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tables_are_found_and_read, good_board),
        cmocka_unit_test_setup(a_broken_table_is_left_out, good_board),
        cmocka_unit_test_setup(entries_of_any_length_stay_in_their_table, good_board),
        cmocka_unit_test_setup(hostile_bytes_with_right_sums, good_board),
    };

    host_boot(&(struct host_config){ .seed = 7 });
    return cmocka_run_group_tests(tests, NULL, NULL);
}
