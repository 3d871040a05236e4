/* SPDX-License-Identifier: Apache-2.0 */
/* Serial lines that can be the console. A driver keeps the speed that firmware set. uart.c provides arch/include/console.h. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include "lib/types.h"

/* All take a mapping of the line's registers, or where these are I/O ports the first one's number. */
struct uart_driver {
    void (*init)(volatile uint8_t *registers);                  /* both directions on, interrupts off */
    void (*enable_interrupt)(volatile uint8_t *registers);      /* when something was received */
    bool (*is_sending)(volatile uint8_t *registers);            /* the last byte has not left yet */
    int (*receive)(volatile uint8_t *registers);                /* -1: nothing there, and the interrupt is acknowledged */
    uint16_t data, status;                                      /* registers: what is written is sent; flags, */
    uint32_t tx_mask, tx_full;                                  /* there is no room when of tx_mask just tx_full is set */
};
extern const struct uart_driver pl011_driver, cadence_driver, ns16550_driver;
/* Of an NS16550, whose clock is the PC's; what cannot be divided is left as it is. */
void ns16550_set_speed(volatile void *registers, unsigned baud);

#ifdef __x86_64__
/* `registers` is the number of the first I/O port. */
static inline uint32_t uart_get(volatile uint8_t *registers, unsigned offset)
{
    uint8_t value;

    __asm__ volatile("inb %w1, %0" : "=a"(value) : "Nd"((uint16_t)((uintptr_t)registers + offset)));
    return value;
}

static inline void uart_put(volatile uint8_t *registers, unsigned offset, uint32_t value)
{
    __asm__ volatile("outb %0, %w1" : : "a"((uint8_t)value), "Nd"((uint16_t)((uintptr_t)registers + offset)));
}
#else
static inline uint32_t uart_get(volatile uint8_t *registers, unsigned offset)
{
    return *(volatile uint32_t *)(registers + offset);
}

static inline void uart_put(volatile uint8_t *registers, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(registers + offset) = value;
}
#endif

/* This line is the console. Before it is called, writing is dropped and reading finds nothing. */
void uart_init(const struct uart_driver *driver, volatile void *registers);
void uart_enable_interrupt(void);
/* Wait until the last byte has left: before the machine is switched off. */
void uart_drain(void);

#endif
