/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions made by chance and executed from a buffer: x0 holds an address in the guest's own memory, x1 one anywhere, the others
 * anything. What faults is skipped. (Arm ARM C4.1: encodings)
 */

#include "guests/hostile_storm/storm.h"

#define SLOTS 128
#define SLOT_WORDS 4
#define RET 0xd65f03c0u
#define HVC_XEN 0xea1u
#define REGISTERS 9 /* x0..x7, x16 */

static uint32_t code[SLOTS][SLOT_WORDS] PAGE_ALIGNED;

/* Runs the code at `at` with registers loaded from regs; an exception in it comes back here too. */
void storm_execute(const uint64_t regs[REGISTERS], void *at);
extern char storm_executed[];
asm(".pushsection .text\n"
    ".global storm_execute, storm_executed\n"
    "storm_execute:\n"
    "    stp x29, x30, [sp, #-16]!\n"
    "    mov x9, x1\n"
    "    mov x8, x0\n"
    "    ldp x0, x1, [x8]\n"
    "    ldp x2, x3, [x8, #16]\n"
    "    ldp x4, x5, [x8, #32]\n"
    "    ldp x6, x7, [x8, #48]\n"
    "    ldr x16, [x8, #64]\n"
    "    blr x9\n"
    "storm_executed:\n"
    "    ldp x29, x30, [sp], #16\n"
    "    ret\n"
    ".popsection\n");

#define MSR(op0, op1, crn, crm, op2, rt) \
    (0xd5000000u | (uint32_t)(op0) << 19 | (uint32_t)(op1) << 16 | (uint32_t)(crn) << 12 | (uint32_t)(crm) << 8 | \
     (uint32_t)(op2) << 5 | (uint32_t)(rt))
#define MRS(op0, op1, crn, crm, op2, rt) (MSR(op0, op1, crn, crm, op2, rt) | 1u << 21)

#define AND_X2_7 0x92400842u

/* Registers that this guest needs as they are: read, and written back unchanged. */
static bool is_vital(unsigned op0, unsigned op1, unsigned crn, unsigned crm)
{
    if (op0 == 2)
        return crn == 0 && crm == 2; /* MDSCR_EL1: would begin to step */
    if (op1 != 0 && op1 != 3)
        return false;
    return crn == 1 || crn == 2 || crn == 4 || crn == 10 || (crn == 12 && crm == 0) || crn == 13;
}

/* ICC_BPR0_EL1, ICC_BPR1_EL1: QEMU 7.2 keeps three bits of what is written, checks more than three, and ends when they are zero. */
static bool is_binary_point(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    return op0 == 3 && op1 == 0 && crn == 12 && (crm == 8 || crm == 12) && op2 == 3;
}

static unsigned make_register(struct chance *c, uint32_t *out)
{
    unsigned op0 = 2 + (unsigned)chance_below(c, 5) / 2, op1 = (unsigned)chance_below(c, 8), crn = (unsigned)chance_below(c, 16);
    unsigned crm = (unsigned)chance_below(c, 16), op2 = (unsigned)chance_below(c, 8);

    op0 = op0 > 3 ? 3 : op0;
    if (chance_next(c) & 1)
        op1 = chance_next(c) & 1 ? 0 : 3;
    if (chance_next(c) & 1) {
        out[0] = MRS(op0, op1, crn, crm, op2, 2);
        return 1;
    }
    if (is_vital(op0, op1, crn, crm)) {
        out[0] = MRS(op0, op1, crn, crm, op2, 2);
        out[1] = MSR(op0, op1, crn, crm, op2, 2);
        return 2;
    }
    if (is_binary_point(op0, op1, crn, crm, op2)) {
        out[0] = AND_X2_7;
        out[1] = MSR(op0, op1, crn, crm, op2, 2);
        return 2;
    }
    out[0] = MSR(op0, op1, crn, crm, op2, chance_below(c, 4));
    return 1;
}

/* SYS: caches, TLB, address translation. Address operands are x0 only: some of them write. */
static unsigned make_system(struct chance *c, uint32_t *out)
{
    unsigned op1 = (unsigned)chance_below(c, 8), crn = 7 + (unsigned)chance_below(c, 9), crm = (unsigned)chance_below(c, 16);

    if (chance_next(c) & 3)
        crn = 7 + (unsigned)chance_below(c, 2);
    out[0] = MSR(1, op1, crn, crm, chance_below(c, 8), 0) | (uint32_t)(chance_next(c) & 1) << 21;
    return 1;
}

static unsigned make_firmware(struct chance *c, uint32_t *out)
{
    uint32_t immediate = chance_next(c) & 1 ? 0 : (uint32_t)chance_next(c) & 0xffff;

    if (immediate == HVC_XEN)
        immediate++;
    out[0] = 0xd4000002u | immediate << 5 | (uint32_t)(chance_next(c) & 1); /* HVC or SMC */
    return 1;
}

