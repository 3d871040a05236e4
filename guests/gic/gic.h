/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUESTS_GIC_GIC_H
#define GUESTS_GIC_GIC_H

#include <stdbool.h>
#include <stdint.h>

/* Bits set by one register of a pair and cleared by the other; both read the state. */
void pair(const char *name, uint64_t set, uint64_t clear, unsigned bit);
/* The distributor of a GICv2 and its SGIs. */
void test_v2(bool on_reference);

#endif
