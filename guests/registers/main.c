/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two vCPUs fill every register with values of their own, trap in all the ways
 * there are, give way to each other and are interrupted: each register is what
 * it was, but for those that the trap answers in.
 */

#include "guests/lib/hypercall.h"

#define ROUNDS 200
#define SPINS 3000
#define GICD_TYPER 4
#define LIMIT (20000 * TICKS_PER_MS)

struct state {
    uint64_t x[32]; /* x0 to x30 */
    uint64_t q[64];
} ALIGNED(16);

void registers_hypercall(const struct state *in, struct state *out);
void registers_firmware(const struct state *in, struct state *out);
void registers_sysreg(const struct state *in, struct state *out);
void registers_mmio(const struct state *in, struct state *out);
void registers_spin(const struct state *in, struct state *out);

struct kind {
    const char *name;
    void (*run)(const struct state *in, struct state *out);
    uint32_t answered; /* registers that come back changed, by bit */
    void (*arguments)(struct state *s);
};

static void version(struct state *s)
{
    s->x[16] = __HYPERVISOR_xen_version;
    s->x[0] = XENVER_version;
}

static void yield(struct state *s)
{
    s->x[16] = __HYPERVISOR_sched_op;
    s->x[0] = SCHEDOP_yield;
}

static void psci_version(struct state *s)
{
    s->x[0] = PSCI_VERSION;
}

static void nothing(struct state *s)
{
    (void)s;
}

static void device(struct state *s)
{
    s->x[26] = gicd_base + GICD_TYPER;
}

static void spins(struct state *s)
{
    s->x[19] = SPINS;
}

static struct gnttab_copy copied = { .source.domid = DOMID_SELF, .dest.domid = DOMID_SELF, .len = PAGE_SIZE, .status = 1 };

static void copy(struct state *s)
{
    static uint8_t from[PAGE_SIZE] PAGE_ALIGNED, to[PAGE_SIZE] PAGE_ALIGNED;

    copied.source.u.gmfn = (uint64_t)from >> PAGE_SHIFT;
    copied.dest.u.gmfn = (uint64_t)to >> PAGE_SHIFT;
    s->x[16] = __HYPERVISOR_grant_table_op;
    s->x[0] = GNTTABOP_copy;
    s->x[1] = (uint64_t)&copied;
    s->x[2] = 1;
}

static const struct kind kinds[] = {
    { "hypercall", registers_hypercall, 1u << 0, version },
    { "copy of a page", registers_hypercall, 1u << 0, copy },
    { "yield", registers_hypercall, 1u << 0, yield },
    { "firmware call", registers_firmware, 0xf, psci_version },
    { "feature register", registers_sysreg, 1u << 21, nothing },
    { "device register", registers_mmio, 1u << 25, device },
    { "interrupts", registers_spin, 1u << 19, spins },
};

/* On each vCPU: which of its registers came back wrong, by kind of trap. */
static uint32_t wrong_x[2][ARRAY_SIZE(kinds)], wrong_q[2][ARRAY_SIZE(kinds)];
static bool wrong_system[2];
static volatile unsigned finished, rounds_of[2];

static void fill(struct state *s, uint64_t seed)
{
    for (unsigned n = 0; n < ARRAY_SIZE(s->x); n++)
        s->x[n] = seed * (n + 1);
    for (unsigned n = 0; n < ARRAY_SIZE(s->q); n++)
        s->q[n] = ~seed * (n + 33);
}

static void one(unsigned cpu, unsigned k, uint64_t seed)
{
    static struct state in[2], out[2];
    const struct kind *kind = &kinds[k];

    fill(&in[cpu], seed);
    kind->arguments(&in[cpu]);
    kind->run(&in[cpu], &out[cpu]);
    for (unsigned n = 0; n < 31; n++)
        if (!(kind->answered >> n & 1) && in[cpu].x[n] != out[cpu].x[n])
            wrong_x[cpu][k] |= 1u << n;
    for (unsigned n = 0; n < ARRAY_SIZE(in->q); n++)
        if (in[cpu].q[n] != out[cpu].q[n])
            wrong_q[cpu][k] |= 1u << n / 2;
}

static void all_rounds(void *arg)
{
    unsigned cpu = this_cpu()->id;
    uint64_t mine = 0x0123456789abcdef + cpu;

    (void)arg;
    write_sysreg(cpacr_el1, read_sysreg(cpacr_el1) | 3 << 20);
    isb();
    write_sysreg(tpidr_el0, mine);
    write_sysreg(sp_el0, ~mine);
    for (unsigned round = 0; round < ROUNDS; round++, rounds_of[cpu]++)
        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
            one(cpu, k, mine + ((uint64_t)round << 32) + k);
    wrong_system[cpu] = read_sysreg(tpidr_el0) != mine || read_sysreg(sp_el0) != ~mine;
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    check_eq("a second vCPU", cpu_start(1, all_rounds, NULL), 0);
    all_rounds(NULL);
    check(wait_for(&finished, 2, LIMIT), "both finish", "%u rounds there", rounds_of[1]);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
            check(!wrong_x[cpu][k] && !wrong_q[cpu][k], kinds[k].name, "vCPU %u: x %x, q %x are not what they were",
                  cpu, wrong_x[cpu][k], wrong_q[cpu][k]);
        check_eq("the thread's register and the user's stack", wrong_system[cpu], 0);
    }
    check_eq("the page was copied", copied.status, GNTST_okay);
    test_done();
}
