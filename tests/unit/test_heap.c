/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"
#include "arch/include/mapping.h"
#include "lib/string.h"
#include "mem/arena.h"

static uint64_t all_free;
static struct owner owner;

static int setup(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 4 });
    owner = (struct owner){ .id = 5, .limit = UINT64_MAX };
    owner_register(&owner);
    all_free = frame_free_count();
    return 0;
}

static int teardown(void **state UNUSED)
{
    assert_int_equal(heap_pages_used(), 0);
    assert_int_equal(frame_free_count(), all_free);
    frame_check_all();
    owner_unregister(&owner);
    return 0;
}

static void check_zero_and_fill(uint8_t *p, size_t size, int byte)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(p[i], 0);
    memset(p, byte, size);
}

static void test_sizes(void **state UNUSED)
{
    static const size_t sizes[] = { 1, 15, 16, 17, 100, 1024, 1025, 2048, 2049, 4096, 4097, 8192, 100000, 4 << 20 };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint8_t *p = heap_alloc(sizes[i]);

        assert_non_null(p);
        assert_true(IS_ALIGNED((uintptr_t)p, 16));
        assert_true(sizes[i] < PAGE_SIZE || IS_ALIGNED((uintptr_t)p, PAGE_SIZE));
        check_zero_and_fill(p, sizes[i], 0xee);
        heap_free(p, sizes[i]);
    }
    assert_null(heap_alloc((4 << 20) + 1));
    heap_free(NULL, 77);
}

static void random_life(unsigned cpu, void *arg)
{
    struct { uint8_t *p; size_t size; } held[100];
    unsigned count = 0;

    for (unsigned step = 0; step < *(unsigned *)arg; step++) {
        if (count < ARRAY_SIZE(held) && host_random_below(100) < 55) {
            size_t size = 1 + host_random_below(host_random_below(8) ? 300 : 9000);
            uint8_t *p = heap_alloc(size);

            assert_non_null(p);
            check_zero_and_fill(p, size, (int)(cpu * 16 + 1));
            held[count].p = p;
            held[count++].size = size;
        } else if (count) {
            unsigned i = (unsigned)host_random_below(count);

            assert_int_equal(held[i].p[held[i].size - 1], cpu * 16 + 1);
            heap_free(held[i].p, held[i].size);
            held[i] = held[--count];
        }
    }
    while (count--)
        heap_free(held[count].p, held[count].size);
}

static void test_random_life(void **state UNUSED)
{
    unsigned steps = 3000;

    random_life(0, &steps);
}

static void test_random_life_on_four_cpus(void **state UNUSED)
{
    unsigned steps = 500;

    host_run_parallel(4, random_life, &steps);
}

static void *results[3];

static int allocate_three(void *arg UNUSED)
{
    static const size_t sizes[] = { 24, 5000, 2000 };
    unsigned i;

    for (i = 0; i < 3; i++) {
        results[i] = heap_alloc(sizes[i]);
        if (!results[i])
            break;
    }
    if (i == 3)
        return 0;
    while (i--)
        heap_free(results[i], sizes[i]);
    return -E_NOMEM;
}

static void nothing_held(void *arg UNUSED)
{
    assert_int_equal(heap_pages_used(), 0);
    assert_int_equal(frame_free_count(), all_free);
}

static void test_out_of_memory(void **state UNUSED)
{
    assert_true(oom_loop(allocate_three, nothing_held, NULL) >= 6);
    heap_free(results[0], 24);
    heap_free(results[1], 5000);
    heap_free(results[2], 2000);
}

static void test_shared_page_outlives_the_hypervisors_reference(void **state UNUSED)
{
    uint8_t *p = shared_page_alloc(&owner);
    mfn_t mfn;

    assert_non_null(p);
    check_zero_and_fill(p, PAGE_SIZE, 3);
    mfn = arch_heap_frame(p);
    assert_int_equal(owner.shared, 1);
    assert_int_equal(owner.frames, 0);
    assert_true(frame_get(mfn, &owner));
    shared_page_free(p);
    assert_int_equal(owner.shared, 1);
    p[0] = 4;
    frame_put(mfn);
    assert_int_equal(owner.shared, 0);
}

static int make_shared_page(void *arg UNUSED)
{
    results[0] = shared_page_alloc(&owner);
    return results[0] ? 0 : -E_NOMEM;
}

static void test_shared_page_out_of_memory(void **state UNUSED)
{
    assert_int_equal(oom_loop(make_shared_page, nothing_held, NULL), 2);
    shared_page_free(results[0]);
}

static void test_arena(void **state UNUSED)
{
    struct arena_quota quota = { .limit = 2 };
    uint8_t *a, *b;
    mfn_t mfn;

    assert_int_equal(frame_alloc(&owner, 0, FRAME_ANY, &mfn), 0);
    assert_true(frame_get_any(mfn) && frame_get_any(mfn));
    a = arena_map(&quota, mfn);
    b = arena_map(&quota, mfn);
    assert_true(a && b && a != b);
    assert_null(arena_map(&quota, mfn));
    a[5] = 9;
    assert_int_equal(b[5], 9);
    assert_int_equal(((uint8_t *)host_ram(mfn))[5], 9);
    arena_unmap(&quota, a + 100);
    assert_int_equal(quota.used, 1);
    arena_unmap(&quota, b);
    assert_int_equal(frame_count(mfn), 1);
    frame_put(mfn);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_sizes), TEST(test_random_life), TEST(test_random_life_on_four_cpus), TEST(test_out_of_memory),
        TEST(test_shared_page_outlives_the_hypervisors_reference), TEST(test_shared_page_out_of_memory),
        TEST(test_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
