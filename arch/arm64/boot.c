/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of boot.h that is no other file's: the console's place. */
#include "arch/include/arm64_boot.h"
#include "drivers/uart.h"
#include "layout.h"
#include "lib/assert.h"

void arch_boot_console(hpa_t base, enum boot_uart kind)
{
    static const struct uart_driver *const drivers[] = { [BOOT_UART_PL011] = &pl011_driver, [BOOT_UART_CADENCE] = &cadence_driver };
    static uint64_t known;
    volatile void *registers;

    if (known == base.v)
        return;
    registers = map_device(base, PAGE_SIZE);
    PANIC_IF(!registers, "console: no room to map 0x%llx", (unsigned long long)base.v);
    known = base.v;
    ASSERT(kind < ARRAY_SIZE(drivers));
    uart_init(drivers[kind], registers);
}
