/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the processor's features a domain has. The features are bits of some registers of some CPUID leaves, in words that the ABI numbers
 * (xen/arch-x86/cpufeatureset.h); a domain's policy says which bits it may have of those that any guest has, how far its leaves reach, and which
 * model its processor says to be. All else of CPUID is the same for all guests, or a vCPU's own.
 */
#ifndef VDEV_X86_64_POLICY_H
#define VDEV_X86_64_POLICY_H

#include "lib/types.h"

#define X86_FEATURE_WORDS 19

struct x86_policy {
    bool is_limited;                        /* otherwise the others say nothing */
    uint32_t word[X86_FEATURE_WORDS];
    uint32_t last, last_extended;           /* leaves */
    uint32_t signature;                     /* family, model, stepping: leaf 1, EAX */
    uint32_t platform_info;                 /* MSR_PLATFORM_INFO: X86_CPUID_FAULTING or nothing */
};
/* CPUID may be made to end in #GP for programs (Intel's "CPUID faulting": bit 31 of MSR 0xce; bit 0 of MSR 0x140 switches it on). */
#define X86_CPUID_FAULTING (UINT32_C(1) << 31)

/* EAX, EBX, ECX, EDX of a leaf as a domain without a policy has it, without what is a vCPU's own; as the processor has it. Either
 * processor layer has them (cpuid.c; arch/host). */
void cpuid_default(uint32_t leaf, uint32_t subleaf, uint32_t r[4]);
void cpuid_of_host(uint32_t leaf, uint32_t subleaf, uint32_t r[4]);

/* Take from a leaf what the policy does not allow. */
void x86_policy_limit(const struct x86_policy *p, uint32_t leaf, uint32_t subleaf, uint32_t r[4]);
uint32_t x86_policy_platform_info(const struct x86_policy *p);
/* Make or change one: begun with all that any guest has, unless it has been already; a leaf is to be no more than this; and when all have been
 * said, what needs a feature that is not there goes too. */
void x86_policy_begin(struct x86_policy *p);
void x86_policy_set(struct x86_policy *p, uint32_t leaf, uint32_t subleaf, const uint32_t r[4]);
void x86_policy_settle(struct x86_policy *p);
/* The words of a set of features, by the function that knows the leaves. */
void x86_features(uint32_t word[X86_FEATURE_WORDS], void (*read)(uint32_t leaf, uint32_t subleaf, uint32_t r[4]));

#endif
