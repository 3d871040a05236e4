/* SPDX-License-Identifier: Apache-2.0 */
/* PrimeCell UART (Arm DDI 0183). */
#include "drivers/uart.h"

/* Registers, in bytes (3.2) */
#define DR 0x00
#define FR 0x18
#define LCR_H 0x2c
#define CR 0x30
#define IFLS 0x34
#define IMSC 0x38
#define ICR 0x44

#define FR_BUSY BIT(3)
#define FR_RX_EMPTY BIT(4)
#define FR_TX_FULL BIT(5)
#define LCR_FIFOS_8_BITS 0x70
#define CR_ENABLE_RX_TX 0x301
#define INTERRUPT_RX_AND_TIMEOUT 0x50

static void init(volatile uint8_t *at)
{
    uart_put(at, IMSC, 0);
    uart_put(at, ICR, 0x7ff);
    uart_put(at, LCR_H, LCR_FIFOS_8_BITS);
    uart_put(at, CR, CR_ENABLE_RX_TX);
}

static void enable_interrupt(volatile uint8_t *at)
{
    uart_put(at, IFLS, 0);
    uart_put(at, IMSC, INTERRUPT_RX_AND_TIMEOUT);
}

static bool is_sending(volatile uint8_t *at)
{
    return uart_get(at, FR) & FR_BUSY;
}

static int receive(volatile uint8_t *at)
{
    if (uart_get(at, FR) & FR_RX_EMPTY)
        return -1;
    uart_put(at, ICR, INTERRUPT_RX_AND_TIMEOUT);
    return (int)(uart_get(at, DR) & 0xff);
}

const struct uart_driver pl011_driver = {
    init, enable_interrupt, is_sending, receive, .data = DR, .status = FR, .tx_mask = FR_TX_FULL, .tx_full = FR_TX_FULL,
};
