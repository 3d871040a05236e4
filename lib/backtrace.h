/* SPDX-License-Identifier: Apache-2.0 */
/* What a panic prints of code: places by name (tools/symbols.py) and chains of frame records. Uses nothing that may be broken. */
#ifndef LIB_BACKTRACE_H
#define LIB_BACKTRACE_H

#include "lib/compiler.h"

/* Straight to the console. */
void backtrace_say(const char *format, ...) PRINTF(1, 2);
/* One line: what, the address, and the function that contains it. */
void backtrace_place(const char *what, uint64_t pc);

/* What an architecture adds: is this an address, with eight bytes, of a stack of this CPU; a return address as the address of its call. */
struct backtrace_rules {
    bool (*on_stack)(uint64_t address);
    uint64_t (*call_before)(uint64_t return_address);
};
/* Records { previous record, return address }, upwards in one stack, as both the AAPCS64 and frame pointers on x86-64 have it. */
void backtrace_walk(uint64_t record, const struct backtrace_rules *rules);

#endif
