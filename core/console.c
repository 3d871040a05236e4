/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console. Everything that is logged goes into a ring (xl dmesg); what is important enough goes to the serial line too, which dom0
 * shares: its output passes unchanged, a line of ours begins on a line of its own with "(Vinci) ".
 *
 * Input belongs to dom0, or to the debug keys after Ctrl-A was typed three times.
 */
#include "core/console.h"
#include "arch/include/console.h"
#include "arch/include/time.h"
#include "core/domain.h"
#include "lib/cpu_work.h"
#include "lib/string.h"

#define PREFIX "(Vinci) "
#define LINE_BYTES 400
#define RING_BYTES (32u * 1024)
#define INPUT_BYTES 4096u      /* a line of the guest's terminal at its longest */
#define SWITCH_KEY 1            /* Ctrl-A */
#define SWITCH_COUNT 3
#define RATE_BURST 10           /* messages per second and call site */
#define GUEST_LINES 40          /* lines per second of one guest, of which the first few never have to make way for other guests' */
#define GUEST_LINES_SURE 2
#define ALL_GUESTS_LINES 400    /* of all guests together */

static spinlock_t console_lock = SPINLOCK(LOCK_CONSOLE);
/* All below is under the lock. */
static char ring[RING_BYTES];
static uint64_t ring_written;   /* bytes ever */
static uint64_t ring_cleared;   /* what readers see starts here */
static bool in_line;            /* the last byte on the serial line was no newline */
static char input[INPUT_BYTES];
static uint32_t input_head, input_tail;
static enum log_level serial_level = LOG_INFO;

/* Only the CPU that takes the serial interrupt changes these. */
static unsigned switch_keys;
static bool input_is_ours;

void console_init(void)
{
    debug_keys_init();
}

void console_set_level(enum log_level level)
{
    serial_level = level;
}

static void ring_put(const char *text, size_t n)
{
    ASSERT(spin_is_held(&console_lock));
    for (size_t i = 0; i < n; i++)
        ring[ring_written++ % RING_BYTES] = text[i];
}

static void serial_put(const char *text, size_t n)
{
    ASSERT(spin_is_held(&console_lock));
    if (!n)
        return;
    arch_console_write(text, n);
    in_line = text[n - 1] != '\n';
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
    ring_put(line, n);
    if (level <= serial_level) {
        if (in_line)
            serial_put("\n", 1);
        serial_put(line, n);
    }
    spin_unlock(&console_lock);
    if (control_domain)
        cpu_work_raise(cpu_id(), CPU_WORK_CONSOLE);
}

void console_raise_virqs(void)
{
    event_raise_host_virq(CORE_VIRQ_CON_RING);
}

/* At most `burst` a second. Racy between CPUs: one message more or less. */
static bool rate_ok(struct rate_limit *r, uint32_t burst)
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
    return rate_ok(r, RATE_BURST);
}

/* Who floods the log loses lines; others' get through. */
static bool may_speak(struct domain *d)
{
    static struct rate_limit all;

    if (!rate_ok(&d->console_rate, GUEST_LINES))
        return false;
    return d->console_rate.in_window <= GUEST_LINES_SURE || rate_ok(&all, ALL_GUESTS_LINES);
}

/* A guest's line is complete, or as long as it may be. */
static void end_guest_line(struct domain *d, const char *line, unsigned n)
{
    if (may_speak(d))
        log_info("(d%u) %.*s", d->id.v, (int)n, line);
}

/* One byte; true when the line in `out` is complete. Under the lock, which guards the domain's buffer too. What a terminal might take
 * for a command is left out. */
static bool add_guest_byte(struct domain *d, char c)
{
    ASSERT(d->console_used < sizeof(d->console_line));
    if ((c >= ' ' && c <= '~') || c == '\t')
        d->console_line[d->console_used++] = c;
    return c == '\n' || d->console_used == sizeof(d->console_line);
}

static void write_lines(struct domain *d, const char *text, size_t n)
{
    char line[sizeof(d->console_line)];
    unsigned length;
    bool complete;

    for (size_t i = 0; i < n; i++) {
        spin_lock(&console_lock);
        complete = add_guest_byte(d, text[i]);
        length = d->console_used;
        if (complete) {
            memcpy(line, d->console_line, length);
            d->console_used = 0;
        }
        spin_unlock(&console_lock);
        if (complete)
            end_guest_line(d, line, length);
    }
}

void console_write_guest(struct domain *d, const char *text, size_t n)
{
    if (!d->is_control) {
        write_lines(d, text, n);
        return;
    }
    spin_lock(&console_lock);
    serial_put(text, n);
    spin_unlock(&console_lock);
}

size_t console_read_input(char *out, size_t n)
{
    size_t i = 0;

    spin_lock(&console_lock);
    while (i < n && input_tail != input_head)
        out[i++] = input[input_tail++ % INPUT_BYTES];
    spin_unlock(&console_lock);
    return i;
}

/* What does not fit is lost, as on any serial line. */
static void give_to_dom0(char c)
{
    spin_lock(&console_lock);
    if (input_head - input_tail < INPUT_BYTES)
        input[input_head++ % INPUT_BYTES] = c;
    spin_unlock(&console_lock);
}

static void switch_input(void)
{
    input_is_ours = !input_is_ours;
    log_line(LOG_ERROR, "*** input goes to %s (Ctrl-A three times to switch)",
             input_is_ours ? "the debug keys, h for help" : "dom0");
}

/* True when dom0 got something. */
static bool take_byte(char c)
{
    if (c == SWITCH_KEY) {
        if (++switch_keys == SWITCH_COUNT) {
            switch_keys = 0;
            switch_input();
        }
        return false;
    }
    if (input_is_ours) {
        switch_keys = 0;
        if (!debug_key_press(c))
            log_line(LOG_ERROR, "no such debug key; h lists them");
        return false;
    }
    /* Fewer than three were meant for dom0. */
    for (; switch_keys; switch_keys--)
        give_to_dom0(SWITCH_KEY);
    give_to_dom0(c);
    return true;
}

void console_input_pending(void)
{
    bool given = false;
    int c;

    spin_assert_none_held();
    while ((c = arch_console_read()) >= 0)
        given |= take_byte((char)c);
    if (given)
        event_raise_host_virq(CORE_VIRQ_CONSOLE);
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
