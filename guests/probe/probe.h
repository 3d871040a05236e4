/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe measures what an operation costs in instructions: under
 * `-icount shift=0` one tick of CNTPCT (62.5 MHz) is 16 executed instructions,
 * one of the TSC a single one, the hypervisor's included. Each figure is the best of several batches, so
 * that a scheduler tick inside a batch does not count.
 */
#ifndef GUESTS_PROBE_PROBE_H
#define GUESTS_PROBE_PROBE_H

#include "guests/lib/hypercall.h"

#define BATCHES 12
#define BATCH 200

/* Least ticks that BATCH executions of `body` took; `before` runs ahead of each batch. */
#define BEST_OF(batch, before, body) \
    ({ \
        uint64_t best_ = ~0UL; \
        for (unsigned b_ = 0; b_ < BATCHES; b_++) { \
            uint64_t start_; \
            before; \
            start_ = counter_now(); \
            for (unsigned i_ = 0; i_ < (batch); i_++) { \
                body; \
            } \
            start_ = counter_now() - start_; \
            best_ = start_ < best_ ? start_ : best_; \
        } \
        best_; \
    })

/* Instructions per operation from the ticks of a batch with and without it. */
static inline unsigned long per_operation(uint64_t with, uint64_t without, unsigned long operations)
{
    uint64_t ticks = with > without ? with - without : 0;

    return (ticks * INSNS_PER_TICK + operations / 2) / operations;
}

/* `ROW name value`: one line of the table. */
void row(const char *name, unsigned long value);
void row_signed(const char *name, long value);
/* A row that could not be measured here, with the reason. */
void row_missing(const char *name, const char *why);

/* Each prints the rows of its subject. Of events: the interrupt that their upcall is masked. */
void probe_hypercalls(void);
void probe_events(void);
void probe_calls(const void *fdt);
void probe_interrupts(const void *fdt);
void probe_yield(void);
void probe_domains(void);
void probe_grants(void);
void probe_lateness(void);
void probe_many(void);
void probe_crowd(void);

#endif
