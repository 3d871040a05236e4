/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: interrupts go to their handlers, faults in a PROBE are recorded and skipped. */

#include "guests/lib/guest.h"

#define KIND_SYNC_SAME 4
#define KIND_IRQ_SAME 5

/* Two self-relative offsets: the instruction that may fault and where to go on. */
struct ex_entry {
    int32_t insn;
    int32_t fixup;
};
extern const struct ex_entry __ex_table_start[], __ex_table_end[];

void exception_entry(struct frame *frame, unsigned kind);
void irq_entry(void);
void probe_call(uint64_t va);
extern char probe_call_return[];

static const struct ex_entry *find_fixup(uint64_t pc)
{
    for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++)
        if ((uint64_t)&e->insn + (uint64_t)(int64_t)e->insn == pc)
            return e;
    return NULL;
}

/* An HVC that is undefined may be reported at itself or (the trap's return address) after it. */
static const struct ex_entry *find_fixup_hvc(uint64_t pc)
{
    uint32_t before = *(const uint32_t *)(pc - 4);

    return (before & 0xffe0001f) == 0xd4000002 ? find_fixup(pc - 4) : NULL;
}

static void sync_entry(struct frame *frame)
{
    struct cpu *cpu = this_cpu();
    uint64_t esr = read_sysreg(esr_el1);
    const struct ex_entry *e = find_fixup(frame->elr);

    if (!e && ESR_EC(esr) == EC_UNKNOWN)
        e = find_fixup_hvc(frame->elr);
    cpu->fault.far = read_sysreg(far_el1);
    cpu->fault.esr = esr;
    if (e) {
        frame->elr = (uint64_t)&e->fixup + (uint64_t)(int64_t)e->fixup;
        return;
    }
    if (cpu->resume) {
        frame->elr = cpu->resume;
        return;
    }
    if (frame->x[30] == (uint64_t)probe_call_return && ESR_EC(esr) == EC_IABT_SAME) {
        frame->elr = frame->x[30];
        return;
    }
    guest_panic("exception esr %lx far %lx elr +%lx lr +%lx", esr, cpu->fault.far,
                frame->elr - (uint64_t)_start, frame->x[30] - (uint64_t)_start);
}

void exception_entry(struct frame *frame, unsigned kind)
{
    if (kind == KIND_IRQ_SAME)
        irq_entry();
    else if (kind == KIND_SYNC_SAME)
        sync_entry(frame);
    else
        guest_panic("exception kind %u esr %lx elr +%lx", kind, read_sysreg(esr_el1),
                    frame->elr - (uint64_t)_start);
}

uint64_t probe_load(uint64_t va, unsigned bytes, uint64_t *value)
{
    uint64_t v = 0, esr;

    if (bytes == 1)
        esr = PROBE("ldrb %w0, [%1]", : "+r"(v) : "r"(va) : "memory");
    else if (bytes == 2)
        esr = PROBE("ldrh %w0, [%1]", : "+r"(v) : "r"(va) : "memory");
    else if (bytes == 4)
        esr = PROBE("ldr %w0, [%1]", : "+r"(v) : "r"(va) : "memory");
    else
        esr = PROBE("ldr %0, [%1]", : "+r"(v) : "r"(va) : "memory");
    if (value)
        *value = v;
    return esr;
}

uint64_t probe_store(uint64_t va, unsigned bytes, uint64_t value)
{
    if (bytes == 1)
        return PROBE("strb %w0, [%1]", : : "r"(value), "r"(va) : "memory");
    if (bytes == 2)
        return PROBE("strh %w0, [%1]", : : "r"(value), "r"(va) : "memory");
    if (bytes == 4)
        return PROBE("str %w0, [%1]", : : "r"(value), "r"(va) : "memory");
    return PROBE("str %0, [%1]", : : "r"(value), "r"(va) : "memory");
}

/* The fault is taken at va, not here: sync_entry() knows the call by its return address. */
asm(".pushsection .text\n"
    ".global probe_call, probe_call_return\n"
    "probe_call:\n"
    "    stp x29, x30, [sp, #-16]!\n"
    "    blr x0\n"
    "probe_call_return:\n"
    "    ldp x29, x30, [sp], #16\n"
    "    ret\n"
    ".popsection\n");

uint64_t probe_exec(uint64_t va)
{
    this_cpu()->fault.esr = 0;
    probe_call(va);
    return this_cpu()->fault.esr;
}
