/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exits by their reason (Intel SDM volume 3, appendix C). Every slot of the table is filled: a reason that nobody expects ends the domain.
 * What an exit means is arch/x86_64/exits.c's; here is how VMX tells it.
 */
#include "arch/include/upcall.h"
#include "arch/x86_64/vmx/unpaged.h"
#include "arch/include/x86_vcpu.h"
#include "exits.h"
#include "processor.h"
#include "vdev/x86_64/vlapic.h"

/* Of an access to ports (table 28-5) */
#define IO_SIZE(q) ((uint8_t)(((q) & 7) + 1))
#define IO_IN BIT(3)
#define IO_STRING BIT(4)
#define IO_PORT(q) ((uint16_t)((q) >> 16))
/* Of an EPT violation (table 28-7) */
#define FAULT_WRITE BIT(1)
#define FAULT_FETCH BIT(2)
#define FAULT_HAS_LINEAR BIT(7)
#define FAULT_IS_FINAL BIT(8)
#define BAD_ENTRY BIT(31)
/* Of a debug exception (table 28-1): what becomes of DR6. */
#define DEBUG_CAUSES 0x600f

static COLD void unexpected(struct vcpu *v)
{
    uint64_t reason = vmread(VMCS_EXIT_REASON);

    log_guest("d%uv%u: unexpected exit 0x%llx (0x%llx), rip 0x%llx", v->domain->id.v, v->id, (unsigned long long)reason,
              (unsigned long long)vmread(VMCS_QUALIFICATION), (unsigned long long)v->arch.regs.rip);
    domain_crash(v->domain, reason & BAD_ENTRY ? "the processor refused its state" : "unexpected exit");
}

static unsigned length_of(void)
{
    return (unsigned)vmread(VMCS_INSTRUCTION_LENGTH) & 15;
}

static void cpuid_exit(struct vcpu *v)
{
    exit_cpuid(v, length_of());
}

static void halt_exit(struct vcpu *v)
{
    exit_halt(v, length_of());
}

static void xsetbv_exit(struct vcpu *v)
{
    exit_xsetbv(v, length_of());
}

static void cache_exit(struct vcpu *v)
{
    exit_nothing(v, length_of());
}

static void msr_read_exit(struct vcpu *v)
{
    exit_msr(v, false, length_of());
}

static void msr_write_exit(struct vcpu *v)
{
    exit_msr(v, true, length_of());
}

static void pause_exit(struct vcpu *v)
{
    exit_pause(v, length_of());
}

static void io_exit(struct vcpu *v)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    const struct port_access a = {
        .port = IO_PORT(q), .size = IO_SIZE(q), .is_in = q & IO_IN, .is_string = q & IO_STRING, .length = (uint8_t)length_of(),
    };

    exit_port(v, &a);
}

static void nested_fault_exit(struct vcpu *v)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    bool is_walk = (q & FAULT_HAS_LINEAR) && !(q & FAULT_IS_FINAL);

    exit_nested_fault(v, GPA(vmread(VMCS_GUEST_PHYSICAL)), q & FAULT_WRITE, q & FAULT_FETCH, is_walk);
}

/* Given back to the guest: it is the delivery that had to be interrupted. An interrupt that was being delivered comes behind it. */
static void give_back(struct vcpu *v, unsigned vector)
{
    uint64_t before = vmread(VMCS_ENTRY_EVENT);

    if (vector == VECTOR_DB)
        vmx_note_debug_causes(v, vmread(VMCS_QUALIFICATION) & DEBUG_CAUSES);
    vmx_inject_exception(v, vector, vector == VECTOR_AC ? 0 : -1, 0);
    if ((before & EVENT_VALID) && EVENT_TYPE(before) == EVENT_INTERRUPT)
        vlapic_raise(v, before & 0xff, false);
    if ((before & EVENT_VALID) && EVENT_TYPE(before) == EVENT_NMI)
        x86_vcpu_raise_nmi(v);
}

/* An NMI has been taken by the exit, and the next one waits for an IRET: the handler's. A guest without virtual NMIs is given none, and would be
 * entered with the processor's held back where the exit has saved what came behind it (Bochs 2.7 does; 28.1 says it is not). */
