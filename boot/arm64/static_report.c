/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a static domain, in one line: node, property, value. */
#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"

#define LINE_SIZE 320
#define VALUE_SIZE 96
#define CELLS_SHOWN 6

static bool is_text(const struct dt_property *p)
{
    if (p->length < 2 || p->value[p->length - 1])
        return false;
    for (uint32_t i = 0; i + 1 < p->length; i++)
        if ((p->value[i] < ' ' || p->value[i] > '~') && (p->value[i] || !i || !p->value[i - 1]))
            return false;
    return true;
}

/* Text ends in NUL: a list of strings shows its first. */
static void format_value(char *out, size_t size, const struct dt_property *p)
{
    size_t used = 0;

    if (p->length == 0) {
        string_copy(out, "(empty)", size);
    } else if (is_text(p)) {
        format_string(out, size, "\"%s\"", (const char *)p->value);
    } else if (p->length % 4) {
        format_string(out, size, "(%u bytes)", p->length);
    } else {
        for (uint32_t i = 0; i < p->length / 4 && i < CELLS_SHOWN; i++)
            used += (size_t)format_string(out + used, size - used, "%s0x%x", i ? " " : "<", dt_cell(p, i, 0));
        ASSERT(used < size);
        format_string(out + used, size - used, p->length / 4 > CELLS_SHOWN ? " ...>" : ">");
    }
}

/* Names come from the tree: none of them moves a terminal's cursor. */
static void say(const struct static_report *report, bool broken, char *text)
{
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    if (report->line)
        report->line(report->context, broken, text);
}

void static_say(const struct static_report *report, struct partition_plan *plan, bool broken, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;
    int used = format_string(line, sizeof(line), "/chosen/%.64s: ", plan->node);

    va_start(args, format);
    format_string_v(line + used, sizeof(line) - (size_t)used, format, args);
    va_end(args);
    plan->broken |= broken;
    say(report, broken, line);
}

void static_problem_at(const struct static_report *report, const char *node, const struct dt_property *property, const char *name,
                       const char *text)
{
    char line[LINE_SIZE], value[VALUE_SIZE];

    if (property) {
        format_value(value, sizeof(value), property);
        format_string(line, sizeof(line), "/chosen/%.64s: %.48s = %s: %s", node, name, value, text);
    } else {
        format_string(line, sizeof(line), "/chosen/%.64s: %.48s is missing: %s", node, name, text);
    }
    say(report, true, line);
}

void static_problem(const struct static_report *report, struct partition_plan *plan, const struct dt_property *property, const char *name,
                    const char *text)
{
    plan->broken = true;
    static_problem_at(report, plan->node, property, name, text);
}
