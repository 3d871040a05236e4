/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap: whole blocks of pages, and small objects cut from slabs. A slab is one block of frames of one size class,
 * aligned to its size, so that an object finds its slab by masking its address.
 *
 *   +--------+ - - +--------+--------+--------+--------+
 *   | header | pad | object | object |  ...   | object |     free objects are linked through their first word
 *   +--------+ - - +--------+--------+--------+--------+
 */
#include "mem/heap.h"
#include "arch/include/mapping.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mem/frame_table.h"

#define SMALLEST_SHIFT 4
#define LARGEST_SHIFT 11
#define HEAP_MAX_ORDER 10

struct free_object {
    struct free_object *next;
};

struct slab {
    struct list link;           /* of its class, while an object is free */
    struct free_object *free;
    uint16_t used, capacity;
    uint16_t shift;             /* log2 of the size of an object */
};

static struct size_class {
    struct list partial;        /* slabs with a free object */
} classes[LARGEST_SHIFT + 1];
static spinlock_t heap_lock = SPINLOCK(LOCK_HEAP);
static uint64_t pages_used;
static uint64_t objects_used;   /* counted in checked builds; under heap_lock */

void heap_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(classes); i++)
        list_init(&classes[i].partial);
    pages_used = objects_used = 0;
}

/* Large objects get a larger slab, so that the header costs one of eight and not one of two. */
static unsigned slab_order(unsigned shift)
{
    return shift >= 10 ? 2 : 0;
}

static unsigned size_shift(size_t size)
{
    return size <= 16 ? SMALLEST_SHIFT : 64 - (unsigned)__builtin_clzll(size - 1);
}

static unsigned page_order(size_t size)
{
    return size <= PAGE_SIZE ? 0 : 64 - (unsigned)__builtin_clzll((size - 1) >> PAGE_SHIFT);
}

static void *map_pages(unsigned order)
{
    mfn_t mfn;

    if (frame_alloc(&hypervisor_owner, order, FRAME_NO_SCRUB, &mfn))
        return NULL;
    if (arch_heap_map(mfn, order)) {
        frame_put_block(mfn, order);
        return NULL;
    }
    atomic_fetch_add(&pages_used, BIT(order));
    return arch_heap_address(mfn);
}

void *heap_alloc_pages(unsigned order)
{
    void *p;

    if (order > HEAP_MAX_ORDER)
        return NULL;
    p = map_pages(order);
    if (p)
        arch_zero_pages(p, PAGE_SIZE << order);
    return p;
}

void heap_free_pages(void *p, unsigned order)
{
    mfn_t mfn = arch_heap_frame(p);

    ASSERT(IS_ALIGNED((uintptr_t)p, PAGE_SIZE) && order <= HEAP_MAX_ORDER);
    ASSERT(frame_owner(mfn) == OWNER_HYPERVISOR);
    arch_heap_unmap(mfn, order);
    atomic_fetch_sub(&pages_used, BIT(order));
    frame_put_block(mfn, order);
}

/* A new slab with all its objects free and hidden. */
static struct slab *make_slab(unsigned shift)
{
    size_t bytes = PAGE_SIZE << slab_order(shift), object = BIT(shift), first = ROUND_UP(sizeof(struct slab), object);
    struct slab *s = map_pages(slab_order(shift));

    if (!s)
        return NULL;
    *s = (struct slab){ .shift = (uint16_t)shift, .capacity = (uint16_t)((bytes - first) >> shift) };
    for (size_t at = bytes; at > first; at -= object) {
        struct free_object *o = (struct free_object *)((char *)s + at - object);

        o->next = s->free;
        s->free = o;
    }
    arch_memory_hide((char *)s + first, bytes - first);
    return s;
}

static void *take_object(struct slab *s)
{
    struct free_object *o = s->free;

    ASSERT(o && s->used < s->capacity);
    arch_memory_show(o, BIT(s->shift));
    s->free = o->next;
    objects_used += CONFIG(ASSERT);
    if (++s->used == s->capacity)
        list_remove(&s->link);
    return o;
}

static void *alloc_small(unsigned shift)
{
    struct list *partial = &classes[shift].partial;
    void *o = NULL;

    spin_lock(&heap_lock);
    if (list_empty(partial)) {
        struct slab *s = make_slab(shift);

        if (s)
            list_push_front(partial, &s->link);
    }
    if (!list_empty(partial))
        o = take_object(list_first(partial, struct slab, link));
    spin_unlock(&heap_lock);
    return o ? memset(o, 0, BIT(shift)) : NULL;
}

/* Returns the slab when its last object has come back and it was taken off its list. */
static struct slab *give_object(void *p, unsigned shift)
{
    struct slab *s = (struct slab *)ROUND_DOWN((uintptr_t)p, PAGE_SIZE << slab_order(shift));
    struct free_object *o = p;

    PANIC_IF(s->shift != shift || !s->used || !IS_ALIGNED((uintptr_t)p, BIT(shift)),
             "heap: %p of %u bytes was not allocated so", p, 1u << shift);
    objects_used -= CONFIG(ASSERT);
    if (s->used-- == s->capacity)
        list_push_front(&classes[shift].partial, &s->link);
    o->next = s->free;
    s->free = o;
    arch_memory_hide(o, BIT(shift));
    if (s->used)
        return NULL;
    list_remove(&s->link);
    return s;
}

void *heap_alloc(size_t size)
{
    unsigned shift = size_shift(size);

    if (alloc_should_fail())
        return NULL;
    if (shift <= LARGEST_SHIFT)
        return alloc_small(shift);
    return heap_alloc_pages(page_order(size));
}

void heap_free(void *p, size_t size)
{
    unsigned shift = size_shift(size);
    struct slab *empty;

    if (!p)
        return;
    if (shift > LARGEST_SHIFT) {
        heap_free_pages(p, page_order(size));
        return;
    }
    spin_lock(&heap_lock);
    empty = give_object(p, shift);
    spin_unlock(&heap_lock);
    if (empty)
        heap_free_pages(empty, slab_order(shift));
}

uint64_t heap_pages_used(void)
{
    return READ_ONCE(pages_used);
}

uint64_t heap_objects_used(void)
{
    return READ_ONCE(objects_used);
}

void *shared_page_alloc(struct owner *o)
{
    void *p = heap_alloc_pages(0);

    if (!p)
        return NULL;
    if (frame_make_shared(arch_heap_frame(p), o)) {
        heap_free_pages(p, 0);
        return NULL;
    }
    atomic_fetch_sub(&pages_used, 1);
    return p;
}

void shared_page_free(void *p)
{
    ASSERT(IS_ALIGNED((uintptr_t)p, PAGE_SIZE));
    frame_put(arch_heap_frame(p));
}
