/* SPDX-License-Identifier: Apache-2.0 */
/* PrimeCell UART (Arm DDI 0183) as the console's line; it keeps the speed that firmware set. Provides arch/include/console.h. */
#ifndef DRIVERS_PL011_H
#define DRIVERS_PL011_H

#include "lib/types.h"

/* `registers` is a mapping of its 4 KiB. Before it is called, writing is dropped and reading finds nothing. */
void pl011_init(volatile void *registers);
/* Interrupt when something was received. */
void pl011_enable_interrupt(void);
/* Wait until the last byte has left: before the machine is switched off. */
void pl011_drain(void);

#endif
