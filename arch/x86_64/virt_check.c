/* SPDX-License-Identifier: Apache-2.0 */
/* Has this machine what guests need, and is it switched on? (AMD64 APM volume 2, 15.4; Intel SDM volume 3, 23.7) */
#include "arch/include/x86_boot.h"
#include "cpuid_host.h"
#include "msr.h"

#define FEATURE_NESTED_PAGING 0

static const char *check_svm(void)
{
    uint64_t vm_cr;

    if (rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVM_DISABLE))
        return "AMD-V is switched off: in the BIOS set up, turn on 'SVM Mode' (also called 'AMD-V' or 'Virtualization')";
    if (!cpuid_bit(0x8000000a, CPUID_EDX, FEATURE_NESTED_PAGING))
        return "the processor has SVM without nested paging (NPT); QEMU: -cpu ...,+svm,+npt";
    return NULL;
}

const char *arch_boot_virt_missing(void)
{
    if (CPU_HAS_SVM)
        return check_svm();
    if (CPU_HAS_VMX)
        return NULL;
    return "the processor has no virtualisation (AMD-V or VT-x), or the BIOS hides it: look for 'SVM Mode', 'Intel VT-x' or "
           "'Virtualization Technology' in its set-up; QEMU: -cpu EPYC,+svm,+npt";
}
