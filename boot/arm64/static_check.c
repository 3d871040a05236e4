/* SPDX-License-Identifier: Apache-2.0 */
/* Do the plans agree with the board and with each other? Of two that want the same thing the one that starts first has it. */
#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/string.h"

struct check {
    const struct boot_info *b;
    struct partition_plan *const *plans, *plan;
    unsigned i;
    const struct range_list *taken;
    unsigned irqs;
    const struct static_report *report;
};

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a_size && b_size && a < b + b_size && b < a + a_size;
}

static void complain_range(const struct check *c, const char *what, uint64_t base, uint64_t size, const char *text, const char *whose)
{
    static_say(c->report, c->plan, true, "%s 0x%llx, 0x%llx bytes, %s%s", what, (unsigned long long)base, (unsigned long long)size, text,
               whose);
}

/* Is it in memory, beside the hypervisor and what firmware keeps? */
static void check_place(const struct check *c, const char *what, uint64_t base, uint64_t size)
{
    struct range_list rest = { .count = 1, .range = { { base, size } } };

    for (unsigned i = 0; i < c->b->memory.count && rest.count; i++)
        range_remove(&rest, c->b->memory.range[i].base, c->b->memory.range[i].size);
    if (rest.count)
        complain_range(c, what, base, size, "is not all memory of this board", "");
    else if (range_overlaps(c->taken, base, size))
        complain_range(c, what, base, size, "lies over the hypervisor or its device tree", "");
    else if (range_overlaps(&c->b->reserved, base, size))
        complain_range(c, what, base, size, "lies over memory that firmware keeps", "");
}

#define MODULES 3
static const char *const module_names[MODULES] = { "kernel at", "ramdisk at", "device tree at" };

static const struct partition_module *module(const struct partition_plan *plan, unsigned n)
{
    const struct partition_module *const all[MODULES] = { &plan->kernel, &plan->ramdisk, &plan->tree };

    ASSERT(n < MODULES);
    return all[n];
}

/* The same module for several domains is fine, half of one is not. */
static void check_module_against(const struct check *c, unsigned n, const struct partition_plan *other)
{
    const struct partition_module *m = module(c->plan, n);

    for (unsigned k = 0; k < MODULES; k++) {
        const struct partition_module *o = module(other, k);

        if (other == c->plan && k <= n)
            continue;
        if (overlap(m->base, m->size, o->base, o->size) && (m->base != o->base || m->size != o->size))
            complain_range(c, module_names[n], m->base, m->size, "overlaps a module of /chosen/", other->node);
    }
    for (unsigned k = 0; k < other->bank_count; k++)
        if (overlap(m->base, m->size, other->banks[k].base, other->banks[k].size))
            complain_range(c, module_names[n], m->base, m->size, "lies in xen,static-mem of /chosen/", other->node);
}

static void check_modules(const struct check *c)
{
    for (unsigned n = 0; n < MODULES; n++) {
        const struct partition_module *m = module(c->plan, n);

        if (m->size == 0)
            continue;
        check_place(c, module_names[n], m->base, m->size);
        for (unsigned k = 0; k < c->b->modules.count; k++) {
            const struct memory_range *o = &c->b->modules.module[k].at;

            if (overlap(m->base, m->size, o->base, o->size))
                complain_range(c, module_names[n], m->base, m->size, "overlaps a module of dom0", "");
        }
        for (unsigned i = 0; i <= c->i; i++)
            if (!c->plans[i]->broken || i == c->i)
                check_module_against(c, n, c->plans[i]);
    }
}

static void check_bank_against(const struct check *c, const struct partition_range *bank, const struct partition_plan *other)
{
    for (unsigned k = 0; k < other->bank_count; k++)
        if (bank != &other->banks[k] && overlap(bank->base, bank->size, other->banks[k].base, other->banks[k].size))
            complain_range(c, "xen,static-mem", bank->base, bank->size, "overlaps xen,static-mem of /chosen/", other->node);
    for (unsigned n = 0; other != c->plan && n < MODULES; n++)
        if (overlap(bank->base, bank->size, module(other, n)->base, module(other, n)->size))
            complain_range(c, "xen,static-mem", bank->base, bank->size, "overlaps a module of /chosen/", other->node);
}

