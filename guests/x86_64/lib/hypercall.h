/* SPDX-License-Identifier: Apache-2.0 */
/* Hypercalls by the public headers, as guests/lib/hypercall.h has them on arm64. */
#ifndef X86_GUEST_HYPERCALL_H
#define X86_GUEST_HYPERCALL_H

#include "guests/lib/abi.h"
#include "guests/x86_64/lib/guest.h"

#define PAGE_SIZE 4096UL
#define PAGE_SHIFT 12
#define ALIGNED(n) __attribute__((aligned(n)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline long hypercall5(unsigned long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    register uint64_t r10 __asm__("r10") = a3;
    register uint64_t r8 __asm__("r8") = a4;
    long result;

    __asm__ volatile(HYPERCALL : "=a"(result), "+D"(a0), "+S"(a1), "+d"(a2), "+r"(r10), "+r"(r8) : "0"(nr) : "memory");
    return result;
}

static inline long memory_op(unsigned cmd, void *arg)
{
    return hypercall5(__HYPERVISOR_memory_op, cmd, (uint64_t)arg, 0, 0, 0);
}

#endif
