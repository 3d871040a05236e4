/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's part of vCPUs (arch/include/vcpu.h). */
#include "arch/include/vcpu.h"
#include "arch/include/x86_irq.h"
#include "arch/include/x86_vcpu.h"
#include "core/domain.h"
#include "core/event.h"
#include "core/shared_info.h"
#include "arch/include/upcall.h"
#include "cpuid_host.h"
#include "exits.h"
#include "fpu.h"
#include "lib/error.h"
#include "processor.h"
#include "stage2_space.h"
#include "timer.h"
#include "vdev/x86_64/host_vector.h"
#include "vdev/x86_64/vlapic.h"
#include "virt.h"

uint64_t arch_vcpu_pc(const struct vcpu *v)
{
    return v->arch.regs.rip;
}

void arch_vcpu_print(const struct vcpu *v)
{
    const struct x86_registers *r = &v->arch.regs;

    log_info("  rip %016llx flg %016llx rsp %016llx rbp %016llx", (unsigned long long)r->rip, (unsigned long long)r->rflags,
             (unsigned long long)r->rsp, (unsigned long long)r->rbp);
    log_info("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", (unsigned long long)r->rax, (unsigned long long)r->rbx,
             (unsigned long long)r->rcx, (unsigned long long)r->rdx);
    log_info("  rsi %016llx rdi %016llx", (unsigned long long)r->rsi, (unsigned long long)r->rdi);
}

/* -- hypercalls -- */

uint64_t arch_hypercall_arg(const struct vcpu *v, unsigned n)
{
    ASSERT(n < ARRAY_SIZE(v->arch.regs.argument));
    return v->arch.regs.argument[n];
}

void arch_hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value)
{
    ASSERT(n < ARRAY_SIZE(v->arch.regs.argument));
    v->arch.regs.argument[n] = value;
}

void arch_hypercall_result(struct vcpu *v, int64_t result)
{
    v->arch.regs.rax = (uint64_t)result;
}

/* Both instructions that make one are three bytes. */
void arch_hypercall_repeat(struct vcpu *v)
{
    v->arch.regs.rip -= 3;
}

/* From 32-bit code: ebx, ecx, edx, esi, edi, ebp (xen/arch-x86/xen-x86_32.h), which stand in the others' place meanwhile. What a call leaves there
 * to go on with goes back; the upper halves of registers are nothing that such code sees. */
static const uint8_t narrow_argument[] = { 3, 1, 2, 6, 7, 5 };
#define ARGUMENTS ARRAY_SIZE(narrow_argument)

void x86_narrow_hypercall(struct vcpu *v)
{
    struct x86_registers *now = &v->arch.regs, before = *now;
    uint32_t left[ARGUMENTS];

    STATIC_ASSERT(ARGUMENTS == ARRAY_SIZE(now->argument));
    for (unsigned i = 0; i < ARGUMENTS; i++)
        now->argument[i] = (uint32_t)*x86_register(&before, narrow_argument[i]);
    v->narrow_call = true;
    upcall_hypercall(v, (uint32_t)before.rax);
    v->narrow_call = false;
    for (unsigned i = 0; i < ARGUMENTS; i++) {
        left[i] = (uint32_t)now->argument[i];
        now->argument[i] = before.argument[i];
    }
    for (unsigned i = 0; i < ARGUMENTS; i++)
        *x86_register(now, narrow_argument[i]) = left[i];
    now->rax = (uint32_t)now->rax;
}

/* -- life -- */

static bool apic_read_page(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    return vlapic_mmio(v, offset, size, false, value);
}

static bool apic_write_page(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    return vlapic_mmio(v, offset, size, true, &value);
}

int arch_domain_init(struct domain *d)
{
    static const struct mmio_region local_apic = { { VLAPIC_ADDRESS }, PAGE_SIZE, apic_read_page, apic_write_page, 0 };
    int error = mmio_add(&d->arch.mmio, &local_apic);

    return error ? error : d->is_control ? vioapic_init(d) : 0;
}

