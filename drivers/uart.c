/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/uart.h"
#include "arch/include/console.h"
#include "lib/assert.h"

/* A line that never drains must not stop the host: so many looks, then the byte is lost. */
#define PATIENCE 1000000

static const struct uart_driver *driver;
static volatile uint8_t *base;

void uart_init(const struct uart_driver *of, volatile void *registers)
{
    ASSERT(of && IS_ALIGNED((uintptr_t)registers, 4));
    of->init(registers);
    driver = of;
    base = registers;
}

void uart_enable_interrupt(void)
{
    ASSERT(base);
    driver->enable_interrupt(base);
}

void uart_drain(void)
{
    for (unsigned i = 0; base && driver->is_sending(base) && i < PATIENCE; i++)
        ;
}

static void send(char c)
{
    for (unsigned i = 0; !driver->can_send(base) && i < PATIENCE; i++)
        ;
    driver->send(base, (uint8_t)c);
}

void arch_console_write(const char *text, size_t length)
{
    for (size_t i = 0; base && i < length; i++) {
        if (text[i] == '\n')
            send('\r');
        send(text[i]);
    }
}

int arch_console_read(void)
{
    return base ? driver->receive(base) : -1;
}
