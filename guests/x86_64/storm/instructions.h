/* SPDX-License-Identifier: Apache-2.0 */
#ifndef X86_STORM_INSTRUCTIONS_H
#define X86_STORM_INSTRUCTIONS_H

#include "guests/hostile_storm/storm.h"

extern bool is_dom0;
uint64_t msr_get(uint32_t msr);
void msr_put(uint32_t msr, uint64_t value);
void repair(void);

/* Once, on vCPU 0. */
void instructions_start(void);
/* By the other vCPU: the instruction that is being executed becomes another one. */
void instructions_rewrite(struct chance *c);

#endif
