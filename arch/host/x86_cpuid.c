/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated processor's CPUID: each register of a leaf says which it is; guests have its lower half. */
#include "vdev/x86_64/policy.h"

void cpuid_of_host(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    for (uint32_t i = 0; i < 4; i++)
        r[i] = (leaf << 8 | subleaf << 4 | i) | 0xffff0000;
}

void cpuid_default(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    cpuid_of_host(leaf, subleaf, r);
    for (unsigned i = 0; i < 4; i++)
        r[i] &= 0xffff;
}
