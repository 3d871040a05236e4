/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three different verbs:
 *   ASSERT(c)        c is false only by a bug of ours; looked at in checked builds alone (CONFIG_ASSERT)
 *   PANIC_IF(c, ...) the same, always looked at; stops the host with the message
 *   a guest's fault  is neither: it ends in an error code, an exception, or domain_crash()
 */
#ifndef LIB_ASSERT_H
#define LIB_ASSERT_H

#include "config.h"
#include "lib/compiler.h"

/* Print the message, registers and a backtrace, then stop the host. From anywhere, any lock held. (lib/panic.c) */
void panic(const char *format, ...) NORETURN PRINTF(1, 2);

/* After a panic the machine starts again (the command line has no noreboot) instead of standing still. Set by boot/. */
extern bool panic_resets;

#define PANIC_IF(condition, ...)          \
    do {                                  \
        if (unlikely(condition))          \
            panic(__VA_ARGS__);           \
    } while (0)

#define ASSERT(condition)                                                               \
    do {                                                                                \
        if (CONFIG(ASSERT) && unlikely(!(condition)))                                   \
            panic("assertion failed: %s (%s:%d)", #condition, __FILE__, __LINE__);      \
    } while (0)

#define STATIC_ASSERT(c) _Static_assert(c, #c)

#endif
