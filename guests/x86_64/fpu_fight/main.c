/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two vCPUs, and as many guests as are started, whose floating-point and vector registers hold what nobody else's do, while others run
 * on the same CPU: x87's stack and words, SSE's registers and MXCSR, AVX's upper halves, and which of them is switched on (XCR0). `turns=N` on the
 * command line. (AMD64 APM volume 2, 11.4, 11.5)
 */
#include "../lib/guest.h"

#define TURNS 2000
#define AREA_BYTES 1024
#define CONTROL_RESET 0x37f
#define MXCSR_RESET 0x1f80
#define CR4_OSXSAVE (1ul << 18)
enum { AT_CONTROL = 0, AT_TAGS = 4, AT_MXCSR = 24, AT_X87 = 32, AT_XMM = 160, XMM_END = 416, HEADER = 512 };
enum { X87_REGISTERS = 8, X87_BYTES = 10, X87_STRIDE = 16, XMM_BYTES = 256 };
enum { SSE = 3, AVX = 7 };      /* values of XCR0 */
/* Of 1 ns: longer than a turn of the scheduler's. */
#define LONG_TURN 40000000ul

static struct {
    uint8_t wanted[AREA_BYTES] __attribute__((aligned(64))), is[AREA_BYTES];
    volatile uint64_t x87, words, xmm, ymm, xcr0, turns;   /* foreign values found, turns made */
} side[2];
static bool has_xsave, has_avx;
static unsigned ymm_at, turns;
static volatile bool second_has_ended;

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(subleaf));
}

static void allow_xsave(void)
{
    __asm__ volatile("mov %%cr4, %%rax; or %0, %%rax; mov %%rax, %%cr4" : : "r"(CR4_OSXSAVE) : "rax");
}

static void set_xcr0(uint64_t value)
{
    if (has_xsave)
        __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"(0));
}

static uint64_t get_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void load(const uint8_t *area)
{
    if (has_xsave)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

static void store(uint8_t *area)
{
    if (has_xsave)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static void put(uint8_t *at, unsigned bytes, uint64_t *state)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(next(state) >> 32);
}

/* Rounding of both kinds by chance, exceptions masked, all registers in use. */
static void fill(uint8_t *area, uint64_t *state)
{
    uint64_t chance = next(state);

    *(uint16_t *)(area + AT_CONTROL) = (uint16_t)(CONTROL_RESET | (chance & 0xc00));
    area[AT_TAGS] = 0xff;
    *(uint32_t *)(area + AT_MXCSR) = (uint32_t)(MXCSR_RESET | (chance >> 8 & 0x6000));
    for (unsigned i = 0; i < X87_REGISTERS; i++)
        put(area + AT_X87 + X87_STRIDE * i, X87_BYTES, state);
    put(area + AT_XMM, XMM_BYTES, state);
    area[HEADER] = has_avx ? AVX : SSE;
    if (has_avx)
        put(area + ymm_at, XMM_BYTES, state);
}

static bool differs(const uint8_t *a, const uint8_t *b, unsigned from, unsigned bytes)
{
    for (unsigned i = from; i < from + bytes; i++)
        if (a[i] != b[i])
            return true;
    return false;
}

static void compare(unsigned self)
{
    const uint8_t *a = side[self].wanted, *b = side[self].is;

    side[self].words += differs(a, b, AT_CONTROL, 5) || differs(a, b, AT_MXCSR, 4);
    side[self].xmm += differs(a, b, AT_XMM, XMM_BYTES);
    side[self].ymm += has_avx && differs(a, b, ymm_at, XMM_BYTES);
    for (unsigned i = 0; i < X87_REGISTERS; i++)
        side[self].x87 += differs(a, b, AT_X87 + X87_STRIDE * i, X87_BYTES);
}

/* Others run: they are given the CPU, or take it. */
static void let_others(unsigned turn)
{
    uint64_t start = __builtin_ia32_rdtsc();

    if (turn % 64)
        hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
    else
        while (__builtin_ia32_rdtsc() - start < LONG_TURN)
            continue;
}

static void fight(unsigned self)
{
    uint64_t state = __builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ul + self + 1, all = has_avx ? AVX : SSE;

    if (has_xsave)
        allow_xsave();
    for (unsigned turn = 1; turn <= turns; turn++) {
        /* What is switched off is kept, too. */
        uint64_t between = (turn / 8 + self) & 1 ? SSE : all;

        fill(side[self].wanted, &state);
        set_xcr0(all);
        load(side[self].wanted);
        set_xcr0(between);
        let_others(turn);
        side[self].xcr0 += has_xsave && get_xcr0() != between;
        set_xcr0(all);
        store(side[self].is);
        compare(self);
        side[self].turns++;
    }
}

static void second(void)
{
    fight(1);
    second_has_ended = true;
    for (;;)
        __asm__ volatile("cli; hlt");
}

static bool is_dom0(void)
{
    uint32_t r[4];

    cpuid(0x40000004, 0, r);
    return r[2] == 0;
}

/* Nothing of who was on this CPU before. */
static void look_at_the_first_state(void)
{
    uint8_t *is = side[0].is;
    bool has_words = false;

    if (has_xsave) {
        allow_xsave();
        check_equal("x87 alone is switched on", get_xcr0(), 1);
        set_xcr0(has_avx ? AVX : SSE);
    }
    store(is);
    for (unsigned i = AT_XMM; i < XMM_END; i++)
        has_words |= is[i];
    for (unsigned i = ymm_at; has_avx && i < ymm_at + XMM_BYTES; i++)
        has_words |= is[i];
    /* dom0's kernel comes after its unpacker. */
    check("vector registers are empty", !has_words || is_dom0());
    check_equal("x87's control word", *(uint16_t *)(is + AT_CONTROL), CONTROL_RESET);
    check_equal("x87's registers are empty", is[AT_TAGS], 0);
    check_equal("MXCSR", *(uint32_t *)(is + AT_MXCSR), MXCSR_RESET);
}

/* The last number behind a `=`. */
static unsigned option(const char *words, unsigned otherwise)
{
    unsigned n = 0;

    for (; *words; words++)
        n = *words == '=' ? 0 : *words >= '0' && *words <= '9' ? 10 * n + (unsigned)(*words - '0') : n;
    return n ? n : otherwise;
}

void guest_main(const void *start_info)
{
    uint32_t r[4];

    exceptions_start();
    turns = option((const char *)((const uint64_t *)start_info)[3], TURNS);
    cpuid(1, 0, r);
    has_xsave = r[2] >> 26 & 1;
    has_avx = has_xsave && (r[2] >> 28 & 1);
    cpuid(0xd, 2, r);
    ymm_at = has_avx ? r[1] : 0;
    say("fpu_fight: %u turns, %s, AVX at %u\n", turns, has_avx ? "AVX" : has_xsave ? "XSAVE" : "FXSAVE", ymm_at);
    check("what there is has room here", ymm_at + XMM_BYTES <= AREA_BYTES);
    look_at_the_first_state();
    start_processor(2, second);
    fight(0);
    while (!second_has_ended)
        hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        say("vCPU %u\n", i);
        check_equal("turns", side[i].turns, turns);
        check_equal("foreign values in x87's registers", side[i].x87, 0);
        check_equal("foreign control words", side[i].words, 0);
        check_equal("foreign values in SSE's registers", side[i].xmm, 0);
        check_equal("foreign values in AVX's upper halves", side[i].ymm, 0);
        check_equal("foreign XCR0", side[i].xcr0, 0);
    }
    done();
}
