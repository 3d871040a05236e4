/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions made by chance, with prefixes by chance, of every kind that exits (AMD64 APM volume 3): in 64-bit and compatibility mode, across
 * the end of a page, and turned into others by another vCPU while they are executed. rbx points at a device or a hole, rsi and rdi into
 * the frames to lose, the other registers hold anything. What faults is skipped.
 */
#include "guests/x86_64/storm/instructions.h"

#define LONGEST_OPERATION 12
#define PADDING 14
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, REGISTERS };
#define REAL_PAGE UINT64_C(0x6d000)
#define LAPIC UINT64_C(0xfee00000)
#define IOAPIC UINT64_C(0xfec00000)
#define ICR_INIT 0x500u
#define ICR_STARTUP 0x600u
#define VICTIM 4

struct operation {
    uint8_t bytes[LONGEST_OPERATION], length;
    uint64_t regs[REGISTERS];
    bool narrow;                /* in compatibility mode */
};

void storm_execute(const uint64_t regs[REGISTERS], const void *code, unsigned compat);
extern char storm_executed[], real_begin[], real_skip[], real_end[];

static uint8_t buffer[2 * 4096] ALIGNED(4096);
static uint8_t *volatile now;   /* behind the prefixes of what is executed */
/* Where nothing is mapped: the hole beyond RAM, and no entry at all. */
static const uint64_t holes[] = { 0x70000000, 0xd0000000, 0xe0000000, 0xf8000000, 0x4000000000, 0xffff800000000000, 0x8000000000000000 };

static void emit(struct operation *o, unsigned n, const uint8_t *bytes)
{
    for (unsigned i = 0; i < n; i++)
        o->bytes[o->length++] = bytes[i];
}
#define EMIT(o, ...) emit(o, sizeof((const uint8_t[]){ __VA_ARGS__ }), (const uint8_t[]){ __VA_ARGS__ })
#define ONE_OF(c, set) ((set)[chance_below(c, ARRAY_SIZE(set))])

static void make_cpuid(struct chance *c, struct operation *o)
{
    static const uint32_t bases[] = { 0, 0, 0x40000000, 0x40000100, 0x80000000, 0x80000000, 0xc0000000 };

    EMIT(o, 0x0f, 0xa2);
    o->regs[RAX] = chance_below(c, 16) ? ONE_OF(c, bases) + chance_below(c, 40) : chance_next(c);
    o->regs[RCX] = chance_below(c, 4) ? chance_below(c, 70) : chance_next(c);
}

static uint32_t any_msr(struct chance *c)
{
    switch (chance_below(c, 8)) {
    case 0: case 1: return (uint32_t)chance_below(c, 0x2000);
    case 2: return 0xc0000000u + (uint32_t)chance_below(c, 0x2000);
    case 3: return 0xc0000080u + (uint32_t)chance_below(c, 8);
    case 4: return 0x40000000u + (uint32_t)chance_below(c, 0x200);
    case 5: return 0xc0010000u + (uint32_t)chance_below(c, 0x2000);
    case 6: return 0x800u + (uint32_t)chance_below(c, 0x100);
    default: return (uint32_t)chance_next(c);
    }
}

static void make_rdmsr(struct chance *c, struct operation *o)
{
    EMIT(o, 0x0f, 0x32);
    o->regs[RCX] = any_msr(c);
}

/* Of some registers this guest needs parts as they are: those stay. */
static uint64_t msr_value(struct chance *c, uint32_t msr)
{
    uint64_t value = value_of(c, chance_next(c) & 1 ? K_RAW : K_COUNT);

    switch (msr) {
    case 0xc0000080: return (value & 0x8) ? (value | 0x500) : 0xd00 | (value & 1);        /* EFER: LME, LMA, NXE */
    case 0x40000000: return value_of(c, K_ADDRESS);                                       /* where the hypercall page goes */
    case 0x830: return (value & ~UINT64_C(0x7ff)) | 0x20 | (value & 0x4df);               /* no INIT, no STARTUP */
    case 0x10: return __builtin_ia32_rdtsc() + (value & 0xffffff);
    default: return msr >= 0x800 && msr < 0x900 ? value | 0x20 : value;
    }
}

static void make_wrmsr(struct chance *c, struct operation *o)
{
    uint32_t msr = any_msr(c);
    uint64_t value = msr_value(c, msr);

    EMIT(o, 0x0f, 0x30);
    o->regs[RCX] = msr;
    o->regs[RAX] = (uint32_t)value;
    o->regs[RDX] = value >> 32;
}

