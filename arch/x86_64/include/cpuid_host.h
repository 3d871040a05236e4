/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID of the processor that this runs on (AMD64 APM volume 3, appendix E). */
#ifndef X86_CPUID_HOST_H
#define X86_CPUID_HOST_H

#include "lib/compiler.h"

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

#if CONFIG_HOST
/* A test's processor. */
void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
#else
static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "0"(leaf), "2"(subleaf));
}
#endif

/* The same; zeros when the processor has no such leaf. */
static inline void cpuid_leaf(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    cpuid(leaf & UINT32_C(0xffff0000), 0, out);
    if (out[CPUID_EAX] < leaf)
        out[CPUID_EAX] = out[CPUID_EBX] = out[CPUID_ECX] = out[CPUID_EDX] = 0;
    else
        cpuid(leaf, subleaf, out);
}

static inline uint32_t cpuid_word(uint32_t leaf, uint32_t subleaf, enum cpuid_register which)
{
    uint32_t r[4];

    cpuid_leaf(leaf, subleaf, r);
    return r[which];
}

static inline bool cpuid_bit(uint32_t leaf, enum cpuid_register which, unsigned bit)
{
    return cpuid_word(leaf, 0, which) >> bit & 1;
}

#define CPU_HAS_X2APIC cpuid_bit(1, CPUID_ECX, 21)
#define CPU_HAS_TSC_DEADLINE cpuid_bit(1, CPUID_ECX, 24)
#define CPU_HAS_XSAVE cpuid_bit(1, CPUID_ECX, 26)
#define CPU_HAS_VMX cpuid_bit(1, CPUID_ECX, 5)
#define CPU_HAS_SVM cpuid_bit(0x80000001, CPUID_ECX, 2)
#define CPU_HAS_GIGABYTE_PAGES cpuid_bit(0x80000001, CPUID_EDX, 26)
#define CPU_HAS_INVARIANT_TSC cpuid_bit(0x80000007, CPUID_EDX, 8)
#define CPU_HAS_IBPB (cpuid_bit(0x80000008, CPUID_EBX, 12) || cpuid_bit(7, CPUID_EDX, 26))
#define CPU_HAS_SMEP cpuid_bit(7, CPUID_EBX, 7)
#define CPU_HAS_SMAP cpuid_bit(7, CPUID_EBX, 20)
#define CPU_HAS_UMIP cpuid_bit(7, CPUID_ECX, 2)

#endif
