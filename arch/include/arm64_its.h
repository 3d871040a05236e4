/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contract: the host's Interrupt Translation Service (IHI 0069, chapter 5), which turns a device's write of an event number to its
 * doorbell into an interrupt of a CPU, an LPI. There is at most one that is driven. LPIs are of one priority; what
 * arrives goes to vits_deliver (vdev/arm64/vits.h). A device is known by a number that the board's tree gives it (msi-map).
 */
#ifndef ARCH_ARM64_ITS_H
#define ARCH_ARM64_ITS_H

#include "lib/types.h"

#define ITS_BYTES UINT64_C(0x20000)
#define ITS_DOORBELL UINT64_C(0x10000)      /* the page in it that devices write to (GITS_TRANSLATER) */
#define LPI_FIRST 8192u
#define LPI_COUNT 8192u
#define ITS_EVENT_BITS 8                    /* log2 of the most events of a device */

/* The tree has one there. Boot, CPU 0, before any domain is made. */
void arch_boot_its(hpa_t base);
/* Its place, 0: there is none. */
hpa_t arch_its_base(void);
/* Take it into use, once; the LPIs of CPUs that come up later follow. False, the first time with a line in the log: there is none that
 * can be used. Boot, CPU 0, no lock held. */
bool arch_its_start(void) MUST_CHECK;

/*
 * After arch_its_start. Each returns when the ITS has done it. `itt`: a zeroed page of the heap for 2^event_bits events, the ITS's until
 * the device is unmapped, and its LPIs with it. -E_INVAL: a number beyond the ITS's, -E_NOMEM.
 */
int arch_its_map_device(uint32_t device, const void *itt, unsigned event_bits) MUST_CHECK;
void arch_its_unmap_device(uint32_t device);
/* An event of a mapped device, below its 2^event_bits; it is an LPI of that CPU, or of CPU 0 where that one takes none, and not masked. */
void arch_its_map_event(uint32_t device, uint32_t event, unsigned lpi, unsigned cpu);
void arch_its_move_event(uint32_t device, uint32_t event, unsigned cpu);
void arch_its_unmap_event(uint32_t device, uint32_t event);
/* The LPI that a mapped event is does not come any more, or it does again: at once if it was sent meanwhile. */
void arch_its_mask_event(uint32_t device, uint32_t event, unsigned lpi, bool masked);

#endif
