/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "arch/common/stage2_fault.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "idt.h"
#include "lib/error.h"
#include "lib/print.h"
#include "ports.h"
#include "processor.h"
#include "vdev/x86_64/cpuid.h"
#include "vdev/x86_64/emulate.h"
#include "vdev/x86_64/msr.h"
#include "vdev/x86_64/vlapic.h"
#include "virt.h"

#define APIC_TPR 0x80
#define X2APIC_TPR 0x808
/* Exits of a guest that has interrupts off, after which one that waits is taken. */
#define LOOK_AFTER 16

static void inject_gp(struct vcpu *v)
{
    virt_inject_exception(v, VECTOR_GP, 0, 0);
}

void arch_inject_undefined(struct vcpu *v)
{
    virt_inject_exception(v, VECTOR_UD, VIRT_NO_ERROR_CODE, 0);
}

/* A processor without a device there would read ones: x86 has no exception for an address. */
void arch_inject_bad_address(struct vcpu *v, uint64_t address UNUSED, bool is_instruction UNUSED)
{
    inject_gp(v);
}

/* Out of line: its registers are not for the stack of every exit. */
static NOINLINE bool is_protected(const struct vcpu *v)
{
    struct x86_control_registers c;

    virt_get_control_registers(v, &c);
    return c.cr0 & CR0_PE;
}

/* Only a kernel may make one at all, and none in real mode, whose addresses are no arguments. */
HOT void exit_hypercall(struct vcpu *v, enum virt_code code)
{
    if (likely(code == VIRT_64BIT_KERNEL))
        upcall_hypercall(v, v->arch.regs.rax);
    else if (code == VIRT_32BIT_KERNEL && is_protected(v))
        x86_narrow_hypercall(v);
    else
        arch_hypercall_result(v, -E_PERM);
}

HOT void exit_cpuid(struct vcpu *v, unsigned length)
{
    struct x86_registers *r = &v->arch.regs;
    const uint32_t *out;

    if (unlikely(v->arch.x86.cpuid_faults) && virt_cpl(v)) {
        inject_gp(v);
        return;
    }
    out = cpuid_kept_answer(v, (uint32_t)r->rax, (uint32_t)r->rcx);
    r->rax = out[0];
    r->rbx = out[1];
    r->rcx = out[2];
    r->rdx = out[3];
    virt_skip(v, length);
}

static bool read_msr(struct vcpu *v, uint32_t msr)
{
    uint64_t value;

    if (!virt_get_msr(v, msr, &value) && !msr_read(v, msr, &value))
        return false;
    v->arch.regs.rax = (uint32_t)value;
    v->arch.regs.rdx = value >> 32;
    return true;
}

static bool write_msr(struct vcpu *v, uint32_t msr)
{
    uint64_t value = (uint32_t)v->arch.regs.rax | v->arch.regs.rdx << 32;

    return virt_set_msr(v, msr, value) || msr_write(v, msr, value);
}

void exit_msr(struct vcpu *v, bool is_write, unsigned length)
{
    uint32_t msr = (uint32_t)v->arch.regs.rcx;

    if (is_write ? write_msr(v, msr) : read_msr(v, msr))
        virt_skip(v, length);
    else
        inject_gp(v);
}

/* By the page, or once the guest has left that for x2APIC, by the MSR. */
static bool task_priority(struct vcpu *v, bool is_write, uint64_t *value)
{
    if (vlapic_mmio(v, APIC_TPR, 4, is_write, value))
        return true;
    return is_write ? vlapic_msr_write(v, X2APIC_TPR, *value) : vlapic_msr_read(v, X2APIC_TPR, value);
}

void exit_cr8(struct vcpu *v, uint64_t *operand, bool is_write, unsigned length)
{
    uint64_t value = *operand << 4;

    if (is_write && *operand > 15) {
        inject_gp(v);
        return;
    }
    if (!task_priority(v, is_write, &value))
        value = 0;
    if (!is_write)
        *operand = value >> 4 & 15;
    virt_skip(v, length);
}

