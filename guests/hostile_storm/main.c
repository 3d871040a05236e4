/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As a kernel of its own: `seed=N calls=M` on the command line, and a storm of that many hypercalls with everything else between
 * them. As dom0: two domains of this kind that do it to each other (pair.c).
 */

#include "guests/hostile_storm/pair.h"
#include "guests/hostile_storm/storm.h"

#define ROUND 2048
#define PROGRESS (1u << 17)
#define RACER_VALUES 24
#define STUCK_TURNS 64
#define CALLS_DEFAULT 100000

struct storm storm;

/* N of `name=N` on the command line. */
static uint64_t number_option(const void *fdt, const char *name, uint64_t otherwise)
{
    unsigned node = fdt_find(fdt, "bootargs", NULL), len, size = (unsigned)strlen(name);
    const char *args = node ? (const char *)fdt_prop(fdt, node, "bootargs", &len) : "";
    uint64_t n = 0;

    for (; *args && (memcmp(args, name, size) || args[size] != '='); args++)
        if (strlen(args) <= size)
            return otherwise;
    if (!*args)
        return otherwise;
    for (args += size + 1; *args >= '0' && *args <= '9'; args++)
        n = 10 * n + (uint64_t)(*args - '0');
    return n;
}

/* Only of itself may a guest ask this. */
static domid_t find_self(void)
{
    for (unsigned id = 0; id < DOMID_FIRST_RESERVED; id++) {
        domid_t domid = (domid_t)id;

        if (memory_op(XENMEM_current_reservation, &domid) >= 0)
            return domid;
    }
    guest_panic("no number is mine");
}

static void map_shared(uint64_t offset, unsigned space, uint64_t index)
{
    struct xen_add_to_physmap map = { .domid = DOMID_SELF, .space = space, .idx = index,
        .gpfn = (storm.base + offset) >> PAGE_SHIFT };
    long rc = memory_op(XENMEM_add_to_physmap, &map);

    if (rc)
        guest_panic("mapping space %u: %ld", space, rc);
}

/* Lists that go on and on shall end. */
static void make_hole(void)
{
    xen_pfn_t gfn = (storm.base + HOLE_OFFSET) >> PAGE_SHIFT;
    struct xen_memory_reservation op = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(op.extent_start, &gfn);
    memory_op(XENMEM_decrease_reservation, &op);
}

/* What may have been shot to pieces and is needed to wake up again: the timer's interrupt, which is never taken. */
static void repair(void)
{
    gic_init(NULL);
    gic_enable(PPI_VTIMER);
    write_sysreg(cntv_cval_el0, counter_now() + TICKS_PER_MS / 4);
    write_sysreg(cntv_ctl_el0, 1);
    isb();
}

/* The second vCPU: rewrites arguments, makes calls of its own, and prods the first when that stands still. */
static void race(void *arg)
{
    struct chance c = { storm.seed * 0x9e3779b97f4a7c15UL + 1 };
    uint64_t area = storm.base + AREA_OFFSET, seen = 0;
    unsigned same = 0;

    (void)arg;
    while (!storm.stop) {
        for (unsigned i = 0; i < RACER_VALUES; i++) {
            uint64_t value = value_of(&c, (enum kind)chance_below(&c, K_FOREVER));

            *(volatile uint64_t *)(area + (chance_below(&c, AREA_BYTES - 8) & ~3UL)) = value;
        }
        call_one(&c, 1);
        same = storm.made[0] == seen ? same + 1 : 0;
        seen = storm.made[0];
        if (same > STUCK_TURNS) {
            gic_send_sgi(1, 0);
            sched_op(SCHEDOP_yield, NULL);
        }
    }
    storm.stop = 2;
}

static void blow(struct chance *c)
{
    while (storm.made[0] < storm.calls) {
        for (unsigned i = 0; i < ROUND; i++) {
            if ((i & 7) == 0) {
                scribble_grant(c);
                write_sysreg(cntv_cval_el0, counter_now() + TICKS_PER_MS / 4);
            }
            call_one(c, 0);
        }
        if (storm.focus == FOCUS_ALL) {
            instructions_run(c);
            accesses_run(c);
            repair();
        }
        if (storm.report) {
            storm.report[0] = (long)(storm.made[0] + storm.made[1]);
            storm.report[1] = (long)(storm.succeeded[0] + storm.succeeded[1]);
        }
        if (storm.made[0] % PROGRESS < ROUND)
            print("storm: seed %lu, at %lu\n", storm.seed, storm.made[0]);
    }
}

void storm_main(void)
{
    struct chance c = { storm.seed * 0x9e3779b97f4a7c15UL + 2 };
    long rc;

    storm.base = (uint64_t)_start;
    storm.self = find_self();
    make_hole();
    for (unsigned i = 0; i < TABLE_FRAMES; i++)
        map_shared(TABLE_OFFSET + i * PAGE_SIZE, XENMAPSPACE_grant_table, i);
    irq_disable();
    repair();
    rc = cpu_start(1, race, NULL);
    if (rc)
        guest_panic("no second vCPU: %ld", rc);
    blow(&c);
    storm.stop = 1;
    for (uint64_t start = counter_now(); storm.stop != 2 && counter_now() - start < 2000 * TICKS_PER_MS;)
        gic_send_sgi(1, 1);
}

void guest_main(const void *fdt)
{
    if (is_control_domain()) {
        pair_main(fdt);
        return;
    }
    storm.seed = number_option(fdt, "seed", 1);
    storm.calls = number_option(fdt, "calls", CALLS_DEFAULT);
    storm.peers[1] = (domid_t)number_option(fdt, "peer", 1);
    storm.peers[2] = storm.peers[1] + 1;
    print("storm: seed %lu, %lu calls\n", storm.seed, storm.calls);
    storm_main();
    spin_ticks(1500 * TICKS_PER_MS); /* the log takes so many lines a second of all guests together */
    print("storm: done, seed %lu, calls %lu + %lu, without error %lu + %lu, instructions %lu, accesses %lu\n", storm.seed,
          storm.made[0], storm.made[1], storm.succeeded[0], storm.succeeded[1], storm.instructions, storm.accesses);
    spin_ticks(100 * TICKS_PER_MS);
    guest_shutdown(SHUTDOWN_poweroff);
}
