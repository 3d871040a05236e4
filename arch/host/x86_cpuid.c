/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated processor's CPUID: each register of a leaf says which it is; guests have its lower half, and a few real features. */
#include "vdev/x86_64/policy.h"

void cpuid_of_host(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    for (uint32_t i = 0; i < 4; i++)
        r[i] = (leaf << 8 | subleaf << 4 | i) | 0xffff0000;
}

/* FPU, PAE, APIC, MMX, FXSR, SSE, SSE2; SSE3 to SSE4.2, FMA, x2APIC, XSAVE, AVX; AVX2; long mode. */
static const struct { uint32_t leaf, subleaf, r[4]; } features[] = {
    { 1, 0, { 0x00800f12, 0x00010800, 0x14381201 | 0x100000, 0x07800241 } },
    { 7, 0, { 0, 0x00000121, 0, 0 } },
    { 0xd, 0, { 7, 832, 832, 0 } },
    { 0xd, 1, { 7, 0, 0, 0 } },
    { 0xd, 2, { 256, 576, 0, 0 } },
    { 0x80000001, 0, { 0x00800f12, 0, 1, 0x27800241 } },
};

void cpuid_default(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    cpuid_of_host(leaf, subleaf, r);
    for (unsigned i = 0; i < 4; i++)
        r[i] &= 0xffff;
    for (unsigned f = 0; f < ARRAY_SIZE(features); f++)
        for (unsigned i = 0; features[f].leaf == leaf && features[f].subleaf == subleaf && i < 4; i++)
            r[i] = features[f].r[i];
    if (leaf == 0 || leaf == 0x80000000)
        r[0] = leaf | (leaf ? 8 : 0xd);
}
