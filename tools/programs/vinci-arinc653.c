/* SPDX-License-Identifier: Apache-2.0 */
/* The major frames of CPU pools under arinc653, from dom0: see `usage`. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xenstore.h>

#define MAX_WINDOWS (sizeof(((struct xen_sysctl_arinc653_schedule *)0)->sched_entries) / \
                     sizeof(((struct xen_sysctl_arinc653_schedule *)0)->sched_entries[0]))
#define MIN_WINDOW_US 10
#define MAX_US UINT32_C(3600000000)
#define HANDLE_BYTES sizeof(xen_domain_handle_t)

static const char usage[] =
    "usage: vinci-arinc653                                  shows the pools under arinc653\n"
    "       vinci-arinc653 POOL                             shows the major frame of one\n"
    "       vinci-arinc653 POOL FRAME UUID:VCPU:US ...      sets it; it takes effect at once\n"
    "\n"
    "POOL is the name of a CPU pool (xl cpupool-list) or its number. FRAME is the major frame's length in microseconds, 0 for the sum\n"
    "of the windows. A window is a domain's UUID (xl vm-list), a vCPU and microseconds, 10 or more; with - as UUID nobody runs in it.\n"
    "There are 64 windows at most. They follow each other from the frame's start; in what is left of the frame nobody runs.\n"
    "\n"
    "example: vinci-arinc653 flight 10000 6b9b8a2e-0c5f-4ee1-a3c3-1f4f9c2d7a10:0:4000 -:0:1000\n";

static int fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("vinci-arinc653: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

/* A number up to `most` that ends the text; false: it is none. */
static bool read_number(const char *text, uint32_t most, uint32_t *number)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    *number = (uint32_t)value;
    return *text >= '0' && *text <= '9' && !*end && !errno && value <= most;
}

/* 32 hexadecimal digits, hyphens anywhere between them; "-": a handle that nobody has. */
static bool read_handle(const char *text, xen_domain_handle_t handle)
{
    unsigned digits = 0;

    memset(handle, strcmp(text, "-") == 0 ? 0xff : 0, HANDLE_BYTES);
    if (strcmp(text, "-") == 0)
        return true;
    for (; *text; text++) {
        static const char all[] = "0123456789abcdef";
        const char *digit = strchr(all, *text | 0x20);

        if (*text == '-')
            continue;
        if (!digit || digits == 2 * HANDLE_BYTES)
            return false;
        handle[digits / 2] |= (uint8_t)((digit - all) << (digits % 2 ? 0 : 4));
        digits++;
    }
    return digits == 2 * HANDLE_BYTES;
}

/* UUID:VCPU:US, which is changed. What is wrong with it, or NULL. */
static const char *read_window(char *text, struct xen_sysctl_arinc653_schedule *s)
{
    char *vcpu = strchr(text, ':'), *us = vcpu ? strchr(vcpu + 1, ':') : NULL;
    unsigned i = s->num_sched_entries;
    uint32_t number, length;

    if (!us)
        return "a window is UUID:VCPU:US";
    if (i == MAX_WINDOWS)
        return "there are 64 windows at most";
    *vcpu++ = *us++ = 0;
    if (!read_handle(text, s->sched_entries[i].dom_handle))
        return "a UUID has 32 hexadecimal digits (xl vm-list shows it); - is nobody";
    if (!read_number(vcpu, UINT32_MAX, &number))
        return "a vCPU is a number from 0 on";
    if (!read_number(us, MAX_US, &length) || length < MIN_WINDOW_US)
        return "a window is 10 to 3600000000 microseconds long";
    s->sched_entries[i].vcpu_id = number;
    s->sched_entries[i].runtime = UINT64_C(1000) * length;
    s->num_sched_entries++;
    return NULL;
}

