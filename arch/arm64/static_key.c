/* SPDX-License-Identifier: Apache-2.0 */
#include "static_key.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "layout.h"
#include "lib/assert.h"
#include "sysreg.h"

#define NOP UINT32_C(0xd503201f)
#define BRANCH UINT32_C(0x14000000)         /* B, 26 bits of distance in instructions (Arm ARM C6.2.26) */
#define BRANCH_DISTANCE ((int64_t)BIT(25) * 4)

/* vinci.lds */
extern const struct static_key_site static_keys[], static_keys_end[];

static bool is_code(const char *p)
{
    return p >= image_start && p < text_end && IS_ALIGNED((uint64_t)p, 4);
}

static void write_branch(const struct static_key_site *s)
{
    const char *at = (const char *)&s->nop + s->nop, *yes = (const char *)&s->yes + s->yes;
    int64_t distance = yes - at;
    uint32_t *alias;

    ASSERT(is_code(at) && is_code(yes) && distance < BRANCH_DISTANCE && distance >= -BRANCH_DISTANCE);
    alias = boot_map(HPA(image_physical().v + (uint64_t)(at - image_start)), sizeof(*alias));
    PANIC_IF(!alias || *alias != NOP, "a static key's instruction cannot be changed");
    *alias = BRANCH | ((uint32_t)(distance / 4) & (uint32_t)(BIT(26) - 1));
    /* To where instructions are fetched from, then the old one is forgotten (Arm ARM B2.4.4). */
    __asm__ volatile("dc cvau, %0; dsb ish; ic ivau, %1; dsb ish; isb" :: "r"(alias), "r"(at) : "memory");
    boot_unmap(alias, sizeof(*alias));
}

void static_key_set_gicv2(void)
{
    ASSERT(cpu_id() == 0 && !gic_is_v2());
    for (const struct static_key_site *s = static_keys; s < static_keys_end; s++)
        write_branch(s);
    PANIC_IF(!gic_is_v2(), "static keys: the old code still runs");
}
