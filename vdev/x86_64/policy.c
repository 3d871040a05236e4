/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/policy.h"
#include "lib/assert.h"
#include "lib/string.h"

enum { A, B, C, D };
#define HYPERVISOR_FIRST UINT32_C(0x40000000)
#define EXTENDED_FIRST UINT32_C(0x80000000)
#define NOWHERE UINT32_MAX      /* a word of an MSR that no guest has anything of */

static const struct place {
    uint32_t leaf, subleaf;
    uint8_t reg;
} places[X86_FEATURE_WORDS] = {
    { 1, 0, D }, { 1, 0, C }, { 0x80000001, 0, D }, { 0x80000001, 0, C }, { 0xd, 1, A }, { 7, 0, B }, { 7, 0, C }, { 0x80000007, 0, D },
    { 0x80000008, 0, B }, { 7, 0, D }, { 7, 1, A }, { 0x80000021, 0, A }, { 7, 1, B }, { 7, 2, D }, { 7, 1, C }, { 7, 1, D },
    { NOWHERE, 0, A }, { NOWHERE, 0, D }, { 0x80000021, 0, C },
};

/* Leaves without subleaves come with any number of one. */
static bool is_at(const struct place *p, uint32_t leaf, uint32_t subleaf)
{
    return p->leaf == leaf && (p->subleaf == subleaf || (leaf != 7 && leaf != 0xd));
}

/* By the words' order in places[]. */
enum { W_1D, W_1C, W_E1D, W_E1C, W_DA1, W_7B };

/* What a feature needs; one that is needed stands before those that need it (Intel SDM volume 1, 13 to 15). */
static const struct need {
    uint8_t word, bit, by_word, by_bit;
} needs[] = {
    { W_1D, 24, W_1D, 25 }, { W_1D, 24, W_E1D, 25 },                            /* FXSR: SSE, FFXSR */
    { W_1D, 25, W_1D, 26 }, { W_1D, 25, W_E1C, 6 }, { W_1D, 25, W_E1C, 7 },     /* SSE: SSE2, SSE4A, misaligned SSE */
    { W_1D, 26, W_1C, 0 }, { W_1D, 26, W_1C, 1 }, { W_1D, 26, W_1C, 25 },       /* SSE2: SSE3, PCLMULQDQ, AES, */
    { W_1D, 26, W_7B, 29 }, { W_1D, 26, W_E1D, 29 },                            /* SHA, long mode */
    { W_1D, 6, W_E1D, 29 },                                                     /* PAE: long mode */
    { W_1C, 0, W_1C, 9 }, { W_1C, 9, W_1C, 19 }, { W_1C, 19, W_1C, 20 },        /* SSE3: SSSE3: SSE4.1: SSE4.2 */
    { W_1C, 26, W_1C, 28 }, { W_1C, 26, W_DA1, 0 }, { W_1C, 26, W_DA1, 1 },     /* XSAVE: AVX, XSAVEOPT, XSAVEC, */
    { W_1C, 26, W_DA1, 2 },                                                     /* XGETBV with ECX 1 */
    { W_1C, 28, W_1C, 12 }, { W_1C, 28, W_1C, 29 }, { W_1C, 28, W_7B, 5 },      /* AVX: FMA, F16C, AVX2 */
    { W_E1D, 29, W_1C, 13 }, { W_E1D, 29, W_E1C, 0 }, { W_E1D, 29, W_E1D, 26 }, /* long mode: CX16, LAHF, 1 GiB pages */
    { W_1D, 9, W_1C, 21 }, { W_1D, 23, W_E1D, 22 },                             /* APIC: x2APIC; MMX: its extensions */
};
#define E1D_LIKE_1D UINT32_C(0x0183f3ff)    /* AMD repeats these of leaf 1 */
#define COMPONENTS_WITHOUT_AVX 3
#define XSAVE_BYTES_WITHOUT_AVX 576

static bool has(const struct x86_policy *p, unsigned word, unsigned bit)
{
    return p->word[word] >> bit & 1;
}

/* Of XSAVE's leaves: none without it, and without AVX not its component. */
static void limit_components(const struct x86_policy *p, uint32_t subleaf, uint32_t r[4])
{
    if (!has(p, W_1C, 26) || (subleaf == 2 && !has(p, W_1C, 28))) {
        r[A] = r[B] = r[C] = r[D] = 0;
    } else if (subleaf == 0 && !has(p, W_1C, 28)) {
        r[A] &= COMPONENTS_WITHOUT_AVX;
        r[B] = MIN(r[B], (uint32_t)XSAVE_BYTES_WITHOUT_AVX);
        r[C] = MIN(r[C], (uint32_t)XSAVE_BYTES_WITHOUT_AVX);
    }
}

void x86_policy_limit(const struct x86_policy *p, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    if (likely(!p->is_limited))
        return;
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++)
        if (is_at(&places[i], leaf, subleaf))
            r[places[i].reg] &= p->word[i];
    if (leaf == 0 || leaf == EXTENDED_FIRST)
        r[A] = MIN(r[A], leaf ? p->last_extended : p->last);
    else if (leaf < HYPERVISOR_FIRST ? leaf > p->last : leaf > MAX(p->last_extended, EXTENDED_FIRST))
        r[A] = r[B] = r[C] = r[D] = 0;
    else if (leaf == 1)
        r[A] = p->signature;
    else if (leaf == 0xd)
        limit_components(p, subleaf, r);
}

uint32_t x86_policy_platform_info(const struct x86_policy *p)
{
    return p->is_limited ? p->platform_info : X86_CPUID_FAULTING;
}

void x86_policy_begin(struct x86_policy *p)
{
    uint32_t r[4];

    if (p->is_limited)
        return;
    *p = (struct x86_policy){ .is_limited = true, .platform_info = X86_CPUID_FAULTING };
    x86_features(p->word, cpuid_default);
    cpuid_default(0, 0, r);
    p->last = r[A];
    cpuid_default(EXTENDED_FIRST, 0, r);
    p->last_extended = r[A];
    cpuid_default(1, 0, r);
    p->signature = r[A];
}

void x86_policy_set(struct x86_policy *p, uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
    ASSERT(p->is_limited);
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++)
        if (is_at(&places[i], leaf, subleaf))
            p->word[i] = r[places[i].reg];
    if (leaf == 0)
        p->last = r[A];
    else if (leaf == EXTENDED_FIRST)
        p->last_extended = r[A];
    else if (leaf == 1)
        p->signature = r[A];
}

void x86_policy_settle(struct x86_policy *p)
{
    uint32_t most[X86_FEATURE_WORDS];

    x86_features(most, cpuid_default);
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++)
        p->word[i] &= most[i];
    for (unsigned i = 0; i < ARRAY_SIZE(needs); i++) {
        ASSERT(needs[i].word < X86_FEATURE_WORDS && needs[i].by_word < X86_FEATURE_WORDS);
        if (!has(p, needs[i].word, needs[i].bit))
            p->word[needs[i].by_word] &= ~(UINT32_C(1) << needs[i].by_bit);
    }
    p->word[W_E1D] &= ~E1D_LIKE_1D | p->word[W_1D];
}

void x86_features(uint32_t word[X86_FEATURE_WORDS], void (*read)(uint32_t leaf, uint32_t subleaf, uint32_t r[4]))
{
    STATIC_ASSERT(ARRAY_SIZE(places) == X86_FEATURE_WORDS);
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++) {
        uint32_t r[4] = { 0 };

        if (places[i].leaf != NOWHERE)
            read(places[i].leaf, places[i].subleaf, r);
        word[i] = r[places[i].reg];
    }
}
