/* SPDX-License-Identifier: Apache-2.0 */
/* Another domain, which dom0's disk is told to attack: one page of it is granted to dom0 for writing, and for reading. */
#ifndef GUESTS_DMA_ATTACK_VICTIM_H
#define GUESTS_DMA_ATTACK_VICTIM_H

#include "guests/dma_attack/disk.h"
#include "guests/lib/hypercall.h"

#define VICTIM_GFN ((CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1024)
#define RW_REF 8
#define RO_REF 9
/* Sectors: what the test's disk image holds at 0, and where we write. */
#define SECTOR_GIVEN 0
#define SECTOR_OURS 8

extern struct child victim;

/* 0, or the error of the call that failed. start: what it would run; it does not. */
long victim_make(void (*start)(struct child_page *page));
/* A status (GNTST_*), or the call's error. */
long victim_map(struct gnttab_map_grant_ref *op, unsigned ref, unsigned flags);
long victim_unmap(const struct gnttab_map_grant_ref *mapped);
/* The disk reads a sector to bus address `at`: does anything arrive in the page that we see at `page`? */
bool disk_reaches(uint64_t at, volatile uint64_t *page);
/* The image holds i * 7 at byte i. */
bool is_given(const volatile uint8_t *p);

#endif
