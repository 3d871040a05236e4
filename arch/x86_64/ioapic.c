/* SPDX-License-Identifier: Apache-2.0 */
/* The host's IO-APICs (Intel 82093AA, 3): every line is masked until somebody asks for it. */
#include "apic.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "arch/include/mmio.h"
#include "arch/include/x86_boot.h"
#include "arch/include/x86_irq.h"
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
#define ENTRY_TO(cpu) ((uint64_t)message_target(cpu) << 56)
#define MOST 8
#define NO_LINE UINT32_MAX

STATIC_ASSERT(X86_VECTOR_FIRST == VECTOR_DEVICES && X86_VECTOR_END == VECTOR_OWN);

static struct io_apic {
    volatile void *at;
    struct x86_io_apic is;
} io_apics[MOST];
static unsigned count;
static uint32_t com_line = NO_LINE;
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

void arch_line_open(uint32_t gsi, unsigned vector, unsigned cpu, bool level, bool low)
{
    const struct io_apic *a = find(gsi);

    ASSERT(gsi != com_line && vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    ASSERT(a);
    spin_lock(&lock);
    write_entry(a, gsi - a->is.first, ENTRY_TO(cpu) | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0) | vector);
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

/* -- boot -- */

void arch_boot_io_apic(hpa_t at, uint32_t first)
{
    struct io_apic *a = &io_apics[count];

    if (count == MOST) {
        log_warning("more than %u IO-APICs: the one at 0x%llx is not used", MOST, (unsigned long long)at.v);
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
    const struct io_apic *a = find(gsi);

    if (!a) {
        log_warning("console: no IO-APIC has line %u, nothing can be typed", gsi);
        return;
    }
    com_line = gsi;
    write_entry(a, gsi - a->is.first, ENTRY_TO(0) | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0) | VECTOR_CONSOLE);
    uart_enable_interrupt();
}
