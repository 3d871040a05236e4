/* SPDX-License-Identifier: Apache-2.0 */
/* Physical CPUs: their blocks, control registers, idling, NMIs from each other, and the machine's end. */
#include "arch/include/cpu.h"
#include "arch/include/x86_boot.h"
#include "apic.h"
#include "cpu_setup.h"
#include "cpuid_host.h"
#include "drivers/uart.h"
#include "idt.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "msr.h"
#include "processor.h"
#include "tlb.h"
#include "virt.h"

/* Resets the board (PCI reset control register): a hard reset, asked for by two writes. */
#define RESET_PORT 0xcf9
#define RESET_HARD 0x02
#define RESET_NOW 0x06

STATIC_ASSERT((PERCPU_BASE >> PERCPU_SHIFT) % MAX_CPUS == 0);

void cpu_setup_block(unsigned cpu, uint32_t apic)
{
    ASSERT(cpu < MAX_CPUS);
    cpu_blocks[cpu] = (struct cpu_block){ .id = cpu, .apic_id = apic };
}

/* What keeps the hypervisor from running or reading what is not its own. A guest's floating-point state is switched with CR4.OSXSAVE. */
void cpu_setup_registers(void)
{
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    cr4 |= CPU_HAS_SMEP ? CR4_SMEP : 0;
    cr4 |= CPU_HAS_SMAP ? CR4_SMAP : 0;
    cr4 |= CPU_HAS_UMIP ? CR4_UMIP : 0;
    cr4 |= CPU_HAS_XSAVE ? CR4_OSXSAVE : 0;
    write_cr4(cr4);
    write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    idt_load();
}

/* -- kicks and NMIs -- */

void cpu_kick(unsigned cpu)
{
    if (cpu_is_online(cpu))
        apic_send(cpu_blocks[cpu].apic_id, ICR_FIXED | ICR_ASSERT | VECTOR_KICK);
}

static void drop_own_tlb(void)
{
    write_cr3(read_cr3());
}

/* Runs at any place in the hypervisor where NMIs are not held: touches nothing that others have half done. */
void cpu_nmi(void)
{
    struct cpu_block *b = this_cpu();
    uint32_t asked = atomic_load_acquire(&b->nmi_asked);

    if (atomic_load(&b->halt))
        machine_halt();
    drop_own_tlb();
    if (virt && virt->nmi)
        virt->nmi();
    /* Meets wait_for: what was cached is gone. */
    atomic_store_release(&b->nmi_done, asked);
}

/* Each CPU counts what it was asked for; what it has done may be newer. */
static void wait_for(unsigned cpu, uint32_t asked)
{
    while ((int32_t)(atomic_load_acquire(&cpu_blocks[cpu].nmi_done) - asked) < 0)
        cpu_relax();
}

void cpu_interrupt_these(uint32_t cpus)
{
    uint32_t asked[MAX_CPUS], waited = 0;
    unsigned self = cpu_id();

    STATIC_ASSERT(MAX_CPUS <= 32);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu == self || !(cpus & BIT(cpu)) || !cpu_is_online(cpu))
            continue;
        waited |= (uint32_t)BIT(cpu);
        asked[cpu] = atomic_fetch_add(&cpu_blocks[cpu].nmi_asked, 1) + 1;
        apic_send(cpu_blocks[cpu].apic_id, ICR_NMI | ICR_ASSERT);
    }
    for (; waited; waited &= waited - 1)
        wait_for((unsigned)__builtin_ctz(waited), asked[__builtin_ctz(waited)]);
}

void cpu_interrupt_now(void)
{
    cpu_interrupt_these(UINT32_MAX);
}

#define PAGES_ONE_BY_ONE 32

void tlb_forget_own(uint64_t va, uint64_t pages)
{
    if (pages > PAGES_ONE_BY_ONE)
        drop_own_tlb();
    for (uint64_t i = 0; pages <= PAGES_ONE_BY_ONE && i < pages; i++)
        invlpg(va + i * PAGE_SIZE);
    if (cpu_count() > 1)
        cpu_interrupt_now();
}

/* -- idling, the end -- */

/* STI lets no interrupt in before HLT waits for it (APM volume 3, STI). */
void cpu_idle(void)
{
    ASSERT(this_cpu()->windows.held == 0);
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

bool cpu_interrupt_pending(void)
{
    for (unsigned i = 0; i < 8; i++) {
        if (apic_read(APIC_IRR + 16 * i))
            return true;
    }
    return false;
}

void machine_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

static struct { uint16_t port, value; } power_off[2];

void arch_boot_power(uint16_t port_a, uint16_t value_a, uint16_t port_b, uint16_t value_b)
{
    power_off[0].port = port_a;
    power_off[0].value = value_a;
    power_off[1].port = port_b;
    power_off[1].value = value_b;
}

/* Where ACPI does not do it there is nothing but to stand still (ACPI Specification 6.4, 7.4.2). */
void machine_power_off(void)
{
    uart_drain();
    for (unsigned i = 0; i < ARRAY_SIZE(power_off); i++) {
        if (power_off[i].port)
            port_write16(power_off[i].port, power_off[i].value);
    }
    machine_halt();
}

void machine_reset(void)
{
    uart_drain();
    port_write8(RESET_PORT, RESET_HARD);
    port_write8(RESET_PORT, RESET_NOW);
    machine_halt();
}

void machine_halt_others(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu == cpu_id() || !cpu_is_online(cpu))
            continue;
        atomic_store(&cpu_blocks[cpu].halt, 1);
        apic_send(cpu_blocks[cpu].apic_id, ICR_NMI | ICR_ASSERT);
    }
}