void arch_domain_destroy(struct domain *d)
{
    arch_irq_unroute_all(d);
    vioapic_free(d);
}

void arch_vcpu_retire(struct vcpu *v)
{
    vlapic_destroy(v);
}

int arch_vcpu_init(struct vcpu *v)
{
    int error = virt_vcpu_init(v);

    if (!error)
        error = fpu_vcpu_init(v);
    if (!error)
        error = vlapic_init(v);
    if (error) {
        fpu_vcpu_destroy(v);
        virt_vcpu_destroy(v);
    }
    return error;
}

void arch_vcpu_destroy(struct vcpu *v)
{
    vlapic_destroy(v);
    fpu_vcpu_destroy(v);
    virt_vcpu_destroy(v);
}

/* A kernel starts with flat 32-bit segments, paging off, and ebx at what it is told (the PVH entry: Xen's docs/misc/pvh.pandoc). */
bool arch_has_narrow_guests(void)
{
    return false;
}

/* AMD64 APM volume 2, 14.1.3; the code segment is the page's. */
static void to_real_mode(struct vcpu *v, uint64_t page)
{
    const struct x86_segment code = { (uint16_t)(page >> 4), 0x09b, 0xffff, page }, data = { 0, 0x093, 0xffff, 0 };
    const struct x86_segment task = { 0, 0x08b, 0xffff, 0 }, none = { 0, 0x082, 0xffff, 0 }, table = { 0, 0, 0xffff, 0 };
    struct x86_control_registers c;

    ASSERT(IS_ALIGNED(page, PAGE_SIZE) && page < BIT(20));
    for (unsigned s = 0; s < X86_SEGMENTS; s++)
        virt_set_segment(v, (enum x86_segment_name)s, s >= X86_GDTR ? &table : &data);
    virt_set_segment(v, X86_CS, &code);
    virt_set_segment(v, X86_LDTR, &none);
    virt_set_segment(v, X86_TR, &task);
    virt_get_control_registers(v, &c);
    c.cr0 = CR0_ET;
    virt_set_control_registers(v, &c);
}

/* The upcall's vector is not the processor's: a kernel sets it before it starts another processor by INIT and STARTUP. What waits for that one
 * has raised it already, and does so only once. */
static void tell_what_waits(struct vcpu *v)
{
    const struct guest_vcpu_info *info = (const void *)v->info;

    if (READ_ONCE(info->upcall_pending))
        arch_vcpu_raise_upcall(v);
}

void arch_vcpu_reset(struct vcpu *v, const struct vcpu_start *start)
{
    bool by_startup = start->flags == X86_START_REAL_MODE;

    ASSERT(v != cpu_current_vcpu());
    virt_vcpu_reset(v);
    fpu_vcpu_reset(v);
    if (by_startup) {
        to_real_mode(v, start->pc);
    } else {
        v->arch.regs.rip = start->pc;
        v->arch.event_vector = 0;
    }
    v->arch.regs.rbx = start->context;
    atomic_store(&v->arch.event_waits, 0u);
    vlapic_reset(v);
    if (by_startup)
        tell_what_waits(v);
}

/* -- running -- */

/* The PV clock: the time at which the TSC had a value, and its rate, for as long as nobody changes the guest's TSC. Where vcpu_info is
 * registered the structure moves as a whole. (xen/xen.h, struct vcpu_time_info) */
#define PVCLOCK_TSC_STABLE 1
static void publish_time(struct vcpu *v)
{
    struct guest_vcpu_time *t = &((struct guest_vcpu_info *)v->info)->time;
    uint32_t version = READ_ONCE(t->version) | 1;

    WRITE_ONCE(t->version, version);
    barrier_write();
    t->tsc_timestamp = timer_start_tsc() + v->arch.tsc_offset;
    t->system_time = 0;
    timer_guest_scale(&t->tsc_to_system_mul, &t->tsc_shift);
    t->flags = CPU_HAS_INVARIANT_TSC ? PVCLOCK_TSC_STABLE : 0;
    barrier_write();
    WRITE_ONCE(t->version, version + 1);
    v->arch.time_at = v->info;
    v->arch.time_offset = v->arch.tsc_offset;
}

