/* SPDX-License-Identifier: Apache-2.0 */
/* Building dom0: where its memory, kernel, ramdisk and device tree go, and the domain itself. Boot, CPU 0. */
#ifndef BOOT_ARM64_DOM0_H
#define BOOT_ARM64_DOM0_H

#include "boot/arm64/boot_info.h"

struct domain;

/* What goes where in dom0's memory, which is mapped one to one: guest-physical equals host-physical. */
struct dom0_layout {
    struct range_list ram;              /* multiples of 2 MiB */
    struct memory_range kernel;         /* place of the image, up to the end of its bss */
    struct memory_range ramdisk;        /* size 0: none */
    struct memory_range tree;           /* room for its device tree */
    struct memory_range grant_frames;   /* guest-physical space without memory, for its own grant table */
    uint64_t entry;
    bool copy_kernel, copy_ramdisk;     /* the module is not in place */
};

/*
 * Choose dom0's memory out of `usable` (RAM that nobody needs; modules are still part of it) so that kernel and ramdisk stay
 * where the loader put them when that is possible. `image` is the hypervisor's own memory, whose guest-physical range takes
 * the grant frames. 0, or -E_INVAL / -E_NOMEM after one line in the log that says what is wrong.
 */
int dom0_plan(struct dom0_layout *l, const struct boot_info *b, const struct range_list *usable,
              struct memory_range image) MUST_CHECK;

/* Write dom0's device tree into `buffer`; its size, or 0 when it does not fit. */
uint32_t dom0_write_tree(const struct boot_info *b, const struct domain *d, const struct dom0_layout *l,
                         void *buffer, uint32_t size) MUST_CHECK;

/* Should this node of the host's tree be hidden from dom0 (the hypervisor drives it, or makes its own, or it is offered to other
 * domains)? */
bool dom0_hides_node(const struct boot_info *b, const struct dt_walk *w, const struct dt_node *n);

/* Map the registers of every device that dom0 sees, and route the board's interrupts to it. */
int dom0_map_devices(const struct boot_info *b, struct domain *d) MUST_CHECK;

/* Make dom0 and leave it ready to be unpaused. The frames of l->ram are in no allocator yet. */
int dom0_build(const struct boot_info *b, const struct dom0_layout *l) MUST_CHECK;

#endif
