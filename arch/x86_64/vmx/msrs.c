/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's model-specific registers: some are in the VMCS; others the hypervisor does not use, and they are the loaded guest's. */
#include "arch/include/x86_state.h"
#include "arch/x86_64/vmx/vmx.h"
#include "cpuid_host.h"
#include "msr.h"
#include "processor.h"


static const uint32_t switched[VMX_SWITCHED_MSRS] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX };

static const struct in_vmcs { uint32_t msr, field; } in_vmcs[] = {
    { MSR_FS_BASE, VMCS_ES_BASE + 8 }, { MSR_GS_BASE, VMCS_ES_BASE + 10 }, { MSR_SYSENTER_CS, VMCS_SYSENTER_CS },
    { MSR_SYSENTER_ESP, VMCS_SYSENTER_ESP }, { MSR_SYSENTER_EIP, VMCS_SYSENTER_EIP }, { MSR_PAT, VMCS_PAT },
};

/* The last one is there with RDTSCP. */
static unsigned switched_here(void)
{
    return cpuid_bit(0x80000001, CPUID_EDX, 27) ? VMX_SWITCHED_MSRS : VMX_SWITCHED_MSRS - 1;
}

void vmx_load_msrs(const struct vcpu *v)
{
    for (unsigned i = 0; i < v->arch.vmx.msr_count; i++)
        wrmsr(switched[i], v->arch.vmx.msrs[i]);
}

void vmx_save_msrs(struct vcpu *v)
{
    for (unsigned i = 0; i < v->arch.vmx.msr_count; i++)
        v->arch.vmx.msrs[i] = rdmsr(switched[i]);
}

void vmx_reset_msrs(struct vcpu *v)
{
    v->arch.vmx.msr_count = (uint8_t)switched_here();
    for (unsigned i = 0; i < VMX_SWITCHED_MSRS; i++)
        v->arch.vmx.msrs[i] = 0;
    vmcs_open(v);
    for (unsigned i = 0; i < ARRAY_SIZE(in_vmcs); i++)
        vmwrite(in_vmcs[i].field, in_vmcs[i].msr == MSR_PAT ? X86_PAT_RESET : 0);
    vmcs_close(v);
}

static unsigned switched_place(uint32_t msr)
{
    unsigned i = 0;

    while (i < VMX_SWITCHED_MSRS && switched[i] != msr)
        i++;
    return i;
}

static uint32_t field_of(uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(in_vmcs); i++) {
        if (in_vmcs[i].msr == msr)
            return in_vmcs[i].field;
    }
    return 0;
}

bool vmx_get_msr(const struct vcpu *v, uint32_t msr, uint64_t *value)
{
    unsigned place = switched_place(msr);
    uint32_t field = field_of(msr);

    if (field)
        *value = vmcs_get(v, field);
    else if (place < v->arch.vmx.msr_count)
        *value = v == cpu_current_vcpu() ? rdmsr(msr) : v->arch.vmx.msrs[place];
    return field || place < v->arch.vmx.msr_count;
}

bool vmx_set_msr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    unsigned place = switched_place(msr);
    uint32_t field = field_of(msr);

    if (field) {
        vmcs_open(v);
        vmwrite(field, value);
        vmcs_close(v);
    } else if (place < v->arch.vmx.msr_count) {
        v->arch.vmx.msrs[place] = value;
        if (v == cpu_current_vcpu())
            wrmsr(msr, value);
    }
    return field || place < v->arch.vmx.msr_count;
}
