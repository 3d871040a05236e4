/* SPDX-License-Identifier: Apache-2.0 */
/* Who writes to the serial line in what form, and who gets what is typed. */
#include "core/console_internal.h"
#include "arch/include/console.h"
#include "core/domain.h"
#include "lib/cpu_work.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"

#define INPUT_BYTES 4096u       /* for dom0: a line of its terminal at its longest */
#define SWITCH_KEY 1            /* Ctrl-A */
#define SWITCH_COUNT 3
#define GUEST_LINES 40          /* lines per second of one guest, of which the first few never have to make way for other guests' */
#define GUEST_LINES_SURE 2
#define ALL_GUESTS_LINES 400    /* of all guests together */
#define PREFIX_BYTES 40             /* of a prefix */

#define BELL 7
#define ESCAPE 27
enum { NO_ESCAPE, AFTER_ESCAPE, IN_CSI, IN_OSC };

/* Under the lock. */
static struct list sharers = LIST_INIT(sharers);
static struct domain *chosen;   /* who has the line; NULL: dom0, or without one the first of the sharers */
static bool input_is_ours;      /* it is typed at the debug keys */
static bool no_dom0;
static struct domain_console dom0_console;
static char dom0_input[INPUT_BYTES];
static uint32_t dom0_head, dom0_tail;

/* Only the CPU that takes the serial interrupt changes this. */
static unsigned switch_keys;

void console_without_dom0(void)
{
    no_dom0 = true;
}

void console_forget_domains(void)
{
    list_init(&sharers);
    chosen = NULL;
    input_is_ours = no_dom0 = false;
    dom0_tail = dom0_head;
    dom0_console = (struct domain_console){ 0 };
}

/* Made when it is first wanted; NULL: no memory. */
static struct domain_console *console_of(struct domain *d)
{
    struct domain_console *k = atomic_load_acquire(&d->console), *fresh;

    if (likely(k))
        return k;
    if (d->is_control) {
        /* Two CPUs of its that come here at once do the same. */
        WRITE_ONCE(dom0_console.domain, d);
        atomic_store_release(&d->console, &dom0_console);
        return &dom0_console;
    }
    fresh = heap_new(struct domain_console);
    if (!fresh)
        return NULL;
    fresh->domain = d;
    if (atomic_compare_exchange(&d->console, &k, fresh))
        return fresh;
    heap_delete(fresh);
    return k;
}

void console_free(struct domain *d)
{
    ASSERT(!d->console || (!d->console->name && !d->console->input));
    if (d->console != &dom0_console)
        heap_delete(d->console);
    d->console = NULL;
}

static struct domain *first_sharer(void)
{
    return list_empty(&sharers) ? NULL : list_first(&sharers, struct domain_console, link)->domain;
}

/* Who has the line. NULL: nobody yet. */
static struct domain *holder(void)
{
    ASSERT(spin_is_held(&console_lock));
    if (chosen)
        return chosen;
    return no_dom0 ? first_sharer() : control_domain;
}

/* Has it a terminal's two ways? What is written by hypercall alone is a log: always whole lines. */
static bool is_terminal(const struct domain *d)
{
    return d->is_control || d->console->receive;
}

/* Of dom0, or of one that shares the line. */
static const char *name_of(const struct domain *d)
{
    const struct domain_console *k = atomic_load_acquire(&d->console);

    return k && k->name ? k->name : "dom0";
}

/* One line says whose turn it is now; a new holder of the line goes on where it was: what it has written of one is shown. */
static void tell_holder(struct domain *before)
{
    char name[PREFIX_BYTES] = "nobody";
    struct domain *now;

    spin_lock(&console_lock);
    now = holder();
    if (input_is_ours)
        string_copy(name, "the debug keys, h for help", sizeof(name));
    else if (now)
        string_copy(name, name_of(now), sizeof(name));
    /* What it has written of its line is on the screen. */
    if (before && before != now && before->console && is_terminal(before))
        before->console->used = 0;
    spin_unlock(&console_lock);
    log_line(LOG_ERROR, "*** input goes to %s (Ctrl-A three times to switch)", name);
    spin_lock(&console_lock);
    if (now && now != before && now == holder() && now->console && is_terminal(now))
        console_serial_put(now->console->line, now->console->used);
    spin_unlock(&console_lock);
}

