/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"
#include "lib/bitmap.h"
#include "lib/print.h"
#include "lib/spinlock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>

/* The hypervisor's own memory functions, beside the C library's. */
#define memcpy own_memcpy
#define memmove own_memmove
#define memset own_memset
#define memcmp own_memcmp
#define memchr own_memchr
#define strlen own_strlen
#define strnlen own_strnlen
#define strcmp own_strcmp
#define strncmp own_strncmp
#define strchr own_strchr
#undef LIB_STRING_H
#include "lib/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr

static void test_memory_against_libc(void **state UNUSED)
{
    uint8_t a[800], b[800], source[800];

    host_boot(NULL);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned from = (unsigned)host_random_below(100), to = (unsigned)host_random_below(100);
        unsigned n = (unsigned)host_random_below(host_random_below(4) ? 140 : 700);

        for (unsigned i = 0; i < sizeof(a); i++)
            a[i] = b[i] = source[i] = (uint8_t)host_random_below(3);
        switch (host_random_below(5)) {
        case 0: assert_ptr_equal(own_memcpy(a + to, source + from, n), a + to); memcpy(b + to, source + from, n); break;
        case 1: own_memmove(a + to, a + from, n); memmove(b + to, b + from, n); break;
        case 2: own_memset(a + to, (int)round, n); memset(b + to, (int)round, n); break;
        case 3: assert_int_equal(own_memcmp(a + to, source + from, n) > 0, memcmp(a + to, source + from, n) > 0); break;
        default: assert_ptr_equal(own_memchr(a + to, 2, n), memchr(a + to, 2, n)); break;
        }
        assert_memory_equal(a, b, sizeof(a));
    }
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void test_strings_against_libc(void **state UNUSED)
{
    char a[12], b[12];

    host_boot(NULL);
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = host_random_below(12);

        for (unsigned i = 0; i < 11; i++) {
            a[i] = (char)(host_random_below(3) ? 'a' + host_random_below(2) : 0);
            b[i] = (char)(host_random_below(3) ? 'a' + host_random_below(2) : 0);
        }
        a[11] = b[11] = 0;
        assert_int_equal(own_strlen(a), strlen(a));
        assert_int_equal(own_strnlen(a, n), strnlen(a, n));
        assert_int_equal(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(own_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        assert_ptr_equal(own_strchr(a, 'b'), strchr(a, 'b'));
        assert_ptr_equal(own_strchr(a, 0), strchr(a, 0));
    }
}

#define CHECK_FORMAT(...)                                               \
    do {                                                                \
        char own_[128], libc_[128];                                     \
        int n_ = format_string(own_, sizeof(own_), __VA_ARGS__);        \
        assert_int_equal(n_, snprintf(libc_, sizeof(libc_), __VA_ARGS__)); \
        assert_string_equal(own_, libc_);                               \
    } while (0)

static void test_format(void **state UNUSED)
{
    char small[5];

    CHECK_FORMAT("plain %% text");
    CHECK_FORMAT("%d %i %u %x %X %o", -5, 7, 4000000000u, 0xbeef, 0xbeef, 0755);
    CHECK_FORMAT("[%5d|%-5d|%05d|%+d|% d]", 42, 42, -42, 42, 42);
    CHECK_FORMAT("%#x %#o %#x %08x %#010x", 0x12, 8, 0, 0x12, 0x12);
    CHECK_FORMAT("%ld %lld %zu %hd %hhu %lx", -1L, LLONG_MIN, (size_t)99, (short)-3, (unsigned char)250, ~0ul);
    CHECK_FORMAT("%s|%10s|%-10s|%.2s|%*s|%.*s", "abc", "abc", "abc", "abc", 6, "x", 1, "yz");
    CHECK_FORMAT("%c%c", 'o', 'k');
    CHECK_FORMAT("%" PRIu64 " %.0d %.3d", UINT64_MAX, 0, 7);
    assert_int_equal(format_string(small, sizeof(small), "%s", "longer"), 6);
    assert_string_equal(small, "long");
    assert_int_equal(format_string(NULL, 0, "%d", 12345), 5);
    assert_int_equal(format_string(small, sizeof(small), "%s", (const char *)NULL), 6);
    assert_int_equal(format_string(small, sizeof(small), "%p", (void *)0x1f), 4);
    assert_string_equal(small, "0x1f");
}

static void test_numbers(void **state UNUSED)
{
    const char *end;

    assert_int_equal(string_to_number("0x10,", &end), 16);
    assert_string_equal(end, ",");
    assert_int_equal(string_to_number("017", NULL), 15);
    assert_int_equal(string_to_number("0", NULL), 0);
    assert_int_equal(string_to_number("0xg", &end), 0);
    assert_string_equal(end, "xg");
    assert_true(string_to_number("99999999999999999999999", NULL) == UINT64_MAX);
    assert_int_equal(string_to_size("512M", &end), 512 << 20);
    assert_string_equal(end, "");
    assert_int_equal(string_to_size("2g rest", &end), INT64_C(2) << 30);
    assert_string_equal(end, " rest");
    assert_int_equal(string_to_size("4kB", &end), 4096);
    assert_string_equal(end, "B");
    assert_true(string_to_size("99999999999T", NULL) == UINT64_MAX);
    assert_int_equal(string_to_size("M", &end), 0);
    assert_string_equal(end, "M");
}

static void test_string_copy(void **state UNUSED)
{
    char to[4] = "xyz";

    assert_int_equal(string_copy(to, "abcdef", sizeof(to)), 6);
    assert_string_equal(to, "abc");
    assert_int_equal(string_copy(to, "", sizeof(to)), 0);
    assert_string_equal(to, "");
}

static void test_bitmap(void **state UNUSED)
{
    uint64_t map[BITMAP_WORDS(200)];

    host_boot(NULL);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned bits = 1 + (unsigned)host_random_below(200), from = (unsigned)host_random_below(bits + 2);
        unsigned set = bits, clear = bits, count = 0;

        for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
            map[i] = host_random_below(2) ? host_random() & host_random() & host_random() : ~(host_random() & 3);
        for (unsigned i = bits; i-- > 0;) {
            count += bitmap_test(map, i);
            if (i >= from && bitmap_test(map, i))
                set = i;
            if (i >= from && !bitmap_test(map, i))
                clear = i;
        }
        assert_int_equal(bitmap_next_set(map, bits, from), set);
        assert_int_equal(bitmap_next_clear(map, bits, from), clear);
        assert_int_equal(bitmap_count(map, bits), count);
    }
}

