/* SPDX-License-Identifier: Apache-2.0 */
/* Physical CPUs: their blocks, the registers that EL2 controls guests by, idling, and the machine's end. */
#include "arch/include/cpu.h"
#include "arch/include/arm64_boot.h"
#include "arch/include/time.h"
#include "arch/include/upcall.h"
#include "cpu_setup.h"
#include "drivers/uart.h"
#include "gic.h"
#include "hardening.h"
#include "layout.h"
#include "lib/assert.h"
#include "lib/atomic.h"
#include "psci_client.h"
#include "stage2_hw.h"
#include "sysreg.h"
#include "timer.h"

/* Arm ARM D17.2. Physical interrupts and errors come to EL2 always. */
#define HCR_IDLE (HCR_RW | BIT(3) | BIT(4) | BIT(5))
/* RES1 bits, with: trace (20), activity monitors (30), SVE (8) and SME (12) trapped; floating point (10) not. */
#define CPTR_VALUE (UINT64_C(0x33ff) | BIT(20) | BIT(30))
/* Debug registers (9, 10, 11), performance counters (5, 6), profiling (14), trace (19) trapped; HPMN, 4:0, all counters. */
#define MDCR_TRAPS (BIT(5) | BIT(6) | BIT(9) | BIT(10) | BIT(11) | BIT(14) | BIT(19))
/* AArch32: registers of CRn 15, which are implementation defined (D17.2.50). */
#define HSTR_TRAPS BIT(15)
/* A guest reads the physical counter itself; the physical timer traps. */
#define CNTHCTL_VALUE BIT(0)

extern uint64_t __stack_chk_guard;

STATIC_ASSERT(offsetof(struct cpu_block, stack) == CPU_BLOCK_STACK);
STATIC_ASSERT(offsetof(struct cpu_block, emergency_stack) == CPU_BLOCK_EMERGENCY);
STATIC_ASSERT(offsetof(struct cpu_block, current) == CPU_BLOCK_CURRENT);
STATIC_ASSERT(offsetof(struct cpu_block, id) == CPU_BLOCK_ID);
STATIC_ASSERT(offsetof(struct cpu_block, scratch) == CPU_BLOCK_SCRATCH);
STATIC_ASSERT(offsetof(struct cpu_block, entry_parameter) == CPU_BLOCK_ENTRY);

uint64_t arch_boot_mpidr(unsigned cpu)
{
    ASSERT(cpu < MAX_CPUS);
    return cpu_blocks[cpu].mpidr;
}

void cpu_setup_block(unsigned cpu, uint64_t mpidr)
{
    ASSERT(cpu < MAX_CPUS);
    cpu_blocks[cpu] = (struct cpu_block){
        .stack = PERCPU_STACK_TOP((uint64_t)cpu), .emergency_stack = PERCPU_EMERGENCY_TOP((uint64_t)cpu),
        .id = cpu, .mpidr = mpidr & MPIDR_AFFINITY,
    };
}

void cpu_setup_registers(void)
{
    write_sysreg(hcr_el2, HCR_IDLE);
    write_sysreg(cptr_el2, CPTR_VALUE);
    write_sysreg(mdcr_el2, MDCR_TRAPS | (read_sysreg(pmcr_el0) >> 11 & 31));
    write_sysreg(hstr_el2, HSTR_TRAPS);
    write_sysreg(cnthctl_el2, CNTHCTL_VALUE);
    write_sysreg(cnthp_ctl_el2, 0);
    write_sysreg(cntvoff_el2, 0);
    write_sysreg(cntv_ctl_el0, 0);
    write_sysreg(vpidr_el2, read_sysreg(midr_el1));
    isb();
    stage2_cpu_init();
}

__attribute__((no_stack_protector)) void arm64_start(uint64_t fdt_pa, uint64_t image_pa)
{
    cpu_setup_block(0, read_sysreg(mpidr_el1));
    __stack_chk_guard = hardening_entropy(fdt_pa, image_pa);
    hardening_enable();
    timer_early_init();
    stage2_hw_init();
    cpu_setup_registers();
    cpu_setup_online();
    boot_main(fdt_pa, image_pa);
}

static void leave_boot(void)
{
    enter_guest(upcall_leave(NULL));
}

void arch_boot_run(void)
{
    ASSERT(cpu_id() == 0);
    run_on_empty_stack(leave_boot, PERCPU_STACK_TOP(0));
}

void cpu_kick(unsigned cpu)
{
    gic_send_kick(cpu);
}

/* ISR_EL1 shows what is masked too (Arm ARM D17.2.75). */
bool cpu_interrupt_pending(void)
{
    return read_sysreg(isr_el1) != 0;
}

/* WFI ends when an interrupt is pending although it is masked (Arm ARM D1.6.2); one that came before it is pending still. */
void cpu_idle(void)
{
    ASSERT(this_cpu()->windows.held == 0);
    dsb(sy);
    wfi();
    gic_handle_interrupt();
    /* Of equal ones the lowest number comes first: timers that are due again and again would keep devices waiting. */
    if (cpu_interrupt_pending())
        gic_handle_interrupt();
}

void machine_halt(void)
{
    for (;;)
        wfi();
}

void machine_power_off(void)
{
    uart_drain();
    psci_system_off();
    machine_halt();
}

void machine_reset(void)
{
    uart_drain();
    psci_system_reset();
    machine_halt();
}

void machine_halt_others(void)
{
    gic_send_halt_all();
}
