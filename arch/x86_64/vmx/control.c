/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control registers (Intel SDM volume 3, 25.6.6, 26.3). The guest's own are in the processor, but for a few bits: CR0.NE must be set, CR0.CD
 * and NW would slow down the whole CPU, CR4.VMXE must be set and is not the guest's to see. Writing one of these differently from what is shown
 * exits, and is done here with all that belongs to it.
 */
#include "arch/x86_64/vmx/unpaged.h"
#include "exits.h"
#include "mem/guest_copy.h"
#include "processor.h"

#define CR0_OWN (CR0_NE | CR0_CD | CR0_NW)
#define CR4_OWN CR4_VMXE
#define ACCESS_REGISTER(q) ((unsigned)((q) & 15))
#define ACCESS_TYPE(q) ((q) >> 4 & 3)
#define ACCESS_OPERAND(q) ((unsigned)((q) >> 8 & 15))
#define ACCESS_READ 1
#define ACCESS_LMSW 3
/* Of EFER: SCE, LME, LMA, NXE (FFXSR and TCE are AMD's). */
#define EFER_GUEST (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

/* What of CR0 a guest cannot change by itself. */
static uint64_t cr0_own(void)
{
    return unpaged_is_needed() ? CR0_OWN | CR0_RESTRICTED : CR0_OWN;
}

uint64_t vmx_cr4(const struct vcpu *v)
{
    uint64_t cr4;

    vmcs_open(v);
    cr4 = (unlikely(v->arch.vmx.is_unpaged) ? vmread(VMCS_CR4_SEEN) : vmread(VMCS_CR4)) & ~(uint64_t)CR4_OWN;
    vmcs_close(v);
    return cr4;
}

void vmx_get_control_registers(const struct vcpu *v, struct x86_control_registers *out)
{
    vmcs_open(v);
    *out = (struct x86_control_registers){
        .cr0 = (vmread(VMCS_CR0) & ~cr0_own()) | (vmread(VMCS_CR0_SEEN) & cr0_own()), .cr3 = vmread(VMCS_CR3),
        .cr4 = vmread(VMCS_CR4) & ~(uint64_t)CR4_OWN, .efer = vmread(VMCS_EFER), .dr7 = vmread(VMCS_DR7),
        .dr6 = v->arch.vmx.dr_live ? read_dr6() : v->arch.vmx.dr6, .cr2 = v == cpu_current_vcpu() ? read_cr2() : v->arch.vmx.cr2,
    };
    if (unlikely(v->arch.vmx.is_unpaged))
        unpaged_show(v, out);
    vmcs_close(v);
}

/* With PAE's 32-bit paging the processor keeps the four upper entries (26.3.2.4 of the entry's loads); it read none when we write CR0. */
static void load_upper_entries(const struct vcpu *v, const struct x86_control_registers *c)
{
    uint64_t entries[4] = { 0 };

    if (!(c->cr0 & CR0_PG) || !(c->cr4 & CR4_PAE) || (c->efer & EFER_LMA))
        return;
    if (copy_from_gpa(&v->domain->stage2, entries, GPA(c->cr3 & 0xffffffe0), sizeof(entries)) != COPY_OK)
        log_guest("d%uv%u: CR3 is where no memory is", v->domain->id.v, v->id);
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
        vmwrite(VMCS_PDPTE + 2 * i, entries[i]);
}

/* What goes into the processor for them. */
static struct x86_control_registers in_processor(struct vcpu *v, const struct x86_control_registers *in)
{
    if (likely(!unpaged_is_needed()))
        return *in;
    if (!(in->cr0 & CR0_PG))
        return unpaged_enter(v, in);
    if (v->arch.vmx.is_unpaged)
        unpaged_leave(v);
    return *in;
}

