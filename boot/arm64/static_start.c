/* SPDX-License-Identifier: Apache-2.0 */
/* Static domains: read, checked, built, started. */
#include "boot/arm64/static_start.h"
#include "arch/include/boot.h"
#include "arch/include/arm64_vgic_hw.h"
#include "boot/memory.h"
#include "boot/arm64/static_plan.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/heap.h"

#define PARTIAL_TREE_MAX (UINT32_C(1) << 20)
#define DT_HEADER_SIZE 40
#define SPI_FIRST 32

static const struct boot_info *board;
static const struct range_list *taken;          /* memory that is no domain's */
static struct partition_plan *plans[MAX_PARTITIONS];    /* those read so far, in the order of start */
static unsigned plan_count, last_node = STATIC_NONE, started;
static bool all_read;

static void log_report(void *context UNUSED, bool broken, const char *text)
{
    if (broken)
        log_error("%s; it is not started", text);
    else
        log_warning("%s", text);
}

static const struct static_report report = { .line = log_report };

/* The partial tree is copied: a restart needs it again, and its module's pages are mapped at boot only. */
static void read_partial(struct partition_plan *plan)
{
    const struct partition_module *m = &plan->tree;
    const char *why = "it is too short, too large or none";
    uint64_t mapped = MIN(m->size, PARTIAL_TREE_MAX);
    const void *module = boot_map(HPA(m->base), mapped);
    uint32_t size = module && mapped >= DT_HEADER_SIZE ? dt_needed_size(module) : 0;
    void *copy = size && size <= mapped ? heap_alloc(size) : NULL;

    if (copy)
        memcpy(copy, module, size);
    if (module)
        boot_unmap((void *)(uintptr_t)module, mapped);
    if (copy && dt_open(&plan->partial, copy, size, &why) == 0) {
        static_parse_devices(board, plan, &report);
        return;
    }
    plan->partial.blob = NULL;
    heap_free(copy, size);
    static_say(&report, plan, true, "device tree at 0x%llx: %s", (unsigned long long)m->base, why);
}

static void log_dom0(void *context UNUSED, bool broken, const char *text)
{
    log_error("%s%s", text, broken ? "; dom0 shares nothing" : "");
}

static void read_dom0(void)
{
    static const struct static_report dom0_report = { .line = log_dom0 };
    struct partition_plan *const dom0 = &partition_dom0;

    static_parse_dom0(board, dom0, &dom0_report);
    static_check_links(board, &dom0, 0, &dom0_report);
    if (dom0->broken)
        dom0->share_count = dom0->channel_count = 0;
}

static struct partition_plan *new_plan(unsigned node)
{
    uint32_t vcpu_count = static_vcpus(board, node);
    size_t size = MAX(vcpu_count, 1u) * sizeof(struct partition_vcpu);
    struct partition_plan *plan = heap_new(struct partition_plan);
    struct partition_vcpu *vcpus = plan ? heap_alloc(size) : NULL;

    if (vcpus)
        static_parse(board, node, plan, vcpus, &report);
    else if (plan)
        heap_free(plan, sizeof(*plan));
    return vcpus ? plan : NULL;
}

/* Is there memory for it? What is wrong with it is said, and hurts only itself. */
static bool read_node(unsigned node)
{
    struct partition_plan *plan = new_plan(node);

    if (!plan)
        return false;
    plans[plan_count] = plan;
    /* What is not memory is not looked at; the check says so. */
    if (!plan->broken && plan->tree.size && range_contains(&board->memory, plan->tree.base, plan->tree.size))
        read_partial(plan);
    static_check(board, plans, plan_count++, taken, SPI_FIRST + arch_irq_spi_count(), &report);
    return plan->broken || partition_add(plan);
}

/* The next in the order of start. False: there is no more. */
static bool read_next(void)
{
    unsigned node = all_read ? STATIC_NONE : static_next(board, last_node);

    if (node != STATIC_NONE && read_node(node)) {
        last_node = node;
        return true;
    }
    if (node != STATIC_NONE)
        log_error("no memory for the plans of static domains: %u of %u are read", plan_count, static_count(board));
    all_read = true;
    return false;
}

