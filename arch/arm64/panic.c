/* SPDX-License-Identifier: Apache-2.0 */
/* What a panic shows: the registers of the hypervisor's own fault, if it was one, and the chain of calls by name. */
#include "arch/include/cpu.h"
#include "arch/include/vcpu.h"
#include "cpu_setup.h"
#include "hardening.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/backtrace.h"
#include "sysreg.h"

static const struct own_registers *fault;       /* of the first CPU that panicked by one */

static bool on_stack(uint64_t address)
{
    uint64_t block = PERCPU_BASE + ((uint64_t)cpu_id() << PERCPU_SHIFT);
    uint64_t page = (address - block) >> PAGE_SHIFT;

    if (address < block || (address & 7))
        return false;
    return (page >= PERCPU_EMERGENCY_PAGE && page < PERCPU_EMERGENCY_PAGE + PERCPU_EMERGENCY_PAGES) ||
           (page >= PERCPU_STACK_PAGE && page < PERCPU_STACK_PAGE + PERCPU_STACK_PAGES);
}

static uint64_t call_before(uint64_t return_address)
{
    return hardening_strip(return_address) - 4;
}

static const struct backtrace_rules rules = { on_stack, call_before };

static void say_registers(const struct own_registers *r)
{
    for (unsigned i = 0; i < 31; i += 3) {
        for (unsigned j = i; j < MIN(i + 3, 31u); j++)
            backtrace_say("  x%-2u %016llx", j, (unsigned long long)r->x[j]);
        backtrace_say("\n");
    }
    backtrace_say("  sp  %016llx  psr %016llx\n", (unsigned long long)r->sp, (unsigned long long)r->psr);
    backtrace_say("  esr %016llx  far %016llx  hcr %016llx\n", (unsigned long long)read_sysreg(esr_el2),
        (unsigned long long)read_sysreg(far_el2), (unsigned long long)read_sysreg(hcr_el2));
}

void machine_print_backtrace(void)
{
    backtrace_say("CPU %u, guest %s\n", cpu_id(), cpu_current_vcpu() ? "loaded" : "none");
    if (fault) {
        say_registers(fault);
        backtrace_place("at  ", fault->pc);
        backtrace_place("lr  ", hardening_strip(fault->x[30]));
        backtrace_walk(fault->x[29], &rules);
    } else {
        /* From the caller's frame on: this function's own may be gone by the time it is looked at. */
        backtrace_walk(*(const uint64_t *)__builtin_frame_address(0), &rules);
    }
}

static const char *class_name(uint64_t esr)
{
    switch (esr >> 26) {
    case 0x00: return "unknown instruction";
    case 0x0d: return "branch target";
    case 0x0e: return "illegal state";
    case 0x1c: return "pointer authentication";
    case 0x21: return "instruction abort";
    case 0x22: return "misaligned PC";
    case 0x25: return "data abort";
    case 0x26: return "misaligned SP";
    case 0x3c: return "breakpoint instruction";
    default:   return "unexpected exception class";
    }
}

void arm64_own_exception(const struct own_registers *r, unsigned vector)
{
    static const char *const kind[] = { "synchronous", "interrupt", "fast interrupt", "system error" };
    uint64_t esr = read_sysreg(esr_el2);

    /* A fault while the first is being reported comes to the same stack; panic() then only halts. */
    fault = r;
    panic("exception in the hypervisor: %s, %s (ESR %#llx) at %#llx, address %#llx", kind[vector & 3],
          (vector & 3) == 0 ? class_name(esr) : "unexpected", (unsigned long long)esr, (unsigned long long)r->pc,
          (unsigned long long)read_sysreg(far_el2));
}
