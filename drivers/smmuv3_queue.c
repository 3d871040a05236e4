/* SPDX-License-Identifier: Apache-2.0 */
/* SMMUv3: the command queue and the event queue. (IHI 0070, 3.5, chapters 4 and 7) */
#include "drivers/smmuv3_internal.h"
#include "mem/heap.h"

#define COMMAND_BITS 8                  /* 256 entries of 16 bytes, 128 of 32: a page each */
#define EVENT_BITS 7
#define COMMAND_WORDS 2
/* A unit that has not answered after so many looks will not. */
#define PATIENCE 10000000
/* Events of one interrupt that are described; the others are counted. */
#define EVENTS_SHOWN 4

/* An index counts through the queue twice: the bit above it tells full from empty. */
static uint32_t next_index(const struct smmu_queue *q, uint32_t index)
{
    return (index + 1) & ((UINT32_C(2) << q->bits) - 1);
}

static int queue_init(struct smmu_queue *q, unsigned bits)
{
    ASSERT(bits <= COMMAND_BITS);
    q->entry = heap_alloc_pages(0);
    q->bits = bits;
    q->index = 0;
    return q->entry ? 0 : -E_NOMEM;
}

static void queue_place(const struct smmu *u, const struct smmu_queue *q, unsigned base, unsigned producer, unsigned consumer)
{
    mmio_write64(u->base, base, smmu_address(q->entry) | q->bits | BASE_ALLOCATE);
    mmio_write32(u->base, producer, 0);
    mmio_write32(u->base, consumer, 0);
}

int smmu_queues_init(struct smmu *u, uint32_t idr1)
{
    unsigned command_bits = MIN(idr1 >> 21 & 31, (uint32_t)COMMAND_BITS), event_bits = MIN(idr1 >> 16 & 31, (uint32_t)EVENT_BITS);
    int r;

    /* A batch and its CMD_SYNC fit into an empty queue. */
    if (BIT(command_bits) <= SMMU_COMMANDS)
        return -E_NODEV;
    r = queue_init(&u->commands, command_bits);
    if (!r)
        r = queue_init(&u->events, event_bits);
    if (r)
        return r;
    queue_place(u, &u->commands, CMDQ_BASE, CMDQ_PROD, CMDQ_CONS);
    queue_place(u, &u->events, EVENTQ_BASE, EVENTQ_PROD, EVENTQ_CONS);
    return 0;
}

int smmu_wait(struct smmu *u, unsigned offset, uint32_t mask, uint32_t value)
{
    for (unsigned i = 0; (mmio_read32(u->base, offset) & mask) != value; i++) {
        if (i == PATIENCE)
            return -E_IO;
        cpu_relax();
    }
    return 0;
}

int smmu_control(struct smmu *u, unsigned control, unsigned acknowledge, uint32_t value)
{
    mmio_write32(u->base, control, value);
    return smmu_wait(u, acknowledge, UINT32_MAX, value);
}

static void put_command(struct smmu_queue *q, const struct smmu_command *c)
{
    uint64_t *entry = &q->entry[(q->index & (BIT(q->bits) - 1)) * COMMAND_WORDS];

    entry[0] = c->word[0];
    entry[1] = c->word[1];
    q->index = next_index(q, q->index);
}

void smmu_command(struct smmu *u, const struct smmu_command *c, unsigned n)
{
    static const struct smmu_command sync = { { CMD_SYNC, 0 } };
    struct smmu_queue *q = &u->commands;

    ASSERT(n <= SMMU_COMMANDS && spin_is_held(&u->lock));
    for (unsigned i = 0; i < n; i++)
        put_command(q, &c[i]);
    put_command(q, &sync);
    mmio_barrier();
    mmio_write32(u->base, CMDQ_PROD, q->index);
    /* Without an answer a device may still reach memory that is about to be somebody else's. */
    for (unsigned i = 0; (mmio_read32(u->base, CMDQ_CONS) & ((UINT32_C(2) << q->bits) - 1)) != q->index; i++) {
        PANIC_IF(i == PATIENCE, "SMMUv3 %u does not answer: CMDQ_CONS %#x, GERROR %#x", u->number,
                 mmio_read32(u->base, CMDQ_CONS), mmio_read32(u->base, GERROR));
        cpu_relax();
    }
    mmio_barrier();
}