static void show(const struct xen_sysctl_arinc653_schedule *s)
{
    if (s->num_sched_entries == 0) {
        printf("no frame: what is ready takes turns\n");
        return;
    }
    printf("major frame %" PRIu64 " us\n", s->major_frame / 1000);
    for (unsigned i = 0; i < s->num_sched_entries; i++) {
        const uint8_t *h = s->sched_entries[i].dom_handle;

        for (unsigned k = 0; k < HANDLE_BYTES; k++)
            printf("%s%02x", k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "", h[k]);
        printf(" vCPU %" PRIu32 ": %" PRIu64 " us\n", s->sched_entries[i].vcpu_id, s->sched_entries[i].runtime / 1000);
    }
}

static int get(xc_interface *xch, uint32_t pool)
{
    struct xen_sysctl_arinc653_schedule s = { 0 };

    if (xc_sched_arinc653_schedule_get(xch, pool, &s))
        return fail("pool %" PRIu32 ": %s", pool, strerror(errno));
    show(&s);
    return 0;
}

static int set(xc_interface *xch, uint32_t pool, int count, char **args)
{
    struct xen_sysctl_arinc653_schedule s = { 0 };
    uint64_t sum = 0;
    uint32_t frame;

    if (!read_number(args[0], MAX_US, &frame))
        return fail("%s: the major frame is 0 to 3600000000 microseconds long", args[0]);
    for (int i = 1; i < count; i++) {
        const char *wrong = read_window(args[i], &s);

        if (wrong)
            return fail("window %d: %s", i, wrong);
        sum += s.sched_entries[i - 1].runtime;
    }
    s.major_frame = frame ? UINT64_C(1000) * frame : sum;
    if (sum > s.major_frame)
        return fail("the windows are %" PRIu64 " us long together, the major frame %" PRIu32, sum / 1000, frame);
    if (xc_sched_arinc653_schedule_set(xch, pool, &s))
        return fail("the frame of pool %" PRIu32 " is refused: %s", pool, strerror(errno));
    return 0;
}

static char *name_of(struct xs_handle *xs, uint32_t pool)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/pool/%" PRIu32 "/name", pool);
    return xs ? xs_read(xs, XBT_NULL, path, NULL) : NULL;
}

/* The pools, by number: each under arinc653 with its frame when `wanted` is NULL, else the one of that name or number. */
static int for_pools(xc_interface *xch, struct xs_handle *xs, const char *wanted, int count, char **args)
{
    xc_cpupoolinfo_t *info;
    uint32_t number = 0, from = 0;
    bool by_number = wanted && read_number(wanted, UINT32_MAX, &number);

    for (; (info = xc_cpupool_getinfo(xch, from)); xc_cpupool_infofree(xch, info)) {
        bool timed = info->sched_id == XEN_SCHEDULER_ARINC653;
        uint32_t pool = info->cpupool_id;
        char *name = name_of(xs, pool);
        bool is_it = wanted && (by_number ? pool == number : name && strcmp(name, wanted) == 0);

        from = pool + 1;
        if (!wanted && timed) {
            printf("%s (pool %" PRIu32 "): ", name ? name : "unnamed", pool);
            (void)get(xch, pool);
        }
        free(name);
        if (!is_it)
            continue;
        xc_cpupool_infofree(xch, info);
        if (!timed)
            return fail("pool %s does not run under arinc653: make one with sched=\"arinc653\" (xl cpupool-create)", wanted);
        return count ? set(xch, pool, count, args) : get(xch, pool);
    }
    return wanted ? fail("there is no pool %s", wanted) : 0;
}

int main(int argc, char **argv)
{
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    struct xs_handle *xs;
    xc_interface *xch;
    int status;

    if (help || argc == 3 || (argc > 1 && argv[1][0] == '-')) {
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    xch = xc_interface_open(NULL, NULL, 0);
    if (!xch)
        return fail("no access to the hypervisor: is this dom0, and are you root?");
    xs = xs_open(XS_OPEN_READONLY);
    status = for_pools(xch, xs, argv[1], argc > 3 ? argc - 2 : 0, argv + 2);
    if (xs)
        xs_close(xs);
    xc_interface_close(xch);
    return status;
}
