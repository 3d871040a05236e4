/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control registers (Intel SDM volume 3, 25.6.6, 26.3). The guest's own are in the processor, but for a few bits: CR0.NE must be set, CR0.CD
 * and NW would slow down the whole CPU, CR4.VMXE must be set and is not the guest's to see. Writing one of these differently from what is shown
 * exits, and is done here with all that belongs to it.
 */
#include "arch/x86_64/vmx/vmx.h"
#include "exits.h"
#include "mem/guest_copy.h"
#include "processor.h"

#define CR0_OWN (CR0_NE | CR0_CD | CR0_NW)
#define CR4_OWN CR4_VMXE
#define ACCESS_REGISTER(q) ((unsigned)((q) & 15))
#define ACCESS_TYPE(q) ((q) >> 4 & 3)
#define ACCESS_OPERAND(q) ((unsigned)((q) >> 8 & 15))
#define ACCESS_READ 1
/* Of EFER: SCE, LME, LMA, NXE (FFXSR and TCE are AMD's). */
#define EFER_GUEST (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

uint64_t vmx_cr4(const struct vcpu *v)
{
    uint64_t cr4;

    vmcs_open(v);
    cr4 = vmread(VMCS_CR4) & ~(uint64_t)CR4_OWN;
    vmcs_close(v);
    return cr4;
}

void vmx_get_control_registers(const struct vcpu *v, struct x86_control_registers *out)
{
    vmcs_open(v);
    *out = (struct x86_control_registers){
        .cr0 = (vmread(VMCS_CR0) & ~(uint64_t)CR0_OWN) | (vmread(VMCS_CR0_SEEN) & CR0_OWN), .cr3 = vmread(VMCS_CR3),
        .cr4 = vmread(VMCS_CR4) & ~(uint64_t)CR4_OWN, .efer = vmread(VMCS_EFER), .dr7 = vmread(VMCS_DR7),
        .dr6 = v->arch.vmx.dr_live ? read_dr6() : v->arch.vmx.dr6, .cr2 = v == cpu_current_vcpu() ? read_cr2() : v->arch.vmx.cr2,
    };
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

void vmx_set_control_registers(struct vcpu *v, const struct x86_control_registers *in)
{
    uint64_t entry;

    vmcs_open(v);
    vmwrite(VMCS_CR0, (in->cr0 & ~(uint64_t)CR0_OWN) | CR0_NE);
    vmwrite(VMCS_CR0_OWN, CR0_OWN);
    /* A kernel that sets NE, as all do, need not exit for it. */
    vmwrite(VMCS_CR0_SEEN, in->cr0 | CR0_NE);
    vmwrite(VMCS_CR3, in->cr3);
    vmwrite(VMCS_CR4, in->cr4 | CR4_VMXE);
    vmwrite(VMCS_CR4_OWN, CR4_OWN);
    vmwrite(VMCS_CR4_SEEN, in->cr4 & ~(uint64_t)CR4_VMXE);
    vmwrite(VMCS_EFER, in->efer & EFER_GUEST);
    vmwrite(VMCS_DR7, in->dr7);
    entry = vmread(VMCS_ENTRY_CONTROLS);
    vmwrite(VMCS_ENTRY_CONTROLS, in->efer & EFER_LMA ? entry | ENTRY_LONG_MODE : entry & ~ENTRY_LONG_MODE);
    load_upper_entries(v, in);
    vmcs_close(v);
    /* What it has cached was by other registers. */
    v->arch.vmx.cpu = MAX_CPUS;
    v->arch.vmx.seen_changes = 0;
    v->arch.vmx.dr6 = in->dr6;
    v->arch.vmx.cr2 = in->cr2;
}

static void write_cr0_for(struct vcpu *v, uint64_t cr0)
{
    struct x86_control_registers c;

    vmx_get_control_registers(v, &c);
    if (!x86_write_cr0(v, &c, cr0)) {
        vmx_inject_exception(v, VECTOR_GP, 0, 0);
        return;
    }
    vmx_set_control_registers(v, &c);
    /* It runs on, with what is the processor's in the processor. */
    v->arch.vmx.cpu = cpu_id();
    write_cr2(c.cr2);
    vmx_skip(v, (unsigned)vmread(VMCS_INSTRUCTION_LENGTH));
}

void vmx_cr_exit(struct vcpu *v)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    uint64_t *operand = x86_register(&v->arch.regs, ACCESS_OPERAND(q));

    if (ACCESS_REGISTER(q) == 0 && ACCESS_TYPE(q) == 0)
        write_cr0_for(v, *operand);
    else if (ACCESS_REGISTER(q) == 8)
        exit_cr8(v, operand, ACCESS_TYPE(q) != ACCESS_READ, (unsigned)vmread(VMCS_INSTRUCTION_LENGTH));
    else
        vmx_inject_exception(v, VECTOR_GP, 0, 0);       /* VMXE, which it does not have */
}
