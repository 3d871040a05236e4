/* SPDX-License-Identifier: Apache-2.0 */
#include "apic.h"
#include "arch/include/cpu.h"
#include "arch/include/mmio.h"
#include "arch/include/upcall.h"
#include "arch/include/x86_irq.h"
#include "core/console.h"
#include "cpuid_host.h"
#include "idt.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "msr.h"
#include "processor.h"

static volatile void *page;     /* NULL: x2APIC */

uint32_t apic_read(unsigned offset)
{
    return page ? mmio_read32(page, offset) : (uint32_t)rdmsr(MSR_X2APIC + offset / 16);
}

void apic_write(unsigned offset, uint32_t value)
{
    if (page)
        mmio_write32(page, offset, value);
    else
        wrmsr(MSR_X2APIC + offset / 16, value);
}

uint32_t apic_id(void)
{
    return page ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

/* An x2APIC's register is written without waiting for stores before it (Intel SDM volume 3, 10.12.3). */
void apic_send(uint32_t to, uint32_t what)
{
    if (!page) {
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC + APIC_ICR / 16, (uint64_t)to << 32 | what);
        return;
    }
    while (apic_read(APIC_ICR) & ICR_PENDING)
        cpu_relax();
    apic_write(APIC_ICR_HIGH, to << 24);
    apic_write(APIC_ICR, what);
}

/*
 * The two 8259s: all lines masked, as the IO-APICs bring them. Masked or not, one may tell of an interrupt that has gone again, as its line
 * 7: so line 7 is the spurious vector. (Intel 8259A, initialization command words)
 */
static void mask_old_controllers(void)
{
    static const struct { uint16_t command, data; uint8_t cascade; } controllers[] = { { 0x20, 0x21, 1 << 2 }, { 0xa0, 0xa1, 2 } };

    STATIC_ASSERT((VECTOR_SPURIOUS & 7) == 7);
    for (unsigned i = 0; i < ARRAY_SIZE(controllers); i++) {
        port_write8(controllers[i].command, 0x11);
        port_write8(controllers[i].data, VECTOR_SPURIOUS & ~7);
        port_write8(controllers[i].data, controllers[i].cascade);
        port_write8(controllers[i].data, 1);
        port_write8(controllers[i].data, 0xff);
    }
}

void apic_boot(void)
{
    mask_old_controllers();
    PANIC_IF(!cpuid_bit(1, CPUID_EDX, 9), "this processor has no local APIC, or its BIOS switched it off");
    if (CPU_HAS_X2APIC)
        return;
    page = arch_boot_device(HPA(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS), PAGE_SIZE);
    PANIC_IF(!page, "no room to map the local APIC");
}

/* EXTINT and NMI lines of the board are not used: LINT0 is masked, LINT1 as the BIOS had it on CPU 0 would be an NMI. */
void apic_cpu_init(void)
{
    static const uint16_t masked[] = { APIC_LVT_TIMER, APIC_LVT_LINT0, APIC_LVT_LINT1 };
    uint64_t base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    wrmsr(MSR_APIC_BASE, page ? base : base | APIC_BASE_X2APIC);
    apic_write(APIC_TPR, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(masked); i++)
        apic_write(masked[i], APIC_LVT_MASKED);
    apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
    apic_write(APIC_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
    this_cpu()->apic_id = apic_id();
}

static void timer_interrupt(void)
{
    upcall_timer();
}

/* It did its work by coming: the guest, or the idle wait, is left. */
static void kick(void)
{
}

static void error(void)
{
    apic_write(APIC_ERROR, 0);
    log_guest("CPU %u: local APIC, error %#x", cpu_id(), apic_read(APIC_ERROR));
}

/* -- messages of devices that the hypervisor drives: all have the one vector -- */

static struct { void (*handle)(void *arg); void *arg; } messages[X86_OWN_MESSAGES];

int arch_boot_own_message(void (*handle)(void *arg), void *arg)
{
    for (unsigned i = 0; i < X86_OWN_MESSAGES; i++) {
        if (messages[i].handle)
            continue;
        messages[i].arg = arg;
        messages[i].handle = handle;
        return VECTOR_MESSAGE;
    }
    return -E_BUSY;
}

static void message(void)
{
    for (unsigned i = 0; i < X86_OWN_MESSAGES && messages[i].handle; i++)
        messages[i].handle(messages[i].arg);
}

/* A level-triggered line is masked or answered before its end is told, or it would come again (APM volume 2, 16.6.2). */
void apic_interrupt(unsigned vector)
{
    static void (*const own[])(void) = {
        [VECTOR_TIMER - VECTOR_OWN] = timer_interrupt, [VECTOR_KICK - VECTOR_OWN] = kick,
        [VECTOR_CONSOLE - VECTOR_OWN] = console_input_pending, [VECTOR_ERROR - VECTOR_OWN] = error,
        [VECTOR_MESSAGE - VECTOR_OWN] = message,
    };

    if (vector == VECTOR_SPURIOUS)
        return;
    if (vector < VECTOR_OWN)
        upcall_interrupt(vector);
    else if (vector - VECTOR_OWN < ARRAY_SIZE(own))
        own[vector - VECTOR_OWN]();
    apic_write(APIC_EOI, 0);
}
