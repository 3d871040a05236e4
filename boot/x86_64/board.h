/* SPDX-License-Identifier: Apache-2.0 */
/* What ACPI says of the board: processors, interrupt controllers, how to switch it off. */
#ifndef BOOT_X86_64_BOARD_H
#define BOOT_X86_64_BOARD_H

#include "lib/acpi.h"

struct board {
    struct acpi_tables acpi;        /* count 0: there are none */
    struct acpi_madt madt;
    struct acpi_mcfg mcfg;
    struct acpi_power power;
};
extern struct board board;

/* Read ACPI's tables through boot_map; rsdp 0: look where a BIOS leaves it. Without usable ones the board has one CPU, and the log says why. */
void board_read(hpa_t rsdp);
/* The IO-APICs, and what is typed at the console, which is this line of a PC. After arch_boot_local_interrupts. */
void board_start_interrupts(unsigned com_irq);
/* All the CPUs of the MADT, at most `wanted` (0: all); one line in the log. After arch_boot_frames_ready and sched_cpu_up(0). */
void board_start_cpus(unsigned wanted);

#endif
