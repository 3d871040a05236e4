/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest reaches without an exit: MSRs that are its own, in the extension's map; ports, one bit each in both extensions' maps, of which
 * the control domain has those that ports.h says. */
#ifndef X86_PERMISSIONS_H
#define X86_PERMISSIONS_H

#include "lib/types.h"

struct domain;

/* CPU 0, once: `pass_msr` opens one in the extension's map, which is all ones. */
void permissions_init(void (*pass_msr)(uint32_t msr));
/* The map of d's ports, by physical address: whole pages, one behind the other. */
uint64_t permissions_io_map(const struct domain *d);

#endif
