/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: what the hypervisor itself can see. Three regions of its own address space:
 *   heap    every frame at a fixed place (address = base + frame number * 4 KiB), but mapped only while the frame is
 *           the hypervisor's own
 *   windows a few per CPU, to look into a guest frame; they may stay open until the CPU runs another domain
 *   arena   slots for guest pages that stay mapped as long as the guest has them registered
 */
#ifndef ARCH_MAPPING_H
#define ARCH_MAPPING_H

#include "config.h"
#include "lib/types.h"

/* Map (readable, writable, never executable) or unmap 2^order frames in the heap region. Map may fail with -E_NOMEM when
 * it needs a table: it takes frames with frame_alloc_table(). Unmap completes on all CPUs before it returns. */
int arch_heap_map(mfn_t mfn, unsigned order) MUST_CHECK;
void arch_heap_unmap(mfn_t mfn, unsigned order);
void *arch_heap_address(mfn_t mfn);
mfn_t arch_heap_frame(const void *address);
/* Checked use of heap objects: `hide` makes touching the bytes an error that the simulated machine reports, `show` allows
 * it again. */
#if CONFIG_HOST
void arch_memory_hide(const void *p, size_t n);
void arch_memory_show(const void *p, size_t n);
#else
static inline void arch_memory_hide(const void *p UNUSED, size_t n UNUSED) { }
static inline void arch_memory_show(const void *p UNUSED, size_t n UNUSED) { }
#endif

/* At most WINDOW_DEPTH windows of a CPU are held at once, none across a guest entry. The processor may leave the mapping as it is until
 * the CPU runs another domain. */
#define WINDOW_DEPTH 4
#if CONFIG_HOST
void *arch_window_map(mfn_t mfn);
void arch_window_unmap(void *address);
/* The same where nothing else is mapped in between. */
static inline void *arch_window_glance(mfn_t mfn) { return arch_window_map(mfn); }
static inline void arch_window_glance_end(void *address) { arch_window_unmap(address); }
#else
#include "arch/common/window.h"     /* the same four */
#endif

/* Frames that the hypervisor's own tables have taken since boot. They follow where in memory the heap has been and how much of
 * the arena was in use at once, and stay: at most one for each 2 MiB of memory. */
uint64_t arch_own_tables(void);
/* Put a frame into arena slot n (0..ARENA_SLOTS-1) / take it out on all CPUs. */
#define ARENA_SLOTS 16384
void *arch_arena_map(unsigned slot, mfn_t mfn);
void arch_arena_unmap(unsigned slot);
unsigned arch_arena_slot(const void *address);

/* As memcpy, quicker where there is much. */
void arch_copy_many(void *to, const void *from, size_t n);
/* Zero [p, p + bytes), whole pages of the hypervisor's own cached memory (MMU on), the quickest way there is. */
void arch_zero_pages(void *p, uint64_t bytes);
/* Fill a page with zeros and make them visible to a guest with its caches off (XSA-364: clean to the point of
 * coherency). The frame need not be mapped. */
void arch_frame_scrub(mfn_t mfn, unsigned order);
/* The same for n frames within one aligned block of 2 MiB, all of which is the caller's: quicker than one by one. */
void arch_frame_scrub_within(mfn_t mfn, uint64_t n);
/* Clean and invalidate the data cache for a frame, to the point of coherency. */
void arch_frame_clean(mfn_t mfn);
void arch_frame_clean_range(mfn_t mfn, unsigned offset, unsigned length, bool clean, bool invalidate);
/* The same for a page that somebody may have mapped. */
void arch_frame_wipe(mfn_t mfn);
/* Copy n frames, as arch_frame_scrub makes zeros. Neither side need be mapped; they do not overlap. */
void arch_frame_copy(mfn_t to, mfn_t from, uint64_t n);
/* The instruction cache no longer holds what guests' frames held. */
void arch_icache_invalidate_all(void);

#endif
