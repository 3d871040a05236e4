/* SPDX-License-Identifier: Apache-2.0 */
/* Serial lines that can be the console. A driver keeps the speed that firmware set. Provides arch/include/console.h. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include "lib/types.h"

struct uart_driver {
    const char *const *compatible;                  /* NULL ends the list */
    /* `registers`: a mapping of its 4 KiB. Both directions on, interrupts off. */
    void (*init)(volatile uint8_t *registers);
    /* Interrupt when something was received; level, so until it has been read. */
    void (*enable_interrupt)(volatile uint8_t *registers);
    bool (*can_send)(volatile uint8_t *registers);
    bool (*is_sending)(volatile uint8_t *registers);    /* the last byte has not left yet */
    void (*send)(volatile uint8_t *registers, uint8_t byte);
    int (*receive)(volatile uint8_t *registers);    /* -1: nothing there */
};

extern const struct uart_driver pl011_driver, cadence_driver;

#endif
