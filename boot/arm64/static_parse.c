/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One xen,domain node to one plan: a table of properties, each with a function that reads its value or says what it expects.
 * (docs/misc/arm/device-tree/booting.txt of the reference; docs/static-partitions.md for vinci,*)
 */
#include "boot/arm64/static_plan.h"
#include "boot/arm64/static_pools.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "vdev/arm64/vpl011.h"

#define SHARED_IRQS_MAX 960
#define MEMORY_MAX_KIB (UINT64_C(1019) << 20)   /* all the RAM that a guest's space has room for */
#define WEIGHT_MAX 65535

struct parse {
    const struct boot_info *b;
    const struct static_report *report;
    struct dt_walk walk;
    struct dt_node node;
    struct partition_plan *plan;
};

/* Reads the value into p->plan: NULL, or what it should have been. */
typedef const char *property_reader(struct parse *p, const struct dt_property *v);

static const char *read_u32(const struct dt_property *v, uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t x = dt_cell(v, 0, 0);

    if (v->length != 4)
        return "expects one cell";
    if (x < least || x > most)
        return "is out of range";
    *out = x;
    return NULL;
}

/* One of the words, by its number; NULL at the list's end. */
static const char *read_word(const struct dt_property *v, const char *const words[], uint32_t *out)
{
    for (uint32_t i = 0; words[i]; i++)
        if (v->length == strlen(words[i]) + 1 && dt_has_string(v, words[i]))
            return *out = i, NULL;
    return "is no known word";
}

static const char *ignore(struct parse *p UNUSED, const struct dt_property *v UNUSED)
{
    return NULL;
}

static const char *read_memory(struct parse *p, const struct dt_property *v)
{
    uint64_t kib = dt_cells(v, 0, 2);

    if (v->length != 8)
        return "expects two cells, a 64-bit number of KiB";
    if (kib < 64 || kib > MEMORY_MAX_KIB)
        return "expects 64 KiB to 1019 GiB, counted in KiB";
    p->plan->memory = ROUND_DOWN(kib << 10, PAGE_SIZE);
    return NULL;
}

static const char *read_vpl011(struct parse *p, const struct dt_property *v UNUSED)
{
    p->plan->console = CONSOLE_VPL011;
    return NULL;
}

static const char *read_direct_map(struct parse *p, const struct dt_property *v UNUSED)
{
    p->plan->direct_map = true;
    return NULL;
}

static const char *read_nr_spis(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 0, SHARED_IRQS_MAX, &p->plan->shared_irqs) ? "expects one cell, 0 to 960" : NULL;
}

static const char *read_static_memory(struct parse *p, const struct dt_property *v)
{
    struct partition_plan *plan = p->plan;
    uint64_t base, size;
    unsigned n;

    for (n = 0; boot_static_memory(&p->walk, &p->node, n, &base, &size); n++) {
        if (n == PARTITION_BANKS)
            return "has more than 4 pieces";
        if (size == 0 || base + size < base || (base | size) & ~PAGE_MASK)
            return "expects pieces of whole pages";
        plan->banks[n] = (struct partition_range){ base, size };
    }
    plan->bank_count = n;
    return n && v->length % n == 0 ? NULL : "expects pairs of address and size, in cells as #xen,static-mem-address-cells or /chosen say";
}

static const char *read_enhanced(struct parse *p, const struct dt_property *v)
{
    static const char *const words[] = { "disabled", "no-xenstore", "enabled", NULL };
    uint32_t word = ENHANCED_FULL;

    if (v->length && read_word(v, words, &word))
        return "expects \"enabled\", \"no-xenstore\", \"disabled\" or nothing";
    p->plan->enhanced = (enum partition_enhanced)word;
    return NULL;
}

static const char *read_grant_version(struct parse *p UNUSED, const struct dt_property *v)
{
    uint32_t version;

    return read_u32(v, 1, 1, &version) ? "expects one cell, 1: there are no grants of version 2" : NULL;
}