int console_attach(struct domain *d, const char *name, void (*receive)(struct domain *d, char c), uint32_t lines)
{
    struct domain_console *k = console_of(d);

    if (!k)
        return -E_NOMEM;
    ASSERT(!k->name && name);
    k->input = receive ? NULL : heap_alloc(CONSOLE_INPUT);
    if (!receive && !k->input)
        return -E_NOMEM;
    k->receive = receive;
    k->line_price = SEC(1) / (lines ? lines : CONSOLE_LINES_DEFAULT);
    spin_lock(&console_lock);
    k->name = name;
    list_push_back(&sharers, &k->link);
    spin_unlock(&console_lock);
    return 0;
}

void console_detach(struct domain *d)
{
    struct domain_console *k = atomic_load_acquire(&d->console);
    char *input = NULL;
    struct domain *before;

    if (!k)
        return;
    spin_lock(&console_lock);
    before = holder();
    if (k->name) {
        if (d == chosen)
            chosen = NULL;
        list_remove(&k->link);
        input = k->input;
        k->input = NULL;
        k->name = NULL;
    }
    spin_unlock(&console_lock);
    heap_free(input, CONSOLE_INPUT);
    if (d == before)
        tell_holder(d);
}

void console_reset(struct domain *d)
{
    struct domain_console *k = atomic_load_acquire(&d->console);

    if (!k)
        return;
    spin_lock(&console_lock);
    k->used = 0;
    k->escape = NO_ESCAPE;
    k->input_tail = k->input_head;
    spin_unlock(&console_lock);
}

/* Who floods the log loses lines; others' get through. */
static bool may_speak(struct domain_console *k)
{
    static struct rate_limit all;

    if (!console_rate_ok(&k->rate, GUEST_LINES))
        return false;
    return k->rate.in_window <= GUEST_LINES_SURE || console_rate_ok(&all, ALL_GUESTS_LINES);
}

/* A guest's line is complete, or as long as it may be. */
static void end_guest_line(struct domain_console *k, const char *line, unsigned n)
{
    if (may_speak(k))
        log_info("(d%u) %.*s", k->domain->id.v, (int)n, line);
}

/* Is c part of an escape sequence (ECMA-48: ESC x, CSI ... final, OSC ... BEL)? */
static bool is_escape(struct domain_console *k, char c)
{
    if (c == '\n')
        k->escape = NO_ESCAPE;
    if (c == ESCAPE) {
        k->escape = AFTER_ESCAPE;
        return true;
    }
    switch (k->escape) {
    case AFTER_ESCAPE:
        k->escape = c == '[' ? IN_CSI : c == ']' ? IN_OSC : NO_ESCAPE;
        return true;
    case IN_CSI:
        if (c >= '@' && c <= '~')
            k->escape = NO_ESCAPE;
        return true;
    case IN_OSC:
        if (c == BELL)
            k->escape = NO_ESCAPE;
        return true;
    default:
        return false;
    }
}

/* One byte; true when the line is complete. Under the lock. What a terminal might take for a command is left out. */
static bool add_byte(struct domain_console *k, char c)
{
    ASSERT(k->used < sizeof(k->line));
    if (!is_escape(k, c) && ((c >= ' ' && c <= '~') || c == '\t'))
        k->line[k->used++] = c;
    return c == '\n' || k->used == sizeof(k->line);
}

static void write_log_lines(struct domain_console *k, const char *text, size_t n)
{
    char line[CONSOLE_LINE];
    unsigned length;
    bool complete;

    for (size_t i = 0; i < n; i++) {
        spin_lock(&console_lock);
        complete = add_byte(k, text[i]);
        length = k->used;
        if (complete) {
            memcpy(line, k->line, length);
            k->used = 0;
        }
        spin_unlock(&console_lock);
        if (complete)
            end_guest_line(k, line, length);
    }
}

static void put_line(struct domain_console *k)
{
    char line[PREFIX_BYTES + CONSOLE_LINE + 2];
    size_t n = (size_t)format_string(line, PREFIX_BYTES, "(%.32s) ", name_of(k->domain));

    memcpy(line + n, k->line, k->used);
    n += k->used;
    line[n++] = '\n';
    k->used = 0;
    console_serial_line(line, n);
    if (!k->domain->is_control)
        console_ring_put(line, n);
}

/* Whole lines of one that does not have the line; how many. */
static unsigned write_between(struct domain_console *k, const char *text, size_t n)
{
    unsigned lines = 0;

    for (size_t i = 0; i < n; i++)
        if (add_byte(k, text[i])) {
            put_line(k);
            lines++;
        }
    return lines;
}

