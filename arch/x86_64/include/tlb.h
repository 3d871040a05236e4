/* SPDX-License-Identifier: Apache-2.0 */
/* What other CPUs must do at once, which x86-64 knows only as an NMI: the hypervisor runs with interrupts masked. */
#ifndef X86_TLB_H
#define X86_TLB_H

#include "lib/types.h"

/* All CPUs forget what they have cached of the hypervisor's own [va, va + pages * 4 KiB). Done when it returns; any lock may be held. */
void tlb_forget_own(uint64_t va, uint64_t pages);
/*
 * Every other CPU has been interrupted since this was called, and has forgotten all that it cached of the hypervisor's own space: by an
 * NMI, which a CPU that runs a guest takes when it has left it. Any lock may be held.
 */
void cpu_interrupt_now(void);
/* The same for CPU n where bit n is set. */
void cpu_interrupt_these(uint32_t cpus);

#endif
