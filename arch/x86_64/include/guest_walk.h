/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's own page tables, read as its processor would (AMD64 APM volume 2, chapter 5). */
#ifndef X86_GUEST_WALK_H
#define X86_GUEST_WALK_H

#include "arch/include/stage2.h"

/* How an address is used; without USER with the kernel's rights. */
enum { WALK_WRITE = 1, WALK_USER = 2, WALK_FETCH = 4 };

/* As arch_guest_translate, for any use. Accessed and dirty are set in the last entry as the processor would. */
enum translate_result x86_guest_translate(struct vcpu *v, gva_t address, unsigned use, gpa_t *out);

/* Up to n bytes (at most a page) of what the current vCPU executes at `rip`, with its present rights. How many could be read. */
unsigned x86_guest_fetch(struct vcpu *v, uint64_t rip, uint8_t *to, unsigned n);

#endif
