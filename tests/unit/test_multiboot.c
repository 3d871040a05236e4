/* SPDX-License-Identifier: Apache-2.0 */
/* What loaders of x86 say, in both formats: what is right arrives, what is not right does no harm. */
#include "tests/unit/unit.h"
#include <string.h>
#include "boot/x86_64/loader_info.h"

#define BASE UINT64_C(0x9000)
#define SIZE 0x8000
#define TABLES BASE
#define MAP (BASE + 0x400)
#define MODULES (BASE + 0x1000)
#define STRINGS (BASE + 0x2000)

static uint8_t low[SIZE];
static struct loader_info info;

static bool read_low(void *to, uint64_t from, size_t size)
{
    if (from < BASE || size > SIZE || from - BASE > SIZE - size)
        return false;
    memcpy(to, low + (from - BASE), size);
    return true;
}

static void put32(uint64_t at, uint32_t value)
{
    memcpy(low + (at - BASE), &value, sizeof(value));
}

static void put64(uint64_t at, uint64_t value)
{
    memcpy(low + (at - BASE), &value, sizeof(value));
}

static uint64_t put_text(uint64_t at, const char *text)
{
    memcpy(low + (at - BASE), text, strlen(text) + 1);
    return at + strlen(text) + 1;
}

static uint64_t put_map1(uint64_t at, uint64_t base, uint64_t size, uint32_t kind)
{
    put32(at, 20);
    put64(at + 4, base);
    put64(at + 12, size);
    put32(at + 20, kind);
    return at + 24;
}

/* QEMU's -kernel with two modules: 2 GiB, of which the last 128 KiB are firmware's. */
static void fill_multiboot1(void)
{
    uint64_t end;

    memset(low, 0, sizeof(low));
    put32(TABLES, BIT(0) | BIT(2) | BIT(3) | BIT(6) | BIT(9));
    put32(TABLES + 4, 639);
    put32(TABLES + 8, 0x1000);
    put32(TABLES + 16, STRINGS);
    put32(TABLES + 20, 2);
    put32(TABLES + 24, MODULES);
    put32(TABLES + 64, STRINGS + 0x400);
    put_text(STRINGS, "/boot/vinci console=com1 dom0_mem=512M");
    put_text(STRINGS + 0x100, "vmlinuz  console=hvc0 quiet");
    put_text(STRINGS + 0x200, "initrd");
    put_text(STRINGS + 0x400, "qemu");
    put32(MODULES, 0x400000), put32(MODULES + 4, 0xc00123), put32(MODULES + 8, STRINGS + 0x100);
    put32(MODULES + 16, 0xc01000), put32(MODULES + 20, 0x2000000), put32(MODULES + 24, STRINGS + 0x200);
    end = put_map1(MAP, 0x100000, 0x7ff00000, KIND_RAM);
    end = put_map1(end, 0, 0x9fc00, KIND_RAM);
    end = put_map1(end, 0x7ffe0000, 0x20000, KIND_RESERVED);
    end = put_map1(end, 0xfffc0000, 0x40000, 77);
    put32(TABLES + 44, (uint32_t)(end - MAP));
    put32(TABLES + 48, MAP);
}

static int read_info(uint32_t magic)
{
    const char *why = NULL;
    int error = loader_info_read(&info, magic, TABLES, read_low, &why);

    assert_true(!error == !why);
    return error;
}

/* Catches: fields at other offsets, a file's name taken for an option, RAM that firmware keeps given away. */
static void multiboot1_is_read(void **state)
{
    static struct boot_info b;

    (void)state;
    fill_multiboot1();
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), 0);
    assert_string_equal(info.command_line, "console=com1 dom0_mem=512M");
    assert_int_equal(info.module_count, 2);
    assert_int_equal(info.modules[0].kind, MODULE_KERNEL);
    assert_int_equal(info.modules[0].at.base, 0x400000);
    assert_int_equal(info.modules[0].at.size, 0x800123);
    assert_string_equal(info.modules[0].command_line, "console=hvc0 quiet");
    assert_int_equal(info.modules[1].kind, MODULE_RAMDISK);
    assert_string_equal(info.modules[1].command_line, "");
    assert_int_equal(info.map_count, 4);
    assert_int_equal(info.map[0].size, 0x9f000);
    assert_int_equal(info.map[1].base, 0x100000);
    assert_int_equal(info.map[1].base + info.map[1].size, 0x7ffe0000);
    assert_int_equal(info.map[3].kind, KIND_RESERVED);
    loader_info_to_boot(&b, &info);
    assert_int_equal(b.memory.count, 2);
    assert_false(range_overlaps(&b.memory, 0x7ffe0000, 0x20000));
    assert_true(range_contains(&b.reserved, 0xfffc0000, 0x40000));
    assert_int_equal(b.modules.count, 2);
}

