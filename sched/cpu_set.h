/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of CPUs, and filters: CPUs by the sets that they must be in. With thousands of CPUs a set is hundreds of bytes, so that what chooses a
 * CPU copies none and joins none: it looks at the words that it comes to. */
#ifndef SCHED_CPU_SET_H
#define SCHED_CPU_SET_H

#include "config.h"
#include "lib/atomic.h"
#include "lib/bitmap.h"

typedef struct {
    uint64_t bits[BITMAP_WORDS(MAX_CPUS)];
} cpu_set;

/* The CPUs of the pool that are in each of the other sets. What it points to may change meanwhile: it says what there is when it is asked. */
struct cpu_filter {
    const cpu_set *pool;        /* atomic bits */
    const cpu_set *hard, *soft; /* NULL: all CPUs */
    const unsigned *except;     /* these are left out */
    unsigned exceptions;
};

static inline cpu_set cpu_set_all(void)
{
    cpu_set r;

    for (unsigned i = 0; i < BITMAP_WORDS(MAX_CPUS); i++)
        r.bits[i] = ~UINT64_C(0);
    return r;
}

static inline bool cpu_set_has(const cpu_set *s, unsigned cpu)
{
    return bitmap_test(s->bits, cpu);
}

static inline bool cpu_set_is_all(const cpu_set *s)
{
    unsigned last = BITMAP_WORDS(MAX_CPUS) - 1;
    uint64_t clear = ~s->bits[last] << (64 * (last + 1) - MAX_CPUS);

    for (unsigned i = last; i; i--)
        clear |= ~s->bits[i - 1];
    return clear == 0;
}

/* 64 CPUs of it; exceptions are among them. */
static inline uint64_t cpu_filter_word(const struct cpu_filter *f, unsigned i)
{
    uint64_t word = atomic_load(&f->pool->bits[i]);

    if (unlikely(f->hard))
        word &= f->hard->bits[i];
    if (unlikely(f->soft))
        word &= f->soft->bits[i];
    return word;
}

static inline bool cpu_filter_has(const struct cpu_filter *f, unsigned cpu)
{
    for (unsigned i = 0; i < f->exceptions; i++)
        if (f->except[i] == cpu)
            return false;
    return cpu_filter_word(f, cpu / 64) >> cpu % 64 & 1;
}

/* The first CPU of it, or MAX_CPUS; it has no exceptions. */
static inline unsigned cpu_filter_first(const struct cpu_filter *f)
{
    for (unsigned i = 0; i < BITMAP_WORDS(MAX_CPUS); i++) {
        uint64_t word = cpu_filter_word(f, i);

        if (word)
            return i * 64 + (unsigned)__builtin_ctzll(word);
    }
    return MAX_CPUS;
}

#endif
