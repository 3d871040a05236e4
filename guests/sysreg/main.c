/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System registers: those a guest may use work, those it may not have give it
 * an exception (never the host a stop), and ID registers show nothing that is
 * not supported.
 */

#include "guests/lib/hypercall.h"

/* Nothing, an exception of class "unknown", or either: what a read may do. */
enum outcome { READS, FAULTS, HARMLESS };

static const char *const outcome_names[] = { "reads", "faults", "is harmless" };

/* Unknown, or the traps to EL1 itself: system register, SVE, SME. */
static bool is_register_trap(unsigned ec)
{
    return ec == EC_UNKNOWN || ec == 0x18 || ec == 0x19 || ec == 0x1d;
}

static void report(const char *name, enum outcome want, uint64_t esr, uint64_t value)
{
    bool fault = esr != 0;
    bool ok = want == HARMLESS || fault == (want == FAULTS);

    if (want == HARMLESS)
        print("NOTE %s: esr %lx value %lx\n", name, esr, value);
    if (fault && !is_register_trap(ESR_EC(esr)))
        ok = false;
    check(ok, name, "%s expected; esr %lx value %lx", outcome_names[want], esr, value);
}

#define READ(reg, want) \
    do { \
        uint64_t v_ = 0, esr_ = PROBE("mrs %0, " #reg, : "=r"(v_) : : "memory"); \
        report("read " #reg, want, esr_, v_); \
    } while (0)
#define WRITE(reg, want) \
    do { \
        uint64_t v_ = 0, esr_ = PROBE("msr " #reg ", %0", : : "r"(v_) : "memory"); \
        report("write " #reg, want, esr_, v_); \
    } while (0)

static void test_identity(void)
{
    READ(midr_el1, READS);
    READ(mpidr_el1, READS);
    READ(revidr_el1, READS);
    READ(id_aa64pfr0_el1, READS);
    READ(id_aa64pfr1_el1, READS);
    READ(id_aa64dfr0_el1, READS);
    READ(id_aa64isar0_el1, READS);
    READ(id_aa64mmfr0_el1, READS);
    READ(id_aa64mmfr1_el1, READS);
    READ(id_pfr0_el1, READS);
    READ(id_dfr0_el1, READS);
    READ(id_isar0_el1, READS);
    READ(mvfr0_el1, READS);
    READ(S3_0_C0_C7_7, READS); /* reserved ID space reads as zero */
    READ(S3_0_C0_C4_4, READS); /* ID_AA64ZFR0_EL1 */
    READ(ctr_el0, READS);
    READ(dczid_el0, READS);
    READ(clidr_el1, READS);
    READ(actlr_el1, READS);
    READ(aidr_el1, READS);
}

static void test_hidden_features(bool on_reference)
{
    uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1);
    uint64_t pfr1 = read_sysreg(id_aa64pfr1_el1);
    uint64_t dfr0 = read_sysreg(id_aa64dfr0_el1);

    check_eq("MPIDR affinity of vCPU 0", (long)(read_sysreg(mpidr_el1) & 0xff00ffffff), 0);
    check_eq("no AMU", (pfr0 >> 44) & 0xf, 0);
    check_eq("no MPAM", (pfr0 >> 40) & 0xf, 0);
    check_eq("no SVE", (pfr0 >> 32) & 0xf, 0);
    check_eq("EL1 is AArch64", ((pfr0 >> 4) & 0xf) != 0, 1);
    check_eq("no MTE", (pfr1 >> 8) & 0xf, 0);
    check_either("no SME", (pfr1 >> 24) & 0xf, 0, on_reference ? 1 : 0,
                 "Xen 4.17 shows the field as it is");
    check_eq("no statistical profiling", (dfr0 >> 32) & 0xf, 0);
    print("NOTE EL2 field %lu, PMUVer %lu, GIC field %lu\n", (pfr0 >> 8) & 0xf, (dfr0 >> 8) & 0xf,
          (pfr0 >> 24) & 0xf);
}

/* What belongs to EL2 and EL3 is undefined at EL1 by the architecture. */
static void test_other_levels(void)
{
    READ(hcr_el2, FAULTS);
    READ(vttbr_el2, FAULTS);
    READ(sctlr_el2, FAULTS);
    READ(esr_el2, FAULTS);
    READ(cnthctl_el2, FAULTS);
    READ(S3_4_C12_C11_0, FAULTS); /* ICH_HCR_EL2 */
    WRITE(hcr_el2, FAULTS);
    WRITE(vttbr_el2, FAULTS);
    READ(S3_6_C1_C1_0, FAULTS); /* SCR_EL3 */
}

static void test_optional(void)
{
    READ(pmcr_el0, HARMLESS);
    READ(pmccntr_el0, HARMLESS);
    READ(mdscr_el1, HARMLESS);
    READ(dbgbvr0_el1, HARMLESS);
    READ(dbgwcr0_el1, HARMLESS);
    READ(oslsr_el1, HARMLESS);
    WRITE(oslar_el1, HARMLESS);
    WRITE(mdscr_el1, HARMLESS);
    READ(osdlr_el1, HARMLESS);
    WRITE(actlr_el1, HARMLESS);
    READ(S3_0_C1_C2_0, HARMLESS); /* ZCR_EL1 */
    READ(S3_0_C10_C5_1, HARMLESS); /* MPAM0_EL1 */
    READ(S3_3_C13_C2_0, HARMLESS); /* AMCR_EL0 */
    READ(S3_0_C9_C9_0, HARMLESS); /* PMSCR_EL1 */
    READ(S3_0_C15_C0_0, HARMLESS); /* implementation defined */
    READ(S3_1_C15_C2_0, HARMLESS); /* CPUACTLR_EL1 of the cortex-a57 */
    WRITE(S3_1_C15_C2_0, HARMLESS);
    READ(S3_1_C11_C0_2, HARMLESS); /* L2CTLR_EL1 */
}

/* Reserved encodings and the other GIC registers. */
static void test_reserved(void)
{
    READ(S3_0_C12_C13_7, HARMLESS);
    READ(S3_3_C15_C15_7, HARMLESS);
    READ(S3_7_C15_C15_7, HARMLESS);
    READ(S3_0_C12_C8_0, HARMLESS); /* ICC_IAR0_EL1 */
    WRITE(S3_0_C12_C11_6, HARMLESS); /* ICC_ASGI1R_EL1 */
    WRITE(S3_0_C12_C11_7, HARMLESS); /* ICC_SGI0R_EL1 */
    READ(S3_0_C12_C12_6, HARMLESS); /* ICC_IGRPEN0_EL1 */
}

static void test_instructions(void)
{
    uint64_t address = (uint64_t)_start;
    uint64_t esr;

    esr = PROBE("smc #0", : : : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
                "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    check(!esr || ESR_EC(esr) == EC_UNKNOWN, "smc #0 is answered or undefined", "esr %lx", esr);
    esr = PROBE(".inst 0x00000000", : : : "memory");
    check(ESR_EC(esr) == EC_UNKNOWN && esr, "permanently undefined instruction", "esr %lx", esr);
    esr = PROBE("dc cisw, xzr", : : : "memory");
    check(!esr, "dc cisw", "esr %lx", esr);
    esr = PROBE("dc civac, %0", : : "r"(address) : "memory");
    check(!esr, "dc civac", "esr %lx", esr);
    esr = PROBE("ic ialluis\n dsb ish\n isb", : : : "memory");
    check(!esr, "ic ialluis", "esr %lx", esr);
    esr = PROBE("tlbi vmalle1is\n dsb ish\n isb", : : : "memory");
    check(!esr, "tlbi vmalle1is", "esr %lx", esr);
    esr = PROBE("at s12e1r, %0", : : "r"(address) : "memory");
    check(ESR_EC(esr) == EC_UNKNOWN && esr, "at s12e1r is EL2's", "esr %lx", esr);
    esr = PROBE("wfe", : : : "memory");
    check(!esr, "wfe", "esr %lx", esr);
}

/* The guest's own copies survive what goes on in the hypervisor. */
static void test_kept(void)
{
    uint64_t v = 0x1122334455667788;

    write_sysreg(tpidr_el0, v);
    write_sysreg(tpidrro_el0, v + 1);
    write_sysreg(contextidr_el1, 0x1234);
    write_sysreg(sp_el0, v + 2);
    write_sysreg(par_el1, 0x800);
    write_sysreg(cntkctl_el1, 3);
    sched_op(SCHEDOP_yield, NULL);
    check_eq("TPIDR_EL0 kept", (long)read_sysreg(tpidr_el0), (long)v);
    check_eq("TPIDRRO_EL0 kept", (long)read_sysreg(tpidrro_el0), (long)v + 1);
    check_eq("CONTEXTIDR_EL1 kept", (long)read_sysreg(contextidr_el1), 0x1234);
    check_eq("SP_EL0 kept", (long)read_sysreg(sp_el0), (long)v + 2);
    check_eq("CNTKCTL_EL1 kept", (long)read_sysreg(cntkctl_el1) & 3, 3);
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    test_identity();
    test_hidden_features(fdt_option(fdt, "reference"));
    test_other_levels();
    test_optional();
    test_reserved();
    test_instructions();
    test_kept();
    test_done();
}
