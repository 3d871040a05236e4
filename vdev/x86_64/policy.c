/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/policy.h"
#include "lib/assert.h"
#include "lib/string.h"

enum { A, B, C, D };
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

void x86_policy_limit(const struct x86_policy *p, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    if (!p->is_limited)
        return;
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++)
        if (is_at(&places[i], leaf, subleaf))
            r[places[i].reg] &= p->word[i];
}

void x86_policy_set(struct x86_policy *p, uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
    if (!p->is_limited)
        memset(p->word, 0xff, sizeof(p->word));
    p->is_limited = true;
    for (unsigned i = 0; i < X86_FEATURE_WORDS; i++)
        if (is_at(&places[i], leaf, subleaf))
            p->word[i] = r[places[i].reg];
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
