/* SPDX-License-Identifier: Apache-2.0 */
/* What a panic shows: the registers of the hypervisor's own fault, if it was one, and the chain of calls by name. */
#include "arch/include/console.h"
#include "arch/include/cpu.h"
#include "arch/include/vcpu.h"
#include "cpu_setup.h"
#include "hardening.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sysreg.h"

/* tools/symbols.py */
extern const uint64_t symbol_count;
extern const uint32_t symbol_offsets[];
extern const char symbol_names[];

static const struct own_registers *fault;       /* of the first CPU that panicked by one */

static void PRINTF(1, 2) say(const char *format, ...)
{
    char line[160];
    va_list args;

    va_start(args, format);
    format_string_v(line, sizeof(line), format, args);
    va_end(args);
    arch_console_write(line, strlen(line));
}

/* The function that contains pc, and how far into it; NULL when it is none of ours. */
static const char *name_of(uint64_t pc, uint64_t *offset)
{
    uint64_t at = pc - IMAGE_BASE, index = 0;
    const char *name = symbol_names;

    if (pc < (uint64_t)image_start || pc >= (uint64_t)text_end || symbol_count == 0 || at < symbol_offsets[0])
        return NULL;
    while (index + 1 < symbol_count && symbol_offsets[index + 1] <= at) {
        index++;
        name += strlen(name) + 1;
    }
    *offset = at - symbol_offsets[index];
    return name;
}

static void say_place(const char *what, uint64_t pc)
{
    uint64_t offset;
    const char *name = name_of(pc, &offset);

    if (name)
        say("  %s %012llx  %s+%#llx\n", what, (unsigned long long)pc, name, (unsigned long long)offset);
    else
        say("  %s %012llx\n", what, (unsigned long long)pc);
}

static bool on_stack(uint64_t address)
{
    uint64_t block = PERCPU_BASE + ((uint64_t)cpu_id() << PERCPU_SHIFT);
    uint64_t page = (address - block) >> PAGE_SHIFT;

    if (address < block || (address & 7))
        return false;
    return (page >= PERCPU_EMERGENCY_PAGE && page < PERCPU_EMERGENCY_PAGE + PERCPU_EMERGENCY_PAGES) ||
           (page >= PERCPU_STACK_PAGE && page < PERCPU_STACK_PAGE + PERCPU_STACK_PAGES);
}

/* Frame records (AAPCS64 6.4.6): { previous frame, return address } at the frame pointer, upwards in one stack. */
static void walk(uint64_t frame)
{
    for (unsigned depth = 0; depth < 32 && on_stack(frame) && on_stack(frame + 8); depth++) {
        const uint64_t *record = (const uint64_t *)frame;

        if (record[1] == 0)
            break;
        say_place("from", hardening_strip(record[1]) - 4);
        if (record[0] <= frame)
            break;
        frame = record[0];
    }
}

static void say_registers(const struct own_registers *r)
{
    for (unsigned i = 0; i < 31; i += 3) {
        for (unsigned j = i; j < MIN(i + 3, 31u); j++)
            say("  x%-2u %016llx", j, (unsigned long long)r->x[j]);
        say("\n");
    }
    say("  sp  %016llx  psr %016llx\n", (unsigned long long)r->sp, (unsigned long long)r->psr);
    say("  esr %016llx  far %016llx  hcr %016llx\n", (unsigned long long)read_sysreg(esr_el2),
        (unsigned long long)read_sysreg(far_el2), (unsigned long long)read_sysreg(hcr_el2));
}

void machine_print_backtrace(void)
{
    say("CPU %u, guest %s\n", cpu_id(), cpu_current_vcpu() ? "loaded" : "none");
    if (fault) {
        say_registers(fault);
        say_place("at  ", fault->pc);
        say_place("lr  ", hardening_strip(fault->x[30]));
        walk(fault->x[29]);
    } else {
        /* From the caller's frame on: this function's own may be gone by the time it is looked at. */
        walk(*(const uint64_t *)__builtin_frame_address(0));
    }
}

static const char *class_name(uint64_t esr)
{
    switch (esr >> 26) {
    case 0x00: return "unknown instruction";
    case 0x0d: return "branch target";
    case 0x0e: return "illegal state";
    case 0x1c: return "pointer authentication";
    case 0x21: return "instruction abort";
    case 0x22: return "misaligned PC";
    case 0x25: return "data abort";
    case 0x26: return "misaligned SP";
    case 0x3c: return "breakpoint instruction";
    default:   return "unexpected exception class";
    }
}

void arm64_own_exception(const struct own_registers *r, unsigned vector)
{
    static const char *const kind[] = { "synchronous", "interrupt", "fast interrupt", "system error" };
    uint64_t esr = read_sysreg(esr_el2);

    /* A fault while the first is being reported comes to the same stack; panic() then only halts. */
    fault = r;
    panic("exception in the hypervisor: %s, %s (ESR %#llx) at %#llx, address %#llx", kind[vector & 3],
          (vector & 3) == 0 ? class_name(esr) : "unexpected", (unsigned long long)esr, (unsigned long long)r->pc,
          (unsigned long long)read_sysreg(far_el2));
}
