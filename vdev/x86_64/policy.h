/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the processor's features a domain has. The features are bits of some registers of some CPUID leaves, in words that the ABI numbers
 * (xen/arch-x86/cpufeatureset.h); a domain's policy says which bits it may have of those that any guest has. All else of CPUID is the same
 * for all guests, or a vCPU's own.
 */
#ifndef VDEV_X86_64_POLICY_H
#define VDEV_X86_64_POLICY_H

#include "lib/types.h"

#define X86_FEATURE_WORDS 19

struct x86_policy {
    bool is_limited;                        /* otherwise the words say nothing */
    uint32_t word[X86_FEATURE_WORDS];
};

/* EAX, EBX, ECX, EDX of a leaf as a domain without a policy has it, without what is a vCPU's own; as the processor has it. Either
 * processor layer has them (cpuid.c; arch/host). */
void cpuid_default(uint32_t leaf, uint32_t subleaf, uint32_t r[4]);
void cpuid_of_host(uint32_t leaf, uint32_t subleaf, uint32_t r[4]);

/* Take from a leaf what the policy does not allow. */
void x86_policy_limit(const struct x86_policy *p, uint32_t leaf, uint32_t subleaf, uint32_t r[4]);
/* The leaf is to be no more than this. */
void x86_policy_set(struct x86_policy *p, uint32_t leaf, uint32_t subleaf, const uint32_t r[4]);
/* The words of a set of features, by the function that knows the leaves. */
void x86_features(uint32_t word[X86_FEATURE_WORDS], void (*read)(uint32_t leaf, uint32_t subleaf, uint32_t r[4]));

#endif
