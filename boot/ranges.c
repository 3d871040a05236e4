/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/ranges.h"
#include "lib/assert.h"
#include "lib/print.h"

#define COARSE_RANGES 16
#define COARSE_GAP UINT64_C(0x200000)

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
static ALWAYS_INLINE uint64_t distance(const struct memory_range *a, const struct memory_range *b)
{
    uint64_t size = a->base > b->base ? b->size : a->size, apart = a->base > b->base ? a->base - b->base : b->base - a->base;

    return apart > size ? apart - size : 0;
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

static unsigned nearest(const struct range_list *l, const struct memory_range *to)
{
    uint64_t least = UINT64_MAX;
    unsigned best = 0;

    for (unsigned i = 0; i < l->count; i++) {
        uint64_t d = distance(&l->range[i], to);

        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

static ALWAYS_INLINE void add_near(struct range_list *l, uint64_t base, uint64_t size, unsigned most, uint64_t near)
{
    struct memory_range wanted = { ROUND_DOWN(base, PAGE_SIZE), 0 };
    bool full = l->count >= most;
    unsigned at = l->count - 1;

    wanted.size = ROUND_UP(MIN(size, UINT64_MAX - PAGE_SIZE - base) + (base - wanted.base), PAGE_SIZE);
    /* What is added next mostly lies at or behind what was added last. */
    if (l->count && distance(&l->range[at], &wanted) > (full ? near : 0))
        at = nearest(l, &wanted);
    if (l->count && (full || distance(&l->range[at], &wanted) == 0))
        grow(&l->range[at], &wanted);
    else
        range_add(l, wanted.base, wanted.size);
}

void range_add_near(struct range_list *l, uint64_t base, uint64_t size)
{
    add_near(l, base, size, MAX_RANGES, 0);
}

HOT void range_add_coarse(struct range_list *l, uint64_t base, uint64_t size)
{
    add_near(l, base, size, COARSE_RANGES, COARSE_GAP);
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