/* dom0 reaches most of the board's own ports: it keeps to those that are never passed on. */
static uint16_t any_port(struct chance *c)
{
    static const uint16_t kept[] = { 0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0xa0, 0xa1, 0x4d0, 0x4d1 };
    static const uint16_t known[] = { 0x60, 0x64, 0x70, 0x71, 0x80, 0x3f8, 0x3fd, 0xcf8, 0xcfc, 0xcf9, 0x1f7, 0xffff, 0xfffd, 0xb000, 0x1f };

    if (is_dom0)
        return ONE_OF(c, kept);
    return chance_next(c) & 1 ? ONE_OF(c, known) : (uint16_t)chance_next(c);
}

static void make_port(struct chance *c, struct operation *o)
{
    static const uint8_t by_dx[] = { 0xec, 0xed, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f }, by_byte[] = { 0xe4, 0xe5, 0xe6, 0xe7 };
    uint16_t port = any_port(c);

    if (port < 256 && (chance_next(c) & 1))
        EMIT(o, ONE_OF(c, by_byte), (uint8_t)port);
    else
        EMIT(o, ONE_OF(c, by_dx));
    o->regs[RDX] = port;
    o->regs[RCX] = chance_below(c, 9);
}

static uint64_t any_place(struct chance *c)
{
    uint64_t offset = chance_next(c) & 1 ? chance_below(c, 0x40) << 4 : chance_below(c, 0x1000);

    switch (chance_below(c, 5)) {
    case 0: return IOAPIC + (chance_next(c) & 1 ? offset & 0x1f : offset);
    case 1: return is_dom0 ? holes[4] : ONE_OF(c, holes) + offset;
    default: return LAPIC + offset;
    }
}

/* For the local APIC: neither INIT nor STARTUP, and no vector that is an exception's. */
static uint64_t apic_value(struct chance *c)
{
    return (value_of(c, chance_next(c) & 1 ? K_RAW : K_COUNT) & ~UINT64_C(0x700)) | 0x20 | (chance_next(c) & 0x400 & chance_next(c));
}

static void make_access(struct chance *c, struct operation *o)
{
    static const uint8_t opcodes[] = { 0x89, 0x8b, 0x88, 0x8a, 0x87, 0x86, 0x21, 0x23, 0x09, 0x0b, 0x31, 0x33, 0x39, 0x3b, 0x85, 0x84, 0x01, 0x29,
        0x8c, 0x63, 0x20, 0x38 };
    static const uint8_t wide[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0xb0, 0xb1, 0xc1, 0xab, 0x10, 0x11, 0x6f, 0x7f, 0xc3, 0xae, 0x01, 0xc7 };
    uint8_t reg = (uint8_t)((chance_next(c) & 1 ? 0 : chance_below(c, 4) & 2) << 3);
    uint8_t modrm = (uint8_t)(reg | 3);

    switch (chance_below(c, 6)) {
    case 0: EMIT(o, 0x0f, ONE_OF(c, wide), modrm); break;
    case 1: EMIT(o, 0xc7, 0x03, 0x30, 0, 0, 0); break;
    case 2: EMIT(o, 0x81, (uint8_t)(chance_below(c, 8) << 3 | 3), 0x20, 1, 0, 0); break;
    case 3: EMIT(o, 0xf7, (uint8_t)(chance_below(c, 4) << 3 | 3), 0x20, 0, 0, 0); break;
    case 4: EMIT(o, 0x83, (uint8_t)(chance_below(c, 8) << 3 | 3), 0x20); break;
    default: EMIT(o, ONE_OF(c, opcodes), modrm); break;
    }
    o->regs[RAX] = apic_value(c);
    o->regs[RDX] = apic_value(c);
    storm.accesses++;
}

/* String instructions and stacks on registers of devices. */
static void make_string(struct chance *c, struct operation *o)
{
    static const uint8_t opcodes[] = { 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };
    bool is_source = chance_next(c) & 1;

    EMIT(o, ONE_OF(c, opcodes));
    o->regs[RCX] = chance_below(c, 5);
    o->regs[is_source ? RSI : RDI] = any_place(c);
    o->regs[RAX] = apic_value(c);
    storm.accesses++;
}

static void make_hypercall(struct chance *c, struct operation *o)
{
    EMIT(o, 0x0f, 0x01, chance_next(c) & 1 ? 0xd9 : 0xc1, 0x90, 0x90);
    o->regs[RAX] = __HYPERVISOR_xen_version;
    o->regs[RDI] = value_of(c, K_SMALL);
    o->regs[RBX] = 0;
}

