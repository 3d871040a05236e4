/* SPDX-License-Identifier: Apache-2.0 */
#include "speculation.h"
#include "arch/include/arm64_vcpu.h"
#include "arch/include/cpu.h"
#include "arch/include/vcpu.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/print.h"
#include "psci_client.h"
#include "sysreg.h"

/* vectors.S: one table for each kind of entry. */
extern char vectors[], vectors_loop[], vectors_clrbhb[], vectors_firmware[];

/* Some CPU's entry from a guest calls firmware; some CPU's store bypass is off because firmware was told so. */
static bool entry_calls_firmware, bypass_is_off;

static void use_vectors(const char *table)
{
    write_sysreg(vbar_el2, table);
    isb();
}

static void use_guard(struct speculation_choice choice)
{
    static const char *const table[] = {
        [GUARD_NONE] = vectors, [GUARD_LOOP] = vectors_loop, [GUARD_CLRBHB] = vectors_clrbhb,
        [GUARD_FIRMWARE] = vectors_firmware, [GUARD_MISSING] = vectors,
    };

    ASSERT(choice.guard < ARRAY_SIZE(table));
    this_cpu()->entry_parameter = choice.parameter;
    use_vectors(table[choice.guard]);
    if (choice.guard == GUARD_FIRMWARE)
        atomic_store(&entry_calls_firmware, true);
}

static void report(struct speculation_choice choice)
{
    static const char *const text[] = {
        [GUARD_NONE] = "the core needs no help at entry", [GUARD_LOOP] = "branch history overwritten at entry",
        [GUARD_CLRBHB] = "branch history cleared at entry", [GUARD_FIRMWARE] = "firmware clears branch predictors at entry",
        [GUARD_MISSING] = "this core's branch predictors can be trained by guests, and the firmware offers no workaround",
    };

    if (cpu_id() != 0)
        log_debug("CPU %u speculation: %s", cpu_id(), text[choice.guard]);
    else if (choice.guard == GUARD_MISSING)
        log_warning("speculation: %s", text[choice.guard]);
    else
        log_info("speculation: %s", text[choice.guard]);
}

void speculation_cpu_init(void)
{
    const struct speculation_facts facts = {
        .midr = read_sysreg(midr_el1), .pfr0 = read_sysreg(id_aa64pfr0_el1), .mmfr1 = read_sysreg(id_aa64mmfr1_el1),
        .isar2 = read_sysreg(S3_0_C0_C6_2),
        .workaround_1 = smccc_arch_feature(SMCCC_WORKAROUND_1), .workaround_3 = smccc_arch_feature(SMCCC_WORKAROUND_3),
    };
    struct speculation_choice choice = speculation_choose(&facts);

    use_guard(choice);
    report(choice);
    if (smccc_arch_feature(SMCCC_WORKAROUND_2) == 0) {
        smc_call(SMCCC_WORKAROUND_2, 1, 0, 0);
        atomic_store(&bypass_is_off, true);
    }
}

/* 0: every entry does it, so calling it does. SSBD: -2, nothing to be asked for, it is on for good (DEN 0028, 7.5.4). */
int32_t arch_guest_workaround(uint32_t function)
{
    if (function == SMCCC_WORKAROUND_1 || function == SMCCC_WORKAROUND_3)
        return atomic_load(&entry_calls_firmware) ? 0 : -1;
    return function == SMCCC_WORKAROUND_2 && atomic_load(&bypass_is_off) ? -2 : -1;
}
