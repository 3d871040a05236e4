/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is limited: a child takes one kind of thing until it is told no, by the error that docs/quotas.md names; it may go on with what
 * it has. A neighbour wakes every millisecond meanwhile and notices nothing; afterwards every page is back.
 */

#include "guests/hostile_limits/limits.h"

#define NOT_LATER_THAN_US 3000
#define MANY 300

struct scene {
    const char *name;
    child_fn take;
    long least, most; /* how much it gets */
    long then; /* and what it is told after that */
    int32_t maptrack_frames;
};

static const struct scene scenes[] = {
    { "event channels", take_ports, 1023, 1023, -XEN_ENOSPC, -1 },
    { "event array pages", take_array_pages, 128, 128, -XEN_ENOSPC, -1 },
    { "grant table frames", take_grant_frames, 64, 64, -XEN_EINVAL, -1 },
    { "maptrack entries", take_maptrack, 128, 512, GNTST_no_space, 1 },
    { "watchdog timers", take_watchdogs, 2, 2, -XEN_ENOSPC, -1 },
    { "stage 2 tables", take_tables, 100, 256, -XEN_ENOMEM, -1 },
    { "memory", take_memory, 256, 256, 0, -1 },
    { "the log", flood_console, 1, 1000000, 0, -1 },
};

/* argument[0] other than 0: begin to measure anew. result[0]: wakes, result[1]: the latest of them, in ticks. */
static void neighbour(struct child_page *page)
{
    uint64_t deadline = read_sysreg(cntvct_el0), late;

    gic_init(NULL);
    gic_enable(PPI_VTIMER);
    for (;;) {
        while (deadline <= read_sysreg(cntvct_el0))
            deadline += TICKS_PER_MS;
        late = timer_sleep_until(deadline);
        if (page->argument[0]) {
            page->argument[0] = 0;
            page->result[0] = page->result[1] = 0;
            late = 0;
        }
        page->result[0]++;
        if ((long)late > page->result[1])
            page->result[1] = (long)late;
        if (page->result[0] % 64 == 1)
            print("the neighbour speaks\n");
    }
}

static void say(const char *scene, const char *what, bool ok, long got, long want)
{
    char name[96];
    size_t at = strlen(scene);

    memcpy(name, scene, at);
    memcpy(name + at, ": ", 2);
    memcpy(name + at + 2, what, strlen(what) + 1);
    check(ok, name, "got %ld, want %ld", got, want);
}

static void measure_anew(const struct child *beside)
{
    beside->page->argument[0] = 1;
    for (uint64_t begin = counter_now(); beside->page->argument[0] && counter_now() - begin < 1000 * TICKS_PER_MS;)
        sched_op(SCHEDOP_yield, NULL);
}

/* Lets it work a while longer, and looks at what it has seen. */
static void check_neighbour(const char *scene, const struct child *beside, bool in_time)
{
    uint64_t begin = counter_now();
    long worst;

    while (beside->page->result[0] < 20 && counter_now() - begin < 2000 * TICKS_PER_MS)
        sched_op(SCHEDOP_yield, NULL);
    worst = beside->page->result[1] * 1000 / (long)TICKS_PER_MS;
    say(scene, "the neighbour works", beside->page->result[0] >= 20, beside->page->result[0], 20);
    print("NOTE %s: the neighbour was at most %ld us late\n", scene, worst);
    if (in_time)
        say(scene, "the neighbour is in time", worst <= NOT_LATER_THAN_US, worst, NOT_LATER_THAN_US);
}

static void play(const struct scene *s, const struct child *beside, bool in_time)
{
    static struct child child;
    struct host_memory before = host_memory_now();
    volatile long *result;
    bool built, ended;

    domain_maptrack_frames = s->maptrack_frames;
    built = child_build(&child, 1, s->take) == 0;
    domain_maptrack_frames = -1;
    say(s->name, "built", built, built, true);
    if (!built)
        return;
    measure_anew(beside);
    child_unpause(&child);
    ended = child_wait(&child, 20000 * TICKS_PER_MS);
    result = child.page->result;
    say(s->name, "it ends", ended && child.page->done, ended, true);
    say(s->name, "it gets as much as it may", result[GOT] >= s->least && result[GOT] <= s->most, result[GOT], s->most);
    say(s->name, "then it is told no", result[THEN] == s->then, result[THEN], s->then);
    say(s->name, "it goes on with what it has", result[AGAIN] == result[AGAIN_WANTED], result[AGAIN], result[AGAIN_WANTED]);
    check_neighbour(s->name, beside, in_time);
    domain_destroy(child.id);
    foreign_unmap(child.page);
    say(s->name, "gone", domain_wait_gone(child.id, 5000 * TICKS_PER_MS), 0, 0);
    check_host_memory(&before);
}

static void play_many(const struct child *beside, bool in_time)
{
    struct host_memory before = host_memory_now();

    measure_anew(beside);
    many_domains(MANY);
    check_neighbour("many domains", beside, in_time);
    check_host_memory(&before);
    measure_anew(beside);
    all_domains();
    check_neighbour("all domains", beside, in_time);
    check_host_memory(&before);
}

void guest_main(const void *fdt)
{
    static struct child beside;
    bool in_time = fdt_option(fdt, "timed");

    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    if (child_build(&beside, 1, neighbour) || child_unpause(&beside))
        guest_panic("no neighbour");
    for (unsigned i = 0; i < ARRAY_SIZE(scenes); i++)
        play(&scenes[i], &beside, in_time);
    play_many(&beside, in_time);
    test_done();
}
