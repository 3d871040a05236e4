/* SPDX-License-Identifier: Apache-2.0 */
/* The windows of one CPU against a TLB that remembers every translation until it is told to forget it. */
#include "tests/unit/unit.h"
#include "arch/include/mapping.h"
#include "lib/window_set.h"

#define FRAMES 40

static struct window_set set;
static uint64_t entry[WINDOWS], tlb[WINDOWS];   /* frame + 1, 0: none */
static unsigned changes;

static void change(unsigned n, uint64_t frame, bool was_open)
{
    changes++;
    if (was_open)
        entry[n] = tlb[n] = 0;
    /* A valid entry may not be replaced by another, nor made while the TLB still knows the last. */
    assert_true(entry[n] == 0 && tlb[n] == 0);
    entry[n] = frame + 1;
}

static void forget(uint32_t windows)
{
    assert_true(windows != 0);
    for (unsigned n = 0; n < WINDOWS; n++) {
        if (windows >> n & 1)
            entry[n] = tlb[n] = 0;
    }
}

/* The frame that an access through window n reaches. */
static uint64_t look(unsigned n)
{
    if (!tlb[n])
        tlb[n] = entry[n];
    return tlb[n] - 1;
}

static void close_all(void)
{
    window_close_all(&set, forget);
    for (unsigned n = 0; n < WINDOWS; n++)
        assert_true(entry[n] == 0 && tlb[n] == 0);
}

static int setup(void **state UNUSED)
{
    host_boot(NULL);
    close_all();
    return 0;
}

/* Random looks, up to as many at once as the contract allows; processors also walk tables that nobody asked them to. */
static void test_every_look_finds_its_frame(void **state UNUSED)
{
    unsigned held[WINDOW_DEPTH], depth = 0;
    uint64_t frame[WINDOW_DEPTH];

    for (unsigned round = 0; round < 20000; round++) {
        if (depth < WINDOW_DEPTH && host_random_below(2)) {
            frame[depth] = host_random_below(FRAMES);
            held[depth] = window_hold(&set, frame[depth], change);
            depth++;
        } else if (depth) {
            window_release(&set, held[--depth]);
        } else if (host_random_below(8) == 0) {
            close_all();
        }
        for (unsigned i = 0; i < depth; i++)
            assert_int_equal(look(held[i]), frame[i]);
        (void)look((unsigned)host_random_below(WINDOWS));
    }
    while (depth)
        window_release(&set, held[--depth]);
    close_all();
}

static void test_the_same_frame_again_costs_nothing(void **state UNUSED)
{
    unsigned n = window_hold(&set, 7, change), before = changes;

    window_release(&set, n);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(window_hold(&set, 7, change), n);
        window_release(&set, n);
    }
    assert_int_equal(changes, before);
    close_all();
    window_release(&set, window_hold(&set, 7, change));
    assert_int_equal(changes, before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_look_finds_its_frame, setup),
        cmocka_unit_test_setup(test_the_same_frame_again_costs_nothing, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
