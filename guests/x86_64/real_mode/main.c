/* SPDX-License-Identifier: Apache-2.0 */
/* Real mode, as another processor's start code has it: each step's result (code.S), looked at by the first processor. */
#include "../lib/guest.h"

enum { APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310, INIT = 0x4500, STARTUP = 0x4600, SEND_NMI = 0x4400 };
#define PAGE UINT64_C(0x9000)
#define RESULTS 0x800
#define VECTORS_ELSEWHERE 0xa00
#define PATIENCE 4000000
#define OTHER 2u                        /* its local APIC */
enum { RESULT_READY = 17, RESULT_DONE = 19, VECTOR_NMI = 2, VECTOR_BREAK = 3, VECTOR_UNDEFINED = 6, VECTOR_GP = 13, VECTOR_SOFTWARE = 0x21 };

extern const char real_begin[], real_end[], real_nmi[], real_software[], real_skip[], real_elsewhere[];

static volatile uint32_t *results(void)
{
    return (volatile uint32_t *)(PAGE + RESULTS);
}

/* Segment and offset of a handler in the copy; the null page is the first of the table's. */
static void set_vector(uint64_t table, unsigned vector, const char *handler)
{
    uint64_t at = table + 4 * vector;
    uint32_t entry = (uint32_t)(PAGE >> 4) << 16 | (uint32_t)(handler - real_begin);

    __asm__ volatile("movl %0, (%1)" : : "r"(entry), "r"(at) : "memory");
}

static void set_vectors(void)
{
    set_vector(0, VECTOR_NMI, real_nmi);
    set_vector(0, VECTOR_BREAK, real_software);
    set_vector(0, VECTOR_UNDEFINED, real_skip);
    set_vector(0, VECTOR_GP, real_skip);
    set_vector(0, VECTOR_SOFTWARE, real_software);
    set_vector(PAGE + VECTORS_ELSEWHERE, VECTOR_SOFTWARE, real_elsewhere);
}

static bool wait_for(unsigned n)
{
    for (unsigned i = 0; i < PATIENCE && !results()[n]; i++)
        hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
    return results()[n];
}

static void start(void)
{
    volatile char *page = (volatile char *)PAGE;

    for (unsigned i = 0; i < 4096; i++)
        page[i] = 0;
    for (unsigned i = 0; i < (unsigned)(real_end - real_begin); i++)
        page[i] = real_begin[i];
    set_vectors();
    apic_write(APIC_ICR_HIGH, OTHER << 24);
    apic_write(APIC_ICR, INIT);
    apic_write(APIC_ICR, STARTUP | (unsigned)(PAGE >> 12));
}

void guest_main(const void *start_info)
{
    static const struct { const char *name; uint32_t value; } expected[] = {
        { "CR0 in real mode", 0 }, { "INT n", 0x100 }, { "INT3", 0x200 }, { "an undefined instruction", 0x201 }, { "no such MSR", 0x202 },
        { "EFER", 0 }, { "STI, CLI and POPF", 0x180 }, { "LIDT, both sizes", 0x10302 }, { "CR4", 0x200 }, { "CR3", 0x123000 },
        { "MOV, CLTS and LMSW of CR0.TS", 0x88 }, { "a port", 0xff }, { "WBINVD and INVD", 12 }, { "CPUID", 1 },
        { "protected mode and back", 1 }, { "an NMI", 1 },
    };

    (void)start_info;
    exceptions_start();
    start();
    check("it comes to its end but for an NMI", wait_for(RESULT_READY));
    apic_write(APIC_ICR_HIGH, OTHER << 24);
    apic_write(APIC_ICR, SEND_NMI);
    check("it comes to its end", wait_for(RESULT_DONE));
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        check_equal(expected[i].name, results()[i], expected[i].value);
    done();
}
