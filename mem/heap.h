/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor's own memory: whole pages, and small objects in power-of-two size classes cut from pages. */
#ifndef MEM_HEAP_H
#define MEM_HEAP_H

#include "lib/types.h"

void heap_init(void);
/* Zeroed memory of `size` bytes, aligned to 16 (to its size from a page up); NULL when there is none. Sizes up to 4 MiB. */
void *heap_alloc(size_t size) MUST_CHECK;
/* NULL is allowed. The size must be the one asked for. */
void heap_free(void *p, size_t size);
/* 2^order zeroed pages. */
void *heap_alloc_pages(unsigned order) MUST_CHECK;
void heap_free_pages(void *p, unsigned order);
/* Pages that the heap holds now. */
uint64_t heap_pages_used(void);
/* Small objects in use: exact where pages are not, as a slab goes with its last object. 0 in builds that do not check. */
uint64_t heap_objects_used(void);

#define heap_new(type) ((type *)heap_alloc(sizeof(type)))
#define heap_delete(p) heap_free(p, sizeof(*(p)))

struct owner;
/*
 * A hypervisor page that is shown to a guest (shared_info, grant table frame): zeroed, in the heap region, owned by `o` in
 * the frame table with one reference for the hypervisor, so that it can be mapped (S2_SHARED, S2_FOREIGN) like any frame
 * of o; counted in o->shared, not in o->frames. Freed with shared_page_free(), which drops that reference: the
 * page goes when guests' mappings are gone too (it stays heap-mapped until then).
 */
void *shared_page_alloc(struct owner *o) MUST_CHECK;
void shared_page_free(void *p);

#endif
