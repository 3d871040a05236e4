/* SPDX-License-Identifier: Apache-2.0 */
/* What a panic shows: the registers of the hypervisor's own fault, if it was one, and the chain of calls by name. */
#include "arch/include/cpu.h"
#include "idt.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/backtrace.h"
#include "processor.h"

static const struct own_registers *fault;       /* of the first CPU that panicked by one */

static bool on_stack(uint64_t address)
{
    uint64_t block = PERCPU_PAGE((uint64_t)cpu_id(), 0);
    uint64_t page = (address - block) >> PAGE_SHIFT;

    if (address < block || (address & 7))
        return false;
    return page - PERCPU_EMERGENCY_PAGE < PERCPU_EMERGENCY_PAGES || page - PERCPU_STACK_PAGE < PERCPU_STACK_PAGES ||
           page - PERCPU_NMI_PAGE < PERCPU_NMI_PAGES;
}

static uint64_t call_before(uint64_t return_address)
{
    return return_address - 1;
}

static const struct backtrace_rules rules = { on_stack, call_before };

static void say_registers(const struct own_registers *r)
{
    const struct { const char *name; uint64_t value; } rows[] = {
        { "rax", r->rax }, { "rcx", r->rcx }, { "rdx", r->rdx }, { "rbx", r->rbx }, { "rsp", r->rsp }, { "rbp", r->rbp },
        { "rsi", r->rsi }, { "rdi", r->rdi }, { "r8 ", r->r8 },  { "r9 ", r->r9 },  { "r10", r->r10 }, { "r11", r->r11 },
        { "r12", r->r12 }, { "r13", r->r13 }, { "r14", r->r14 }, { "r15", r->r15 }, { "cr2", read_cr2() }, { "cr3", read_cr3() },
        { "cr0", read_cr0() }, { "cr4", read_cr4() }, { "flg", r->rflags },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        backtrace_say("  %s %016llx%s", rows[i].name, (unsigned long long)rows[i].value, i % 3 == 2 ? "\n" : "");
}

void machine_print_backtrace(void)
{
    backtrace_say("CPU %u, guest %s\n", cpu_id(), cpu_current_vcpu() ? "loaded" : "none");
    if (fault) {
        say_registers(fault);
        backtrace_place("at  ", fault->rip);
        backtrace_walk(fault->rbp, &rules);
    } else {
        /* From the caller's frame on: this function's own may be gone by the time it is looked at. */
        backtrace_walk(*(const uint64_t *)__builtin_frame_address(0), &rules);
    }
}

void x86_own_exception(const struct own_registers *r)
{
    static const char *const names[32] = {
        [VECTOR_DE] = "division", [VECTOR_DB] = "debug", [VECTOR_BP] = "breakpoint", [4] = "overflow", [5] = "bound",
        [VECTOR_UD] = "invalid opcode", [VECTOR_NM] = "no coprocessor", [VECTOR_DF] = "double fault", [VECTOR_TS] = "invalid TSS",
        [VECTOR_NP] = "segment not present", [VECTOR_SS] = "stack segment", [VECTOR_GP] = "general protection",
        [VECTOR_PF] = "page fault", [16] = "floating point", [17] = "alignment", [VECTOR_MC] = "machine check",
        [19] = "SIMD floating point",
    };
    const char *name = names[r->vector & 31];

    /* A fault while the first is being reported comes to the same stack; panic() then only halts. */
    fault = r;
    panic("exception in the hypervisor: %s (vector %llu, error %#llx) at %#llx, address %#llx", name ? name : "reserved",
          (unsigned long long)r->vector, (unsigned long long)r->error, (unsigned long long)r->rip, (unsigned long long)read_cr2());
}
