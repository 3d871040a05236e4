/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/host_vector.h"
#include "arch/include/x86_irq.h"
#include "core/domain.h"
#include "lib/error.h"
#include "lib/spinlock.h"
#include "vdev/x86_64/vioapic.h"
#include "vdev/x86_64/vlapic.h"
#include "vdev/x86_64/vpci.h"

#define COUNT (X86_VECTOR_END - X86_VECTOR_FIRST)
#define NO_LINE UINT32_MAX
#define SILENT UINT64_MAX       /* no message: its address would not be one of interrupts */

/* A message's address and data (Intel SDM volume 3, 10.11). */
#define MESSAGE_IS_INTERRUPT(m) ((uint32_t)(m) >> 20 == 0xfee)
#define MESSAGE_TO(m) ((uint32_t)(m) >> 12 & 0xff)
#define MESSAGE_LOGICAL(m) ((uint32_t)(m) >> 2 & 1)
#define MESSAGE_VECTOR(m) ((unsigned)((m) >> 32) & 0xff)
#define MESSAGE_MODE(m) ((unsigned)((m) >> 40) & 7)
#define MODE_LOWEST 1

/* Interrupts read this without a lock: domain last when it is given away, and first when it is taken back. */
static struct host_vector {
    struct domain *domain;      /* atomic; NULL: nobody's */
    uint32_t gsi;               /* NO_LINE: messages */
    uint16_t function;          /* of PCI, and which message of it */
    uint32_t n;
    uint64_t message;           /* atomic: the guest's data and address */
    uint32_t cpu;               /* atomic: to which it comes */
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
    const struct host_vector h = { .gsi = gsi, .message = SILENT };

    ASSERT(gsi != NO_LINE);
    return take(d, &h);
}

int host_vector_for_message(struct domain *d, uint16_t function, uint32_t n)
{
    const struct host_vector h = { .gsi = NO_LINE, .function = function, .n = n, .message = SILENT };

    return take(d, &h);
}

void host_vector_free(unsigned vector)
{
    ASSERT(of(vector)->domain);
    arch_vector_end(vector);
    atomic_store_release(&of(vector)->domain, NULL);
}

/* -- messages -- */

static struct vcpu *target_of(struct domain *d, uint64_t message)
{
    bool lowest = MESSAGE_MODE(message) == MODE_LOWEST;

    if (!MESSAGE_IS_INTERRUPT(message) || MESSAGE_VECTOR(message) < 16 || MESSAGE_MODE(message) > MODE_LOWEST)
        return NULL;
    return vlapic_deliver(d, MESSAGE_TO(message), MESSAGE_LOGICAL(message), lowest, 0, false);
}

void host_vector_say(unsigned vector, uint32_t address, uint32_t data)
{
    struct host_vector *h = of(vector);
    uint64_t message = address | (uint64_t)data << 32;
    struct vcpu *v = target_of(h->domain, message);

    if (v)
        atomic_store(&h->cpu, atomic_load(&v->unit.cpu));
    atomic_store(&h->message, message);
}

unsigned host_vector_cpu(unsigned vector)
{
    return atomic_load(&of(vector)->cpu);
}

/* The next one comes to where its vCPU is now. */
static void deliver_message(struct domain *d, struct host_vector *h, unsigned vector)
{
    uint64_t message = atomic_load(&h->message);
    struct vcpu *v = target_of(d, message);
    unsigned cpu, was = atomic_load(&h->cpu);

    if (!v)
        return;
    (void)vlapic_deliver(d, MESSAGE_TO(message), MESSAGE_LOGICAL(message), MESSAGE_MODE(message) == MODE_LOWEST, MESSAGE_VECTOR(message), false);
    cpu = atomic_load(&v->unit.cpu);
    if (likely(cpu == was))
        return;
    atomic_store(&h->cpu, cpu);
    if (!vpci_message_moved(d, vector, h->function, h->n))
        atomic_store(&h->cpu, was);
}

bool host_vector_deliver(unsigned vector)
{
    struct host_vector *h = of(vector);
    struct domain *d = atomic_load_acquire(&h->domain);

    if (!d)
        return false;
    if (h->gsi == NO_LINE)
        deliver_message(d, h, vector);
    else
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