/* GRUB passes no file names; GRUB Legacy does. */
static void words_begin_where_the_loader_begins_them(void **state)
{
    (void)state;
    fill_multiboot1();
    put_text(STRINGS + 0x400, "GRUB 2.06-13");
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), 0);
    assert_string_equal(info.modules[0].command_line, "vmlinuz  console=hvc0 quiet");
    put_text(STRINGS + 0x400, "GRUB 0.97");
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), 0);
    assert_string_equal(info.modules[0].command_line, "console=hvc0 quiet");
}

static void multiboot1_without_a_map(void **state)
{
    (void)state;
    fill_multiboot1();
    put32(TABLES, BIT(0));
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), 0);
    assert_int_equal(info.module_count, 0);
    assert_int_equal(info.map_count, 2);
    assert_int_equal(info.map[1].size, 0x400000);
    put32(TABLES, 0);
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), -E_INVAL);
}

static void what_is_wrong_is_refused_or_left_out(void **state)
{
    (void)state;
    fill_multiboot1();
    assert_int_equal(read_info(0x12345678), -E_INVAL);
    put32(MAP, 0);                                  /* an entry that never ends */
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), -E_INVAL);
    fill_multiboot1();
    put32(MAP, UINT32_MAX);
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), -E_INVAL);
    fill_multiboot1();
    put32(TABLES + 48, 0xfffffff0);                 /* a map over the end of the address space */
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), -E_INVAL);
    fill_multiboot1();
    put32(MODULES + 4, 0x400000);                   /* nothing in it */
    put32(MODULES + 24, 0xffff0000);                /* words that are nowhere */
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), 0);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].at.base, 0xc01000);
    fill_multiboot1();
    put32(TABLES + 20, UINT32_MAX);
    put32(TABLES + 24, 0xfffffff0);
    assert_int_equal(read_info(MULTIBOOT1_MAGIC), 0);
    assert_int_equal(info.module_count, 0);
}

/* ---- multiboot2 ---- */

static uint64_t put_tag(uint64_t at, uint32_t type, uint32_t size)
{
    put32(at, type);
    put32(at + 4, size);
    return at + 8;
}

static uint64_t put_map2(uint64_t at, uint64_t base, uint64_t size, uint32_t kind)
{
    put64(at, base);
    put64(at + 8, size);
    put64(at + 16, kind);
    return at + 24;
}

static uint64_t put_module2(uint64_t at, uint32_t start, uint32_t end, const char *words)
{
    uint32_t size = 16 + (uint32_t)strlen(words) + 1;
    uint64_t body = put_tag(at, 3, size);

    put32(body, start);
    put32(body + 4, end);
    put_text(body + 8, words);
    return at + ROUND_UP((uint64_t)size, 8);
}

/* Returns where the first tag of the map is. */
static uint64_t fill_multiboot2(bool efi)
{
    uint64_t at = TABLES + 8, map;

    memset(low, 0, sizeof(low));
    put_text(put_tag(at, 1, 8 + 13), "console=com1");
    at = put_module2(at + 24, 0x1000000, 0x1800000, "placeholder root=/dev/sda1");
    at = put_module2(at, 0x2000000, 0x3000000, "");
    map = at;
    if (efi) {
        put32(put_tag(at, 17, 16 + 2 * 48), 48);
        put32(at + 16, 7), put64(at + 24, 0x100000), put64(at + 40, 0x1000);
        put32(at + 64, 9), put64(at + 72, 0x1100000), put64(at + 88, 1);
        at += 16 + 2 * 48;
        put64(put_tag(at, 12, 16), 0x7f000000);
        at += 16;
    } else {
        put32(put_tag(at, 6, 16 + 2 * 24), 24);
        put_map2(put_map2(at + 16, 0, 0x9f000, KIND_RAM), 0x100000, 0x3ff00000, KIND_RAM);
        at += 16 + 2 * 24;
    }
    memcpy(low + (put_tag(at, 14, 8 + 20) - BASE), "RSD PTR old", 11);
    memcpy(low + (put_tag(at + 32, 15, 8 + 36) - BASE), "RSD PTR new", 11);
    put_tag(at + 80, 0, 8);
    put32(TABLES, (uint32_t)(at + 88 - TABLES));
    return map;
}

