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

static void send(const char *text, size_t n)
{
    const struct uart_driver u = *driver;

    for (const char *end = text + n; text < end; text++) {
        for (unsigned i = 0; (uart_get(base, u.status) & u.tx_mask) == u.tx_full && i < PATIENCE; i++)
            continue;
        uart_put(base, u.data, (uint8_t)*text);
    }
}

void arch_console_write(const char *text, size_t length)
{
    size_t line = 0;            /* where what is not sent yet begins */

    for (size_t i = 0; base && i <= length; i++) {
        if (i < length && text[i] != '\n')
            continue;
        send(text + line, i - line);
        if (i < length)
            send("\r\n", 2);
        line = i + 1;
    }
}

int arch_console_read(void)
{
    return base ? driver->receive(base) : -1;
}