/* As it is; how many lines that is. */
static unsigned write_raw(struct domain_console *k, const char *text, size_t n)
{
    unsigned lines = 0;

    console_serial_put(text, n);
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n' || ++k->used == CONSOLE_LINE) {
            k->used = 0;
            lines++;
        }
    return lines;
}

void console_write_guest(struct domain *d, const char *text, size_t n)
{
    struct domain_console *k = console_of(d);
    struct vcpu *v = cpu_current_vcpu();
    unsigned lines;

    if (!k)
        return;     /* as what is written too fast, it is lost */
    if (!d->is_control && !k->name) {
        write_log_lines(k, text, n);
        return;
    }
    spin_lock(&console_lock);
    lines = d == holder() && is_terminal(d) ? write_raw(k, text, n) : write_between(k, text, n);
    spin_unlock(&console_lock);
    if (lines && control_domain && d != control_domain)
        cpu_work_raise(cpu_id(), CPU_WORK_CONSOLE);
    if (lines && k->line_price && v && v->domain == d)
        vcpu_pay(v, &k->pace, lines * k->line_price, MAX(k->line_price, SEC(1)));
}

int64_t console_read_input(struct domain *d, char *out, size_t n)
{
    struct domain_console *k = atomic_load_acquire(&d->console);
    char *from = d->is_control ? dom0_input : k ? k->input : NULL;
    uint32_t *tail, head, size = d->is_control ? INPUT_BYTES : CONSOLE_INPUT;
    size_t i = 0;

    if (!from)
        return -E_PERM;
    tail = d->is_control ? &dom0_tail : &k->input_tail;
    spin_lock(&console_lock);
    head = d->is_control ? dom0_head : k->input_head;
    while (i < n && *tail != head)
        out[i++] = from[(*tail)++ % size];
    spin_unlock(&console_lock);
    return (int64_t)i;
}

/* What does not fit is lost, as on any serial line. */
static void put_input(char *buffer, uint32_t size, uint32_t *head, uint32_t tail, char c)
{
    ASSERT(spin_is_held(&console_lock));
    if (*head - tail < size)
        buffer[(*head)++ % size] = c;
}

/* A byte for whose turn it is. The domain stays until this CPU's quiescent point. Returns whom to tell. */
static struct domain *give(char c)
{
    struct domain *d;
    struct domain_console *k;

    spin_lock(&console_lock);
    d = holder();
    k = d ? d->console : NULL;
    if (!d || d->is_control)
        put_input(dom0_input, INPUT_BYTES, &dom0_head, dom0_tail, c);
    else if (k->input)
        put_input(k->input, CONSOLE_INPUT, &k->input_head, k->input_tail, c);
    spin_unlock(&console_lock);
    if (!d || d->is_control || !k->receive)
        return d;
    k->receive(d, c);
    return NULL;
}

/* Dom0, the sharers in the order in which they came, the debug keys, dom0. */
static void choose_next(void)
{
    struct list *next = chosen ? chosen->console->link.next : sharers.next;

    ASSERT(spin_is_held(&console_lock));
    if (!chosen && no_dom0 && next != &sharers)
        next = next->next;      /* the first one has had its turn */
    if (input_is_ours) {
        input_is_ours = false;
        chosen = NULL;
    } else if (next == &sharers) {
        input_is_ours = true;   /* who has the line keeps it for what it writes */
    } else {
        chosen = list_entry(next, struct domain_console, link)->domain;
    }
}

static void switch_input(void)
{
    struct domain *before;

    spin_lock(&console_lock);
    before = holder();
    choose_next();
    spin_unlock(&console_lock);
    tell_holder(before);
}

/* Returns whom to tell. */
static struct domain *take_byte(char c)
{
    if (c == SWITCH_KEY) {
        if (++switch_keys == SWITCH_COUNT) {
            switch_keys = 0;
            switch_input();
        }
        return NULL;
    }
    if (input_is_ours) {
        switch_keys = 0;
        if (!debug_key_press(c))
            log_line(LOG_ERROR, "no such debug key; h lists them");
        return NULL;
    }
    /* Fewer than three were meant for whoever reads. */
    for (; switch_keys; switch_keys--)
        (void)give(SWITCH_KEY);
    return give(c);
}

void console_input_pending(void)
{
    struct domain *told = NULL, *d;
    int c;

    spin_assert_none_held();
    while ((c = arch_console_read()) >= 0) {
        d = take_byte((char)c);
        if (told && d != told)
            event_raise_global_virq(told, CORE_VIRQ_CONSOLE);
        told = d;
    }
    if (told)
        event_raise_global_virq(told, CORE_VIRQ_CONSOLE);
}