int static_read_next(void)
{
    if (read_next())
        return -E_RESTART;
    static_check_count(board, &report);
    read_dom0();
    return 0;
}

static int start(struct partition *p)
{
    started++;
    log_info("partition %s: d%u, %u vCPU%s, %llu KiB of memory, started", p->plan->name, p->domain->id.v, p->plan->vcpu_count,
             p->plan->vcpu_count == 1 ? "" : "s", (unsigned long long)(p->plan->memory >> 10));
    return partition_start(p);
}

/* A piece of one: -E_RESTART while there is more. */
static int build(struct partition *p)
{
    int error;

    if (!p->created) {
        error = partition_create(p);
        return error ? error : -E_RESTART;
    }
    ASSERT(p->state == PARTITION_BUILDING);
    error = partition_load(p, false);
    if (error == -E_RESTART)
        return error;
    if (!error)
        return start(p);
    partition_give_up(p);
    return error;
}

/* Is there a CPU for each of its vCPUs while CPU 0 is the only one? */
static bool needs_cpu_0_only(const struct partition_plan *plan)
{
    if (plan->cpupool)
        return false;
    for (unsigned i = 0; i < plan->vcpu_count; i++)
        if (!cpu_set_has(&plan->vcpus[i].pin, 0))
            return false;
    return true;
}

/* Planned, or begun. */
static struct partition *next_planned(void)
{
    struct partition *p;

    list_for_each(p, &partitions, link)
        if (p->state == PARTITION_PLANNED || p->state == PARTITION_BUILDING)
            return p;
    return NULL;
}

/* No more memory is looked at than it needs now. */
static void hand_over_for(const struct partition_plan *plan)
{
    uint64_t needed = partition_needs_now(plan);

    memory_describe(partition_reaches_to(plan));
    if (needed)
        memory_hand_over(needed);
}

/* One that cannot be read or built makes way for the next. */
bool static_start_first(const struct boot_info *b, const struct range_list *not_theirs)
{
    struct partition *p;

    board = b;
    taken = not_theirs;
    while (started == 0 && ((p = next_planned()) || read_next())) {
        if (!p)
            continue;
        if (!needs_cpu_0_only(p->plan))
            break;
        hand_over_for(p->plan);
        while (build(p) == -E_RESTART)
            ;
    }
    return started != 0;
}

int static_start_next(void)
{
    struct partition *p = next_planned();

    if (!p)
        return 0;
    (void)build(p);
    ASSERT(started <= plan_count && p->state != PARTITION_PLANNED);
    return -E_RESTART;
}

unsigned static_started(void)
{
    return started;
}

static const struct partition_module *module(const struct partition_plan *plan, unsigned n)
{
    const struct partition_module *const all[] = { &plan->kernel, &plan->ramdisk, &plan->tree };

    return n < ARRAY_SIZE(all) ? all[n] : NULL;
}

/* One at a time, as several domains may have the same module. A broken plan's may lie over anything, so they stay. */
static void add_modules(struct range_list *l, const struct partition_plan *plan)
{
    const struct partition_module *m;

    for (unsigned n = 0; (m = module(plan, n)); n++) {
        if (m->size == 0)
            continue;
        range_remove(l, m->base, m->size);
        if (!partition_may_restart(plan))
            range_add(l, m->base, m->size);
    }
}

static void keep_modules(struct range_list *l, const struct partition_plan *plan)
{
    const struct partition_module *m;

    for (unsigned n = 0; partition_may_restart(plan) && (m = module(plan, n)); n++)
        if (m->size)
            range_remove(l, ROUND_DOWN(m->base, PAGE_SIZE), ROUND_UP(m->base % PAGE_SIZE + m->size, PAGE_SIZE));
}

void static_add_done_modules(struct range_list *l)
{
    for (unsigned i = 0; i < plan_count; i++)
        if (!plans[i]->broken)
            add_modules(l, plans[i]);
    for (unsigned i = 0; i < plan_count; i++)
        keep_modules(l, plans[i]);
}
