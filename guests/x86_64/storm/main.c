/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storm on x86-64: the hypercalls of guests/hostile_storm, and between them instructions of every kind that exits, while a second vCPU
 * rewrites arguments and instructions, a third is started and reset by interrupts and a fourth by hypercalls. `seed=N calls=M instructions=K` on the
 * command line, K for each 256 calls. As dom0, which reaches the board's own devices, it keeps to ports and addresses that are emulated.
 *
 *   ARENA_BASE | frames to lose |
 *   0x3a5a000  | image, stacks | +2 MiB: argument area, grant table | RAM with nothing: long lists end here
 */
#include "guests/hostile_storm/storm.h"
#include "guests/x86_64/storm/instructions.h"

#include <xen/hvm/hvm_vcpu.h>

#define ROUND 256
#define PROGRESS (1u << 12)
#define RACER_VALUES 24
#define CALLS_DEFAULT 20000
#define TIMER_VECTOR 0xe0
#define APIC_BASE_MSR 0x1b
#define APIC_ON 0x800
#define APIC_X2 0x400
#define X2APIC_EOI 0x80b
enum { APIC_TPR = 0x80, APIC_EOI = 0xb0, APIC_SPURIOUS = 0xf0, APIC_LVT = 0x320, APIC_LVT_LAST = 0x370, APIC_INITIAL = 0x380, APIC_DIVIDE = 0x3e0 };
#define PERIODIC 0x20000
#define MASKED 0x10000
#define PERIOD 250000       /* of ticks of 1 ns */

struct storm storm;
bool is_dom0;

uint64_t msr_get(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

void msr_put(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void end_interrupt(struct frame *f)
{
    uint64_t base = msr_get(APIC_BASE_MSR);

    (void)f;
    if (base & APIC_X2)
        msr_put(X2APIC_EOI, 0);
    else if (base & APIC_ON)
        apic_write(APIC_EOI, 0);
}

/* An interrupt with an exception's vector, as an event may get by chance, or the exception. */
static void end_either(struct frame *f)
{
    if (go_on_at)
        f->rip = go_on_at, f->cs = 0x08;
    else
        end_interrupt(f);
}

/* A breakpoint that chance has set. */
static void debug(struct frame *f)
{
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul));
    f->rflags = (f->rflags | 0x10000) & ~0x100ul;
}

/* What may have been shot to pieces and is needed to wake up again: the local APIC, and its timer, which ends every wait soon. */
void repair(void)
{
    uint64_t base = msr_get(APIC_BASE_MSR);

    if ((base & (APIC_ON | APIC_X2)) != APIC_ON) {
        msr_put(APIC_BASE_MSR, base & ~(uint64_t)(APIC_ON | APIC_X2));
        msr_put(APIC_BASE_MSR, (base & ~(uint64_t)APIC_X2) | APIC_ON);
    }
    apic_write(APIC_SPURIOUS, 0x1ff);
    apic_write(APIC_TPR, 0);
    for (unsigned at = APIC_LVT; at <= APIC_LVT_LAST; at += 0x10)
        apic_write(at, MASKED | 0xff);
    for (unsigned i = 0; i < 8; i++)
        apic_write(APIC_EOI, 0);
    apic_write(APIC_DIVIDE, 0xb);
    apic_write(APIC_LVT, PERIODIC | TIMER_VECTOR);
    apic_write(APIC_INITIAL, PERIOD);
    __asm__ volatile("sti");
}

