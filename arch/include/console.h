/* SPDX-License-Identifier: Apache-2.0 */
/* Contract: the host's serial console. */
#ifndef ARCH_CONSOLE_H
#define ARCH_CONSOLE_H

#include "lib/compiler.h"

/* Write bytes (the driver turns \n into \r\n); waits for the line. Callable from the first instruction of C on. */
void arch_console_write(const char *text, size_t length);
/* Next received byte or -1. */
int arch_console_read(void);

#endif
