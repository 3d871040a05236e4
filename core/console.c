/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console. Everything that is logged goes into a ring (xl dmesg); what is important enough goes to the serial line too. Who else
 * writes there and who reads is core/console_share.c's.
 */
#include "core/console_internal.h"
#include "arch/include/console.h"
#include "arch/include/time.h"
#include "core/domain.h"
#include "lib/cpu_work.h"
#include "lib/string.h"

#define PREFIX "(Vinci) "
#define LINE_BYTES 400
#define RING_BYTES (32u * 1024)
#define RATE_BURST 10           /* messages per second and call site */

spinlock_t console_lock = SPINLOCK(LOCK_CONSOLE);
static enum log_level serial_level = LOG_INFO;
/* All below is under the lock. */
static char ring[RING_BYTES];
static uint64_t ring_written;   /* bytes ever */
static uint64_t ring_cleared;   /* what readers see starts here */
static bool in_line;            /* the last byte on the serial line was no newline */

void console_init(void)
{
    debug_keys_init();
}

/* The first name of a level is the one that is said. */
static const struct { const char *name; enum log_level level; } levels[] = {
    { "error", LOG_ERROR }, { "none", LOG_ERROR }, { "warning", LOG_WARNING },
    { "info", LOG_INFO }, { "all", LOG_DEBUG }, { "debug", LOG_DEBUG },
};

bool console_set_level(const char *name)
{
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : strlen(name);

    for (unsigned i = 0; i < ARRAY_SIZE(levels); i++)
        if (strlen(levels[i].name) == length && strncmp(name, levels[i].name, length) == 0) {
            WRITE_ONCE(serial_level, levels[i].level);
            return true;
        }
    return false;
}

const char *console_level(void)
{
    unsigned i = 0;

    while (levels[i].level != READ_ONCE(serial_level))
        i++;
    ASSERT(i < ARRAY_SIZE(levels));
    return levels[i].name;
}

void console_ring_put(const char *text, size_t n)
{
    ASSERT(spin_is_held(&console_lock));
    for (size_t i = 0; i < n; i++)
        ring[ring_written++ % RING_BYTES] = text[i];
}

void console_serial_put(const char *text, size_t n)
{
    ASSERT(spin_is_held(&console_lock));
    if (!n)
        return;
    arch_console_write(text, n);
    in_line = text[n - 1] != '\n';
}

void console_serial_line(const char *text, size_t n)
{
    if (in_line)
        console_serial_put("\n", 1);
    console_serial_put(text, n);
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES] = PREFIX;
    size_t room = sizeof(line) - sizeof(PREFIX) - 1, n;
    va_list args;

    va_start(args, format);
    n = (size_t)format_string_v(line + sizeof(PREFIX) - 1, room, format, args);
    va_end(args);
    n = MIN(n, room - 1) + sizeof(PREFIX) - 1;
    line[n++] = '\n';
    spin_lock(&console_lock);
    console_ring_put(line, n);
    if (level <= READ_ONCE(serial_level))
        console_serial_line(line, n);
    spin_unlock(&console_lock);
    if (control_domain)
        cpu_work_raise(cpu_id(), CPU_WORK_CONSOLE);
}

void console_raise_virqs(void)
{
    event_raise_host_virq(CORE_VIRQ_CON_RING);
}

/* At most `burst` a second. Racy between CPUs: one message more or less. */
bool console_rate_ok(struct rate_limit *r, uint32_t burst)
{
    nsec_t now = arch_time_now();

    if (!r->in_window || now - r->window_start >= SEC(1)) {
        r->window_start = now;
        r->in_window = 0;
    }
    if (r->in_window >= burst) {
        r->dropped++;
        return false;
    }
    r->in_window++;
    return true;
}

bool rate_limit_ok(struct rate_limit *r)
{
    return console_rate_ok(r, RATE_BURST);
}

static uint64_t ring_start(void)
{
    uint64_t oldest = ring_written > RING_BYTES ? ring_written - RING_BYTES : 0;

    return MAX(oldest, ring_cleared);
}

uint64_t console_ring_start(void)
{
    uint64_t start;

    spin_lock(&console_lock);
    start = ring_start();
    spin_unlock(&console_lock);
    return start;
}

size_t console_ring_read(uint64_t *index, char *out, size_t n)
{
    size_t i = 0;
    uint64_t at;

    spin_lock(&console_lock);
    at = MAX(*index, ring_start());
    while (i < n && at < ring_written)
        out[i++] = ring[at++ % RING_BYTES];
    spin_unlock(&console_lock);
    *index = at;
    return i;
}

void console_ring_clear(void)
{
    spin_lock(&console_lock);
    ring_cleared = ring_written;
    spin_unlock(&console_lock);
}
