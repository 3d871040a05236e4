/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/ranges.h"
#include "lib/assert.h"
#include "lib/print.h"

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

/* How far apart two ranges are; 0: they touch. */
static uint64_t distance(const struct memory_range *a, const struct memory_range *b)
{
    if (a->base > b->base)
        return distance(b, a);
    return b->base - a->base > a->size ? b->base - a->base - a->size : 0;
}

static void grow(struct memory_range *r, const struct memory_range *with)
{
    uint64_t end = MAX(r->base + r->size, with->base + with->size);

    r->base = MIN(r->base, with->base);
    r->size = end - r->base;
}

void range_add_joined(struct range_list *l, uint64_t base, uint64_t size)
{
    struct memory_range all = { base, size };

    for (unsigned i = 0; i < l->count; ) {
        if (distance(&l->range[i], &all) == 0) {
            grow(&all, &l->range[i]);
            l->range[i] = l->range[--l->count];
            i = 0;
        } else {
            i++;
        }
    }
    range_add(l, all.base, all.size);
}

void range_add_near(struct range_list *l, uint64_t base, uint64_t size)
{
    struct memory_range wanted = { ROUND_DOWN(base, PAGE_SIZE), 0 };
    unsigned nearest = 0;

    wanted.size = ROUND_UP(MIN(size, UINT64_MAX - PAGE_SIZE - base) + (base - wanted.base), PAGE_SIZE);
    for (unsigned i = 1; i < l->count; i++)
        if (distance(&l->range[i], &wanted) < distance(&l->range[nearest], &wanted))
            nearest = i;
    if (l->count && (l->count == MAX_RANGES || distance(&l->range[nearest], &wanted) == 0))
        grow(&l->range[nearest], &wanted);
    else
        range_add(l, wanted.base, wanted.size);
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

void range_remove_all(struct range_list *l, const struct range_list *what)
{
    ASSERT(l != what);
    for (unsigned i = 0; i < what->count; i++)
        range_remove(l, what->range[i].base, what->range[i].size);
}

uint64_t range_total(const struct range_list *l)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < l->count; i++)
        sum += l->range[i].size;
    return sum;
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
