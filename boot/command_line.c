/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/command_line.h"
#include "core/console.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "sched/sched.h"

struct boot_options boot_options;

/* An option's value, and what it is called for the message when it makes no sense. */
struct option {
    const char *name;
    bool (*set)(const char *value);     /* false: the value is wrong */
    const char *expects;
};

static bool parse_bool(const char *value, bool *out)
{
    static const char *const yes[] = { "", "1", "yes", "on", "true", "enable" };
    static const char *const no[] = { "0", "no", "off", "false", "disable" };

    for (unsigned i = 0; i < ARRAY_SIZE(yes); i++)
        if (strcmp(value, yes[i]) == 0)
            return *out = true, true;
    for (unsigned i = 0; i < ARRAY_SIZE(no); i++)
        if (strcmp(value, no[i]) == 0)
            return *out = false, true;
    return false;
}

static bool parse_unsigned(const char *value, unsigned *out)
{
    const char *end;
    uint64_t n = string_to_number(value, &end);

    if (end == value || *end || n > UINT32_MAX)
        return false;
    *out = (unsigned)n;
    return true;
}

/* dom0_mem=SIZE or dom0_mem=min:SIZE,max:SIZE,SIZE: the plain size is what dom0 gets, without one the largest of the bounds. A bare number
 * counts KiB. */
static bool set_dom0_mem(const char *value)
{
    uint64_t plain = 0, largest = 0;

    while (*value) {
        bool bound = strncmp(value, "max:", 4) == 0 || strncmp(value, "min:", 4) == 0;
        const char *start = bound ? value + 4 : value, *end;
        uint64_t size = string_to_size(start, &end);

        if (end == start || (*end && *end != ','))
            return false;
        if (end[-1] >= '0' && end[-1] <= '9')
            size <<= 10;
        if (bound)
            largest = MAX(largest, size & PAGE_MASK);
        else
            plain = size & PAGE_MASK;
        value = *end ? end + 1 : end;
    }
    if (plain || largest)
        boot_options.dom0_memory = plain ? plain : largest;
    return plain || largest;
}

static bool set_dom0_max_vcpus(const char *value)
{
    const char *dash = strchr(value, '-');

    return parse_unsigned(dash ? dash + 1 : value, &boot_options.dom0_vcpus) &&
           boot_options.dom0_vcpus >= 1 && boot_options.dom0_vcpus <= MAX_VCPUS;
}

static bool set_max_cpus(const char *value)
{
    return parse_unsigned(value, &boot_options.max_cpus) && boot_options.max_cpus >= 1;
}

static bool set_noreboot(const char *value) { return parse_bool(value, &boot_options.noreboot); }
static bool set_dom0_vcpus_pin(const char *value) { return parse_bool(value, &boot_options.dom0_vcpus_pin); }

static bool set_bootscrub(const char *value)
{
    if (strcmp(value, "idle") == 0)
        return boot_options.scrub_at_boot = false, true;
    return parse_bool(value, &boot_options.scrub_at_boot);
}

/* The words of a list, "a,b,c", each taken as `word` does; false: one of them was not. */
static bool each_word(const char *value, bool (*word)(const char *))
{
    bool good = true;
    char text[32];

    for (;;) {
        const char *comma = strchr(value, ',');
        size_t n = comma ? (size_t)(comma - value) : strlen(value);

        if (n < sizeof(text)) {
            string_copy(text, value, n + 1);
            good &= word(text);
        } else {
            good = false;
        }
        if (!comma)
            return good;
        value = comma + 1;
    }
}

static bool is_one_of(const char *word, const char *const names[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0)
            return true;
    }
    return false;
}

static bool set_iommu_word(const char *word)
{
    static const char *const always_so[] = { "verbose", "debug" };
    bool on;

    if (is_one_of(word, always_so, ARRAY_SIZE(always_so)))
        return true;
    if (!parse_bool(word, &on))
        return false;
    boot_options.no_iommu = !on;
    return true;
}

static bool set_iommu(const char *value)
{
    return each_word(value, set_iommu_word);
}

static bool set_dom0_word(const char *word)
{
    static const char *const always_so[] = { "", "pvh", "verbose" };

    return is_one_of(word, always_so, ARRAY_SIZE(always_so));
}

