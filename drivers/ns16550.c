/* SPDX-License-Identifier: Apache-2.0 */
/* The UART of the PC, NS16550A (National Semiconductor, PC16550D, 8). Registers one byte apart. */
#include "drivers/uart.h"

#define DATA 0              /* with LCR_DIVISOR: low byte of 115200 / speed */
#define IER 1               /* with LCR_DIVISOR: its high byte */
#define FCR 2
#define LCR 3
#define MCR 4
#define LSR 5

#define IER_RECEIVED BIT(0)
#define FCR_ENABLE_AND_CLEAR 0x07
#define LCR_8_BITS 0x03
#define LCR_DIVISOR 0x80
#define MCR_DTR_RTS_OUT2 0x0b
#define LSR_RECEIVED BIT(0)
#define LSR_THR_EMPTY BIT(5)
#define LSR_EMPTY BIT(6)
/* Where there is no such device. */
#define NOTHING 0xff

static void init(volatile uint8_t *at)
{
    uart_put(at, IER, 0);
    uart_put(at, LCR, LCR_DIVISOR | LCR_8_BITS);
    /* Firmware that does not use the line leaves no speed. */
    if (!uart_get(at, DATA) && !uart_get(at, IER))
        uart_put(at, DATA, 1);
    uart_put(at, LCR, LCR_8_BITS);
    uart_put(at, FCR, FCR_ENABLE_AND_CLEAR);
    uart_put(at, MCR, MCR_DTR_RTS_OUT2);
}

void ns16550_set_speed(volatile void *registers, unsigned baud)
{
    volatile uint8_t *at = registers;
    unsigned divisor = baud ? 115200 / baud : 0;

    if (divisor == 0 || divisor > 0xffff)
        return;
    uart_put(at, LCR, LCR_DIVISOR | LCR_8_BITS);
    uart_put(at, DATA, divisor & 0xff);
    uart_put(at, IER, divisor >> 8);
    uart_put(at, LCR, LCR_8_BITS);
}

static void enable_interrupt(volatile uint8_t *at)
{
    uart_put(at, IER, IER_RECEIVED);
}

static bool is_sending(volatile uint8_t *at)
{
    return !(uart_get(at, LSR) & LSR_EMPTY);
}

static int receive(volatile uint8_t *at)
{
    uint32_t status = uart_get(at, LSR);

    if (status == NOTHING || !(status & LSR_RECEIVED))
        return -1;
    return (int)uart_get(at, DATA);
}

const struct uart_driver ns16550_driver = {
    init, enable_interrupt, is_sending, receive, .data = DATA, .status = LSR, .tx_mask = LSR_THR_EMPTY, .tx_full = 0,
};
