/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/stop.h"
#include "arch/include/cpu.h"
#include "core/options.h"
#include "lib/print.h"

void boot_stop(const char *what)
{
    log_error("boot stops: %s", what);
    if (boot_options.noreboot)
        machine_halt();
    machine_power_off();
}
