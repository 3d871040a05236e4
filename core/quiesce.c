/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deferred freeing. A counter of epochs; each CPU notes the last one it saw at a moment when it held no looked-up pointer:
 *
 *   defer:  (unlinked before) -> epoch = ++now -> push on the stack -> ask every CPU
 *   point:  seen[cpu] = now -> take the whole stack -> run what every CPU has seen, push the rest back
 *
 * Whoever pushes something back looks again at what the others have seen meanwhile; so the last one to pass, or the last one to
 * push back, finds the call due, and none is forgotten.
 */
#include "core/quiesce.h"
#include "arch/include/cpu.h"
#include "lib/spinlock.h"
#include "lib/cpu_work.h"

static uint64_t now_epoch = 1;
static struct {
    uint64_t epoch;
} ALIGNED(64) seen[MAX_CPUS];
/* A stack linked by link.next; taken as a whole, so there is no reuse problem (ABA). */
static struct list *deferred;

void quiesce_reset(void)
{
    deferred = NULL;
}

static void push(struct quiesce_call *c)
{
    struct list *head = atomic_load(&deferred);

    do {
        c->link.next = head;
    } while (!atomic_compare_exchange(&deferred, &head, &c->link));
}

void quiesce_defer(struct quiesce_call *c, void (*run)(struct quiesce_call *c))
{
    ASSERT(c && run);
    c->run = run;
    /* Full barrier: the caller's unlinking comes before the new epoch; meets the one in quiesce_point. */
    c->epoch = atomic_fetch_add(&now_epoch, 1) + 1;
    push(c);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_is_online(cpu))
            cpu_work_raise(cpu, CPU_WORK_QUIESCE);
}

/* The epoch that every CPU has seen. */
static uint64_t seen_by_all(void)
{
    uint64_t least = atomic_load(&now_epoch);

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_is_online(cpu))
            /* Acquire: its use of what it had found comes before the end of that. */
            least = MIN(least, atomic_load_acquire(&seen[cpu].epoch));
    return least;
}

/* Run the calls of this stack that are due; true when some are not and have been pushed back. */
static bool run_due(struct list *stack, uint64_t safe)
{
    bool waiting = false;

    while (stack) {
        struct quiesce_call *c = list_entry(stack, struct quiesce_call, link);

        stack = stack->next;
        ASSERT(c->run);
        if (c->epoch <= safe) {
            c->run(c);
        } else {
            push(c);
            waiting = true;
        }
    }
    return waiting;
}

void quiesce_point(void)
{
    uint64_t safe;

    spin_assert_none_held();
    /* Release: this CPU's use of what it had found comes before its note. */
    atomic_store_release(&THIS_CPU(seen).epoch, atomic_load(&now_epoch));
    /* And its next look-up comes after the epoch that it has noted; meets the full barrier in quiesce_defer. */
    barrier_full();
    do {
        safe = seen_by_all();
        if (!run_due(atomic_exchange(&deferred, NULL), safe))
            return;
        barrier_full();
    } while (seen_by_all() > safe);
}
