/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What partitions share without a control domain: memory and event channels. The memory belongs to the hypervisor, so that it outlives each
 * of those who see it; every mapping holds a reference of its own.
 */
#include "arch/include/mapping.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "partition/partition.h"

#define BLOCK_ORDER 9
/* Entries looked at, or made, in one call. */
#define ENTRIES_PER_CALL 4

struct partition_plan partition_dom0;

/* Out of the allocator, which has never seen it, into the hypervisor's hands, cleaned of what the loader left. Boot. */
static void take_region(uint64_t first, uint64_t count)
{
    frame_add_reserved(&hypervisor_owner, MFN(first), count);
    hypervisor_owner.one_to_one = false;        /* only these frames are reserved */
    for (uint64_t done = 0; done < count;) {
        unsigned order = MIN(largest_order(first + done, count - done), (unsigned)BLOCK_ORDER);

        PANIC_IF(frame_take_reserved(&hypervisor_owner, MFN(first + done), order), "shared memory at frame 0x%llx is not free",
                 (unsigned long long)(first + done));
        arch_frame_scrub(MFN(first + done), order);
        done += BIT(order);
    }
}

/* Is the frame shared memory already, taken for a domain that was built before? */
static bool is_taken(uint64_t mfn)
{
    return frame_owner(MFN(mfn)) == OWNER_HYPERVISOR;
}

/* Pages from gfn on that map what they should; 0: it does not. */
static uint64_t mapped_right(struct domain *d, uint64_t gfn, uint64_t mfn, enum s2_type *type)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    unsigned order;
    mfn_t there;

    *type = stage2_lookup(l, GFN(gfn), &there, &order);
    stage2_unlock(l);
    if (*type != S2_FOREIGN_RW || there.v != mfn)
        return 0;
    return BIT(order) - (gfn & (BIT(order) - 1));
}

static int map_block(struct domain *d, uint64_t gfn, uint64_t mfn, unsigned order)
{
    int error;

    for (uint64_t i = 0; i < BIT(order); i++)
        frame_get_another(MFN(mfn + i));
    error = stage2_map(&d->stage2, GFN(gfn), MFN(mfn), order, S2_FOREIGN_RW);
    if (error)
        frame_put_range(MFN(mfn), BIT(order));
    return error;
}

/* One entry of the share, `page` pages into it; how many pages it is, or an error. */
static int64_t map_next(struct domain *d, const struct partition_share *s, uint64_t page)
{
    uint64_t gfn = (s->guest >> PAGE_SHIFT) + page, mfn = (s->host >> PAGE_SHIFT) + page, left = (s->size >> PAGE_SHIFT) - page;
    unsigned order = MIN(MIN(largest_order(gfn, left), largest_order(mfn, left)), (unsigned)BLOCK_ORDER);
    enum s2_type type;
    uint64_t right;
    int error;

    if (!is_taken(mfn))
        take_region(s->host >> PAGE_SHIFT, s->size >> PAGE_SHIFT);
    right = mapped_right(d, gfn, mfn, &type);
    if (right)
        return (int64_t)MIN(right, left);
    if (s2_type_is_own(type) || type == S2_DEVICE)
        return -E_BUSY;
    error = map_block(d, gfn, mfn, order);
    return error ? error : (int64_t)BIT(order);
}

/* *done counts pages over all shares. */
static int map_shares(struct domain *d, const struct partition_plan *plan, uint64_t *done)
{
    unsigned entries = 0;
    uint64_t before = 0;

    for (unsigned i = 0; i < plan->share_count; i++) {
        uint64_t pages = plan->shares[i].size >> PAGE_SHIFT;

        while (*done < before + pages) {
            int64_t n = entries++ < ENTRIES_PER_CALL ? map_next(d, &plan->shares[i], *done - before) : -E_RESTART;

            if (n < 0)
                return (int)n;
            *done += (uint64_t)n;
        }
        before += pages;
    }
    return 0;
}

/* The other end's port if that domain's plan has it. */
static const struct partition_channel *find_end(const struct partition_plan *plan, uint32_t phandle)
{
    for (unsigned i = 0; i < plan->channel_count; i++)
        if (plan->channels[i].phandle == phandle)
            return &plan->channels[i];
    return NULL;
}

static int connect_to(struct domain *d, const struct partition_channel *c, struct domain *other, const struct partition_plan *plan)
{
    const struct partition_channel *end = other ? find_end(plan, c->peer) : NULL;

    return end && end->peer == c->phandle ? event_connect_fixed(d, c->port, other, end->port) : 0;
}

/* An end whose domain is not there yet is connected when that comes. */
static int connect(struct domain *d, const struct partition_channel *c)
{
    struct partition *p;
    int error = connect_to(d, c, control_domain, &partition_dom0);

    list_for_each(p, &partitions, link)
        if (!error && p->plan->channel_count)
            error = connect_to(d, c, atomic_load(&p->domain), p->plan);
    return error;
}

int partition_share(struct domain *d, const struct partition_plan *plan, uint64_t *done)
{
    int error = map_shares(d, plan, done);

    for (unsigned i = 0; !error && i < plan->channel_count; i++) {
        error = connect(d, &plan->channels[i]);
        if (error && error != -E_RESTART)
            log_error("d%u: its static event channel %u could not be connected (error %d)", d->id.v, plan->channels[i].port, error);
    }
    return error;
}

/* As the reference writes them (docs/misc/arm/device-tree/booting.txt, "Static Shared Memory"; Linux: xen,shared-memory-v1). */
void partition_write_shares(const struct partition_plan *plan, struct dt_writer *out)
{
    char name[40];

    if (!plan->share_count)
        return;
    dt_write_begin(out, "reserved-memory");
    dt_write_u32(out, "#address-cells", 2);
    dt_write_u32(out, "#size-cells", 2);
    dt_write_property(out, "ranges", "", 0);
    for (unsigned i = 0; i < plan->share_count; i++) {
        const struct partition_share *s = &plan->shares[i];
        const uint32_t reg[] = { (uint32_t)(s->guest >> 32), (uint32_t)s->guest, (uint32_t)(s->size >> 32), (uint32_t)s->size };

        format_string(name, sizeof(name), "xen-shmem@%llx", (unsigned long long)s->guest);
        dt_write_begin(out, name);
        dt_write_string(out, "compatible", "xen,shared-memory-v1");
        dt_write_cells(out, "reg", reg, ARRAY_SIZE(reg));
        dt_write_string(out, "xen,id", s->id);
        dt_write_end(out);
    }
    dt_write_end(out);
}
