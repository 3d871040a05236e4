/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts that the processor delivers by itself (Intel SDM volume 3, 25.6.8, 30.1.5, 30.4): it takes them from the page of the local APIC, and does
 * what an x2APIC's guest writes to EOI, TPR and SELF_IPI without an exit. An xAPIC's page is no memory of the guest's: its accesses exit as without this.
 * A processor that has but a part of it is used as one that has nothing.
 */
#include "arch/include/mapping.h"
#include "arch/x86_64/vmx/vmx.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "msr.h"
#include "vdev/x86_64/vlapic.h"

#define ALL_OF_FIRST CONTROL_TPR_SHADOW
#define ALL_OF_SECOND (CONTROL2_X2APIC | CONTROL2_APIC_REGISTERS | CONTROL2_DELIVERY)

/* Of an interrupt status. */
#define REQUESTED(status) ((status) & 0xffu)

static bool is_there;

void vmx_apic_choose(uint32_t *first, uint32_t *second)
{
    uint64_t may_first = rdmsr(rdmsr(MSR_VMX_BASIC) & VMX_BASIC_TRUE ? MSR_VMX_TRUE(MSR_VMX_CONTROLS) : MSR_VMX_CONTROLS) >> 32;
    uint64_t may_second = rdmsr(MSR_VMX_CONTROLS2) >> 32;

    is_there = !(ALL_OF_FIRST & ~may_first) && !(ALL_OF_SECOND & ~may_second);
    if (!is_there)
        return;
    /* CR8 is TPR in the page. */
    *first = (*first & ~(uint32_t)CONTROL_CR8) | (uint32_t)ALL_OF_FIRST;
    *second |= (uint32_t)(CONTROL2_APIC_REGISTERS | CONTROL2_DELIVERY);
}

bool vmx_apic_is_there(void)
{
    return is_there;
}

int vmx_apic_init(struct vcpu *v)
{
    void *page;

    if (!is_there)
        return 0;
    page = heap_alloc_pages(0);
    if (!page)
        return -E_NOMEM;
    vlapic_use_page(v, page);
    vmwrite(VMCS_APIC_PAGE, mfn_to_hpa(arch_heap_frame(page)).v);
    vmwrite(VMCS_TPR_THRESHOLD, 0);
    vmwrite(VMCS_INTERRUPT_STATUS, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(v->arch.vmx.eoi_exits); i++)
        vmwrite(VMCS_EOI_EXITS + 2 * i, 0);
    return 0;
}

void vmx_apic_destroy(struct vcpu *v)
{
    if (v->arch.lapic.page)
        heap_free_pages(v->arch.lapic.page, 0);
    vlapic_use_page(v, NULL);
}

/* Before what came as a level can be in service: its end is for the IO-APIC, too. */
static void set_eoi_exits(struct vcpu *v)
{
    struct vmx_vcpu *x = &v->arch.vmx;

    for (unsigned i = 0; i < ARRAY_SIZE(x->eoi_exits); i++) {
        uint64_t levels = atomic_load(&v->arch.lapic.tmr[i]);

        if (likely(levels == x->eoi_exits[i]))
            continue;
        vmwrite(VMCS_EOI_EXITS + 2 * i, levels);
        x->eoi_exits[i] = levels;
    }
}

/* The MSRs of a local APIC that is none are left to the hypervisor, who answers with #GP. */
static void set_mode(struct vcpu *v, bool is_x2)
{
    uint64_t controls = vmread(VMCS_CONTROLS2);

    vmwrite(VMCS_CONTROLS2, is_x2 ? controls | CONTROL2_X2APIC : controls & ~(uint64_t)CONTROL2_X2APIC);
    vmwrite(VMCS_MSR_MAP, is_x2 ? vmx_msr_map_of_x2apic() : vmx_msr_map());
    v->arch.vmx.has_x2apic = is_x2;
}

/* The processor is told of them while the guest can take one. Bochs 2.7 gives a guest one that the processor knows of while its interrupts are off, when one
 * of the host's comes; and an exit for each that comes while they are off is no more than without all of this. Returns what it is told. */
static uint16_t hold_back(struct vcpu *v, uint16_t status)
{
    uint64_t controls = vmread(VMCS_CONTROLS);

    if (vmx_interruptible(v)) {
        if (controls & CONTROL_INTERRUPT_WINDOW)
            vmx_close_window(v);
        return status;
    }
    /* The window may be open for the domain's own vector, too. */
    if (!REQUESTED(status))
        return status;
    (void)atomic_fetch_or(&v->arch.event_waits, (uint32_t)WAITS_APIC);
    vmwrite(VMCS_CONTROLS, controls | CONTROL_INTERRUPT_WINDOW);
    return (uint16_t)(status - REQUESTED(status));
}

void vmx_apic_deliver(struct vcpu *v)
{
    bool is_x2 = vlapic_is_x2(v);
    uint16_t status;

    ASSERT(v == cpu_current_vcpu() && v->arch.vmx.is_current);
    status = vlapic_to_page(v);
    if (unlikely(is_x2 != v->arch.vmx.has_x2apic))
        set_mode(v, is_x2);
    /* What is in the page by now has left word that it came as a level before. */
    set_eoi_exits(v);
    vmwrite(VMCS_INTERRUPT_STATUS, hold_back(v, status));
}

void vmx_eoi_exit(struct vcpu *v)
{
    vlapic_ended(v, vmread(VMCS_QUALIFICATION) & 0xff);
}

/* SELF_IPI with a vector below 16, which is none: an error that a local APIC would note. Past the instruction. */
void vmx_apic_write_exit(struct vcpu *v UNUSED)
{
}
