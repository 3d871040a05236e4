/* SPDX-License-Identifier: Apache-2.0 */
/* The host's IO-APICs (Intel 82093AA, 3): every line is masked until somebody asks for it. */
#include "apic.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "arch/include/mmio.h"
#include "arch/include/x86_boot.h"
#include "arch/include/x86_irq.h"
#include "cpuid_host.h"
#include "drivers/uart.h"
#include "idt.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/spinlock.h"

#define SELECT 0x00
#define WINDOW 0x10
#define REG_VERSION 1
#define REG_ENTRY(line) (16 + 2 * (line))
#define ENTRY_LOW BIT(13)
#define ENTRY_LEVEL BIT(15)
#define ENTRY_MASKED BIT(16)
/* Remapped: bit 48, and the number of the entry above it (VT-d 4.1, 5.1.2.1). */
#define ENTRY_REMAPPED(n) (BIT(48) | (uint64_t)(n) << 49)
#define ENTRY_TO(cpu) ((uint64_t)message_target(cpu) << 56)
#define NO_LINE UINT32_MAX

STATIC_ASSERT(X86_VECTOR_FIRST == VECTOR_DEVICES && X86_VECTOR_END == VECTOR_OWN);

static struct io_apic {
    volatile void *at;
    struct x86_io_apic is;
} io_apics[X86_IO_APICS];
static unsigned count;
static uint32_t com_line = NO_LINE;
static bool com_level, com_low;
static struct x86_remapping remapping;      /* route NULL: there is none */
/* A register is reached in two steps. */
static spinlock_t lock = SPINLOCK(LOCK_ITS);

static uint32_t read_register(const struct io_apic *a, unsigned n)
{
    mmio_write32(a->at, SELECT, n);
    return mmio_read32(a->at, WINDOW);
}

/* The target first: the low half lets it out. */
static void write_entry(const struct io_apic *a, unsigned line, uint64_t entry)
{
    ASSERT(line < a->is.lines);
    mmio_write32(a->at, SELECT, REG_ENTRY(line) + 1);
    mmio_write32(a->at, WINDOW, (uint32_t)(entry >> 32));
    mmio_write32(a->at, SELECT, REG_ENTRY(line));
    mmio_write32(a->at, WINDOW, (uint32_t)entry);
}

static const struct io_apic *find(uint32_t gsi)
{
    for (unsigned i = 0; i < count; i++) {
        if (gsi - io_apics[i].is.first < io_apics[i].is.lines)
            return &io_apics[i];
    }
    return NULL;
}

/* Entries and messages name a local APIC in 8 bits: CPUs beyond that get none. */
static uint32_t message_target(unsigned cpu)
{
    uint32_t apic = cpu_blocks[cpu].apic_id;

    ASSERT(cpu < MAX_CPUS);
    return apic < 0xff ? apic : cpu_blocks[0].apic_id;
}

const struct x86_io_apic *arch_io_apic(unsigned n)
{
    return n < count ? &io_apics[n].is : NULL;
}

bool arch_line_is_own(uint32_t gsi)
{
    return gsi == com_line;
}

/* The vector stays in the entry, as it is by that that the end of the interrupt finds the line (VT-d 4.1, 5.1.5.1). */
static uint64_t entry_for(const struct io_apic *a, unsigned vector, unsigned cpu, bool level, bool low)
{
    uint64_t e = (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0) | vector;

    if (!remapping.route)
        return e | ENTRY_TO(cpu);
    remapping.route(vector, remapping.io_apic[a - io_apics], false, message_target(cpu), level);
    return e | (remapping.in_place ? ENTRY_TO(cpu) : ENTRY_REMAPPED(vector));
}

void arch_line_open(uint32_t gsi, unsigned vector, unsigned cpu, bool level, bool low)
{
    const struct io_apic *a = find(gsi);
    uint64_t entry;

    ASSERT(gsi != com_line && vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    ASSERT(a);
    entry = entry_for(a, vector, cpu, level, low);
    spin_lock(&lock);
    write_entry(a, gsi - a->is.first, entry);
    spin_unlock(&lock);
}

/* Nothing else of it changes: a local APIC's end of the interrupt looks for its vector, and an IO-APIC sees a level fall only where it watches
 * one. */
void arch_line_close(uint32_t gsi)
{
    const struct io_apic *a = find(gsi);

    ASSERT(a && gsi != com_line);
    spin_lock(&lock);
    mmio_write32(a->at, SELECT, REG_ENTRY(gsi - a->is.first));
    mmio_write32(a->at, WINDOW, mmio_read32(a->at, WINDOW) | (uint32_t)ENTRY_MASKED);
    spin_unlock(&lock);
}

uint32_t arch_message_address(unsigned cpu)
{
    return 0xfee00000 | message_target(cpu) << 12;
}

bool arch_has_x2apics(void)
{
    return CPU_HAS_X2APIC;
}

/* An address of remapped messages: bit 4, the number of the entry in 19:5; the data is not looked at (VT-d 4.1, 5.1.2.2). */
struct x86_message arch_message(unsigned vector, unsigned cpu, uint16_t function)
{
    ASSERT(vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    if (remapping.route)
        remapping.route(vector, function, true, message_target(cpu), false);
    if (!remapping.route || remapping.in_place)
        return (struct x86_message){ arch_message_address(cpu), vector };
    return (struct x86_message){ 0xfee00010 | vector << 5, 0 };
}

void arch_vector_end(unsigned vector)
{
    if (remapping.route)
        remapping.end(vector);
}

/* -- boot -- */

static void open_console(void)
{
    const struct io_apic *a = find(com_line);

    write_entry(a, com_line - a->is.first, entry_for(a, VECTOR_CONSOLE, 0, com_level, com_low));
}

void arch_boot_remapping(const struct x86_remapping *r)
{
    remapping = *r;
    if (com_line != NO_LINE)
        open_console();
}

void arch_boot_io_apic(hpa_t at, uint32_t first)
{
    struct io_apic *a = &io_apics[count];

    if (count == X86_IO_APICS) {
        log_warning("more than %u IO-APICs: the one at 0x%llx is not used", X86_IO_APICS, (unsigned long long)at.v);
        return;
    }
    a->at = arch_boot_device(at, PAGE_SIZE);
    PANIC_IF(!a->at, "no room to map an IO-APIC");
    a->is = (struct x86_io_apic){ at, first, (read_register(a, REG_VERSION) >> 16 & 0xff) + 1 };
    for (unsigned i = 0; i < a->is.lines; i++)
        write_entry(a, i, ENTRY_MASKED);
    count++;
}

void arch_boot_com_interrupt(uint32_t gsi, bool level, bool low)
{
    if (!find(gsi)) {
        log_warning("console: no IO-APIC has line %u, nothing can be typed", gsi);
        return;
    }
    com_line = gsi;
    com_level = level;
    com_low = low;
    open_console();
    uart_enable_interrupt();
}
