/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console: a ring of what was logged (xl dmesg), the serial line that dom0, static domains and ourselves share, and the debug keys.
 * log_line() of lib/print.h is defined here.
 *
 * One domain has the line: what is typed goes to it, and if it is one with a UART (or dom0), what it writes passes as it is, byte by byte.
 * Whole lines of the others come in between, with the domain's name before them. Ctrl-A typed three times moves the line on: dom0, each static domain, the debug keys.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "core/pace.h"
#include "lib/list.h"
#include "lib/print.h"
#include "lib/types.h"

struct domain;

#define CONSOLE_LINE 128u       /* longer lines are broken */
#define CONSOLE_INPUT 256u
#define CONSOLE_LINES_DEFAULT 1000u

/* What the console keeps of a domain that has written to it or shares the line, under its own lock. */
struct domain_console {
    struct domain *domain;
    char line[CONSOLE_LINE];    /* what it wrote since its last newline */
    uint8_t used;               /* bytes of it; of the one that has the line: where its cursor is */
    uint8_t escape;             /* in an escape sequence: which part of it */
    struct rate_limit rate;     /* of one that does not share the line: its lines */
    /* Of one that does: */
    const char *name;           /* NULL: it does not */
    struct list link;
    void (*receive)(struct domain *d, char c);  /* NULL: `input`, for CONSOLEIO_read */
    char *input;
    uint32_t input_head, input_tail;
    nsec_t line_price;
    struct pace pace;
};

void console_init(void);
/* Highest level that goes to the serial line, by its name (none, error, warning, info, debug, all); of two with a slash between them the
 * first. False: no such level. Any time. */
bool console_set_level(const char *name);
/* The name of the present one. */
const char *console_level(void);
/* d, which does not run yet, shares the serial line under `name` (which stays). `receive` takes what is typed for it, called without a
 * lock; NULL: it reads by hypercall and is told by VIRQ_CONSOLE. A vCPU that has written more than `lines` in a second (0:
 * CONSOLE_LINES_DEFAULT) is held until it has not. -E_NOMEM. */
int console_attach(struct domain *d, const char *name, void (*receive)(struct domain *d, char c), uint32_t lines) MUST_CHECK;
/* d goes. Whoever was typing at it types at the next. Idempotent. */
void console_detach(struct domain *d);
/* Nobody can find d any more. */
void console_free(struct domain *d);
/* d, which does not run, starts again: nothing typed or half written is left. */
void console_reset(struct domain *d);
/* Boot: there will be no dom0; the first domain that is attached has the line. */
void console_without_dom0(void);
/* Boot, as domains_reset: no domain has been here. */
void console_forget_domains(void);
/* Text of a domain (HYPERVISOR_console_io write, or its emulated UART), at most CONSOLE_LINE bytes: of dom0 and static domains as said at
 * the top; of others line by line with "(dN) ", at most so many a second. */
void console_write_guest(struct domain *d, const char *text, size_t n);
/* Input waiting for d: up to n bytes; returns how many. -E_PERM: it is not one that may read. */
int64_t console_read_input(struct domain *d, char *out, size_t n);
/* The serial interrupt, or the poll: take what arrived, give it to whose turn it is, dom0 at first (VIRQ_CONSOLE). */
void console_input_pending(void);
/* Copy from the ring: *index counts bytes ever written; returns bytes copied and moves *index on; skips what is lost. */
size_t console_ring_read(uint64_t *index, char *out, size_t n);
/* Readers that follow start at what is logged from now on. */
void console_ring_clear(void);
/* Index of the oldest byte that is still there (and not cleared). */
uint64_t console_ring_start(void);

/* CPU_WORK_CONSOLE: tell dom0 that the ring has grown (VIRQ_CON_RING). No lock held. */
void console_raise_virqs(void);

/* Debug keys: one handler per letter; `h` lists them. */
void debug_key_register(char key, const char *what, void (*run)(void));
/* False when no such key. */
bool debug_key_press(char key);
/* The keys that core knows; by console_init. */
void debug_keys_init(void);

#endif