static struct {
    spinlock_t a, b;
    unsigned counter, inside;
} shared;

static void count_under_locks(unsigned cpu UNUSED, void *arg UNUSED)
{
    for (unsigned i = 0; i < 200; i++) {
        if (host_random_below(2))
            spin_lock_pair(&shared.a, &shared.b);
        else
            spin_lock_pair(&shared.b, &shared.a);
        assert_int_equal(shared.inside++, 0);
        arch_schedule_point();
        assert_true(spin_is_held(&shared.a) && spin_is_held(&shared.b));
        assert_false(spin_trylock(&shared.a));
        shared.counter++;
        shared.inside--;
        spin_unlock_pair(&shared.a, &shared.b);
        spin_assert_none_held();
    }
}

static void test_locks_exclude(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 8 });
    spin_lock_init(&shared.a, LOCK_CHANNEL);
    spin_lock_init(&shared.b, LOCK_CHANNEL);
    shared.counter = 0;
    host_run_parallel(8, count_under_locks, NULL);
    assert_int_equal(shared.counter, 8 * 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_against_libc), cmocka_unit_test(test_strings_against_libc),
        cmocka_unit_test(test_format), cmocka_unit_test(test_numbers), cmocka_unit_test(test_string_copy),
        cmocka_unit_test(test_bitmap), cmocka_unit_test(test_locks_exclude),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
