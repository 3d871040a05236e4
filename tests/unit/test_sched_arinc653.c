/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of a major frame against the model: who runs when, to the time that a decision takes. */
#include "tests/unit/sched_model.h"

#define GRAIN USEC(3)
#define ARINC653 7

static uint8_t handles[TASKS][16];
static struct sched_frame frame;

static struct task *add_named(void)
{
    struct task *t = add_hog(256);
    unsigned i = (unsigned)(t - tasks);

    handles[i][0] = (uint8_t)(i + 1);
    t->group->handle = handles[i];
    return t;
}

static void add_window(const struct task *t, nsec_t length)
{
    struct sched_window *w = &frame.windows[frame.count++];

    *w = (struct sched_window){ .length = length };
    if (t)
        memcpy(w->handle, t->group->handle, sizeof(w->handle));
}

/* The task that the frame gives this time to; NULL: nobody, or close to a boundary. */
static const struct task *owner_at(nsec_t time, bool *near)
{
    nsec_t at = (time - frame.start) % frame.major, end = 0;

    *near = at < GRAIN || frame.major - at < GRAIN;
    for (unsigned i = 0; i < frame.count; i++) {
        *near |= at - end < GRAIN && at >= end;
        end += frame.windows[i].length;
        *near |= at < end + GRAIN && at > end - GRAIN;
        if (at < end)
            return frame.windows[i].handle[0] ? &tasks[frame.windows[i].handle[0] - 1] : NULL;
    }
    return NULL;
}

static void start_frame(nsec_t rest)
{
    frame.major = rest;
    for (unsigned i = 0; i < frame.count; i++)
        frame.major += frame.windows[i].length;
    assert_int_equal(sched_pool_set_frame(sched_pool_find(0, true), &frame), 0);
    frame.start = sched_pool_find(0, true)->frame->start;
}

static void some_frame(unsigned windows, bool gaps)
{
    frame.count = 0;
    for (unsigned i = 0; i < windows; i++)
        add_window(gaps && host_random_below(4) == 0 ? NULL : &tasks[host_random_below(task_count)],
                   USEC(20 + host_random_below(3000)));
    start_frame(gaps ? USEC(host_random_below(2000)) : 0);
}

/* Thousands of frames: at any moment but around a boundary the one that has the window runs, and nobody else ever. */
static void test_windows(void **state UNUSED)
{
    for (unsigned set = 0; set < 1000; set++) {
        nsec_t expected[TASKS] = { 0 }, lengths = 0;
        unsigned frames = 5;

        boot_with("arinc653", 1, set + 1);
        for (unsigned i = 0; i < 1 + set % TASKS; i++)
            add_named();
        settle();
        change_tasks();
        some_frame(1 + (unsigned)host_random_below(set % 10 ? 10 : SCHED_FRAME_WINDOWS), set & 1);
        for (unsigned i = 0; i < 20; i++) {
            const struct task *owner;
            bool near;

            simulate(USEC(1 + host_random_below(5000)));
            settle();
            owner = owner_at(arch_time_now(), &near);
            if (!near)
                assert_ptr_equal(on_cpu[0], owner);
        }
        /* Over whole frames: exact, and no drift. */
        simulate(frame.major - (arch_time_now() - frame.start) % frame.major);
        for (unsigned i = 0; i < task_count; i++)
            tasks[i].ran = 0;
        simulate(frames * frame.major);
        for (unsigned i = 0; i < frame.count; i++) {
            lengths += frame.windows[i].length;
            if (frame.windows[i].handle[0])
                expected[frame.windows[i].handle[0] - 1] += frames * frame.windows[i].length;
        }
        for (unsigned i = 0; i < task_count; i++)
            assert_in_range((uint64_t)(tasks[i].ran + frames * frame.count * GRAIN - expected[i]), 0, 2 * frames * frame.count * GRAIN);
        assert_true(lengths <= frame.major);
    }
}

/* A window whose owner sleeps stays empty; one that wakes in its window runs at once, one that wakes outside waits for it. */
static void test_sleepers(void **state UNUSED)
{
    struct task *t;

    boot_with("arinc653", 1, 0);
    add_named();
    t = add_named();
    t->burst = t->left = USEC(100);
    t->pause = USEC(330);
    frame.count = 0;
    add_window(&tasks[0], MSEC(3));
    add_window(&tasks[1], MSEC(2));
    start_frame(MSEC(1));
    simulate(SEC(1));
    assert_in_range((uint64_t)(tasks[0].ran / USEC(1)), 498000, 503000);
    assert_true(t->ran < MSEC(110) && t->ran > MSEC(60));
    assert_true(t->worst_lateness <= MSEC(4) + GRAIN);
    assert_true(t->worst_lateness >= MSEC(3));
}

/* Without a frame everybody has turns; another frame takes the place of the first at once. */
static void test_without_a_frame(void **state UNUSED)
{
    boot_with("arinc653", 2, 0);
    for (unsigned i = 0; i < 3; i++)
        add_named();
    simulate(MSEC(300));
    for (unsigned i = 0; i < 3; i++)
        assert_in_range((uint64_t)(tasks[i].ran / MSEC(1)), 90, 110);
    for (unsigned i = 0; i < 3; i++) {
        frame.count = 0;
        add_window(&tasks[i], MSEC(1));
        start_frame(0);
        settle();
        assert_ptr_equal(on_cpu[0], &tasks[i]);
        simulate(MSEC(10));
        assert_ptr_equal(on_cpu[0], &tasks[i]);
    }
}

static void test_bad_frames(void **state UNUSED)
{
    struct sched_pool *p;
    uint32_t id = SCHED_POOL_ANY;

    boot_with("", 1, 0);
    assert_int_equal(sched_pool_create(&id, ARINC653), 0);
    p = sched_pool_find(id, true);
    frame = (struct sched_frame){ .major = MSEC(1), .count = 1, .windows = { { .length = MSEC(1) } } };
    assert_int_equal(sched_pool_set_frame(sched_pool_find(0, true), &frame), -E_OPNOTSUPP);
    assert_int_equal(sched_pool_set_frame(p, &frame), 0);
    frame.count = 2;
    assert_int_equal(sched_pool_set_frame(p, &frame), -E_INVAL);
    frame.windows[1].length = MSEC(1);
    assert_int_equal(sched_pool_set_frame(p, &frame), -E_INVAL);
    frame.major = MSEC(2);
    assert_int_equal(sched_pool_set_frame(p, &frame), 0);
    frame.windows[1].length = INT64_MAX;
    assert_int_equal(sched_pool_set_frame(p, &frame), -E_INVAL);
    frame.count = SCHED_FRAME_WINDOWS + 1;
    assert_int_equal(sched_pool_set_frame(p, &frame), -E_INVAL);
    frame.count = 0;
    assert_int_equal(sched_pool_set_frame(p, &frame), -E_INVAL);
    assert_int_equal(sched_pool_destroy(id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows), cmocka_unit_test(test_sleepers), cmocka_unit_test(test_without_a_frame),
        cmocka_unit_test(test_bad_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
