/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exits by their code (AMD64 APM volume 2, appendix C). Every slot of the table is filled: a code that nobody expects ends the domain.
 * What an exit means is arch/x86_64/exits.c's; here is how SVM tells it.
 */
#include "arch/include/upcall.h"
#include "arch/x86_64/svm/svm.h"
#include "arch/include/x86_vcpu.h"
#include "exits.h"
#include "processor.h"
#include "vdev/x86_64/vlapic.h"

/* Of an intercepted port access (15.10.2). */
#define IO_IN BIT(0)
#define IO_STRING BIT(2)
#define IO_SIZE(info) ((uint8_t)((info) >> 4 & 7))
#define IO_PORT(info) ((uint16_t)((info) >> 16))
/* Of a nested page fault (15.25.6). */
#define FAULT_WRITE BIT(1)
#define FAULT_FETCH BIT(4)
#define FAULT_IN_TABLES BIT(33)
#define INVALID UINT32_MAX           /* QEMU leaves the upper half out */
/* Of DR6: breakpoints, access to debug registers, single step, task switch. */
#define DEBUG_CAUSES 0xe00f

static COLD void unexpected(struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);

    log_guest("d%uv%u: unexpected exit 0x%llx (0x%llx, 0x%llx), rip 0x%llx", v->domain->id.v, v->id, (unsigned long long)m->exit_code,
              (unsigned long long)m->exit_info1, (unsigned long long)m->exit_info2, (unsigned long long)v->arch.regs.rip);
    domain_crash(v->domain, (uint32_t)m->exit_code == INVALID ? "the processor refused its state" : "unexpected exit");
}

/* The length of the instruction of this exit; 0: it has gone, and the guest has been given what reading it ends in. */
static ALWAYS_INLINE unsigned length_of(struct vcpu *v)
{
    unsigned length = svm_instruction_length(v, (uint32_t)vmcb_of(v)->exit_code);

    if (unlikely(!length))
        arch_inject_undefined(v);
    return length;
}

#define INSTRUCTION(name, handler) \
    static void name(struct vcpu *v) \
    { \
        unsigned length = length_of(v); \
        if (likely(length)) \
            handler(v, length); \
    }
INSTRUCTION(cpuid_exit, exit_cpuid)
INSTRUCTION(halt_exit, exit_halt)
INSTRUCTION(xsetbv_exit, exit_xsetbv)
INSTRUCTION(cache_exit, exit_nothing)
INSTRUCTION(pause_exit, exit_pause)

static inline void hypercall_exit(struct vcpu *v)
{
    exit_hypercall(v, svm_skip_hypercall(v));
}

static void msr_exit(struct vcpu *v)
{
    unsigned length = length_of(v);

    if (length)
        exit_msr(v, vmcb_of(v)->exit_info1 & 1, length);
}

/* The second word is where the next instruction is, on every processor. */
static void io_exit(struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);
    uint64_t info = m->exit_info1;
    const struct port_access a = {
        .port = IO_PORT(info), .size = IO_SIZE(info), .is_in = info & IO_IN, .is_string = info & IO_STRING,
        .length = (uint8_t)(m->exit_info2 - v->arch.regs.rip),
    };

    exit_port(v, &a);
}

static void nested_fault_exit(struct vcpu *v)
{
    const struct vmcb *m = vmcb_of(v);
    uint64_t info = m->exit_info1;

    exit_nested_fault(v, GPA(m->exit_info2), info & FAULT_WRITE, info & FAULT_FETCH, info & FAULT_IN_TABLES);
}

/* The NMI has been taken: behind STGI. */
static void nmi_exit(struct vcpu *v UNUSED)
{
}

/* Given back to the guest: it is the delivery that had to be interrupted. An interrupt that was being delivered comes behind it. */
static void exception_exit(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);
    unsigned vector = (unsigned)m->exit_code - SVM_EXIT_EXCEPTION;
    uint64_t before = m->event;

    if (vector == VECTOR_MC)
        panic("machine check while d%uv%u ran", v->domain->id.v, v->id);
    /* The same, but where the exit has left its causes in the processor alone: idt.c, is_guests_step. */
    if (vector == VECTOR_DB) {
        m->dr6 |= read_dr6() & DEBUG_CAUSES;
        svm_written(m, CLEAN_DEBUG);
    }
    svm_inject_exception(v, vector, vector == VECTOR_AC ? 0 : -1, 0);
    if ((before & EVENT_VALID) && EVENT_TYPE(before) == EVENT_INTERRUPT)
        vlapic_raise(v, before & 0xff, false);
    if ((before & EVENT_VALID) && EVENT_TYPE(before) == EVENT_NMI) {
        svm_iret_exit(v);
        x86_vcpu_raise_nmi(v);
    }
}

