/* SPDX-License-Identifier: Apache-2.0 */
/* Deferred freeing under several CPUs. Catches an object that ends while a CPU that has found it still uses it, and a deferred call that
 * is forgotten. */
#include "arch/include/cpu.h"
#include "core/quiesce.h"
#include "lib/atomic.h"
#include "lib/cpu_work.h"
#include "unit.h"

#define CPUS 4
#define TURNS 60

struct object {
    struct quiesce_call end;
    bool alive;
};

static struct object objects[CPUS * TURNS];
static struct object *shown;        /* what a look-up finds */
static unsigned deferred, ended;

static void end(struct quiesce_call *c)
{
    struct object *o = container_of(c, struct object, end);

    assert_true(o->alive);
    o->alive = false;
    atomic_fetch_add(&ended, 1);
}

static void use_what_is_found(void)
{
    struct object *o = atomic_load(&shown);

    for (unsigned i = host_random_below(6); o && i; i--) {
        arch_schedule_point();
        assert_true(o->alive);
    }
}

/* Show another one in its place; the old one ends when nobody can be using it. */
static void replace(struct object *by)
{
    struct object *old;

    by->alive = true;
    old = atomic_exchange(&shown, by);
    if (!old)
        return;
    atomic_fetch_add(&deferred, 1);
    quiesce_defer(&old->end, end);
}

static void pass_if_asked(void)
{
    if (cpu_work_take() & CPU_WORK_QUIESCE)
        quiesce_point();
}

static void turns(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = 0; i < TURNS; i++) {
        use_what_is_found();
        if (host_random_below(3) == 0)
            replace(&objects[cpu * TURNS + i]);
        pass_if_asked();
    }
}

static void last_look(unsigned cpu UNUSED, void *arg UNUSED)
{
    pass_if_asked();
}

static void test_nothing_ends_in_use(void **state UNUSED)
{
    for (unsigned round = 0; round < 100; round++) {
        host_boot(&(struct host_config){ .cpus = CPUS, .seed = round + 1 });
        quiesce_reset();
        shown = NULL;
        deferred = ended = 0;
        host_run_parallel(CPUS, turns, NULL);
        while (ended < deferred)
            host_run_parallel(CPUS, last_look, NULL);
        assert_int_equal(ended, deferred);
        assert_true(deferred > CPUS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_ends_in_use) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
