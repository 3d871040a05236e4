/* SPDX-License-Identifier: Apache-2.0 */
/* CPU 0 from the entry code to boot/, and the contract of boot.h that is no other file's. */
#include "apic.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "arch/include/x86_boot.h"
#include "cpu_setup.h"
#include "drivers/uart.h"
#include "idt.h"
#include "layout.h"
#include "lib/assert.h"
#include "ports.h"
#include "processor.h"
#include "timer.h"
#include "virt.h"

extern uint64_t __stack_chk_guard;

/* What differs between two starts: the cycles since power-on. */
static uint64_t entropy(void)
{
    return rdtsc() * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)boot_stacks;
}

__attribute__((no_stack_protector)) void x86_start(uint64_t loader_tables, uint64_t magic)
{
    __stack_chk_guard = entropy();
    cpu_setup_block(0, 0);
    idt_build();
    cpu_setup_registers();
    boot_main(loader_tables, magic);
}

void arch_boot_com(uint16_t port, unsigned baud)
{
    uart_init(&ns16550_driver, (volatile void *)(uintptr_t)port);
    ns16550_set_speed((volatile void *)(uintptr_t)port, baud);
    ports_take(port, 8);
}

void arch_boot_local_interrupts(uint16_t acpi_timer)
{
    apic_boot();
    apic_cpu_init();
    timer_boot(acpi_timer);
    cpu_setup_online();
}

void arch_boot_time(void)
{
    timer_settle();
    timer_report();
}

const char *arch_boot_virt(void)
{
    virt_choose();
    return virt_init_cpu();
}
