/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARINC 653: time is cut into major frames of equal length, each frame into windows, and each window belongs to one unit, which runs in it
 * when it is ready; else the CPU idles. Who has no window does not run. The frame belongs to the pool; window boundaries are counted from
 * the frame's start, so that they do not drift. A pool without a frame runs what is ready in turns.
 *
 * Every CPU of the pool follows the same frame with the units that are placed there, and they are placed on the first they may use.
 */
#include "sched/runqueue.h"
#include "lib/assert.h"
#include "lib/string.h"

#define TURN MSEC(10)           /* without a frame */
#define NO_WINDOW SCHED_FRAME_WINDOWS

struct arinc653_cpu {
    struct list ready;
    uint64_t frame;             /* id of the one that `owners` was made for; 0: none */
    struct sched_unit *owners[SCHED_FRAME_WINDOWS];     /* the ready unit of each window */
} ALIGNED(64);

static PER_CPU(struct arinc653_cpu, arinc653_cpus);

static void arinc653_cpu_init(unsigned cpu)
{
    arinc653_cpus[cpu] = (struct arinc653_cpu){ 0 };
    list_init(&arinc653_cpus[cpu].ready);
}

static const struct sched_frame *frame_of(unsigned cpu)
{
    const struct sched_pool *p = runqueues[cpu].pool;

    return p ? atomic_load_acquire(&p->frame) : NULL;
}

static bool owns(const struct sched_unit *u, const struct sched_window *w)
{
    const uint8_t *handle = u->group->handle;

    return handle && u->number == w->number && memcmp(handle, w->handle, sizeof(w->handle)) == 0;
}

static void give_windows(struct arinc653_cpu *c, const struct sched_frame *f, struct sched_unit *u)
{
    for (unsigned i = 0; i < f->count; i++)
        if (owns(u, &f->windows[i]))
            c->owners[i] = u;
}

/* The frame that `owners` is about; it is made anew when the pool has another one. NULL: there is none. */
static const struct sched_frame *current_frame(unsigned cpu)
{
    struct arinc653_cpu *c = &arinc653_cpus[cpu];
    const struct sched_frame *f = frame_of(cpu);
    uint64_t id = f ? f->id : 0;
    struct sched_unit *u;

    ASSERT(spin_is_held(&runqueues[cpu].lock));
    if (likely(id == c->frame))
        return f;
    c->frame = id;
    memset(c->owners, 0, sizeof(c->owners));
    list_for_each(u, &c->ready, queue)
        if (f)
            give_windows(c, f, u);
    return f;
}

/* The window that `now` lies in, NO_WINDOW: behind the last one; *left: until its end. */
static unsigned window_at(const struct sched_frame *f, nsec_t now, nsec_t *left)
{
    nsec_t at = (now - f->start) % f->major, end = 0;

    ASSERT(now >= f->start && f->count <= SCHED_FRAME_WINDOWS);
    for (unsigned i = 0; i < f->count; i++) {
        end += f->windows[i].length;
        if (at < end) {
            *left = end - at;
            return i;
        }
    }
    *left = f->major - at;
    return NO_WINDOW;
}

/* Where it is, or the first. */
static unsigned arinc653_place(const struct sched_unit *u, const struct cpu_filter *allowed)
{
    unsigned last = atomic_load(&u->cpu);

    return cpu_filter_has(allowed, last) ? last : cpu_filter_first(allowed);
}

static void arinc653_enqueue(unsigned cpu, struct sched_unit *u, bool woken UNUSED, nsec_t now UNUSED)
{
    struct arinc653_cpu *c = &arinc653_cpus[cpu];
    const struct sched_frame *f = current_frame(cpu);

    list_push_back(&c->ready, &u->queue);
    if (f)
        give_windows(c, f, u);
}

static void arinc653_dequeue(unsigned cpu, struct sched_unit *u)
{
    struct arinc653_cpu *c = &arinc653_cpus[cpu];

    list_remove(&u->queue);
    for (unsigned i = 0; c->frame && i < SCHED_FRAME_WINDOWS; i++)
        if (c->owners[i] == u)
            c->owners[i] = NULL;
}

static struct sched_unit *arinc653_pick(unsigned cpu, nsec_t now)
{
    struct arinc653_cpu *c = &arinc653_cpus[cpu];
    const struct sched_frame *f = current_frame(cpu);
    struct sched_unit *u;
    unsigned window;
    nsec_t left;

    if (f) {
        window = window_at(f, now, &left);
        u = window == NO_WINDOW ? NULL : c->owners[window];
    } else {
        u = list_empty(&c->ready) ? NULL : list_first(&c->ready, struct sched_unit, queue);
    }
    if (u)
        arinc653_dequeue(cpu, u);
    return u;
}

static void arinc653_account(unsigned cpu UNUSED, struct sched_unit *u UNUSED, nsec_t ran UNUSED, nsec_t now UNUSED)
{
}

static nsec_t arinc653_runs_at(unsigned cpu, const struct sched_unit *woken, const struct sched_unit *running UNUSED, nsec_t since UNUSED,
                               nsec_t now)
{
    const struct sched_frame *f = current_frame(cpu);
    unsigned window;
    nsec_t left;

    if (!f)
        return NSEC_NEVER;
    window = window_at(f, now, &left);
    return window != NO_WINDOW && arinc653_cpus[cpu].owners[window] == woken ? now : NSEC_NEVER;
}

/* To the end of the window, whoever has it. */
static nsec_t arinc653_slice(unsigned cpu, const struct sched_unit *u, nsec_t now)
{
    const struct sched_frame *f = current_frame(cpu);
    nsec_t left;

    if (!f)
        return u ? TURN : NSEC_NEVER;
    (void)window_at(f, now, &left);
    return left;
}

const struct sched_policy sched_policy_arinc653 = {
    .name = "arinc653",
    .abi_id = 7,                /* XEN_SCHEDULER_ARINC653 */
    .cpu_init = arinc653_cpu_init,
    .place = arinc653_place,
    .enqueue = arinc653_enqueue,
    .dequeue = arinc653_dequeue,
    .pick = arinc653_pick,
    .account = arinc653_account,
    .runs_at = arinc653_runs_at,
    .slice = arinc653_slice,
    .has_frame = true,
};
