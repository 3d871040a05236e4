/* SPDX-License-Identifier: Apache-2.0 */
/* What single operations cost: "ROW name ticks" of the TSC each, the loop taken off. Under -icount shift=0 a tick is an instruction. */
#include "../lib/guest.h"

#define TURNS 200

static inline uint64_t now(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static void nothing(void)
{
    __asm__ volatile("" ::: "memory");
}

static void null_call(void)
{
    hypercall(CALL_XEN_VERSION, 0, 0, 0);
}

static void unknown_call(void)
{
    hypercall(0x7fff, 0, 0, 0);
}

static void yield(void)
{
    hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
}

static void cpuid(void)
{
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
}

/* Six words are read at an address of ours. */
static void copy_call(void)
{
    static struct { uint64_t words[4]; } buffer;

    hypercall(CALL_XEN_VERSION, 1, (uint64_t)&buffer, 0);
}

static uint64_t cost(void (*what)(void))
{
    uint64_t begin;

    what();
    begin = now();
    for (unsigned i = 0; i < TURNS; i++)
        what();
    return (now() - begin) / TURNS;
}

void guest_main(const void *start_info)
{
    static const struct { const char *name; void (*what)(void); } rows[] = {
        { "hypercall_null", null_call }, { "hypercall_unknown", unknown_call }, { "sched_yield", yield }, { "cpuid", cpuid },
        { "rdtsc", rdtsc }, { "hypercall_copy", copy_call },
    };
    uint64_t loop;

    (void)start_info;
    exceptions_start();
    loop = cost(nothing);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        say("ROW %s %lu\n", rows[i].name, cost(rows[i].what) - loop);
    done();
}
