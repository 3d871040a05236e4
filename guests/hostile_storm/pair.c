/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile frontend and a hostile backend: two domains that grant, map, copy, revoke, bind and close at each other until one of
 * them is destroyed in the middle of it, over and over. No page may be lost, and the host goes on.
 */

#include "guests/hostile_storm/pair.h"
#include "guests/hostile_storm/storm.h"

#define ROUNDS 12
#define CALLS_EACH 4000
#define CALLS_NEVER_ENDING (1UL << 40)

bool is_control_domain(void)
{
    return domain_flags(0) >= 0;
}

/* argument[0]: seed, [1]: calls, [2]: the other's number, [3]: FOCUS_*. result[0..1]: what was done. */
static void storm_child(struct child_page *page)
{
    move_home(CHILD_MAGIC, (uint64_t)storm_child - (uint64_t)_start, (uint64_t)page);
    storm.seed = page->argument[0];
    storm.calls = page->argument[1];
    storm.focus = (uint32_t)page->argument[3];
    for (unsigned i = 1; i < PEERS; i++)
        storm.peers[i] = (domid_t)page->argument[2];
    storm.report = page->result;
    storm_main();
}

static void wait_ms(unsigned ms)
{
    uint64_t start = counter_now();

    while (counter_now() - start < ms * TICKS_PER_MS)
        sched_op(SCHEDOP_yield, NULL);
}

static bool start(struct child *child, uint64_t seed, domid_t other, uint64_t calls, unsigned focus)
{
    child->page->argument[0] = seed;
    child->page->argument[1] = calls;
    child->page->argument[2] = other;
    child->page->argument[3] = focus;
    return child_unpause(child) == 0;
}

/* Until it has made so many calls, some of them with success. */
static bool wait_calls(const struct child *child, long calls)
{
    for (unsigned ms = 0; ms < 20000; ms++) {
        if (child->page->result[0] >= calls && child->page->result[1] > 0)
            return true;
        wait_ms(1);
    }
    return false;
}

static bool end(const struct child *child)
{
    return domain_destroy(child->id) == 0 && foreign_unmap(child->page) == 0 &&
           domain_wait_gone(child->id, 5000 * TICKS_PER_MS);
}

/* One is taken away while both are at it; the other goes on with the frames and ports of a domain that is gone. */
static void play(uint64_t seed, unsigned focus)
{
    static struct child front, back;
    struct host_memory before = host_memory_now();
    bool built = child_build(&front, 3, storm_child) == 0 && child_build(&back, 3, storm_child) == 0;

    check(built, "two domains are built", "seed %lu", seed);
    if (!built)
        return;
    check(start(&front, seed, back.id, CALLS_NEVER_ENDING, focus) && start(&back, seed + 1, front.id, CALLS_NEVER_ENDING, focus),
          "they start", "seed %lu", seed);
    check(wait_calls(&front, CALLS_EACH + 100 * (long)seed) && wait_calls(&back, CALLS_EACH), "both are at it", "seed %lu: %ld and %ld calls", seed,
          front.page->result[0], back.page->result[0]);
    print("NOTE seed %lu: %ld of %ld and %ld of %ld calls without an error\n", seed, front.page->result[1],
          front.page->result[0], back.page->result[1], back.page->result[0]);
    check(!(domain_flags(front.id) & XEN_DOMINF_shutdown) && !(domain_flags(back.id) & XEN_DOMINF_shutdown),
          "neither has ended itself", "seed %lu: flags 0x%lx 0x%lx", seed, domain_flags(front.id), domain_flags(back.id));
    check(domain_destroy(front.id) == 0 && foreign_unmap(front.page) == 0, "one is destroyed", "seed %lu", seed);
    wait_ms(100);
    check(end(&back), "then the other", "seed %lu", seed);
    check(domain_wait_gone(front.id, 5000 * TICKS_PER_MS), "both are gone", "seed %lu", seed);
    check_host_memory(&before);
}

/* The first of everything may make the host allocate what it keeps. */
static void warm_up(void)
{
    static struct child child;

    if (child_build(&child, 3, storm_child))
        guest_panic("no domain at all");
    start(&child, 1, 0, 4096, FOCUS_ALL);
    child_wait(&child, 20000 * TICKS_PER_MS);
    print("storm: warmed up by %ld calls, %ld without error\n", child.page->result[0], child.page->result[1]);
    end(&child);
}

void pair_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    warm_up();
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        play(seed, seed & 1 ? FOCUS_SHARING : FOCUS_ALL);
    test_done();
}