void arch_vcpu_switch(struct vcpu *prev, struct vcpu *next)
{
    ASSERT(prev != next);
    if (prev) {
        virt_save(prev);
        fpu_save(prev);
    }
    stage2_load(next ? &next->domain->stage2.arch : NULL);
    if (next) {
        if (next->info != next->arch.time_at || next->arch.time_offset != next->arch.tsc_offset)
            publish_time(next);
        next->arch.runs++;
        virt_load(next);
        fpu_load(next);
    }
}

/* What comes past the local APIC, and before what that has: an NMI, then the vector of HVM_PARAM_CALLBACK_IRQ (xen/hvm/params.h). One interrupt at
 * a time: the next one follows when the guest can take it, for which the processor exits. Where the processor delivers, it has all of what the local
 * APIC has from here on. */
static NOINLINE void give_what_waits(struct vcpu *v, uint32_t waits)
{
    uint8_t vector = v->domain->arch.event_vector;
    int own;

    if (waits & WAITS_NMI) {
        if (virt_inject_nmi(v))
            (void)atomic_fetch_and(&v->arch.event_waits, ~(uint32_t)WAITS_NMI);
    } else if (waits & WAITS_EVENT) {
        if (!vector || virt_inject_interrupt(v, vector))
            (void)atomic_fetch_and(&v->arch.event_waits, ~(uint32_t)WAITS_EVENT);
    } else if (likely(!v->arch.lapic.page)) {
        own = vlapic_highest(v);
        if (own >= 0 && virt_inject_interrupt(v, (unsigned)own))
            vlapic_accept(v, (unsigned)own);
    }
    if (unlikely(v->arch.lapic.page) && (waits & WAITS_APIC))
        virt_deliver_interrupts(v);
}

static void let_wait(struct vcpu *v, uint32_t what)
{
    (void)atomic_fetch_or(&v->arch.event_waits, what);
    vcpu_wake(v);
    vcpu_kick(v);
}

void x86_vcpu_raise_nmi(struct vcpu *v)
{
    let_wait(v, WAITS_NMI);
}

void arch_vcpu_raise_upcall(struct vcpu *v)
{
    if (v->arch.event_vector) {
        vlapic_raise(v, v->arch.event_vector, false);
        return;
    }
    if (!v->domain->arch.event_vector)
        return;
    let_wait(v, WAITS_EVENT);
}

HOT void arch_vcpu_flush(struct vcpu *v)
{
    uint32_t waits = atomic_load(&v->arch.event_waits);

    if (unlikely(waits))
        give_what_waits(v, waits);
}

/* Nothing is in hardware that core does not see. */
void arch_vcpu_sync(struct vcpu *v UNUSED)
{
}

/* With a vector of its own an upcall is the local APIC's: taken once, and held back by its priority, whatever vcpu_info says. */
bool arch_vcpu_has_interrupt(struct vcpu *v)
{
    return (atomic_load(&v->arch.event_waits) & ~(uint32_t)WAITS_APIC) || vlapic_highest(v) >= 0 || (!v->arch.event_vector && event_vcpu_pending(v));
}

/* -- interrupts of devices -- */

int arch_irq_route(struct domain *d, unsigned irq)
{
    return vioapic_route(d, irq);
}

void arch_irq_unroute_all(struct domain *d)
{
    vioapic_stop(d);
}

bool arch_irq_deliver(unsigned irq)
{
    return host_vector_deliver(irq);
}

bool arch_irq_is_own(unsigned irq)
{
    return arch_line_is_own(irq);
}
