/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vinci-check BOARD.dtb: is the configuration of the static domains in this tree right? The hypervisor's own parser reads it (boot/arm64/static_*.c),
 * so that what is said here is what the board would say; what needs more than one look at the tree is added here.
 */
#include <errno.h>
#include <getopt.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "boot/arm64/static_plan.h"
#include "tools/vinci_check/vinci_check.h"

#define MAX_FILES 256
#define IMAGE_MAGIC_AT 56
#define IMAGE_MAGIC "ARM\x64"

struct file {
    uint64_t base;
    const char *path;
    uint8_t *bytes;
    size_t size;
};

static struct file modules[MAX_FILES];
static unsigned module_count;
static bool quiet;
static unsigned errors, warnings;

/* -- output -- */

static void report_line(void *context, bool broken, const char *text)
{
    (void)context;
    *(broken ? &errors : &warnings) += 1;
    printf("%s: %s\n", broken ? "error" : "warning", text);
}

static const struct static_report report = { .line = report_line };

void check_say(bool broken, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    report_line(NULL, broken, line);
}

void panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "vinci-check: this is a bug of the checker: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[512];
    va_list args;

    if (level > LOG_WARNING)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    report_line(NULL, level == LOG_ERROR, line);
}

static void NORETURN usage_error(const char *format, const char *value)
{
    fprintf(stderr, "vinci-check: ");
    fprintf(stderr, format, value);
    fprintf(stderr, "\nTry 'vinci-check --help'.\n");
    exit(2);
}

static void NORETURN help(void)
{
    puts("Usage: vinci-check [--module ADDRESS=FILE]... BOARD.dtb\n"
         "\n"
         "Says what is wrong with the static domains (/chosen, compatible \"xen,domain\") that a device tree describes, before it is\n"
         "on a board: properties that are missing, misspelt or have a wrong value, memory that overlaps or does not exist, interrupts\n"
         "and devices given twice, devices without an IOMMU. BOARD.dtb is the tree as the loader hands it over; for trees that a\n"
         "U-Boot script completes, take the completed one (fdt print, or the loader's own save command).\n"
         "\n"
         "  --module ADDRESS=FILE  the file that the loader puts at ADDRESS: kernels are looked at, and partial device trees are\n"
         "                         needed to check devices; may be given many times\n"
         "  --quiet                only errors and warnings, no list of what is configured\n"
         "  --help                 this\n"
         "\n"
         "Exit status: 0 all is well (there may be warnings), 1 there are errors, 2 the command line or the tree cannot be read.\n"
         "What the properties mean: docs/static-partitions.md");
    exit(0);
}

/* -- files -- */

/* The whole file; room for nothing more. */
static struct file read_file(const char *path)
{
    struct file f = { .path = path };
    FILE *in = fopen(path, "rb");
    size_t room = 0, n;

