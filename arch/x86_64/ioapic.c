/* SPDX-License-Identifier: Apache-2.0 */
/* The host's IO-APICs (Intel 82093AA, 3): every line is masked until somebody asks for it. */
#include "apic.h"
#include "arch/include/boot.h"
#include "arch/include/mmio.h"
#include "arch/include/x86_boot.h"
#include "drivers/uart.h"
#include "idt.h"
#include "lib/assert.h"
#include "lib/print.h"

#define SELECT 0x00
#define WINDOW 0x10
#define REG_VERSION 1
#define REG_ENTRY(line) (16 + 2 * (line))
#define ENTRY_LOW BIT(13)
#define ENTRY_LEVEL BIT(15)
#define ENTRY_MASKED BIT(16)
#define MOST 8

static struct io_apic {
    volatile void *at;
    uint32_t first, lines;      /* as ACPI counts: global system interrupts */
} io_apics[MOST];
static unsigned count;

static uint32_t read_register(const struct io_apic *a, unsigned n)
{
    mmio_write32(a->at, SELECT, n);
    return mmio_read32(a->at, WINDOW);
}

/* The target first: the low half lets it out. */
static void write_entry(const struct io_apic *a, unsigned line, uint64_t entry)
{
    ASSERT(line < a->lines);
    mmio_write32(a->at, SELECT, REG_ENTRY(line) + 1);
    mmio_write32(a->at, WINDOW, (uint32_t)(entry >> 32));
    mmio_write32(a->at, SELECT, REG_ENTRY(line));
    mmio_write32(a->at, WINDOW, (uint32_t)entry);
}

void arch_boot_io_apic(hpa_t at, uint32_t first)
{
    struct io_apic *a = &io_apics[count];

    if (count == MOST) {
        log_warning("more than %u IO-APICs: the one at 0x%llx is not used", MOST, (unsigned long long)at.v);
        return;
    }
    a->at = arch_boot_device(at, PAGE_SIZE);
    PANIC_IF(!a->at, "no room to map an IO-APIC");
    a->first = first;
    a->lines = (read_register(a, REG_VERSION) >> 16 & 0xff) + 1;
    for (unsigned i = 0; i < a->lines; i++)
        write_entry(a, i, ENTRY_MASKED);
    count++;
}

void arch_boot_com_interrupt(uint32_t gsi, bool level, bool low)
{
    for (unsigned i = 0; i < count; i++) {
        const struct io_apic *a = &io_apics[i];

        if (gsi - a->first >= a->lines)
            continue;
        write_entry(a, gsi - a->first, (uint64_t)(apic_id() & 0xff) << 56 | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0) | VECTOR_CONSOLE);
        uart_enable_interrupt();
        return;
    }
    log_warning("console: no IO-APIC has line %u, nothing can be typed", gsi);
}