/* What has no operand in memory: virtualisation's own instructions, caches, states, waiting. */
static void make_odd(struct chance *c, struct operation *o)
{
    static const uint8_t after_0f_01[] = { 0xc0, 0xc2, 0xc3, 0xc4, 0xc8, 0xc9, 0xca, 0xcb, 0xcf, 0xd0, 0xd1, 0xd4, 0xd5, 0xd6, 0xd8, 0xda, 0xdb, 0xdc,
        0xdd, 0xde, 0xdf, 0xee, 0xef, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe };
    static const uint8_t after_0f[] = { 0x08, 0x09, 0x0b, 0x33, 0x37, 0xaa, 0x31, 0x06, 0x0e, 0x77, 0xff, 0xb9 };
    static const uint8_t alone[] = { 0x90, 0x90, 0xcc, 0xf1, 0x9b, 0xce, 0xd6, 0x27, 0x62, 0xc4, 0xc5 };

    switch (chance_below(c, 6)) {
    case 0: EMIT(o, 0x0f, ONE_OF(c, after_0f)); break;
    case 1: EMIT(o, alone[chance_below(c, o->narrow ? ARRAY_SIZE(alone) - 3 : ARRAY_SIZE(alone))]); break;   /* the last: EVEX, VEX */
    case 2: EMIT(o, 0x0f, chance_next(c) & 1 ? 0x78 : 0x79, 0xc3); break;              /* VMREAD, VMWRITE */
    case 3: EMIT(o, 0x66, 0x0f, 0x38, 0x80 + (uint8_t)chance_below(c, 3), 0x03); break;   /* INVEPT, INVVPID, INVPCID */
    default: EMIT(o, 0x0f, 0x01, ONE_OF(c, after_0f_01)); break;
    }
    o->regs[RCX] = chance_next(c) & 3 ? chance_below(c, 3) : chance_next(c);
    o->regs[RAX] = chance_next(c) & 3 ? chance_below(c, 0x300) : chance_next(c);
    o->regs[RDX] = chance_next(c) & 3 ? 0 : chance_next(c);
}

/* MOV to a control or debug register; what is not restored behind it, or ends everything, stays as it is. */
static void make_control(struct chance *c, struct operation *o)
{
    /* Neither reserved bits of CR3 and CR4 nor CR4 without PAE: QEMU takes them, and then refuses to enter such a guest. */
    static const uint64_t cr0[] = { 1u << 31, 1u << 30, 3u << 29, 1u << 29, 1u << 16, 1u << 18, 1u << 5, 1u << 8, 1u << 3, 1u << 2, 1 };
    static const uint64_t cr4[] = { 1, 2, 4, 8, 1u << 6, 1u << 8, 1u << 16, 1u << 18 };
    uint64_t value;

    switch (chance_below(c, 5)) {
    case 0:
        __asm__ volatile("mov %%cr0, %0" : "=r"(value));
        o->regs[RAX] = value ^ ONE_OF(c, cr0);
        EMIT(o, 0x0f, 0x22, 0xc0);
        break;
    case 1:
        __asm__ volatile("mov %%cr4, %0" : "=r"(value));
        o->regs[RAX] = value ^ ONE_OF(c, cr4);
        EMIT(o, 0x0f, 0x22, 0xe0);
        break;
    case 2:
        __asm__ volatile("mov %%cr3, %0" : "=r"(value));
        o->regs[RAX] = value | (chance_next(c) & 0x18);
        EMIT(o, 0x0f, 0x22, 0xd8);
        break;
    case 3:
        o->regs[RAX] = chance_next(c) & 1 ? chance_below(c, 17) : chance_next(c);
        EMIT(o, 0x0f, chance_next(c) & 1 ? 0x20 : 0x22, 0xc0 | 1 << 3 | (chance_next(c) & 1 ? 0 : 6 << 3));    /* CR1, CR7 and such: #UD */
        break;
    default:
        o->regs[RAX] = chance_next(c) & 1 ? chance_next(c) : value_of(c, K_RAW);
        EMIT(o, 0x0f, chance_next(c) & 1 ? 0x23 : 0x21, (uint8_t)(0xc0 | chance_below(c, 8) << 3));
        break;
    }
    o->regs[R8] = o->regs[RAX];     /* by REX.B */
}

static void (*const makers[])(struct chance *c, struct operation *o) = {
    make_cpuid, make_cpuid, make_rdmsr, make_rdmsr, make_wrmsr, make_wrmsr, make_port, make_port, make_access, make_access, make_access,
    make_string, make_hypercall, make_odd, make_odd, make_control,
};

static unsigned make_prefixes(struct chance *c, uint8_t *out, bool narrow)
{
    static const uint8_t set[] = { 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x3e, 0x26, 0x36, 0x40, 0x41, 0x44, 0x48, 0x4f, 0x66 };
    unsigned n = chance_next(c) & 1 ? 0 : (unsigned)chance_below(c, chance_below(c, 16) ? 4 : 14);

    for (unsigned i = 0; i < n; i++)
        out[i] = set[chance_below(c, narrow ? 9 : ARRAY_SIZE(set))];
    return n;
}