static const char *read_grant_frames(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, 4096, &p->plan->max_grant_frames) ? "expects one cell, 1 to 4096" : NULL;
}

static const char *read_maptrack_frames(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, 1 << 20, &p->plan->max_maptrack_frames) ? "expects one cell, 1 to 1048576" : NULL;
}

static const char *read_cpupool(struct parse *p, const struct dt_property *v)
{
    uint32_t phandle = 0;

    if (read_u32(v, 1, UINT32_MAX - 1, &phandle))
        return "expects the phandle of a xen,cpupool node";
    return static_pool_number(p->b, phandle, &p->plan->cpupool) ? NULL : "is the phandle of no xen,cpupool node";
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static const char *read_name(struct parse *p, const struct dt_property *v)
{
    uint32_t length = v->length - 1;

    if (v->length < 2 || v->length > PARTITION_NAME_SIZE || v->value[length])
        return "expects a text of 1 to 31 characters";
    for (uint32_t i = 0; i < length; i++)
        if (!is_name_character((char)v->value[i]))
            return "expects letters, digits, '-', '_' and '.' only";
    memcpy(p->plan->name, v->value, v->length);
    return NULL;
}

static const char *read_priority(struct parse *p, const struct dt_property *v)
{
    uint32_t x;

    if (read_u32(v, 0, UINT32_MAX, &x))
        return "expects one cell";
    p->plan->priority = (int32_t)x;
    return NULL;
}

static const char *read_action(const struct dt_property *v, enum partition_action *out)
{
    static const char *const words[] = { "restart", "stop", "restart-board", NULL };
    uint32_t word;

    if (read_word(v, words, &word))
        return "expects \"restart\", \"stop\" or \"restart-board\"";
    *out = (enum partition_action)word;
    return NULL;
}

static const char *read_on_crash(struct parse *p, const struct dt_property *v)
{
    return read_action(v, &p->plan->policy.on_crash);
}

static const char *read_on_watchdog(struct parse *p, const struct dt_property *v)
{
    return read_action(v, &p->plan->policy.on_watchdog);
}

static const char *read_restart_limit(struct parse *p, const struct dt_property *v)
{
    uint32_t seconds = dt_cell(v, 1, 0);

    if (v->length != 8 || seconds < 1 || seconds > 86400)
        return "expects two cells, a number of restarts and 1 to 86400 seconds";
    p->plan->policy.restart_limit = dt_cell(v, 0, 0);
    p->plan->policy.restart_window = seconds;
    return NULL;
}

static const char *read_watchdog(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, 86400, &p->plan->policy.watchdog) ? "expects one cell, 1 to 86400 seconds" : NULL;
}

static const char *read_event_rate(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, UINT32_MAX, &p->plan->limits.events) ? "expects one cell, at least 1 a second" : NULL;
}

static const char *read_hypercall_share(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, 100, &p->plan->limits.hypercall_percent) ? "expects one cell, 1 to 100 percent" : NULL;
}

static const char *read_console_rate(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, UINT32_MAX, &p->plan->limits.console_lines) ? "expects one cell, at least 1 line a second" : NULL;
}

static const char *read_interrupt_rate(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, UINT32_MAX, &p->plan->limits.interrupts) ? "expects one cell, at least 1 a second" : NULL;
}

static const char *read_weight(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 1, WEIGHT_MAX, &p->plan->weight) ? "expects one cell, 1 to 65535" : NULL;
}

static const char *read_cap(struct parse *p, const struct dt_property *v)
{
    return read_u32(v, 0, SCHED_MAX_CAP, &p->plan->cap) ? "expects one cell, percent of one CPU" : NULL;
}

/* "0-1,3" or "all" */
static bool read_cpu_list(const char *text, cpu_set *out)
{
    *out = (cpu_set){ { 0 } };
    if (strcmp(text, "all") == 0)
        return *out = cpu_set_all(), true;
    do {
        const char *end;
        uint64_t first = string_to_number(text, &end), last = first;

        if (end == text)
            return false;
        text = end;
        if (*text == '-') {
            last = string_to_number(++text, &end);
            if (end == text)
                return false;
            text = end;
        }
        if (first > last || last >= MAX_CPUS)
            return false;
        for (; first <= last; first++)
            bitmap_set(out->bits, (unsigned)first);
    } while (*text == ',' && *text++);
    return !*text;
}