static void (*const exit_table[256])(struct vcpu *v) = {
    [0x00 ... 0x07] = unexpected,
    [SVM_EXIT_CR8_READ] = svm_cr8_exit,
    [0x09 ... 0x13] = unexpected,
    [SVM_EXIT_CR4_WRITE] = svm_cr4_exit,
    [0x15 ... 0x17] = unexpected,
    [SVM_EXIT_CR8_WRITE] = svm_cr8_exit,
    [0x19 ... 0x1f] = unexpected,
    [SVM_EXIT_DR_READ ... SVM_EXIT_DR_READ + 0x1f] = svm_load_debug_registers,
    [0x40] = unexpected,
    [SVM_EXIT_EXCEPTION + VECTOR_DB] = exception_exit,
    [0x42 ... 0x50] = unexpected,
    [SVM_EXIT_EXCEPTION + VECTOR_AC] = exception_exit,
    [SVM_EXIT_EXCEPTION + VECTOR_MC] = exception_exit,
    [0x53 ... 0x5f] = unexpected,
    [0x62] = unexpected,                        /* SMI */
    [SVM_EXIT_CR0_CHANGE] = svm_cr0_exit,
    [0x66 ... 0x6e] = unexpected,
    [0x70 ... 0x71] = unexpected,
    [0x73] = unexpected,
    [SVM_EXIT_IRET] = svm_iret_exit,
    [0x75] = unexpected,
    [0x79] = unexpected,
    [0x7e] = unexpected,
    [0x87 ... 0x88] = unexpected,
    [0x8e ... 0xff] = unexpected,
    [SVM_EXIT_INTR] = exit_interrupt,
    [SVM_EXIT_NMI] = nmi_exit,
    [SVM_EXIT_INIT] = nmi_exit,
    [SVM_EXIT_VINTR] = svm_close_window,
    [SVM_EXIT_RDPMC] = exit_not_allowed,
    [SVM_EXIT_CPUID] = cpuid_exit,
    [SVM_EXIT_INVD] = cache_exit,
    [SVM_EXIT_PAUSE] = pause_exit,
    [SVM_EXIT_HLT] = halt_exit,
    [SVM_EXIT_INVLPGA] = exit_undefined,
    [SVM_EXIT_IO] = io_exit,
    [SVM_EXIT_MSR] = msr_exit,
    [SVM_EXIT_TASK_SWITCH] = exit_task_switch,
    [SVM_EXIT_SHUTDOWN] = exit_shutdown,
    [SVM_EXIT_VMRUN] = exit_undefined,
    [SVM_EXIT_VMMCALL] = hypercall_exit,
    [0x82 ... SVM_EXIT_SKINIT] = exit_undefined,
    [SVM_EXIT_WBINVD] = cache_exit,
    [SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT_ARMED] = exit_undefined,
    [SVM_EXIT_XSETBV] = xsetbv_exit,
};

static void handle(struct vcpu *v, uint64_t code)
{
    if (code == SVM_EXIT_NESTED_FAULT)
        nested_fault_exit(v);
    else if (code >= ARRAY_SIZE(exit_table))
        unexpected(v);
    else
        exit_table[array_index_nospec(code, ARRAY_SIZE(exit_table))](v);
}

HOT struct vcpu *svm_exit(struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    ASSERT(v == cpu_current_vcpu());
    v->arch.runs++;
    svm_registers_from_vmcb(v);
    m->clean = CLEAN_ALL;
    if (CONFIG(ASSERT))
        svm_clean_note(v);
    if (unlikely(m->tlb_control))
        svm_asid_flushed(v);
    m->event = 0;
    if (unlikely(m->exit_int_info & EVENT_VALID))
        svm_take_back_event(v);
    if (likely(m->exit_code == SVM_EXIT_VMMCALL))
        hypercall_exit(v);
    else
        handle(v, m->exit_code);
    v = exit_done(v);
    if (CONFIG(ASSERT))
        svm_clean_check(v);
    svm_registers_to_vmcb(v);
    return v;
}
