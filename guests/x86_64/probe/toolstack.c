/* SPDX-License-Identifier: Apache-2.0 */
/* What the shared parts of guests/ need of an x86-64 guest (toolstack.h). */
#include "guests/lib/hypercall.h"

#define CALIBRATION_TURNS 500000
#define INSNS_PER_TURN 2
#define PATIENCE 50000000

static uint64_t insns_per_tick = UINT64_C(1) << 32;

static uint64_t ticks(void)
{
    uint32_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

uint64_t counter_now(void)
{
    return (uint64_t)(((unsigned __int128)ticks() * insns_per_tick) >> 32);
}

void counter_calibrate(void)
{
    uint64_t turns = CALIBRATION_TURNS, begin = ticks(), spent;

    asm volatile("1: dec %0; jnz 1b" : "+r"(turns) : : "cc");
    spent = ticks() - begin;
    insns_per_tick = ((uint64_t)CALIBRATION_TURNS * INSNS_PER_TURN << 32) / spent;
}

_Noreturn void guest_panic(const char *format, ...)
{
    say("FAIL %s\n", format);
    done();
}

void *memset(void *to, int value, size_t n)
{
    void *at = to;

    asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    void *at = to;

    asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
    return to;
}

bool wait_for(const volatile unsigned *value, unsigned wanted, uint64_t limit)
{
    uint64_t begin = counter_now();

    while (*value < wanted) {
        if (counter_now() - begin > limit)
            return false;
        sched_op(SCHEDOP_yield, NULL);
    }
    return true;
}

static void (*other_fn)(void *);
static void *other_arg;
static volatile unsigned other_runs;

static void other(void)
{
    other_runs = 1;
    other_fn(other_arg);
    for (;;)
        asm volatile("cli; hlt");
}

long cpu_start(unsigned id, void (*fn)(void *), void *arg)
{
    other_fn = fn;
    other_arg = arg;
    start_processor(2 * id, other);
    return wait_for(&other_runs, 1, PATIENCE) ? 0 : -1;
}

void domain_words(struct xen_domctl_createdomain *words)
{
    words->arch.emulation_flags = XEN_X86_EMU_LAPIC;
}

long child_configure(domid_t id)
{
    (void)id;
    return 0;
}

/* Its memory is looked at, it never runs. */
long child_prepare(domid_t id, child_fn fn)
{
    (void)id;
    (void)fn;
    return 0;
}