/* One text for each vCPU, or one for all. */
static const char *read_pin(struct parse *p, const struct dt_property *v)
{
    static const char *const expects = "expects lists of CPUs such as \"0-1,3\", one for each vCPU or one for all";
    struct partition_plan *plan = p->plan;
    unsigned n = 0;

    if (v->length == 0 || v->value[v->length - 1])
        return expects;
    for (uint32_t at = 0; at < v->length; n++) {
        const char *text = (const char *)v->value + at;

        if (n == plan->vcpu_count || !read_cpu_list(text, &plan->vcpus[n].pin))
            return expects;
        at += (uint32_t)strlen(text) + 1;
    }
    for (unsigned i = 1; n == 1 && i < plan->vcpu_count; i++)
        plan->vcpus[i].pin = plan->vcpus[0].pin;
    return n == 1 || n == plan->vcpu_count ? NULL : expects;
}

/* Triples of period, budget and extratime: one for each vCPU, or one for all. */
static const char *read_rtds(struct parse *p, const struct dt_property *v)
{
    struct partition_plan *plan = p->plan;
    unsigned n = v->length / 12;

    if (v->length % 12 || (n != 1 && n != plan->vcpu_count))
        return "expects <period budget extratime> in microseconds, once for each vCPU or once for all";
    for (unsigned i = 0; i < plan->vcpu_count; i++) {
        unsigned k = n == 1 ? 0 : 3 * i;
        struct partition_vcpu *c = &plan->vcpus[i];

        c->period_us = dt_cell(v, k, 0);
        c->budget_us = dt_cell(v, k + 1, 0);
        c->extratime = dt_cell(v, k + 2, 0);
        if (c->budget_us == 0 || c->budget_us > c->period_us || dt_cell(v, k + 2, 0) > 1)
            return "expects 0 < budget <= period, and extratime 0 or 1";
    }
    return NULL;
}

static const struct {
    const char *name;
    property_reader *read;
} properties[] = {
    { "compatible", ignore }, { "#address-cells", ignore }, { "#size-cells", ignore }, { "phandle", ignore },
    { "linux,phandle", ignore }, { "ranges", ignore }, { "reg", ignore },
    { "#xen,static-mem-address-cells", ignore }, { "#xen,static-mem-size-cells", ignore },
    { "cpus", ignore },     /* read before the others: see read_node */
    { "memory", read_memory }, { "vpl011", read_vpl011 }, { "nr_spis", read_nr_spis }, { "direct-map", read_direct_map },
    { "xen,static-mem", read_static_memory }, { "xen,enhanced", read_enhanced },
    { "max_grant_version", read_grant_version }, { "max_grant_frames", read_grant_frames },
    { "max_maptrack_frames", read_maptrack_frames }, { "domain-cpupool", read_cpupool },
    { "vinci,name", read_name }, { "vinci,priority", read_priority }, { "vinci,on-crash", read_on_crash },
    { "vinci,on-watchdog", read_on_watchdog }, { "vinci,restart-limit", read_restart_limit },
    { "vinci,watchdog", read_watchdog }, { "vinci,event-rate", read_event_rate },
    { "vinci,hypercall-share", read_hypercall_share }, { "vinci,console-rate", read_console_rate },
    { "vinci,interrupt-rate", read_interrupt_rate },
    { "vinci,weight", read_weight }, { "vinci,cap", read_cap }, { "vinci,pin", read_pin }, { "vinci,rtds", read_rtds },
};

