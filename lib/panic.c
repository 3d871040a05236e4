/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the host: say why, say where, stop. Uses nothing that may be broken: no lock, no memory, no log ring. */
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "arch/include/console.h"
#include "arch/include/cpu.h"

static void write_text(const char *text)
{
    arch_console_write(text, strlen(text));
}

bool panic_resets;

void panic(const char *format, ...)
{
    static uint32_t panicking;
    char line[512];
    va_list args;

    /* A panic of the panic, or of a second CPU: the first one talks. */
    if (__atomic_fetch_add(&panicking, 1, __ATOMIC_RELAXED))
        machine_halt();
    machine_halt_others();
    va_start(args, format);
    format_string_v(line, sizeof(line), format, args);
    va_end(args);
    write_text("\n*** PANIC: ");
    write_text(line);
    write_text("\n");
    machine_print_backtrace();
    if (panic_resets)
        machine_reset();
    machine_halt();
}
