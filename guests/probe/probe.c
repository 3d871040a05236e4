/* SPDX-License-Identifier: Apache-2.0 */
/* Start of the probe, and the rows of single traps: hypercalls, registers, MMIO, PSCI. */

#include "guests/probe/probe.h"

#define INSN_LOOP(insn, ...) BEST_OF(BATCH, , asm volatile(insn : : __VA_ARGS__))
#define INSN_ROW(name, insn, ...) \
    row(name, per_operation(INSN_LOOP(insn, __VA_ARGS__), INSN_LOOP("nop", __VA_ARGS__), BATCH))

#define GICD_TYPER 0x4
#define GICD_ISENABLER1 0x104

void probe_calls(const void *fdt)
{
    uint64_t psci_id = PSCI_VERSION;

    probe_hypercalls();
    gic_disable(events_ppi(fdt));
    probe_events();
    INSN_ROW("register_trap", "mrs x0, id_aa64pfr0_el1", : "x0");
    INSN_ROW("register_trap_actlr", "mrs x0, actlr_el1", : "x0");
    INSN_ROW("gicd_read", "ldr w0, [%0]", "r"(gicd_base + GICD_TYPER) : "x0", "memory");
    INSN_ROW("gicd_write", "str wzr, [%0]", "r"(gicd_base + GICD_ISENABLER1) : "memory");
    row("psci_version",
        per_operation(INSN_LOOP("mov x0, %0\n hvc #0", "r"(psci_id)
                                : "x0", "x1", "x2", "x3", "memory"),
                      INSN_LOOP("mov x0, %0\n nop", "r"(psci_id)
                                : "x0", "x1", "x2", "x3", "memory"),
                      BATCH));
}

/* The counter only counts instructions when QEMU runs with -icount: a known loop tells. */
static void check_icount(void)
{
    uint64_t ticks = BEST_OF(1000, , asm volatile("nop\n nop\n nop\n nop\n nop\n nop"));
    unsigned long insns = per_operation(ticks, 0, 1000);

    row("calibration", insns);
    if (insns < 7 || insns > 10)
        print("NOTE not under -icount shift=0: the rows are not instruction counts\n");
}

struct group {
    const char *name;
    void (*run)(const void *fdt);
};

static void group_domains(const void *fdt)
{
    (void)fdt;
    probe_domains();
}

static void group_grants(const void *fdt)
{
    (void)fdt;
    probe_grants();
}

static void group_yield(const void *fdt)
{
    (void)fdt;
    probe_yield();
}

static void group_lateness(const void *fdt)
{
    (void)fdt;
    probe_lateness();
}

static void group_many(const void *fdt)
{
    (void)fdt;
    probe_many();
}

static void group_crowd(const void *fdt)
{
    (void)fdt;
    probe_crowd();
}

/* `many` comes last: what it creates stays. */
static const struct group groups[] = {
    { "calls", probe_calls },       { "interrupts", probe_interrupts },
    { "domains", group_domains },   { "grants", group_grants },
    { "yield", group_yield },       { "lateness", group_lateness },
    { "many", group_many },         { "crowd", group_crowd },
};

/* The command line may name groups (one machine each, so that a failure costs one group only). */
static bool wanted(const void *fdt, const struct group *group)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        any |= fdt_option(fdt, groups[i].name);
    return !any || fdt_option(fdt, group->name);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    check_icount();
    row("host_free_pages", host_free_pages());
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        if (wanted(fdt, &groups[i]))
            groups[i].run(fdt);
    print("DONE probe\n");
}
