/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/boot_info.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "mem/frame.h"

void range_add(struct range_list *l, uint64_t base, uint64_t size)
{
    if (base + size < base)
        size = UINT64_MAX - base;
    if (l->count == MAX_RANGES) {
        log_warning("memory map: more than %u ranges, 0x%llx..0x%llx is lost", MAX_RANGES,
                    (unsigned long long)base, (unsigned long long)(base + size - 1));
        return;
    }
    l->range[l->count++] = (struct memory_range){ base, size };
}

void range_remove(struct range_list *l, uint64_t base, uint64_t size)
{
    uint64_t end = base + size;
    unsigned count = l->count;

    ASSERT(end >= base);
    for (unsigned i = 0; i < count; i++) {
        struct memory_range *r = &l->range[i];
        uint64_t r_end = r->base + r->size;

        if (r->size == 0 || end <= r->base || base >= r_end)
            continue;
        if (base > r->base && end < r_end)
            range_add(l, end, r_end - end);
        if (base > r->base) {
            r->size = base - r->base;
        } else {
            r->size = end < r_end ? r_end - end : 0;
            r->base = MIN(end, r_end);
        }
    }
    count = 0;
    for (unsigned i = 0; i < l->count; i++)
        if (l->range[i].size)
            l->range[count++] = l->range[i];
    l->count = count;
}

bool range_overlaps(const struct range_list *l, uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < l->count; i++)
        if (base < l->range[i].base + l->range[i].size && l->range[i].base < base + size)
            return true;
    return false;
}

bool range_contains(const struct range_list *l, uint64_t base, uint64_t size)
{
    for (unsigned i = 0; i < l->count; i++)
        if (base >= l->range[i].base && size <= l->range[i].size &&
            base - l->range[i].base <= l->range[i].size - size)
            return true;
    return false;
}

unsigned largest_order(uint64_t frame, uint64_t count)
{
    unsigned order = MAX_ORDER;

    ASSERT(count >= 1);
    while (order && (!IS_ALIGNED(frame, BIT(order)) || count < BIT(order)))
        order--;
    return order;
}
