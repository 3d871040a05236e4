/* SPDX-License-Identifier: Apache-2.0 */
#ifndef X86_STAGE2_SPACE_H
#define X86_STAGE2_SPACE_H

#include "arch/include/stage2.h"

/* This CPU's guests run with these nested tables from now on; NULL: with none. Interrupts masked. */
void stage2_load(const struct arch_stage2 *s);

/* The processor's nested tables have no blocks of 1 GiB. Boot, before the first table. */
void stage2_without_1gib(void);

const struct arch_stage2 *stage2_loaded(void);
/* How often this CPU has loaded others, + 1: never the same for two spaces. */
uint64_t stage2_loads(void);

#endif