/* How unlike two names are: characters that differ at the same place from either end, and the difference in length. */
static unsigned unlikeness(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), shorter = MIN(na, nb), head = 0, tail = 0;

    while (head < shorter && a[head] == b[head])
        head++;
    while (tail < shorter - head && a[na - 1 - tail] == b[nb - 1 - tail])
        tail++;
    return (unsigned)(MAX(na, nb) - head - tail);
}

static void unknown_property(struct parse *p, const struct dt_property *v)
{
    const char *best = NULL;
    unsigned least = 4;

    for (unsigned i = 0; i < ARRAY_SIZE(properties); i++)
        if (unlikeness(v->name, properties[i].name) < least) {
            least = unlikeness(v->name, properties[i].name);
            best = properties[i].name;
        }
    if (best)
        static_say(p->report, p->plan, false, "property %.48s is not known, ignored: did you mean %s?", v->name, best);
    else
        static_say(p->report, p->plan, false, "property %.48s is not known, ignored", v->name);
}

static void read_property(struct parse *p, const struct dt_property *v)
{
    const char *problem;

    for (unsigned i = 0; i < ARRAY_SIZE(properties); i++) {
        if (strcmp(v->name, properties[i].name) != 0)
            continue;
        problem = properties[i].read(p, v);
        if (problem)
            static_problem(p->report, p->plan, v, v->name, problem);
        return;
    }
    unknown_property(p, v);
}

/* The number of vCPUs; 0 when it makes no sense. */
static uint32_t vcpus_of(const struct devicetree *t, const struct dt_node *n)
{
    struct dt_property v;
    uint32_t count;

    return dt_property(t, n, "cpus", &v) && !read_u32(&v, 1, MAX_VCPUS, &count) ? count : 0;
}

static void take_vcpus(struct parse *p, struct partition_vcpu *vcpus)
{
    struct partition_plan *plan = p->plan;
    struct dt_property v;
    bool given = dt_property(&p->b->tree, &p->node, "cpus", &v);

    plan->vcpu_count = vcpus_of(&p->b->tree, &p->node);
    if (plan->vcpu_count == 0)
        static_problem(p->report, plan, given ? &v : NULL, "cpus", "expects one cell, 1 to 64");
    plan->vcpus = vcpus;
    for (unsigned i = 0; i < plan->vcpu_count; i++)
        plan->vcpus[i].pin = cpu_set_all();
}

/* Where everybody expects it; where guest addresses are the board's, in place of the board's own, which no partition gets. */
static void choose_uart(const struct boot_info *b, struct partition_plan *plan)
{
    bool is_boards = plan->direct_map && b->uart && b->uart_irq;

    plan->uart = is_boards ? b->uart : VPL011_BASE.v;
    plan->uart_irq = is_boards ? b->uart_irq : VPL011_IRQ;
}

static void read_node(struct parse *p, struct partition_vcpu *vcpus)
{
    struct partition_plan *plan = p->plan;
    bool has_on_watchdog;
    uint32_t offset = p->node.properties;
    struct dt_property v;

    plan->node = p->node.name;
    plan->policy = (struct partition_policy){ .restart_limit = 5, .restart_window = 60 };
    string_copy(plan->name, p->node.name, sizeof(plan->name));
    take_vcpus(p, vcpus);
    while (dt_next(&p->b->tree, &offset, &v) == DT_PROPERTY)
        read_property(p, &v);
    choose_uart(p->b, plan);
    has_on_watchdog = dt_property(&p->b->tree, &p->node, "vinci,on-watchdog", &v);
    if (!has_on_watchdog)
        plan->policy.on_watchdog = plan->policy.on_crash;
    if (plan->memory == 0 && !dt_property(&p->b->tree, &p->node, "memory", &v))
        static_problem(p->report, plan, NULL, "memory", "expects two cells, a 64-bit number of KiB");
}

/* Where a module of these kinds goes. */
static struct partition_module *module_of(struct partition_plan *plan, uint32_t kinds)
{
    if (kinds & BIT(NODE_KERNEL))
        return &plan->kernel;
    if (kinds & BIT(NODE_RAMDISK))
        return &plan->ramdisk;
    return kinds & BIT(NODE_TREE) ? &plan->tree : NULL;
}

