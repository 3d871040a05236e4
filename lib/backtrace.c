/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/backtrace.h"
#include "arch/include/console.h"
#include "lib/print.h"
#include "lib/string.h"

/* tools/symbols.py, and the linker */
extern const uint64_t symbol_count;
extern const uint32_t symbol_offsets[];
extern const char symbol_names[], image_start[], text_end[];

#define MAX_DEPTH 32

void backtrace_say(const char *format, ...)
{
    char line[160];
    va_list args;

    va_start(args, format);
    format_string_v(line, sizeof(line), format, args);
    va_end(args);
    arch_console_write(line, strlen(line));
}

/* The function that contains pc, and how far into it; NULL when it is none of ours. */
static const char *name_of(uint64_t pc, uint64_t *offset)
{
    uint64_t at = pc - (uint64_t)image_start, index = 0;
    const char *name = symbol_names;

    if (pc < (uint64_t)image_start || pc >= (uint64_t)text_end || symbol_count == 0 || at < symbol_offsets[0])
        return NULL;
    while (index + 1 < symbol_count && symbol_offsets[index + 1] <= at) {
        index++;
        name += strlen(name) + 1;
    }
    *offset = at - symbol_offsets[index];
    return name;
}

void backtrace_place(const char *what, uint64_t pc)
{
    uint64_t offset;
    const char *name = name_of(pc, &offset);

    if (name)
        backtrace_say("  %s %012llx  %s+%#llx\n", what, (unsigned long long)pc, name, (unsigned long long)offset);
    else
        backtrace_say("  %s %012llx\n", what, (unsigned long long)pc);
}

void backtrace_walk(uint64_t at, const struct backtrace_rules *rules)
{
    for (unsigned depth = 0; depth < MAX_DEPTH && rules->on_stack(at) && rules->on_stack(at + 8); depth++) {
        const uint64_t *record = (const uint64_t *)at;

        if (record[1] == 0)
            break;
        backtrace_place("from", rules->call_before(record[1]));
        if (record[0] <= at)
            break;
        at = record[0];
    }
}
