/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/host_vector.h"
#include "arch/include/x86_irq.h"
#include "core/domain.h"
#include "lib/error.h"
#include "lib/spinlock.h"
#include "vdev/x86_64/vioapic.h"

#define COUNT (X86_VECTOR_END - X86_VECTOR_FIRST)
/* Interrupts read this without a lock: domain last when it is given away, and first when it is taken back. */
static struct host_vector {
    struct domain *domain;      /* atomic; NULL: nobody's */
    uint32_t gsi;
} vectors[COUNT];
static spinlock_t lock = SPINLOCK(LOCK_ITS);

static struct host_vector *of(unsigned vector)
{
    ASSERT(vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    return &vectors[vector - X86_VECTOR_FIRST];
}

static int take(struct domain *d, const struct host_vector *what)
{
    int vector = -E_NOSPC;

    spin_lock(&lock);
    for (unsigned i = 0; i < COUNT && vector < 0; i++) {
        if (vectors[i].domain)
            continue;
        vectors[i] = *what;
        atomic_store_release(&vectors[i].domain, d);
        vector = (int)(X86_VECTOR_FIRST + i);
    }
    spin_unlock(&lock);
    return vector;
}

int host_vector_for_line(struct domain *d, uint32_t gsi)
{
    const struct host_vector h = { .gsi = gsi };

    return take(d, &h);
}

void host_vector_free(unsigned vector)
{
    ASSERT(of(vector)->domain);
    atomic_store_release(&of(vector)->domain, NULL);
}

bool host_vector_deliver(unsigned vector)
{
    struct host_vector *h = of(vector);
    struct domain *d = atomic_load_acquire(&h->domain);

    if (!d)
        return false;
    vioapic_host_line(d, h->gsi);
    return true;
}

unsigned host_vectors_free_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < COUNT; i++)
        n += !vectors[i].domain;
    return n;
}
