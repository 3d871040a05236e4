/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the console. */
#ifndef CORE_CONSOLE_INTERNAL_H
#define CORE_CONSOLE_INTERNAL_H

#include "core/console.h"
#include "lib/spinlock.h"

/* LOCK_CONSOLE: the ring, the serial line, and each domain's struct domain_console. */
extern spinlock_t console_lock;

/* Add to the ring, under the lock. */
void console_ring_put(const char *text, size_t n);
/* Write to the serial line, under the lock; _line: from the start of a line on. */
void console_serial_put(const char *text, size_t n);
void console_serial_line(const char *text, size_t n);
/* At most `burst` a second. Racy between CPUs: one message more or less. */
bool console_rate_ok(struct rate_limit *r, uint32_t burst);

#endif
