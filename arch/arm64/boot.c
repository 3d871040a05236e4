/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of boot.h that is no other file's: the console's place. */
#include "arch/include/boot.h"
#include "drivers/pl011.h"
#include "layout.h"
#include "lib/assert.h"

void arch_boot_console(hpa_t base)
{
    static uint64_t known;
    volatile void *registers;

    if (known == base.v)
        return;
    registers = map_device(base, PAGE_SIZE);
    PANIC_IF(!registers, "console: no room to map 0x%llx", (unsigned long long)base.v);
    known = base.v;
    pl011_init(registers);
}
