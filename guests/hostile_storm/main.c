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
#define RACER_REPAIRS 256
#define STUCK_MS 10000UL
#define CALLS_DEFAULT 100000

struct storm storm;

static const char *command_line(const void *fdt)
{
    unsigned node = fdt_find(fdt, "bootargs", NULL), len;

    return node ? (const char *)fdt_prop(fdt, node, "bootargs", &len) : "";
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

/* The timer of this vCPU, whose interrupt is never taken, ends every wait soon. */
static void wind_up(void)
{
    isb();
    write_sysreg(cntv_cval_el0, read_sysreg(cntvct_el0) + TICKS_PER_MS / 4);
    write_sysreg(cntv_ctl_el0, 1);
    isb();
}

/* What may have been shot to pieces and is needed to wake up again. */
static void repair(void)
{
    gic_init(NULL);
    gic_enable(PPI_VTIMER);
    wind_up();
}

/* vCPU 0 has not moved for very long: it is woken, and the log says so. */
static void prod(uint64_t *seen, uint64_t *since)
{
    if (storm.made[0] != *seen) {
        *seen = storm.made[0];
        *since = counter_now();
    } else if (counter_now() - *since > STUCK_MS * TICKS_PER_MS) {
        storm.prods++;
        print("storm: seed %lu, vCPU 0 stands still at %lu in 0x%lx\n", storm.seed, *seen, storm.last[0]);
        gic_send_sgi(1, 0);
        *since = counter_now();
    }
}

/* The second vCPU: rewrites arguments and makes calls of its own. */
static void race(void *arg)
{
    struct chance c = { storm.seed * 0x9e3779b97f4a7c15UL + 1 };
    uint64_t area = storm.area, seen = ~0UL, since = 0;

    (void)arg;
    for (unsigned turn = 0; !storm.stop; turn++) {
        if (turn % RACER_REPAIRS == 0) {
            gic_cpu_init();
            gic_enable(PPI_VTIMER);
        }
        wind_up();
        for (unsigned i = 0; i < RACER_VALUES; i++) {
            uint64_t value = value_of(&c, (enum kind)chance_below(&c, K_FOREVER));

            if ((uint32_t)value == __HYPERVISOR_sched_op) /* in a multicall, that could be the end of us */
                value++;
            *(volatile uint64_t *)(area + (chance_below(&c, AREA_BYTES - 8) & ~3UL)) = value;
        }
        call_one(&c, 1);
        prod(&seen, &since);
    }
    storm.stop = 2;
}

static void report(void)
{
    if (!storm.report)
        return;
    storm.report[0] = (long)(storm.made[0] + storm.made[1]);
    storm.report[1] = (long)(storm.succeeded[0] + storm.succeeded[1]);
}

static void blow(struct chance *c)
{
    while (storm.made[0] < storm.calls) {
        for (unsigned i = 0; i < ROUND; i++) {
            if ((i & 7) == 0) {
                scribble_grant(c);
                wind_up();
                report();
            }
            call_one(c, 0);
        }
        if (storm.focus == FOCUS_ALL) {
            instructions_run(c);
            accesses_run(c);
            repair();
        }
        if (storm.made[0] % PROGRESS < ROUND)
            print("storm: seed %lu, at %lu, %lu without error\n", storm.seed, storm.made[0], storm.succeeded[0]);
    }
}

void storm_main(void)
{
    struct chance c = { storm.seed * 0x9e3779b97f4a7c15UL + 2 };
    long rc;

    storm.base = (uint64_t)_start;
    storm.area = AREA;
    mmu_map(AREA, storm.base + AREA_OFFSET, 2, MAP_NORMAL | MAP_NOEXEC);
    storm.self = find_self();
    move_frames(CHILD_MEMORY_BASE, ARENA_BASE, 1, true);
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
    const char *args;

    if (is_control_domain()) {
        pair_main(fdt);
        return;
    }
    move_home((uint64_t)fdt, 0, 0);
    args = command_line(fdt);
    storm.seed = number_option(args, "seed", 1);
    storm.calls = number_option(args, "calls", CALLS_DEFAULT);
    storm.peers[1] = (domid_t)number_option(args, "peer", 1);
    storm.peers[2] = storm.peers[1] + 1;
    print("storm: seed %lu, %lu calls\n", storm.seed, storm.calls);
    storm_main();
    spin_ticks(1500 * TICKS_PER_MS); /* the log takes so many lines a second of all guests together */
    print("storm: done, seed %lu, calls %lu + %lu, without error %lu + %lu, instructions %lu, accesses %lu, prods %u\n", storm.seed,
          storm.made[0], storm.made[1], storm.succeeded[0], storm.succeeded[1], storm.instructions, storm.accesses,
          storm.prods);
    spin_ticks(100 * TICKS_PER_MS);
    guest_shutdown(SHUTDOWN_poweroff);
}
