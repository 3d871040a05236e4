/* SPDX-License-Identifier: Apache-2.0 */
/* The IDT, task segments with the stacks that it names, and where vectors go (AMD64 APM volume 2, 8.9, 12.2.5). */
#include "idt.h"
#include "apic.h"
#include "arch/include/cpu.h"
#include "layout.h"
#include "lib/assert.h"
#include "msr.h"
#include "processor.h"

struct gate {
    uint16_t offset_low, selector, attributes, offset_middle;
    uint32_t offset_high, reserved;
} PACKED;
STATIC_ASSERT(sizeof(struct gate) == 16);
#define GATE_INTERRUPT 0x8e00

struct task_segment {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, io_map;
} PACKED;
STATIC_ASSERT(sizeof(struct task_segment) == 104);

/* Every exception is a fault of our own: it has the emergency stack, or an overflow of the usual one could not be told. A debug exception is none
 * (is_guests_step) and comes where the task segment that names the stacks is still the guest's. */
enum { IST_NONE, IST_EMERGENCY, IST_NMI };

struct fixup {
    uint64_t at, go_on;
};
extern const struct fixup fixups_start[], fixups_end[];
extern const char vector_stubs[], vmx_look[], vmx_look_end[], vmx_look_again[], svm_behind_vmrun[];
extern uint64_t gdt[];

static struct gate idt[VECTORS] ALIGNED(4096);
static struct task_segment task_segments[MAX_CPUS];

void idt_build(void)
{
    for (unsigned v = 0; v < VECTORS; v++) {
        uint64_t stub = (uint64_t)vector_stubs + 16 * v;
        uint16_t ist = v == VECTOR_NMI ? IST_NMI : v < 32 && v != VECTOR_DB ? IST_EMERGENCY : IST_NONE;

        idt[v] = (struct gate){
            .offset_low = (uint16_t)stub, .selector = GDT_CODE, .attributes = (uint16_t)(GATE_INTERRUPT | ist),
            .offset_middle = (uint16_t)(stub >> 16), .offset_high = (uint32_t)(stub >> 32),
        };
    }
}

static void set_task_segment(uint64_t cpu)
{
    struct task_segment *t = &task_segments[cpu];
    uint64_t base = (uint64_t)t, limit = sizeof(*t) - 1;

    t->rsp[0] = PERCPU_STACK_TOP(cpu);
    t->ist[IST_EMERGENCY - 1] = PERCPU_EMERGENCY_TOP(cpu);
    t->ist[IST_NMI - 1] = PERCPU_NMI_TOP(cpu);
    t->io_map = sizeof(*t);
    /* Present, 64-bit TSS, not busy (4.8.3). */
    gdt[GDT_TSS(cpu) / 8] = limit | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
    gdt[GDT_TSS(cpu) / 8 + 1] = base >> 32;
}

void idt_load(void)
{
    const struct { uint16_t limit; uint64_t base; } PACKED pointer = { sizeof(idt) - 1, (uint64_t)idt };

    set_task_segment(cpu_id());
    __asm__ volatile("lidt %0" : : "m"(pointer));
    __asm__ volatile("lldt %w0" : : "r"(0));
    __asm__ volatile("ltr %w0" : : "r"((uint16_t)GDT_TSS(cpu_id())));
}

uint64_t idt_task_segment(void)
{
    return (uint64_t)&task_segments[cpu_id()];
}

/* vmx/run.S: what it is about may be what has just been looked at. */
static void look_again(struct own_registers *r)
{
    if (r->rip >= (uint64_t)vmx_look && r->rip < (uint64_t)vmx_look_end)
        r->rip = (uint64_t)vmx_look_again;
}

/*
 * A guest's debug exception has become an exit, and nothing of it is left (AMD64 APM volume 2, 15.12.2); Bochs 2.7 takes it once more, before our
 * first instruction. DR6 says then what it forgot to leave in the VMCB.
 */
static bool is_guests_step(const struct own_registers *r)
{
    return r->vector == VECTOR_DB && r->rip == (uint64_t)svm_behind_vmrun;
}

static bool fix_up(struct own_registers *r)
{
    for (const struct fixup *f = fixups_start; f < fixups_end; f++) {
        if (f->at == r->rip) {
            r->rip = f->go_on;
            return true;
        }
    }
    return false;
}

void x86_own_trap(struct own_registers *r)
{
    if (r->vector == VECTOR_NMI) {
        cpu_nmi();
        look_again(r);
    } else if (r->vector >= 32) {
        apic_interrupt((unsigned)r->vector);
    } else if (!is_guests_step(r) && !fix_up(r)) {
        x86_own_exception(r);
    }
}

#define WITH_FIXUP(instruction) \
    "1: " instruction "\n\txorl %k[failed], %k[failed]\n2:\n" \
    ".pushsection .fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection"

bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0, high = 0, failed = 1;

    __asm__ volatile(WITH_FIXUP("rdmsr") : "+a"(low), "+d"(high), [failed] "+r"(failed) : "c"(msr));
    *value = (uint64_t)high << 32 | low;
    return !failed;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint32_t failed = 1;

    __asm__ volatile(WITH_FIXUP("wrmsr") : [failed] "+r"(failed)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
    return !failed;
}
