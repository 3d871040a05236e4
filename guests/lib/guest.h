/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every small guest is made of: registers, console, exceptions, stage 1,
 * the interrupt controller, the timer and further vCPUs. A guest runs at EL1
 * with an identity map; it starts in guest_main() (as dom0 or as a kernel of
 * its own) or, in a domain that another guest built, in the child function.
 */
#ifndef GUESTS_LIB_GUEST_H
#define GUESTS_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guests/lib/macros.h"

#define read_sysreg(name) \
    ({ \
        uint64_t v_; \
        asm volatile("mrs %0, " #name : "=r"(v_) : : "memory"); \
        v_; \
    })
#define write_sysreg(name, value) \
    asm volatile("msr " #name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define isb() asm volatile("isb" : : : "memory")
#define dsb() asm volatile("dsb sy" : : : "memory")
#define irq_enable() asm volatile("msr daifclr, #2" : : : "memory")
#define irq_disable() asm volatile("msr daifset, #2" : : : "memory")
#define wfi() asm volatile("wfi" : : : "memory")

/* ---- start ---- */

/* The guest's own program; fdt is the device tree it was given. Returning ends the machine. */
void guest_main(const void *fdt);
/* Address of the first byte of the image and, past initialised data, of its end. */
extern char _start[], __image_end[], __memory_end[];
/* Prints and powers the machine off; in a domain without console it crashes that domain. */
void guest_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Ends this domain (SCHEDOP_shutdown); reason is SHUTDOWN_* of the ABI. */
void guest_shutdown(unsigned reason) __attribute__((noreturn));

/* ---- console and strings ---- */

/* %s %c %d %u %x %lu %lx %ld %p with width and 0; straight to HYPERVISOR_console_io. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t format_va(char *out, size_t size, const char *format, __builtin_va_list args);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/* ---- exceptions ---- */

struct frame {
    uint64_t x[31];
    uint64_t elr;
    uint64_t spsr;
};

/* The last synchronous exception that a PROBE took on this vCPU; esr is 0 if none. */
struct fault {
    uint64_t esr;
    uint64_t far;
};

struct cpu {
    unsigned id;
    struct fault fault;
    uint64_t gicr; /* this vCPU's redistributor */
    unsigned nesting; /* depth of interrupt handlers */
    uint64_t resume; /* where any fault without a PROBE goes on; 0: it is a mistake */
};
struct cpu *this_cpu(void);

#define ESR_EC(esr) ((unsigned)((esr) >> 26) & 0x3f)
#define ESR_DFSC(esr) ((unsigned)(esr) & 0x3f)
#define EC_UNKNOWN 0x00
#define EC_IABT_SAME 0x21
#define EC_DABT_SAME 0x25

/*
 * Runs one instruction that may fault; the exception is recorded and the
 * instruction skipped. Use as PROBE("ldr %0, [%1]", : "=r"(v) : "r"(p)); the
 * value is the ESR, 0 if nothing happened.
 */
#define PROBE(insn, ...) \
    ({ \
        this_cpu()->fault.esr = 0; \
        asm volatile("1: " insn "\n2:\n" \
                     ".pushsection .ex_table, \"a\"\n" \
                     ".long 1b - ., 2b - .\n" \
                     ".popsection" __VA_ARGS__); \
        this_cpu()->fault.esr; \
    })

/* Loads and stores through PROBE; the result is the ESR. */
uint64_t probe_load(uint64_t va, unsigned bytes, uint64_t *value);
uint64_t probe_store(uint64_t va, unsigned bytes, uint64_t value);
/* Calls the code at va (which must return at once); the ESR of the fetch, 0 if it ran. */
uint64_t probe_exec(uint64_t va);

/* ---- stage 1 ---- */

#define MAP_NORMAL 1u
#define MAP_DEVICE 0u
#define MAP_READONLY 2u
#define MAP_NOEXEC 4u
#define MAP_UNCACHED 8u /* normal memory that no cache holds, never executed */
/* Test addresses: nothing is mapped here at start. */
#define WINDOW_BASE 0x7000000000UL

/* Builds the identity map; runs before the MMU is on. */
void mmu_build_boot_map(void);
/* Maps one page (level 3), 2 MiB (level 2) or 1 GiB (level 1) in the window; ASSERTs on misuse. */
void mmu_map(uint64_t va, uint64_t pa, unsigned level, unsigned flags);
/* Removes what mmu_map() put there and invalidates. */
void mmu_unmap(uint64_t va, unsigned level);
/* Takes a page away from the identity map's first gigabyte of RAM: for a guest that breaks itself. */
void mmu_unmap_identity(uint64_t va);

/* ---- interrupts ---- */

typedef void (*irq_handler_t)(unsigned intid);
#define IRQ_MAX 1020
extern uint64_t gicd_base;

/* Whether the processor has no system registers of a GICv3: then the controller is a GICv2. */
bool gic_is_v2(void);
/* Acknowledge (a GICv2's SGI has its sender in bits 12:10), end, and look at what is pending. */
uint32_t gic_acknowledge(void);
void gic_end(uint32_t acknowledged);
uint32_t gic_highest_pending(void);
/* Priority mask; bits of a priority that preempt (8: as many as there are); the CPU interface on and off. */
void gic_set_mask(uint8_t priority);
void gic_set_group_bits(unsigned bits);
void gic_cpu_enable(bool on);
/* Finds distributor and redistributors in fdt (or, if NULL, at the ABI's guest addresses). */
void gic_init(const void *fdt);
/* Per vCPU: wakes the redistributor, priorities at 0xa0, SGIs on, group 1 on. */
void gic_cpu_init(void);
void gic_handler(unsigned intid, irq_handler_t handler);
void gic_enable(unsigned intid);
void gic_disable(unsigned intid);
void gic_set_priority(unsigned intid, uint8_t priority);
void gic_send_sgi(unsigned intid, unsigned target_aff0);
/* Interrupt ids handled since gic_init(), all vCPUs. */
extern volatile unsigned irq_count[IRQ_MAX];
extern volatile unsigned irq_spurious;
/* GICD and GICR access by offset. */
uint32_t gicd_read32(unsigned offset);
void gicd_write32(unsigned offset, uint32_t value);
uint32_t gicr_read32(unsigned offset);
void gicr_write32(unsigned offset, uint32_t value);
extern char vectors[], vectors_fast[], vectors_fast_timer[];
void set_vectors(const char *table);

#define PPI_VTIMER 27
#define PPI_PTIMER 30

/* ---- time ---- */

/*
 * Waits until the virtual counter has reached deadline; ticks that it came back late. Interrupts
 * are off, the PPI of the virtual timer is enabled and belongs to nobody else.
 */
uint64_t timer_sleep_until(uint64_t deadline);

static inline uint64_t counter_now(void)
{
    isb();
    return read_sysreg(cntpct_el0);
}
/* Spins until n ticks of the counter passed. */
void spin_ticks(uint64_t n);
/* Spins (with a limit in ticks) until *value is at least wanted; false when time is up. */
bool wait_for(const volatile unsigned *value, unsigned wanted, uint64_t ticks);
#define TICKS_PER_MS 62500UL
#define INSNS_PER_TICK 16 /* of a board with -icount shift=0 */

/* ---- further vCPUs ---- */

#define CPUS_MAX 8
/* PSCI over HVC: function id and three arguments, the result as a signed value. */
long psci(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND64 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON64 0xc4000003u
#define PSCI_AFFINITY_INFO64 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
/* Starts vCPU id in fn(arg) with its own stack and GIC set up; the PSCI result. */
long cpu_start(unsigned id, void (*fn)(void *), void *arg);

/* ---- device tree ---- */

/* Offset of the first node whose property `key` holds the string `value` (NULL: any), 0 if none. */
unsigned fdt_find(const void *fdt, const char *key, const char *value);
/* The property's bytes, NULL if the node has none. */
const uint32_t *fdt_prop(const void *fdt, unsigned node, const char *name, unsigned *len);
/* Cell pair i of a property made of 64-bit values. */
uint64_t fdt_u64(const uint32_t *prop, unsigned i);
uint32_t fdt_u32(const uint32_t *prop, unsigned i);
/* Whether the command line in /chosen has this word; "reference" is given on Xen itself. */
bool fdt_option(const void *fdt, const char *word);

/* ---- tests ---- */

/* One PASS or FAIL line; the text after the name says why it failed. */
void check(bool ok, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* PASS if got == want, otherwise FAIL with both. */
void check_eq(const char *name, long got, long want);
/* A result on which hypervisors may differ: PASS for either, and the line says which it was. */
void check_either(const char *name, long got, long want, long also, const char *reason);
/* The last line. */
void test_summary(void);
/* The last line, then power-off. */
void test_done(void) __attribute__((noreturn));

#endif