static void set_registers(struct chance *c, uint64_t regs[REGISTERS])
{
    for (unsigned i = 0; i < REGISTERS; i++)
        regs[i] = value_of(c, K_RAW);
    regs[RBX] = any_place(c);
    regs[RSI] = ARENA_BASE + chance_below(c, (ARENA_FRAMES - 1) * PAGE_SIZE);
    regs[RDI] = ARENA_BASE + chance_below(c, (ARENA_FRAMES - 1) * PAGE_SIZE);
}

/* Behind it comes a jump to storm_executed: in compatibility mode a far one, with a selector. */
static void put_jump(uint8_t *at, bool narrow)
{
    uint64_t to = (uint64_t)storm_executed, distance = to - ((uint64_t)at + 5);

    *at++ = narrow ? 0xea : 0xe9;
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)((narrow ? to : distance) >> 8 * i);
    if (narrow)
        at[0] = 0x08, at[1] = 0;
}

static void run_one(struct chance *c)
{
    struct operation o = { .length = 0 };
    uint8_t prefixes[16], *at;
    unsigned n;

    o.narrow = chance_below(c, 4) == 0;
    set_registers(c, o.regs);
    makers[chance_below(c, ARRAY_SIZE(makers))](c, &o);
    n = make_prefixes(c, prefixes, o.narrow);
    at = chance_next(c) & 1 ? buffer + 4096 - 1 - chance_below(c, n + o.length) : buffer + chance_below(c, 4000);
    for (unsigned i = 0; i < n; i++)
        at[i] = prefixes[i];
    for (unsigned i = 0; i < o.length; i++)
        at[n + i] = o.bytes[i];
    /* What a rewritten or misread instruction takes for its operands. */
    for (unsigned i = 0; i < PADDING; i++)
        at[n + o.length + i] = 0x90;
    put_jump(at + n + o.length + PADDING, o.narrow);
    now = at + n;
    go_on_at = (uint64_t)storm_executed;
    storm_execute(o.regs, at, o.narrow);
    go_on_at = 0;
    now = NULL;
    storm.instructions++;
}

/* Two bytes that are an instruction as harmless as what they replace; what follows may become another one altogether. */
void instructions_rewrite(struct chance *c)
{
    static const uint8_t pairs[][2] = { { 0x0f, 0xa2 }, { 0x0f, 0x32 }, { 0x0f, 0x09 }, { 0xf3, 0x90 }, { 0x90, 0x90 }, { 0x66, 0x90 }, { 0x89, 0x03 },
        { 0x8b, 0x03 }, { 0x8a, 0x03 }, { 0x0f, 0x0b } };
    unsigned i = (unsigned)chance_below(c, ARRAY_SIZE(pairs));
    uint8_t *at = now;

    if (!at || (chance_next(c) & 3))
        return;
    ((volatile uint8_t *)at)[0] = pairs[i][0];
    ((volatile uint8_t *)at)[1] = pairs[i][1];
}

/* INIT and STARTUP to the third vCPU, in any order; a STARTUP begins with the page of real_begin, which is written anew. */
static void start_storm(struct chance *c)
{
    volatile uint8_t *page = (volatile uint8_t *)REAL_PAGE;

    for (char *p = real_begin; p < real_end; p++)
        *page++ = (uint8_t)*p;
    for (unsigned vector = 0; vector < 256; vector++) {
        ((volatile uint16_t *)(REAL_PAGE + 0x800))[2 * vector] = (uint16_t)(real_skip - real_begin);
        ((volatile uint16_t *)(REAL_PAGE + 0x800))[2 * vector + 1] = REAL_PAGE >> 4;
    }
    for (unsigned i = 0; i < 6; i++) {
        uint32_t kind = chance_next(c) & 1 ? ICR_INIT | (chance_next(c) & 1 ? 0x4000 : 0x8000) : ICR_STARTUP | REAL_PAGE >> 12;

        apic_write(0x310, VICTIM << 24);
        apic_write(0x300, kind);
    }
}

void instructions_start(void)
{
    for (unsigned i = 0; i < sizeof(buffer); i++)
        buffer[i] = 0x90;
}

void instructions_run(struct chance *c)
{
    if (chance_below(c, 4) == 0)
        start_storm(c);
    for (unsigned i = 0; i < storm.batch; i++) {
        run_one(c);
        if ((i & 15) == 0)
            repair();
    }
}