/* A load or a store of any form by the address in x1. */
static unsigned make_access(struct chance *c, uint32_t *out)
{
    uint32_t size = (uint32_t)chance_below(c, 4), opc = (uint32_t)chance_below(c, 4), rt = 2 + (uint32_t)chance_below(c, 4);
    uint32_t imm9 = (uint32_t)chance_next(c) & 0x1ff, word;

    switch (chance_below(c, 10)) {
    case 0:
        word = 0x38000400u | size << 30 | opc << 22 | imm9 << 12; /* post-indexed */
        break;
    case 1:
        word = 0x38000c00u | size << 30 | opc << 22 | imm9 << 12; /* pre-indexed */
        break;
    case 2:
        word = 0x38000000u | size << 30 | opc << 22 | imm9 << 12; /* unscaled */
        break;
    case 3:
        word = 0x28000000u | (size % 3) << 30 | (uint32_t)chance_below(c, 8) << 22 | 6u << 10; /* a pair */
        break;
    case 4:
        word = 0x085f7c00u | size << 30; /* load exclusive */
        break;
    case 5:
        word = 0x08007c00u | size << 30 | 6u << 16; /* store exclusive */
        break;
    case 6:
        word = (chance_next(c) & 1 ? 0x08dffc00u : 0x089ffc00u) | size << 30; /* acquire, release */
        break;
    case 7:
        word = 0x3c000000u | 1u << 24 | size << 30 | opc << 22; /* vector registers */
        break;
    case 8:
        word = 0xb8200000u | (uint32_t)chance_below(c, 8) << 12 | 6u << 16; /* atomics of v8.1 */
        break;
    default:
        word = 0x39000000u | size << 30 | opc << 22;
        break;
    }
    out[0] = word | 1u << 5 | rt;
    return 1;
}

/* Device frames and what lies between and behind them; the guest's own frames to lose. */
static uint64_t any_place(struct chance *c)
{
    static const uint64_t places[] = {
        0, 0x02f00000, GUEST_GICV3_GICD_BASE, GUEST_GICV3_GICD_BASE, GUEST_GICV3_GICR0_BASE, GUEST_GICV3_GICR0_BASE,
        GUEST_GICV3_GICR0_BASE + 0x10000, GUEST_GICV3_GICR0_BASE + 0x40000, 0x03a00000, 0x09000000, 0x22000000,
        GUEST_GNTTAB_BASE, GUEST_MAGIC_BASE, 0x3f000000, 0x41000000, 0x100000000, 0x200000000, 0x6fc0000000,
    };
    uint64_t at = chance_below(c, 12) ? places[chance_below(c, ARRAY_SIZE(places))]
                                      : ARENA_BASE + (chance_below(c, ARENA_FRAMES) << PAGE_SHIFT);

    at += chance_next(c) & 1 ? chance_below(c, 0x1000) : chance_below(c, 0x20000);
    return chance_next(c) & 3 ? at & ~7UL : at;
}

static void set_registers(struct chance *c, uint64_t regs[REGISTERS])
{
    regs[0] = ARENA_BASE + chance_below(c, ARENA_FRAMES * PAGE_SIZE);
    regs[1] = any_place(c);
    for (unsigned i = 2; i < REGISTERS; i++)
        regs[i] = value_of(c, chance_next(c) & 1 ? K_RAW : K_VCPU);
}

extern char storm_victim[];
asm(".pushsection .text\n"
    ".global storm_victim\n"
    "storm_victim:\n" /* a vCPU that was switched on by chance goes off at once */
    "    mov x0, #2\n"
    "    movk x0, #0x8400, lsl #16\n"
    "    hvc #0\n"
    "    b storm_victim\n"
    ".popsection\n");

/* A firmware call has its function in x0, and never one that ends the guest. */
static void set_firmware(struct chance *c, uint64_t regs[REGISTERS])
{
    static const uint32_t functions[] = {
        PSCI_VERSION, PSCI_CPU_ON64, PSCI_CPU_ON64, 0x84000003, PSCI_AFFINITY_INFO64, 0x84000004, PSCI_MIGRATE_INFO_TYPE,
        0x84000005, 0x84000007, PSCI_FEATURES, 0x8400000b, 0x8400000c, 0x8400000e, 0x84000010, 0xc4000010, 0x80000000,
        0x80000001, 0x80008000, 0x80007fff, 0x8600ff01, 0x8600ff00, 0x8600ff03, 0xc600ff01, 0xbf00ff01, 0xb2000000,
    };

    regs[0] = functions[chance_below(c, ARRAY_SIZE(functions))];
    regs[1] = value_of(c, K_VCPU);
    regs[2] = (uint64_t)storm_victim;
    if (regs[0] == PSCI_CPU_ON64 && (chance_next(c) & 3))
        regs[1] = 2;
    if (regs[0] == 0x84000003) /* by 32 bits nothing of ours can be named: only those that run already */
        regs[1] &= 1;
}

static unsigned make(struct chance *c, uint32_t *out, uint64_t regs[REGISTERS])
{
    set_registers(c, regs);
    switch (chance_below(c, 8)) {
    case 0:
        return make_system(c, out);
    case 1:
        set_firmware(c, regs);
        return make_firmware(c, out);
    case 2:
    case 3:
    case 4:
        return make_access(c, out);
    default:
        return make_register(c, out);
    }
}

void instructions_run(struct chance *c)
{
    static uint64_t regs[SLOTS][REGISTERS];

    for (unsigned i = 0; i < SLOTS; i++) {
        unsigned n = make(c, code[i], regs[i]);

        code[i][n] = RET;
    }
    for (uint64_t at = (uint64_t)code; at < (uint64_t)(code + SLOTS); at += 64)
        asm volatile("dc cvau, %0; dsb ish; ic ivau, %0" : : "r"(at) : "memory");
    dsb();
    isb();
    this_cpu()->resume = (uint64_t)storm_executed;
    for (unsigned i = 0; i < SLOTS; i++)
        storm_execute(regs[i], code[i]);
    this_cpu()->resume = 0;
    storm.instructions += SLOTS;
}

void accesses_run(struct chance *c)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        uint64_t at = any_place(c);
        unsigned bytes = 1u << chance_below(c, 4);

        if (at >= storm.base && at < storm.base + HOME_BYTES)
            continue;
        if (chance_next(c) & 1)
            probe_store(at, bytes, value_of(c, K_RAW));
        else
            probe_load(at, bytes, NULL);
    }
    storm.accesses += SLOTS;
}
