/* SPDX-License-Identifier: Apache-2.0 */
/* Static domains: read, checked, built, started. */
#include "boot/static_start.h"
#include "arch/include/boot.h"
#include "arch/include/vgic_hw.h"
#include "boot/memory.h"
#include "boot/static_plan.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/heap.h"

#define PARTIAL_TREE_MAX (UINT32_C(1) << 20)
#define DT_HEADER_SIZE 40
#define SPI_FIRST 32

static struct partition_plan *plans;
static unsigned plan_count, started;

static void log_report(void *context UNUSED, bool broken, const char *text)
{
    if (broken)
        log_error("%s; it is not started", text);
    else
        log_warning("%s", text);
}

static const struct static_report report = { .line = log_report };

/* The partial tree is copied: a restart needs it again, and its module's pages are mapped at boot only. */
static void read_partial(const struct boot_info *b, struct partition_plan *plan)
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
        static_parse_devices(b, plan, &report);
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

static void read_dom0(const struct boot_info *b)
{
    static const struct static_report dom0_report = { .line = log_dom0 };

    static_parse_dom0(b, &partition_dom0, &dom0_report);
    static_check_links(b, &partition_dom0, 0, &dom0_report);
    if (partition_dom0.broken)
        partition_dom0.share_count = partition_dom0.channel_count = 0;
}

static bool read_all(const struct boot_info *b, const struct range_list *taken)
{
    struct static_needs needs = static_count(b);
    struct partition_vcpu *vcpus;

    if (needs.plans == 0)
        return true;
    plans = heap_alloc(needs.plans * sizeof(*plans));
    vcpus = heap_alloc(MAX(needs.vcpus, 1u) * sizeof(*vcpus));
    if (!plans || !vcpus)
        return false;
    plan_count = static_parse(b, plans, vcpus, &report);
    read_dom0(b);
    for (unsigned i = 0; i < plan_count; i++) {
        /* What is not memory is not looked at; the check says so. */
        if (!plans[i].broken && plans[i].tree.size && range_contains(&b->memory, plans[i].tree.base, plans[i].tree.size))
            read_partial(b, &plans[i]);
        static_check(b, plans, i, taken, SPI_FIRST + arch_irq_spi_count(), &report);
        if (!plans[i].broken && !partition_add(&plans[i]))
            return false;
    }
    return true;
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

    if (p->state == PARTITION_PLANNED) {
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

void static_read(const struct boot_info *b, const struct range_list *taken)
{
    if (!read_all(b, taken))
        log_error("no memory for the plans of %u static domains", b->partition_nodes);
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

/* One that cannot be built makes way for the next. */
bool static_start_first(void)
{
    struct partition *p;

    while (started == 0 && (p = next_planned()) && needs_cpu_0_only(p->plan)) {
        /* No more memory is looked at than it needs. */
        memory_hand_over(p->plan->bank_count || p->plan->share_count ? UINT64_MAX : p->plan->memory);
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
        if (!plans[i].broken)
            add_modules(l, &plans[i]);
    for (unsigned i = 0; i < plan_count; i++)
        keep_modules(l, &plans[i]);
}
