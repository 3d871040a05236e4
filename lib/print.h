/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted output: to a buffer, and to the console and its ring with a level. */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include "lib/compiler.h"

/*
 * Write at most size bytes, always ended by NUL when size > 0; returns the length that the whole text has.
 * Understands %d %i %u %x %X %o %c %s %p %% with widths, 0, -, #, precision for %s, and h hh l ll z.
 */
int format_string(char *out, size_t size, const char *format, ...) PRINTF(3, 4);
int format_string_v(char *out, size_t size, const char *format, va_list args);

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* One line (the newline is added) to the console ring and, when the level is within loglvl=, the serial console. */
void log_line(enum log_level level, const char *format, ...) PRINTF(2, 3);
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* For messages a guest can cause: true at most `burst` times per second per call site. */
struct rate_limit {
    int64_t window_start;
    uint32_t in_window, dropped;
};
bool rate_limit_ok(struct rate_limit *r);
#define log_guest(...)                                  \
    do {                                                \
        static struct rate_limit limit_;                \
        if (rate_limit_ok(&limit_))                     \
            log_line(LOG_WARNING, __VA_ARGS__);         \
    } while (0)

#endif