static void exception_exit(struct vcpu *v)
{
    uint64_t event = vmread(VMCS_EXIT_EVENT);
    unsigned vector = event & 0xff;

    if (EVENT_TYPE(event) == EVENT_NMI) {
        if (!vmx_has_virtual_nmis())
            vmx_set_control(v, VMCS_SHADOW, SHADOW_NMI, false);
        __asm__ volatile("int $2" ::: "memory");
    } else if (vector == VECTOR_MC) {
        panic("machine check while d%uv%u ran", v->domain->id.v, v->id);
    } else if (unlikely(v->arch.vmx.is_real)) {
        if (vector == VECTOR_DB)
            vmx_note_debug_causes(v, vmread(VMCS_QUALIFICATION) & DEBUG_CAUSES);
        real_mode_exception(v, vector);
    } else {
        give_back(v, vector);
    }
}

static void nothing(struct vcpu *v UNUSED)
{
}

static inline void hypercall_exit(struct vcpu *v)
{
    exit_hypercall(v, vmx_skip_hypercall(v));
}

static void (*const exit_table[VMX_EXIT_REASONS])(struct vcpu *v) = {
    [VMX_EXIT_EXCEPTION] = exception_exit,
    [VMX_EXIT_INTERRUPT] = exit_interrupt,
    [VMX_EXIT_TRIPLE_FAULT] = exit_shutdown,
    [VMX_EXIT_INIT] = nothing,
    [4 ... 6] = unexpected,
    [VMX_EXIT_WINDOW] = vmx_close_window,
    [VMX_EXIT_NMI_WINDOW] = vmx_close_nmi_window,
    [VMX_EXIT_TASK_SWITCH] = exit_task_switch,
    [VMX_EXIT_CPUID] = cpuid_exit,
    [VMX_EXIT_GETSEC] = exit_undefined,
    [VMX_EXIT_HLT] = halt_exit,
    [VMX_EXIT_INVD] = cache_exit,
    [14] = unexpected,
    [VMX_EXIT_RDPMC] = exit_not_allowed,
    [16 ... 17] = unexpected,
    [VMX_EXIT_VMCALL] = hypercall_exit,
    [VMX_EXIT_VMCLEAR ... VMX_EXIT_VMXON] = exit_undefined,
    [VMX_EXIT_CR] = vmx_cr_exit,
    [VMX_EXIT_DR] = vmx_load_debug_registers,
    [VMX_EXIT_IO] = io_exit,
    [VMX_EXIT_RDMSR] = msr_read_exit,
    [VMX_EXIT_WRMSR] = msr_write_exit,
    [VMX_EXIT_BAD_STATE ... 35] = unexpected,
    [VMX_EXIT_MWAIT] = exit_undefined,
    [37 ... 38] = unexpected,
    [VMX_EXIT_MONITOR] = exit_undefined,
    [VMX_EXIT_PAUSE] = pause_exit,
    [VMX_EXIT_MACHINE_CHECK ... 44] = unexpected,
    [VMX_EXIT_EOI] = vmx_eoi_exit,
    [46 ... 47] = unexpected,
    [VMX_EXIT_EPT_VIOLATION] = nested_fault_exit,
    [VMX_EXIT_EPT_MISCONFIGURED] = unexpected,
    [VMX_EXIT_INVEPT] = exit_undefined,
    [51 ... 52] = unexpected,
    [VMX_EXIT_INVVPID] = exit_undefined,
    [VMX_EXIT_WBINVD] = cache_exit,
    [VMX_EXIT_XSETBV] = xsetbv_exit,
    [VMX_EXIT_APIC_WRITE] = vmx_apic_write_exit,
    [57 ... VMX_EXIT_REASONS - 1] = unexpected,
};

HOT struct vcpu *vmx_exit(struct vcpu *v)
{
    uint64_t reason = vmread(VMCS_EXIT_REASON), delivered = vmread(VMCS_DELIVERED);

    ASSERT(v == cpu_current_vcpu());
    v->arch.runs++;
    vmx_registers_from_vmcs(v);
    /* The processor has taken the event's valid bit back (28.2.4). */
    if (unlikely(delivered & EVENT_VALID))
        vmx_take_back_event(v, delivered);
    if (likely(reason == VMX_EXIT_VMCALL))
        hypercall_exit(v);
    else if (reason >= ARRAY_SIZE(exit_table))
        unexpected(v);
    else
        exit_table[array_index_nospec(reason, ARRAY_SIZE(exit_table))](v);
    v = exit_done(v);
    vmx_registers_to_vmcs(v);
    return v;
}