void vmx_set_control_registers(struct vcpu *v, const struct x86_control_registers *in)
{
    struct x86_control_registers c;
    uint64_t entry;

    vmcs_open(v);
    c = in_processor(v, in);
    vmwrite(VMCS_CR0, (c.cr0 & ~(uint64_t)CR0_OWN) | CR0_NE);
    vmwrite(VMCS_CR0_OWN, cr0_own());
    /* A kernel that sets NE, as all do, need not exit for it. */
    vmwrite(VMCS_CR0_SEEN, in->cr0 | CR0_NE);
    vmwrite(VMCS_CR3, c.cr3);
    vmwrite(VMCS_CR4, c.cr4 | CR4_VMXE);
    vmwrite(VMCS_CR4_OWN, v->arch.vmx.is_unpaged ? ~UINT64_C(0) : CR4_OWN);
    vmwrite(VMCS_CR4_SEEN, in->cr4 & ~(uint64_t)CR4_VMXE);
    vmwrite(VMCS_EFER, c.efer & EFER_GUEST);
    vmwrite(VMCS_DR7, in->dr7);
    entry = vmread(VMCS_ENTRY_CONTROLS);
    vmwrite(VMCS_ENTRY_CONTROLS, c.efer & EFER_LMA ? entry | ENTRY_LONG_MODE : entry & ~ENTRY_LONG_MODE);
    load_upper_entries(v, &c);
    vmcs_close(v);
    /* What it has cached was by other registers. */
    v->arch.vmx.cpu = MAX_CPUS;
    v->arch.vmx.seen_changes = 0;
    v->arch.vmx.dr6 = in->dr6;
    v->arch.vmx.cr2 = in->cr2;
}

/* It runs on, with what is the processor's in the processor. */
void vmx_set_running_control_registers(struct vcpu *v, const struct x86_control_registers *c)
{
    ASSERT(v == cpu_current_vcpu());
    vmx_set_control_registers(v, c);
    v->arch.vmx.cpu = cpu_id();
    write_cr2(c->cr2);
}

void vmx_write_cr0(struct vcpu *v, uint64_t cr0, unsigned length)
{
    struct x86_control_registers c;

    vmx_get_control_registers(v, &c);
    if (!x86_write_cr0(v, &c, cr0)) {
        vmx_inject_exception(v, VECTOR_GP, 0, 0);
        return;
    }
    vmx_set_running_control_registers(v, &c);
    vmx_skip(v, length);
}

/* LMSW: the lowest four bits, and PE cannot be cleared by it. */
void vmx_write_machine_status(struct vcpu *v, uint64_t word, unsigned length)
{
    struct x86_control_registers c;

    vmx_get_control_registers(v, &c);
    vmx_write_cr0(v, (c.cr0 & ~(uint64_t)(CR0_MP | CR0_EM | CR0_TS)) | (word & (CR0_PE | CR0_MP | CR0_EM | CR0_TS)), length);
}

/* Beside VMXE, which a guest does not have: without paging all of it, and CR3. */
static void unpaged_exit(struct vcpu *v, uint64_t q, uint64_t *operand, unsigned length)
{
    if (ACCESS_REGISTER(q) == 3)
        unpaged_move_cr3(v, operand, ACCESS_TYPE(q) == ACCESS_READ, length);
    else
        unpaged_write_cr4(v, *operand, length);
}

void vmx_cr_exit(struct vcpu *v)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    uint64_t *operand = x86_register(&v->arch.regs, ACCESS_OPERAND(q));
    unsigned length = (unsigned)vmread(VMCS_INSTRUCTION_LENGTH);

    if (ACCESS_REGISTER(q) == 0 && ACCESS_TYPE(q) == 0)
        vmx_write_cr0(v, *operand, length);
    else if (ACCESS_TYPE(q) == ACCESS_LMSW)
        vmx_write_machine_status(v, q >> 16, length);
    else if (ACCESS_REGISTER(q) == 8)
        exit_cr8(v, operand, ACCESS_TYPE(q) != ACCESS_READ, length);
    else if (v->arch.vmx.is_unpaged)
        unpaged_exit(v, q, operand, length);
    else
        vmx_inject_exception(v, VECTOR_GP, 0, 0);       /* VMXE, which it does not have */
}
