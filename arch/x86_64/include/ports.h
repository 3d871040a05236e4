/* SPDX-License-Identifier: Apache-2.0 */
/* I/O ports of guests: dom0 has the board's, apart from a few; others have none. */
#ifndef X86_PORTS_H
#define X86_PORTS_H

#include "lib/types.h"

struct vcpu;

#define PORTS 65536u
/* Bit n of the map: port n is left to the hypervisor (AMD64 APM volume 2, 15.10.1; Intel SDM volume 3, 24.6.4). control: dom0's map. */
void ports_fill_map(uint8_t map[PORTS / 8], bool control);
/* The hypervisor's own from now on: no guest reaches these. Boot. */
void ports_take(uint16_t first, unsigned count);
/* An access that was left to the hypervisor. Where there is nothing reads are ones and writes are lost, as on a board. */
void port_emulate(struct vcpu *v, uint16_t port, unsigned size, bool is_in, uint32_t *value);

#endif
