/* SPDX-License-Identifier: Apache-2.0 */
/* Control registers that are switched in every order: what a processor lets 64-bit code do, and long mode asked for where there is no PAE. */
#include "../lib/guest.h"

enum { GP = 13 };
#define MSR_EFER 0xc0000080u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define CR0_EM 4u
#define CR0_TS 8u
#define CR0_WP (1u << 16)
#define CR0_NW (1u << 29)
#define CR0_PG (1u << 31)
#define CR4_PAE 0x20u
#define CODE32 0x18
#define GATE 0x8e00
#define NONE ((uint64_t)-1)

/* without.S: EFER without PAE, with LME cleared, and set again; CR4; CR0 behind an attempt at paging; EFER with PAE; how often #GP. */
struct seen { uint32_t efer, cleared, set, cr4, cr0, efer_with_pae, faults; };
struct seen seen;
void without_pae(void);
extern const char narrow_gp[];
static struct { uint16_t low, selector, attributes, high; } gates[32];
struct { uint16_t limit; uint32_t base; } __attribute__((packed)) narrow_table;

static uint64_t read_cr0(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static uint64_t try_cr0(uint64_t value)
{
    return (uint64_t)TRY("mov %%rax, %%cr0", : "a"(value) : "r15", "memory");
}

static void from_64bit_code(void)
{
    uint64_t cr0 = read_cr0();

    check_equal("64-bit code cannot switch paging off", try_cr0(cr0 & ~(uint64_t)CR0_PG), GP);
    check_equal("CR0 has 32 bits", try_cr0((cr0 ^ CR0_WP) | UINT64_C(1) << 32), GP);
    check_equal("no NW without CD", try_cr0(cr0 | CR0_NW), GP);
    check_equal("nothing has changed", read_cr0(), cr0);
    check_equal("WP is cleared", try_cr0(cr0 & ~(uint64_t)CR0_WP), NONE);
    check_equal("and reads so", read_cr0(), cr0 & ~(uint64_t)CR0_WP);
    __asm__ volatile("mov %0, %%r9; mov %%r9, %%cr0" : : "r"(cr0) : "r9", "memory");
    check_equal("by another register", read_cr0(), cr0);
    check_equal("TS", try_cr0(cr0 | CR0_TS), NONE);
    check_equal("TS reads so", read_cr0(), cr0 | CR0_TS);
    __asm__ volatile("clts");
    check_equal("CLTS", read_cr0(), cr0);
    check_equal("LMSW", (uint64_t)TRY("lmsw %%ax", : "a"(cr0 | CR0_EM) : "r15", "memory"), NONE);
    check_equal("LMSW has set EM", read_cr0(), cr0 | CR0_EM);
    check_equal("LMSW that would clear PE", (uint64_t)TRY("lmsw %%ax", : "a"(0) : "r15", "memory"), NONE);
    check_equal("PE, and what is above the low four bits, stay", read_cr0(), (cr0 & ~(uint64_t)15) | 1);
    check_equal("CR0 as it was", try_cr0(cr0), NONE);
}

static void without_paging(void)
{
    uint32_t efer = (uint32_t)read_msr(MSR_EFER);
    uint32_t handler = (uint32_t)(uintptr_t)narrow_gp;

    gates[GP].low = (uint16_t)handler;
    gates[GP].selector = CODE32;
    gates[GP].attributes = GATE;
    gates[GP].high = (uint16_t)(handler >> 16);
    narrow_table.limit = sizeof(gates) - 1;
    narrow_table.base = (uint32_t)(uintptr_t)gates;
    without_pae();
    check_equal("LME without PAE is seen", seen.efer, efer & ~EFER_LMA);
    check_equal("LME is cleared there", seen.cleared, efer & ~(EFER_LMA | EFER_LME));
    check_equal("LME is set there", seen.set, efer & ~EFER_LMA);
    check("CR4 is without PAE", !(seen.cr4 & CR4_PAE) && seen.cr4);
    check_equal("long mode without PAE does not begin", seen.faults, 1);
    check("paging is still off", !(seen.cr0 & CR0_PG));
    check_equal("LME with PAE", seen.efer_with_pae, efer & ~EFER_LMA);
    check_equal("long mode again", read_msr(MSR_EFER), efer);
}

void guest_main(const void *start_info)
{
    exceptions_start();
    check("start_info", start_info);
    from_64bit_code();
    without_paging();
    done();
}