/* The second vCPU: rewrites arguments and instructions, and makes calls of its own. */
static void race(void)
{
    struct chance c = { storm.seed * 0x9e3779b97f4a7c15UL + 1 };
    uint64_t area = storm.area;

    for (unsigned turn = 0; !storm.stop; turn++) {
        if (turn % 256 == 0)
            repair();
        for (unsigned i = 0; i < RACER_VALUES; i++) {
            uint64_t value = value_of(&c, (enum kind)chance_below(&c, K_FOREVER));

            if ((uint32_t)value == __HYPERVISOR_sched_op || (uint32_t)value == __HYPERVISOR_vcpu_op)    /* in a multicall, the end of us */
                value += 2;
            *(volatile uint64_t *)(area + (chance_below(&c, AREA_BYTES - 8) & ~3UL)) = value;
            instructions_rewrite(&c);
        }
        call_one(&c, 1);
    }
    storm.stop = 2;
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void blow(struct chance *c)
{
    while (storm.made[0] < storm.calls) {
        for (unsigned i = 0; i < ROUND; i++) {
            if ((i & 7) == 0)
                scribble_grant(c);
            call_one(c, 0);
        }
        instructions_run(c);
        repair();
        if (storm.made[0] % PROGRESS < ROUND)
            say("storm: seed %lu, at %lu, %lu without error\n", storm.seed, storm.made[0], storm.succeeded[0]);
    }
}

static void map_grants(void)
{
    for (unsigned i = 0; i < TABLE_FRAMES; i++) {
        struct xen_add_to_physmap map = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = i,
            .gpfn = (storm.base + TABLE_OFFSET + i * PAGE_SIZE) >> PAGE_SHIFT };
        long rc = memory_op(XENMEM_add_to_physmap, &map);

        if (rc)
            say("storm: grant table: %ld\n", rc);
    }
}

static domid_t find_self(void)
{
    uint32_t a = 0x40000004, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (domid_t)c;
}

/* Time for the log, which takes so many lines a second, and for the other vCPU to stop. */
static void wait_ticks(uint64_t n)
{
    uint64_t start = __builtin_ia32_rdtsc();

    while (__builtin_ia32_rdtsc() - start < n)
        (void)hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
}

extern const char start32[], storm_sleep[], table4[];
extern uint64_t table3[];

void guest_main(const void *start_info)
{
    const char *args = (const char *)((const uint64_t *)start_info)[3];
    const uint64_t start[] = { VCPU_HVM_MODE_64B, (uint64_t)storm_sleep, 0x80010033, (uint64_t)table4, 0x6a0, 0xd01 };
    struct chance c;

    storm.seed = number_option(args, "seed", 1);
    storm.calls = number_option(args, "calls", CALLS_DEFAULT);
    storm.batch = (unsigned)number_option(args, "instructions", ROUND);
    storm.peers[1] = (domid_t)number_option(args, "peer", 1);
    storm.peers[2] = storm.peers[1] + 1;
    storm.base = (uint64_t)start32 & ~(PAGE_SIZE - 1);
    table3[ALIAS_BASE >> 30] = table3[0];
    storm.area = ALIAS_BASE + storm.base + AREA_OFFSET;
    storm.self = find_self();
    is_dom0 = storm.self == 0;
    for (unsigned i = 0; i < ARRAY_SIZE(start); i++)
        storm.start[i] = start[i];
    storm.focus = is_dom0 ? FOCUS_SHARING : FOCUS_ALL;      /* the control domain may end itself by other calls */
    c.state = storm.seed * 0x9e3779b97f4a7c15UL + 2;
    exceptions_start();
    for (unsigned vector = 16; vector < 256; vector++)
        on_interrupt(vector, vector < 32 ? end_either : end_interrupt);
    on_interrupt(1, debug);
    say("storm: seed %lu, %lu calls\n", storm.seed, storm.calls);
    map_grants();
    instructions_start();
    repair();
    start_processor(2, race);
    blow(&c);
    storm.stop = 1;
    wait_ticks(2000000000);
    say("storm: done, seed %lu, calls %lu + %lu, without error %lu + %lu, instructions %lu, accesses %lu, prods %u\n", storm.seed,
        storm.made[0], storm.made[1], storm.succeeded[0], storm.succeeded[1], storm.instructions, storm.accesses, storm.prods);
    wait_ticks(200000000);
    done();
}