static void check_banks(const struct check *c)
{
    uint64_t sum = 0;

    for (unsigned n = 0; n < c->plan->bank_count; n++) {
        const struct partition_range *bank = &c->plan->banks[n];

        sum += bank->size;
        check_place(c, "xen,static-mem", bank->base, bank->size);
        for (unsigned k = 0; k < c->b->modules.count; k++)
            if (overlap(bank->base, bank->size, c->b->modules.module[k].at.base, c->b->modules.module[k].at.size))
                complain_range(c, "xen,static-mem", bank->base, bank->size, "overlaps a module of dom0", "");
        for (unsigned i = 0; i <= c->i; i++)
            if (!c->plans[i]->broken || i == c->i)
                check_bank_against(c, bank, c->plans[i]);
    }
    if (c->plan->bank_count && sum != c->plan->memory)
        static_say(c->report, c->plan, true, "memory is %llu KiB, but xen,static-mem sums up to %llu KiB",
                   (unsigned long long)(c->plan->memory >> 10), (unsigned long long)(sum >> 10));
    if (c->plan->direct_map && c->plan->bank_count == 0)
        static_say(c->report, c->plan, true, "direct-map needs xen,static-mem");
}

static void check_devices_against(const struct check *c, const struct partition_plan *other)
{
    const struct partition_plan *plan = c->plan;

    for (unsigned n = 0; n < plan->register_count; n++)
        for (unsigned k = 0; k < other->register_count; k++)
            if (overlap(plan->registers[n].base, plan->registers[n].size, other->registers[k].base, other->registers[k].size))
                complain_range(c, "device registers (xen,reg)", plan->registers[n].base, plan->registers[n].size,
                               "are given to two domains, here and in /chosen/", other->node);
    for (unsigned n = 0; n < plan->irq_count; n++)
        for (unsigned k = 0; k < other->irq_count; k++)
            if (plan->irqs[n] == other->irqs[k])
                static_say(c->report, c->plan, true, "interrupt %u is given to two domains, here and in /chosen/%s", plan->irqs[n], other->node);
    for (unsigned n = 0; n < plan->device_count; n++)
        for (unsigned k = 0; k < other->device_count; k++)
            if (strcmp(plan->devices[n].path, other->devices[k].path) == 0)
                static_say(c->report, c->plan, true, "device %s (xen,path) is given to two domains, here and in /chosen/%s",
                           plan->devices[n].path, other->node);
    static_check_pci(c->plan, other, c->report);
}

/* What the hypervisor drives itself is nobody's: the serial line, the interrupt controller, IOMMUs. */
static bool is_hypervisors(const struct check *c, const struct partition_registers *r)
{
    if (overlap(r->base, r->size, c->b->uart, PAGE_SIZE) || overlap(r->base, r->size, c->b->gic_distributor, 0x10000))
        return true;
    for (unsigned k = 0; k < c->b->gic_region_count; k++)
        if (overlap(r->base, r->size, c->b->gic_regions[k].base, c->b->gic_regions[k].size))
            return true;
    return range_overlaps(&c->b->own_devices, r->base, r->size);
}

static void check_devices(const struct check *c)
{
    const struct partition_plan *plan = c->plan;

    for (unsigned n = 0; n < plan->register_count; n++) {
        const struct partition_registers *r = &plan->registers[n];

        if (is_hypervisors(c, r))
            complain_range(c, "device registers (xen,reg)", r->base, r->size, "are the hypervisor's own", "");
        if (range_overlaps(&c->b->memory, r->base, r->size))
            complain_range(c, "device registers (xen,reg)", r->base, r->size, "lie over memory", "");
    }
    for (unsigned n = 0; n < plan->irq_count; n++)
        if (plan->irqs[n] == c->b->uart_irq || (c->irqs && plan->irqs[n] >= c->irqs))
            static_say(c->report, c->plan, true, "interrupt %u is %s", plan->irqs[n],
                       plan->irqs[n] == c->b->uart_irq ? "the hypervisor's own" : "not one of this board");
    for (unsigned i = 0; i < c->i; i++)
        if (!c->plans[i]->broken)
            check_devices_against(c, c->plans[i]);
}

void static_check(const struct boot_info *b, struct partition_plan *const plans[], unsigned i, const struct range_list *taken, unsigned irqs,
                  const struct static_report *report)
{
    const struct check c = { .b = b, .plans = plans, .plan = plans[i], .i = i, .taken = taken, .irqs = irqs, .report = report };

    if (plans[i]->broken)
        return;
    check_modules(&c);
    check_banks(&c);
    check_devices(&c);
    static_check_links(b, plans, i, report);
    for (unsigned k = 0; k < i; k++)
        if (!plans[k]->broken && strcmp(plans[k]->name, plans[i]->name) == 0)
            static_say(report, plans[i], true, "vinci,name \"%s\" is the name of /chosen/%s already", plans[i]->name, plans[k]->node);
}
