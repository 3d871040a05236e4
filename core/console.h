/* SPDX-License-Identifier: Apache-2.0 */
/* The console: a ring of what was logged (xl dmesg), the serial line shared with dom0, and the debug keys. log_line() of
 * lib/print.h is defined here. */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "lib/types.h"
#include "lib/print.h"

struct domain;

void console_init(void);
/* Highest level that goes to the serial line; guests' rate-limited messages have their own (loglvl=, guest_loglvl=). */
void console_set_level(enum log_level level);
/* Text of a domain (HYPERVISOR_console_io write): dom0's goes out as it is, others' line by line with "(dN) ". */
void console_write_guest(struct domain *d, const char *text, size_t n);
/* Input waiting for dom0: up to n bytes; returns how many. */
size_t console_read_input(char *out, size_t n);
/* The serial interrupt, or the poll: take what arrived, give it to dom0 (VIRQ_CONSOLE) or, after three times Ctrl-A, to the
 * debug keys. */
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