/* What dom0 is to be; there is one kind. */
static bool set_dom0(const char *value)
{
    return each_word(value, set_dom0_word);
}

static bool set_nosmp(const char *value)
{
    bool alone;

    if (!parse_bool(value, &alone))
        return false;
    boot_options.max_cpus = alone ? 1 : boot_options.max_cpus;
    return true;
}

static bool set_gnttab(const char *value)
{
    return boot_options.unsafe_dma = strcmp(value, "unsafe-dma") == 0;
}

static bool set_sched(const char *value)
{
    if (!*value || !sched_policy_named(value))
        return false;
    string_copy(boot_options.scheduler, value, sizeof(boot_options.scheduler));
    return true;
}

static bool set_ratelimit(const char *value)
{
    unsigned us;

    return parse_unsigned(value, &us) && sched_set_ratelimit_us(us) == 0;
}

/* The serial line that the device tree names, or the first of a PC: there is no other to choose. */
static bool set_console_word(const char *word)
{
    static const char *const names[] = { "dtuart", "com1" };

    return is_one_of(word, names, ARRAY_SIZE(names));
}

static bool set_console(const char *value)
{
    return each_word(value, set_console_word);
}

/* com1=BAUD[,...]: what comes behind the speed (8n1, port, line) is always so. */
static bool set_com1(const char *value)
{
    const char *end;
    uint64_t baud = string_to_number(value, &end);

    boot_options.serial_baud = (unsigned)baud;
    return (*end == 0 || *end == ',') && baud <= 115200 && (baud == 0 || 115200 % baud == 0);
}

/* Options of Xen that ask for what is always so here. */
static bool accept_any(const char *value)
{
    (void)value;
    return true;
}

static const struct option options[] = {
    { "dom0_mem", set_dom0_mem, "a size such as 1024M" },
    { "dom0_max_vcpus", set_dom0_max_vcpus, "1 to 64" },
    { "dom0_vcpus_pin", set_dom0_vcpus_pin, "a boolean" },
    { "maxcpus", set_max_cpus, "a number of CPUs" },
    { "nosmp", set_nosmp, "a boolean" },
    { "noreboot", set_noreboot, "a boolean" },
    { "iommu", set_iommu, "a boolean and verbose" },
    { "gnttab", set_gnttab, "unsafe-dma" },
    { "bootscrub", set_bootscrub, "a boolean or idle" },
    { "sched", set_sched, "credit2, null, rtds or arinc653" },
    { "sched_ratelimit_us", set_ratelimit, "microseconds" },
    { "console", set_console, "dtuart or com1" },
    { "com1", set_com1, "a speed such as 115200" },
    { "loglvl", console_set_level, "none, error, warning, info, debug or all" },
    { "guest_loglvl", console_set_level, "none, error, warning, info, debug or all" },
    { "dtuart", accept_any, "" },
    { "dom0", set_dom0, "pvh" },
    { "sync_console", accept_any, "" },
    { "conswitch", accept_any, "" },
    /* what GRUB's scripts write for every hypervisor */
    { "placeholder", accept_any, "" },
    { "real-mode", accept_any, "" },
    { "edd", accept_any, "" },
};

static void parse_word(const char *word)
{
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    bool negated = strncmp(word, "no-", 3) == 0 && !equals;

    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        const struct option *o = &options[i];
        const char *name = negated ? word + 3 : word;
        size_t name_length = negated ? length - 3 : length;

        if (strlen(o->name) != name_length || strncmp(o->name, name, name_length) != 0)
            continue;
        if (!o->set(equals ? equals + 1 : negated ? "0" : ""))
            log_warning("command line: %s is not understood: %s expects %s", word, o->name, o->expects);
        return;
    }
    log_warning("command line: option %s is not known, ignored", word);
}

void command_line_parse(const char *line)
{
    char word[128];

    string_copy(boot_options.text, line, sizeof(boot_options.text));
    while (*line) {
        size_t n = 0;

        while (*line == ' ')
            line++;
        while (line[n] && line[n] != ' ')
            n++;
        if (n >= sizeof(word))
            log_warning("command line: a word of %u bytes is too long, ignored", (unsigned)n);
        else if (n)
            string_copy(word, line, n + 1), parse_word(word);
        line += n;
    }
    ASSERT(boot_options.dom0_vcpus <= MAX_VCPUS);
}