static bool has_vcpu_up(const struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i] && !(atomic_load(&d->vcpus[i]->pause_flags) & VCPU_DOWN))
            return true;
    return false;
}

/* Of two that halt at once the later sees both down. */
static void give_up(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    vcpu_down(v);
    if (!has_vcpu_up(v->domain))
        domain_shutdown(v->domain, SHUTDOWN_POWEROFF);
}

/* With interrupts off it is what a kernel does with a processor that it no longer wants, and with the last one, where there is no way to tell
 * a machine to switch off: STARTUP brings the vCPU up again, an NMI does not. */
void exit_halt(struct vcpu *v, unsigned length)
{
    virt_skip(v, length);
    if (v->arch.regs.rflags & RFLAGS_IF || atomic_load(&v->arch.event_waits) & WAITS_NMI)
        vcpu_block(v);
    else
        give_up(v);
}

void exit_nothing(struct vcpu *v, unsigned length)
{
    virt_skip(v, length);
}

/* What spins lets somebody else run. */
void exit_pause(struct vcpu *v, unsigned length)
{
    virt_skip(v, length);
    sched_unit_yield(&v->unit);
}

void exit_not_allowed(struct vcpu *v)
{
    inject_gp(v);
}

/* A task gate or switch: no kernel of 64 bits has them, and what they ask for is an interpreter. */
void exit_task_switch(struct vcpu *v)
{
    domain_crash(v->domain, "a hardware task switch");
}

void exit_undefined(struct vcpu *v)
{
    arch_inject_undefined(v);
}

void exit_port(struct vcpu *v, const struct port_access *a)
{
    uint64_t mask = a->size == 4 ? UINT32_MAX : (UINT64_C(1) << 8 * a->size) - 1;
    struct x86_registers *r = &v->arch.regs;
    uint32_t value = (uint32_t)(r->rax & mask);

    ASSERT(a->size == 1 || a->size == 2 || a->size == 4);
    if (a->is_string) {
        log_guest("d%uv%u: string access to port %#x", v->domain->id.v, v->id, a->port);
        inject_gp(v);
        return;
    }
    port_emulate(v, a->port, a->size, a->is_in, &value);
    if (a->is_in)
        r->rax = a->size == 4 ? value : (r->rax & ~mask) | (value & mask);
    virt_skip(v, a->length);
}

/* Devices' registers first: they are what most of these are. */
void exit_nested_fault(struct vcpu *v, gpa_t address, bool is_write, bool is_fetch, bool is_walk)
{
    enum stage2_fault o;

    if (!is_fetch && !is_walk && emulate_access(v, address, is_write))
        return;
    o = stage2_fault_look(v->domain, gpa_to_gfn(address), is_write && !is_walk, is_fetch);
    if (o == STAGE2_AGAIN)
        return;
    log_guest("d%uv%u: %s at 0x%llx (guest-physical), rip 0x%llx", v->domain->id.v, v->id, o == STAGE2_DENIED ? "access denied" : "nothing",
              (unsigned long long)address.v, (unsigned long long)v->arch.regs.rip);
    inject_gp(v);
}

void exit_interrupt(struct vcpu *v UNUSED)
{
    interrupts_take();
}

void exit_shutdown(struct vcpu *v)
{
    log_guest("d%uv%u: triple fault, rip 0x%llx", v->domain->id.v, v->id, (unsigned long long)v->arch.regs.rip);
    arch_vcpu_print(v);
    domain_crash(v->domain, "triple fault");
}

HOT struct vcpu *exit_done(struct vcpu *v)
{
    /* Bochs 2.7 does not exit for an interrupt until a guest that was entered with interrupts off has switched them on: one that asks us again and
     * again meanwhile, as for a turn of who empties its console's ring, would be the only one that runs. */
    if (unlikely(!(v->arch.runs % LOOK_AFTER)) && !(v->arch.regs.rflags & RFLAGS_IF))
        interrupts_take();
    return likely(upcall_reenter(v)) ? v : upcall_leave(v);
}
