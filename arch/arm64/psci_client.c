/* SPDX-License-Identifier: Apache-2.0 */
#include "psci_client.h"
#include "arch/include/arm64_boot.h"
#include "hardening.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "speculation.h"

#define PSCI_VERSION 0x84000000
#define PSCI_CPU_ON 0xc4000003
#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009
#define PSCI_FEATURES 0x8400000a
#define SMCCC_VERSION 0x80000000
#define SMCCC_ARCH_FEATURES 0x80000001

static bool available, has_features;

int64_t smc_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                     :: "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                        "memory");
    return (int64_t)x0;
}

/* SMCCC_ARCH_FEATURES may be called from SMCCC 1.1 on, which PSCI 1.0's own question finds (DEN 0028, 7.3). */
static void find_firmware(void)
{
    uint64_t version = (uint64_t)smc_call(PSCI_VERSION, 0, 0, 0);

    available = version < UINT32_C(0x80000000);
    log_debug("PSCI %llu.%llu", (unsigned long long)(version >> 16), (unsigned long long)(version & 0xffff));
    if (!available || version < 0x10000 || (int32_t)smc_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) < 0)
        return;
    has_features = (int32_t)smc_call(SMCCC_VERSION, 0, 0, 0) >= 0x10001;
}

int32_t smccc_arch_feature(uint32_t function)
{
    return has_features ? (int32_t)smc_call(SMCCC_ARCH_FEATURES, function, 0, 0) : -1;
}

void arch_boot_psci(enum boot_psci method)
{
    if (method == BOOT_PSCI_SMC)
        find_firmware();
    else
        /* At EL2 an HVC would come to ourselves. */
        log_warning("PSCI: %s: one CPU, no power off, no reset",
                    method == BOOT_PSCI_HVC ? "by HVC only, which EL2 cannot call" : "no firmware");
    hardening_report();
    speculation_cpu_init();
}

int64_t psci_cpu_on(uint64_t mpidr, hpa_t entry, uint64_t context)
{
    ASSERT(entry.v % 4 == 0);
    return available ? (int64_t)(int32_t)smc_call(PSCI_CPU_ON, mpidr, entry.v, context) : -1;
}

void psci_system_off(void)
{
    if (available)
        smc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(void)
{
    if (available)
        smc_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}
