/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/dom0_parts.h"
#include "core/domain.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"

int dom0_add_memory(struct domain *d, const struct memory_range *r)
{
    mfn_t first = MFN(r->base >> PAGE_SHIFT);
    uint64_t count = r->size >> PAGE_SHIFT;

    frame_add_owned(&d->owner, first, count);
    if (d->dma_identity && iommu_map_own(d->iommu, first, count))
        return -E_NOMEM;
    return stage2_map_pages(&d->stage2, GFN(first.v), first, count, S2_RAM);
}

int dom0_map_registers(struct domain *d, uint64_t first, uint64_t end)
{
    ASSERT(d->direct_mapped);
    return first < end ? stage2_map_pages(&d->stage2, GFN(first), MFN(first), end - first, S2_DEVICE) : 0;
}

int dom0_add_vcpus(struct domain *d)
{
    struct domain_locked lock = domain_lock(d);
    struct vcpu *v;
    int error = 0;

    for (unsigned i = 0; !error && i < d->max_vcpus; i++) {
        error = vcpu_create(lock, i, &v);
        if (!error && boot_options.dom0_vcpus_pin) {
            cpu_set pin = { { 0 } };

            bitmap_set(pin.bits, i % cpu_count());
            error = sched_set_affinity(&v->unit, &pin, &pin);
        }
    }
    domain_unlock(lock);
    return error;
}

void dom0_report_memory(const struct range_list *ram)
{
    for (unsigned i = 0; i < ram->count; i++)
        log_info("dom0: memory 0x%llx-0x%llx (%llu MiB)", (unsigned long long)ram->range[i].base,
                 (unsigned long long)(ram->range[i].base + ram->range[i].size - 1),
                 (unsigned long long)(ram->range[i].size >> 20));
}