static void multiboot2_is_read(void **state)
{
    (void)state;
    fill_multiboot2(false);
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), 0);
    assert_string_equal(info.command_line, "console=com1");
    assert_int_equal(info.module_count, 2);
    assert_string_equal(info.modules[0].command_line, "placeholder root=/dev/sda1");
    assert_string_equal(info.modules[1].command_line, "");
    assert_int_equal(info.map_count, 2);
    assert_int_equal(info.rsdp_size, 36);
    assert_memory_equal(low + (info.rsdp - BASE), "RSD PTR new", 11);
}

static void multiboot2_of_uefi(void **state)
{
    (void)state;
    fill_multiboot2(true);
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), 0);
    assert_int_equal(info.map_count, 2);
    assert_int_equal(info.map[0].kind, KIND_RAM);
    assert_int_equal(info.map[0].size, 0x1000000);
    assert_int_equal(info.map[1].kind, KIND_ACPI_TABLES);
    assert_int_equal(info.efi_system_table, 0x7f000000);
}

static void tags_that_lie(void **state)
{
    uint64_t map;

    (void)state;
    map = fill_multiboot2(false);
    put32(map + 4, 0x10000);                        /* over the end */
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), -E_INVAL);
    map = fill_multiboot2(false);
    put32(map + 4, 4);                              /* shorter than its own head: never ends */
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), -E_INVAL);
    map = fill_multiboot2(false);
    put32(map + 8, 0);                              /* entries of no size */
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), -E_INVAL);
    fill_multiboot2(false);
    put32(TABLES, 0x7fffffff);
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), -E_INVAL);
    fill_multiboot2(false);
    put32(TABLES, 40);                              /* ends within a tag */
    assert_int_equal(read_info(MULTIBOOT2_MAGIC), -E_INVAL);
}

static void check_order(void)
{
    for (unsigned i = 0; i < info.map_count; i++) {
        assert_true(info.map[i].size > 0 && info.map[i].kind >= KIND_RAM && info.map[i].kind <= KIND_BAD);
        assert_true(i == 0 || info.map[i - 1].base + info.map[i - 1].size <= info.map[i].base);
    }
    assert_true(info.module_count <= MAX_MODULES && info.text_used <= LOADER_TEXT_SIZE);
    for (unsigned i = 0; i < info.module_count; i++)
        assert_true(memchr(info.modules[i].command_line, 0, LOADER_TEXT_SIZE) != NULL);
}

/* Catches: a combination of lengths that nobody thought of. */
static void anything_is_survived(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 20000; n++) {
        bool second = n & 1;

        if (second)
            fill_multiboot2(n & 2);
        else
            fill_multiboot1();
        for (uint64_t changes = 1 + host_random_below(6); changes; changes--)
            low[host_random_below(0x1200)] = (uint8_t)(host_random_below(2) ? host_random() : 0xff);
        if (read_info(second ? MULTIBOOT2_MAGIC : MULTIBOOT1_MAGIC) == 0)
            check_order();
    }
}

/* Every page is what the first entry that is no memory says, else memory. */
static void overlaps_are_no_memory(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        uint64_t end = MAP;
        uint8_t want[64] = { 0 };

        fill_multiboot1();
        for (unsigned i = 0; i < 12; i++) {
            uint64_t first = host_random_below(60), count = 1 + host_random_below(64 - first);
            uint32_t kind = 1 + (uint32_t)host_random_below(5);

            end = put_map1(end, first << PAGE_SHIFT, count << PAGE_SHIFT, kind);
            for (uint64_t p = first; p < first + count; p++)
                want[p] = want[p] <= KIND_RAM && (kind != KIND_RAM || want[p] == 0) ? (uint8_t)kind : want[p];
        }
        put32(TABLES + 44, (uint32_t)(end - MAP));
        if (read_info(MULTIBOOT1_MAGIC))
            continue;
        check_order();
        for (unsigned i = 0; i < info.map_count; i++)
            for (uint64_t p = info.map[i].base >> PAGE_SHIFT; p < (info.map[i].base + info.map[i].size) >> PAGE_SHIFT; p++) {
                assert_int_equal(want[p], info.map[i].kind);
                want[p] = 0;
            }
        for (unsigned p = 0; p < 64; p++)
            assert_int_equal(want[p], 0);
    }
}

static int start(void **state)
{
    const struct host_config c = { .memory_mib = 64 };

    (void)state;
    host_boot(&c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiboot1_is_read),
        cmocka_unit_test(words_begin_where_the_loader_begins_them),
        cmocka_unit_test(multiboot1_without_a_map),
        cmocka_unit_test(what_is_wrong_is_refused_or_left_out),
        cmocka_unit_test(multiboot2_is_read),
        cmocka_unit_test(multiboot2_of_uefi),
        cmocka_unit_test(tags_that_lie),
        cmocka_unit_test(anything_is_survived),
        cmocka_unit_test(overlaps_are_no_memory),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