    if (!in) {
        fprintf(stderr, "vinci-check: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    do {
        room = room ? 2 * room : 1 << 16;
        f.bytes = realloc(f.bytes, room);
        PANIC_IF(!f.bytes, "no memory for %s", path);
        n = fread(f.bytes + f.size, 1, room - f.size, in);
        f.size += n;
    } while (f.size == room);
    if (ferror(in))
        usage_error("%s cannot be read", path);
    fclose(in);
    return f;
}

static void add_module(char *text)
{
    char *end, *equals = strchr(text, '=');
    uint64_t base = strtoull(text, &end, 0);

    if (!equals || end != equals || end == text || !equals[1])
        usage_error("--module %s: expects ADDRESS=FILE, such as 0x48000000=Image", text);
    if (module_count == MAX_FILES)
        usage_error("--module %s: more than 256 files", text);
    modules[module_count] = read_file(equals + 1);
    modules[module_count++].base = base;
}

static const struct file *module_at(uint64_t base)
{
    for (unsigned i = 0; i < module_count; i++)
        if (modules[i].base == base)
            return &modules[i];
    return NULL;
}

/* -- one plan -- */

static void check_module(const struct partition_plan *plan, const char *what, const struct partition_module *m)
{
    const struct file *f = module_at(m->base);

    if (m->size && f && f->size > m->size)
        check_say(true, "/chosen/%s: the %s at 0x%llx has %zu bytes (%s), but its node's reg says %llu: the end would be cut off",
                  plan->node, what, (unsigned long long)m->base, f->size, f->path, (unsigned long long)m->size);
}

static void check_kernel(const struct partition_plan *plan)
{
    const struct file *f = module_at(plan->kernel.base);

    check_module(plan, "kernel", &plan->kernel);
    if (!f || !plan->kernel.size)
        return;
    if (f->size > 2 && f->bytes[0] == 0x1f && f->bytes[1] == 0x8b)
        check_say(true, "/chosen/%s: the kernel %s is compressed (gzip): unpack it first, for instance with zcat", plan->node, f->path);
    else if (f->size < 64 || memcmp(f->bytes + IMAGE_MAGIC_AT, IMAGE_MAGIC, 4) != 0)
        check_say(true, "/chosen/%s: the kernel %s is no arm64 Image (no \"ARM\\x64\" at byte 56)", plan->node, f->path);
    else if (f->size > plan->memory)
        check_say(true, "/chosen/%s: the kernel %s has %zu bytes, the domain only %llu", plan->node, f->path, f->size,
                  (unsigned long long)plan->memory);
}

static void read_devices(const struct boot_info *b, struct partition_plan *plan)
{
    const struct file *f = plan->tree.size ? module_at(plan->tree.base) : NULL;
    const char *why = NULL;

    if (!plan->tree.size)
        return;
    if (!f) {
        check_say(false, "/chosen/%s: its devices are not checked: say which file is at 0x%llx (--module 0x%llx=FILE.dtb)", plan->node,
                  (unsigned long long)plan->tree.base, (unsigned long long)plan->tree.base);
        return;
    }
    if (dt_open(&plan->partial, f->bytes, (uint32_t)MIN(f->size, (size_t)UINT32_MAX), &why) != 0) {
        static_say(&report, plan, true, "the partial device tree %s: %s", f->path, why);
        return;
    }
    static_parse_devices(b, plan, &report);
}

static void list_plan(const struct partition_plan *plan)
{
    static const char *const actions[] = { "restarts", "stops", "restarts the board" };

    printf("%-7s %-20s %6llu MiB%s, %u vCPU%s, priority %d, %u device%s, %s after a crash\n", plan->broken ? "broken" : "ok", plan->name,
           (unsigned long long)(plan->memory >> 20), plan->bank_count ? " at fixed places" : "", plan->vcpu_count,
           plan->vcpu_count == 1 ? "" : "s", plan->priority, plan->device_count, plan->device_count == 1 ? "" : "s",
           actions[plan->policy.restart_limit ? plan->policy.on_crash : PARTITION_STOP]);
}

static struct partition_plan *read_plan(const struct boot_info *b, unsigned node)
{
    struct partition_plan *plan = calloc(1, sizeof(*plan));
    struct partition_vcpu *vcpus = calloc(static_vcpus(b, node) + 1, sizeof(*vcpus));

    PANIC_IF(!plan || !vcpus, "no memory");
    static_parse(b, node, plan, vcpus, &report);
    read_devices(b, plan);
    check_kernel(plan);
    check_module(plan, "ramdisk", &plan->ramdisk);
    return plan;
}

static void check_all(struct boot_info *b)
{
    static const struct range_list nothing;
    struct partition_plan *plans[MAX_PARTITIONS];
    unsigned count = 0;

    for (unsigned node = static_next(b, STATIC_NONE); node != STATIC_NONE; node = static_next(b, node)) {
        plans[count] = read_plan(b, node);
        static_check(b, plans, count, &nothing, 0, &report);
        check_iommus(b, plans[count]);
        check_pins(b, plans[count++]);
    }
    static_check_count(b, &report);
    check_spelling(b);
    check_memory(b, plans, count);
    for (unsigned i = 0; i < count && !quiet; i++)
        list_plan(plans[i]);
    if (count == 0)
        check_say(module_find(&b->modules, MODULE_KERNEL) == NULL, "/chosen: no node with compatible \"xen,domain\"%s",
                  module_find(&b->modules, MODULE_KERNEL) ? ": dom0 is alone" : " and no dom0 (compatible \"multiboot,kernel\"): nothing would run");
    while (count--) {
        free(plans[count]->vcpus);
        free(plans[count]);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "module", required_argument, NULL, 'm' }, { "quiet", no_argument, NULL, 'q' }, { "help", no_argument, NULL, 'h' }, { 0 },
    };
    static struct boot_info b;
    struct devicetree tree;
    const char *why = NULL;
    static struct file f;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'm')
            add_module(optarg);
        else if (c == 'q')
            quiet = true;
        else if (c == 'h')
            help();
        else
            exit(2);
    }
    if (optind + 1 != argc)
        usage_error("expects one device tree%s", optind == argc ? ", BOARD.dtb" : "");
    f = read_file(argv[optind]);
    if (dt_open(&tree, f.bytes, (uint32_t)MIN(f.size, (size_t)UINT32_MAX), &why) != 0 || fdt_check_full(f.bytes, f.size) != 0) {
        fprintf(stderr, "vinci-check: %s: %s\n", f.path, why ? why : "the tree is damaged");
        return 2;
    }
    if (boot_info_scan(&b, &tree, NULL, &why) != 0)
        check_say(true, "%s", why);
    else
        check_all(&b);
    printf("%u error%s, %u warning%s\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    return errors != 0;
}
