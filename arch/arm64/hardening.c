/* SPDX-License-Identifier: Apache-2.0 */
#include "hardening.h"
#include "arch/include/boot.h"
#include "lib/print.h"

/* Bytes of the device tree that are looked at: what firmware puts into /chosen lies in the first few KiB of a real tree. */
#define TREE_BYTES_MAX 65536

uint64_t hardening_key[2];

static uint64_t mix(uint64_t state, uint64_t value)
{
    state = (state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return state ^ state >> 29;
}

static uint64_t rotated(uint64_t x)
{
    return x >> 19 | x << 45;
}

/* Most of a tree is known to everybody, and a seed is random already: words are gathered, four at a time, and mixed once. */
static uint64_t mix_words(uint64_t state, const uint64_t *words, uint32_t count)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;

    for (; count >= 4; count -= 4, words += 4) {
        a = rotated(a) ^ words[0];
        b = rotated(b) ^ words[1];
        c = rotated(c) ^ words[2];
        d = rotated(d) ^ words[3];
    }
    while (count--)
        a = rotated(a) ^ words[count];
    return mix(mix(mix(mix(state, a), b), c), d);
}

static uint32_t big_endian(uint32_t v)
{
    return __builtin_bswap32(v);
}

/* Everything in the tree goes in, so rng-seed and kaslr-seed do, wherever they are. */
static uint64_t mix_tree(uint64_t state, uint64_t fdt_pa)
{
    const uint32_t *fdt = boot_map(HPA(fdt_pa), TREE_BYTES_MAX);
    uint32_t end;

    if (!fdt)
        return state;
    if (!(fdt_pa & 7) && big_endian(fdt[0]) == 0xd00dfeed) {
        /* The structure block ends there; totalsize may be mostly empty room. */
        end = big_endian(fdt[2]) + big_endian(fdt[9]);
        state = mix_words(state, (const uint64_t *)fdt, MIN(end, (uint32_t)TREE_BYTES_MAX) / 8);
    }
    boot_unmap((void *)fdt, TREE_BYTES_MAX);
    return state;
}

/* FEAT_RNG (Arm ARM K14.1); it may have nothing to give, then Z is set and the value 0. */
static uint64_t mix_random(uint64_t state)
{
    if (read_sysreg(id_aa64isar0_el1) >> 60 == 0)
        return state;
    for (unsigned i = 0; i < 4; i++)
        state = mix(state, read_sysreg(S3_3_C2_C4_0));
    return state;
}

uint64_t hardening_entropy(uint64_t fdt_pa, uint64_t image_pa)
{
    uint64_t state = mix(mix(image_pa, fdt_pa), read_sysreg(cntpct_el0));

    state = mix_random(mix_tree(state, fdt_pa));
    hardening_key[0] = mix(state, 1);
    hardening_key[1] = mix(hardening_key[0], state);
    return mix(hardening_key[1], read_sysreg(cntpct_el0));
}

void hardening_report(void)
{
    uint64_t sctlr = read_sysreg(sctlr_el2);

    log_info("hardening: no page writable and executable, guarded stacks, stack protector%s%s",
             sctlr & SCTLR_ENIA ? ", signed return addresses" : "", sctlr & SCTLR_BT ? ", branch targets" : "");
}
