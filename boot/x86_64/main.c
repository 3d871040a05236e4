/* SPDX-License-Identifier: Apache-2.0 */
/* From the entry code to dom0's first instruction, on CPU 0. */
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "arch/include/x86_boot.h"
#include "boot/x86_64/board.h"
#include "core/console.h"
#include "lib/print.h"

#define COM1 0x3f8

/* The machine cannot go on: the reason is on the console already. */
static void NORETURN stop(const char *what)
{
    log_error("boot stops: %s", what);
    machine_halt();
}

void boot_main(uint64_t tables, uint64_t magic)
{
    arch_boot_com(COM1, 0);
    console_init();
    log_info("Vinci " VINCI_VERSION ", Xen ABI 4.17, x86-64%s", CONFIG(ASSERT) ? ", checked build" : "");
    if (magic != BOOT_MAGIC_MULTIBOOT1) {
        log_error("loader: magic 0x%llx, tables at 0x%llx: not a multiboot 1 loader", (unsigned long long)magic,
                  (unsigned long long)tables);
        stop("no known boot protocol");
    }
    arch_boot_local_interrupts();
    board_read(HPA(0));
    stop("no dom0");
}