/* Something is wrong with a property of the module's node. */
static void module_problem(struct parse *p, const char *property, const char *text)
{
    struct dt_property v;
    bool given = dt_property(&p->b->tree, &p->node, property, &v);
    char name[48];

    format_string(name, sizeof(name), "%.30s/%s", p->node.name, property);
    static_problem(p->report, p->plan, given ? &v : NULL, name, text);
}

static void read_module(struct parse *p)
{
    uint32_t kinds = boot_node_kinds(&p->node);
    struct partition_module *m = module_of(p->plan, kinds);
    uint64_t base = 0, size = 0;
    struct dt_property v;

    if (!(kinds & BIT(NODE_MODULE)))
        return;
    if (!m)
        return module_problem(p, "compatible", "expects one of multiboot,kernel, multiboot,ramdisk, multiboot,device-tree");
    if (m->size)
        return module_problem(p, "compatible", "there is a module of this kind already");
    if (!dt_reg_untranslated(&p->walk, &p->node, 0, &base, &size) || size == 0 || size > PARTITION_MODULE_MAX)
        return module_problem(p, "reg", "expects an address and a size of 1 byte to 4 GiB, in the cells that the domain's node says");
    *m = (struct partition_module){ base, size };
    if (m != &p->plan->kernel)
        return;
    p->plan->command_line = dt_string(&p->b->tree, &p->node, "bootargs");
    if (!p->plan->command_line && dt_property(&p->b->tree, &p->node, "bootargs", &v))
        module_problem(p, "bootargs", "expects a text");
}

/* -- which nodes, in which order -- */

unsigned static_count(const struct boot_info *b)
{
    return MIN(b->partition_nodes, (unsigned)MAX_PARTITIONS);
}

/* Does node i start before node k? */
static bool is_before(const struct boot_info *b, unsigned i, unsigned k)
{
    int32_t pi = b->partitions[i].priority, pk = b->partitions[k].priority;

    return pi > pk || (pi == pk && i < k);
}

unsigned static_next(const struct boot_info *b, unsigned after)
{
    unsigned next = STATIC_NONE;

    for (unsigned i = 0; i < static_count(b); i++)
        if ((after == STATIC_NONE || is_before(b, after, i)) && (next == STATIC_NONE || is_before(b, i, next)))
            next = i;
    return next;
}

/* The walk then stands at the node. */
static void go_to(const struct boot_info *b, unsigned node, struct dt_walk *w, struct dt_node *n)
{
    bool found;

    ASSERT(node < static_count(b));
    *w = b->chosen;
    dt_walk_to(w, 2, b->partitions[node].place);
    found = dt_walk_next(w, n);
    ASSERT(found && n->depth == 2);
}

uint32_t static_vcpus(const struct boot_info *b, unsigned node)
{
    struct dt_walk w;
    struct dt_node n;

    go_to(b, node, &w, &n);
    return vcpus_of(&b->tree, &n);
}

void static_parse(const struct boot_info *b, unsigned node, struct partition_plan *plan, struct partition_vcpu *vcpus,
                  const struct static_report *report)
{
    struct parse p = { .b = b, .plan = plan, .report = report };

    go_to(b, node, &p.walk, &p.node);
    read_node(&p, vcpus);
    while (dt_walk_next(&p.walk, &p.node) && p.node.depth > 2)
        if (p.node.depth == 3) {
            read_module(&p);
            static_read_links(&p.walk, &p.node, plan, report);
        }
    if (plan->kernel.size == 0 && !plan->broken)
        static_say(report, plan, true, "no kernel: a child node with compatible \"multiboot,kernel\", \"multiboot,module\" is missing");
}

void static_check_count(const struct boot_info *b, const struct static_report *report)
{
    if (b->partition_nodes > MAX_PARTITIONS && report->line)
        report->line(report->context, true, "/chosen: more than 128 xen,domain nodes, the ones after these are ignored");
}