/* -- events -- */

/* 7.3: what the hypervisor's tables can make happen; others by their number. */
static const char *const event_names[] = {
    [0x01] = "unsupported access", [0x02] = "unknown stream", [0x04] = "stream of nobody", [0x06] = "stream disabled",
    [0x0a] = "bad context", [0x0b] = "walk aborted", [0x10] = "not mapped", [0x11] = "address too large", [0x12] = "not accessed",
    [0x13] = "not permitted",
};

static bool has_address(unsigned type)
{
    return type == 0x01 || (type >= 0x0b && type <= 0x13);
}

static void show_event(struct smmu *u, const uint64_t *e)
{
    uint32_t stream = (uint32_t)(e[0] >> 32);
    unsigned type = e[0] & 0xff;
    const char *what = type < ARRAY_SIZE(event_names) && event_names[type] ? event_names[type] : "fault";
    const struct iommu_space *p;
    unsigned domain;

    spin_lock(&u->lock);
    p = smmu_stream_owner(u, stream);
    domain = p ? p->domain : 0;
    spin_unlock(&u->lock);
    if (!p)
        log_guest("SMMUv3 %u: stream 0x%x of nobody: %s (event 0x%x)", u->number, stream, what, type);
    else if (has_address(type))
        log_guest("SMMUv3 %u: stream 0x%x of d%u: %s at 0x%llx refused: %s", u->number, stream, domain,
                  e[1] & EVENT_READ ? "read" : "write", (unsigned long long)e[2], what);
    else
        log_guest("SMMUv3 %u: stream 0x%x of d%u: %s (event 0x%x)", u->number, stream, domain, what, type);
}

/* Handling faults costs time that is somebody else's: who makes too many is not heard any more. */
static void stop_storm(struct smmu *u)
{
    bool cut = false;

    if (!iommu_storm_is_on(&u->storm))
        return;
    spin_lock(&u->lock);
    if (!(u->storm.loudest >> u->stream_bits))
        cut = smmu_stream_cut(u, u->storm.loudest);
    spin_unlock(&u->lock);
    if (cut) {
        log_warning("SMMUv3 %u: stream 0x%x makes more than %u faults a second: it is cut off until it is given anew", u->number,
                    u->storm.loudest, IOMMU_FAULTS_PER_SECOND);
        return;
    }
    u->irqs &= ~(uint32_t)IRQ_EVENTQ;
    log_warning("SMMUv3 %u: more than %u faults a second: they are not reported any more", u->number, IOMMU_FAULTS_PER_SECOND);
    if (smmu_control(u, IRQ_CTRL, IRQ_CTRLACK, u->irqs))
        log_warning("SMMUv3 %u: its interrupt does not go off", u->number);
}

/* All there are, whatever their number: a device that floods the queue gets no more of the hypervisor's time than this. */
void smmu_take_events(void *unit)
{
    struct smmu *u = unit;
    struct smmu_queue *q = &u->events;
    uint32_t mask = (UINT32_C(2) << q->bits) - 1, end = mmio_read32(u->base, EVENTQ_PROD), overflow = end & BIT(31);
    unsigned shown = 0;

    ASSERT(q->index <= mask);
    mmio_barrier();
    for (; q->index != (end & mask); q->index = next_index(q, q->index)) {
        const uint64_t *e = &q->entry[(q->index & (BIT(q->bits) - 1)) * EVENT_WORDS];

        iommu_storm_count(&u->storm, (uint32_t)(e[0] >> 32));
        if (shown++ < EVENTS_SHOWN)
            show_event(u, e);
    }
    if (shown > EVENTS_SHOWN)
        log_guest("SMMUv3 %u: %u more faults", u->number, shown - EVENTS_SHOWN);
    mmio_barrier();
    mmio_write32(u->base, EVENTQ_CONS, q->index | overflow);
    stop_storm(u);
}

void smmu_take_error(void *unit)
{
    struct smmu *u = unit;
    uint32_t errors = mmio_read32(u->base, GERROR);

    log_guest("SMMUv3 %u: global error 0x%x", u->number, errors ^ mmio_read32(u->base, GERRORN));
    mmio_write32(u->base, GERRORN, errors);
}
