/* SPDX-License-Identifier: Apache-2.0 */
#include "patch.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "layout.h"
#include "lib/assert.h"
#include "sysreg.h"

#define BRANCH UINT32_C(0x14000000)         /* B, 26 bits of distance in instructions (Arm ARM C6.2.26) */
#define BRANCH_REACH (INT64_C(1) << 27)

static bool is_code(const void *p)
{
    return (const char *)p >= image_start && (const char *)p < text_end && IS_ALIGNED((uint64_t)p, 4);
}

static void replace_one(const struct replacement *r)
{
    int64_t distance = (const char *)r->with - (const char *)r->old;
    uint64_t offset = (uint64_t)((const char *)r->old - image_start);
    uint32_t *alias;

    ASSERT(is_code(r->old) && is_code(r->with));
    PANIC_IF(distance >= BRANCH_REACH || distance < -BRANCH_REACH, "a function is too far from its replacement");
    alias = boot_map(HPA(image_physical().v + offset), sizeof(*alias));
    PANIC_IF(!alias, "no room to map the code to replace");
    *alias = BRANCH | ((uint32_t)(distance >> 2) & (uint32_t)(BIT(26) - 1));
    /* To where instructions are fetched from, then the old one is forgotten (Arm ARM B2.4.4). */
    __asm__ volatile("dc cvau, %0; dsb ish; ic ivau, %1; dsb ish; isb" :: "r"(alias), "r"(r->old) : "memory");
    boot_unmap(alias, sizeof(*alias));
}

void code_replace(const struct replacement *table, unsigned count)
{
    ASSERT(cpu_id() == 0);
    for (unsigned i = 0; i < count; i++)
        replace_one(&table[i]);
}
