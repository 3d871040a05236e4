/* SPDX-License-Identifier: Apache-2.0 */
/* The UART of Xilinx Zynq and Zynq UltraScale+, Cadence's (UG1087, module UART; UG585, appendix B.33). */
#include "drivers/uart.h"

/* Registers, in bytes */
#define CONTROL 0x00
#define INTERRUPT_ENABLE 0x08
#define INTERRUPT_DISABLE 0x0c
#define INTERRUPT_STATUS 0x14       /* ones written clear */
#define RECEIVE_TIMEOUT 0x1c        /* in units of four bits */
#define RECEIVE_TRIGGER 0x20
#define CHANNEL_STATUS 0x2c
#define FIFO 0x30

#define CONTROL_RX_TX (BIT(2) | BIT(4))
#define CONTROL_RESTART_TIMEOUT BIT(6)
#define INTERRUPT_ALL 0x1fff
#define INTERRUPT_RX_AND_TIMEOUT (BIT(0) | BIT(8))
#define STATUS_RX_EMPTY BIT(1)
#define STATUS_TX_EMPTY BIT(3)
#define STATUS_TX_FULL BIT(4)
#define STATUS_TX_ACTIVE BIT(11)

static void init(volatile uint8_t *at)
{
    uart_put(at, INTERRUPT_DISABLE, INTERRUPT_ALL);
    uart_put(at, INTERRUPT_STATUS, INTERRUPT_ALL);
    uart_put(at, CONTROL, CONTROL_RX_TX);
}

static void enable_interrupt(volatile uint8_t *at)
{
    uart_put(at, RECEIVE_TRIGGER, 1);
    uart_put(at, RECEIVE_TIMEOUT, 10);
    uart_put(at, CONTROL, CONTROL_RX_TX | CONTROL_RESTART_TIMEOUT);
    uart_put(at, INTERRUPT_ENABLE, INTERRUPT_RX_AND_TIMEOUT);
}

static bool is_sending(volatile uint8_t *at)
{
    return (uart_get(at, CHANNEL_STATUS) & (STATUS_TX_EMPTY | STATUS_TX_ACTIVE)) != STATUS_TX_EMPTY;
}

/* Acknowledged first: a byte that comes after the look at the status raises it again. */
static int receive(volatile uint8_t *at)
{
    uart_put(at, INTERRUPT_STATUS, INTERRUPT_RX_AND_TIMEOUT);
    return uart_get(at, CHANNEL_STATUS) & STATUS_RX_EMPTY ? -1 : (int)(uart_get(at, FIFO) & 0xff);
}

const struct uart_driver cadence_driver = {
    init, enable_interrupt, is_sending, receive, .data = FIFO, .status = CHANNEL_STATUS, .tx_mask = STATUS_TX_FULL, .tx_full = STATUS_TX_FULL,
};
