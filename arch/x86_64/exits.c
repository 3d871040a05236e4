/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
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

#define HYPERCALL_BYTES 3
#define APIC_TPR 0x80
#define X2APIC_TPR 0x808

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

/* Only a kernel may make one at all. Callers in 32-bit mode would need other structures. */
void exit_hypercall(struct vcpu *v)
{
    virt_skip(v, HYPERCALL_BYTES);
    if (unlikely(virt_cpl(v)))
        arch_hypercall_result(v, -E_PERM);
    else if (unlikely(!virt_is_64bit(v)))
        arch_hypercall_result(v, -E_NOSYS);
    else
        upcall_hypercall(v, v->arch.regs.rax);
}

void exit_cpuid(struct vcpu *v, unsigned length)
{
    struct x86_registers *r = &v->arch.regs;
    uint32_t out[4];

    cpuid_answer(v, (uint32_t)r->rax, (uint32_t)r->rcx, out);
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

void exit_halt(struct vcpu *v, unsigned length)
{
    virt_skip(v, length);
    vcpu_block(v);
}

void exit_nothing(struct vcpu *v, unsigned length)
{
    virt_skip(v, length);
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

enum outcome {
    AGAIN,      /* the guest tries once more */
    NOTHING,    /* no mapping there */
    DENIED,     /* a mapping that does not allow this */
};

static enum outcome resolve(struct domain *d, gfn_t gfn, bool is_write)
{
    int error = stage2_resolve(&d->stage2, gfn, is_write);

    if (error == -E_NOMEM)
        domain_crash(d, "no memory to resolve a page");
    return AGAIN;
}

/* The fault may be of the past: another CPU has changed the table while this one walked it. */
static enum outcome look_again(struct domain *d, gfn_t gfn, bool is_write, bool is_fetch)
{
    struct stage2_locked l;
    enum s2_type type;
    mfn_t mfn;

    if (gfn.v >> (arch_stage2_geometry()->address_bits - PAGE_SHIFT))
        return NOTHING;
    l = stage2_lock(&d->stage2);
    type = stage2_lookup(l, gfn, &mfn, NULL);
    stage2_unlock(l);
    if (type == S2_EMPTY || type == S2_DOORBELL)
        return NOTHING;
    if (type == S2_NEEDS_WORK)
        return resolve(d, gfn, is_write);
    if ((is_write && !s2_type_is_writable(type)) || (is_fetch && !s2_type_is_own(type)))
        return DENIED;
    return AGAIN;
}

/* Devices' registers first: they are what most of these are. */
void exit_nested_fault(struct vcpu *v, gpa_t address, bool is_write, bool is_fetch, bool is_walk)
{
    enum outcome o;

    if (!is_fetch && !is_walk && emulate_access(v, address, is_write))
        return;
    o = look_again(v->domain, gpa_to_gfn(address), is_write && !is_walk, is_fetch);
    if (o == AGAIN)
        return;
    log_guest("d%uv%u: %s at 0x%llx (guest-physical), rip 0x%llx", v->domain->id.v, v->id, o == DENIED ? "access denied" : "nothing",
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

void exit_unknown(struct vcpu *v, uint64_t reason)
{
    log_guest("d%uv%u: unexpected exit %#llx, rip 0x%llx", v->domain->id.v, v->id, (unsigned long long)reason,
              (unsigned long long)v->arch.regs.rip);
    arch_inject_undefined(v);
}

struct vcpu *exit_done(struct vcpu *v)
{
    return likely(upcall_reenter(v)) ? v : upcall_leave(v);
}
