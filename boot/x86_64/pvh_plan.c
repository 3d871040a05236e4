/* SPDX-License-Identifier: Apache-2.0 */
/* Where dom0's memory and its parts are. */
#include "boot/x86_64/pvh.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

#define MIB UINT64_C(0x100000)
#define DEFAULT_MEMORY (512 * MIB)
#define KEEP_FREE (16 * MIB)                /* left for the hypervisor itself */
#define LOW_END MIB
#define KERNEL_AT (16 * MIB)
#define ONE_GIB UINT64_C(0x40000000)

static uint64_t range_end(const struct memory_range *r)
{
    return r->base + r->size;
}

static struct memory_range whole_pages(struct memory_range r)
{
    uint64_t base = ROUND_DOWN(r.base, PAGE_SIZE);

    return (struct memory_range){ base, ROUND_UP(r.base + r.size, PAGE_SIZE) - base };
}

static bool meets(struct memory_range a, struct memory_range b)
{
    return a.base < b.base + b.size && b.base < a.base + a.size;
}

/* From one list to dom0's. */
static void take(struct pvh_layout *l, struct range_list *from, uint64_t base, uint64_t size)
{
    range_add_joined(&l->ram, base, size);
    range_remove(from, base, size);
}

static void take_low(struct pvh_layout *l, struct range_list *from)
{
    for (unsigned i = 0; i < from->count; ) {
        struct memory_range r = from->range[i];

        if (r.base >= LOW_END) {
            i++;
            continue;
        }
        take(l, from, r.base, MIN(range_end(&r), LOW_END) - r.base);
        i = 0;
    }
}

static bool is_dom0s(const struct boot_module *m)
{
    return m->kind == MODULE_KERNEL || m->kind == MODULE_RAMDISK;
}

/* The page that two modules share at their ends is taken once. */
static int take_modules(struct pvh_layout *l, const struct module_list *modules, struct range_list *from)
{
    for (unsigned i = 0; i < modules->count; i++) {
        struct memory_range pages = whole_pages(modules->module[i].at);

        if (!is_dom0s(&modules->module[i]))
            continue;
        if (range_contains(&l->ram, pages.base, PAGE_SIZE))
            pages = (struct memory_range){ pages.base + PAGE_SIZE, pages.size - PAGE_SIZE };
        if (pages.size && range_contains(&l->ram, range_end(&pages) - PAGE_SIZE, PAGE_SIZE))
            pages.size -= PAGE_SIZE;
        if (pages.size && !range_contains(from, pages.base, pages.size)) {
            log_error("dom0: the module at 0x%llx (%llu bytes) is not in memory that is free", (unsigned long long)modules->module[i].at.base,
                      (unsigned long long)modules->module[i].at.size);
            return -E_INVAL;
        }
        if (pages.size)
            take(l, from, pages.base, pages.size);
    }
    return 0;
}

/* The lowest range from KERNEL_AT on; size 0: there is none. */
static struct memory_range lowest(const struct range_list *l)
{
    struct memory_range best = { 0, 0 };

    for (unsigned i = 0; i < l->count; i++) {
        const struct memory_range *r = &l->range[i];
        uint64_t base = MAX(r->base, KERNEL_AT);

        if (range_end(r) > base && (best.size == 0 || base < best.base))
            best = (struct memory_range){ base, range_end(r) - base };
    }
    return best;
}

static void take_rest(struct pvh_layout *l, struct range_list *from, uint64_t wanted)
{
    while (range_total(&l->ram) < wanted) {
        struct memory_range r = lowest(from);

        if (r.size == 0)
            return;
        take(l, from, r.base, MIN(r.size, wanted - range_total(&l->ram)));
    }
}

static int choose_ram(struct pvh_layout *l, const struct boot_info *b, const struct range_list *usable)
{
    uint64_t wanted = boot_options.dom0_memory ? boot_options.dom0_memory : DEFAULT_MEMORY;
    struct range_list from = *usable;
    int error;

    if (range_total(usable) < wanted || range_total(usable) - wanted < KEEP_FREE) {
        log_error("dom0: %llu MiB wanted (dom0_mem), %llu MiB are free and %llu stay with the hypervisor", (unsigned long long)(wanted / MIB),
                  (unsigned long long)(range_total(usable) / MIB), (unsigned long long)(KEEP_FREE / MIB));
        return -E_NOMEM;
    }
    take_low(l, &from);
    error = take_modules(l, &b->modules, &from);
    if (error)
        return error;
    take_rest(l, &from, wanted);
    if (range_total(&l->ram) < wanted || !range_contains(&l->ram, KERNEL_AT, PAGE_SIZE)) {
        log_error("dom0: %llu MiB wanted (dom0_mem), from 16 MiB on where its kernel is to be; there is %s",
                  (unsigned long long)(wanted / MIB), range_total(&l->ram) < wanted ? "too little" : "no memory at 16 MiB");
        return -E_NOMEM;
    }
    return 0;
}

/* What `want` meets of modules and what has its place already; NULL: nothing. */
static bool find_met(const struct pvh_layout *l, const struct module_list *modules, struct memory_range want, struct memory_range *met)
{
    const struct memory_range own[] = { l->unpacker, l->start, l->acpi };

    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        if (meets(own[i], want))
            return *met = own[i], true;
    for (unsigned i = 0; i < modules->count; i++)
        if (is_dom0s(&modules->module[i]) && meets(modules->module[i].at, want))
            return *met = whole_pages(modules->module[i].at), true;
    return false;
}

/* The highest place where nothing else is of what a kernel's first tables show: Linux maps one GiB before it reads its start_info. */
static int place(const struct pvh_layout *l, const struct module_list *modules, uint64_t size, struct memory_range *out)
{
    struct memory_range best = { 0, 0 }, met;

    size = ROUND_UP(size, PAGE_SIZE);
    for (unsigned i = 0; i < l->ram.count; i++) {
        const struct memory_range *r = &l->ram.range[i];
        uint64_t end = MIN(range_end(r), ONE_GIB), begin = MAX(r->base, KERNEL_AT);

        while (end >= begin + size) {
            const struct memory_range want = { end - size, size };

            if (!find_met(l, modules, want, &met)) {
                best = want.base > best.base ? want : best;
                break;
            }
            end = met.base;
        }
    }
    if (best.size == 0) {
        log_error("dom0: no room for %llu KiB to start it with", (unsigned long long)(size >> 10));
        return -E_NOMEM;
    }
    *out = best;
    return 0;
}

static int check_kernel(const struct module_list *modules)
{
    const struct boot_module *m = module_find(modules, MODULE_KERNEL);
    const char *fault;

    if (!m) {
        log_error("dom0: the loader brought no kernel (the first module)");
        return -E_INVAL;
    }
    uint64_t size = MIN(m->at.size, UINT64_C(4096));
    const void *file = boot_map(HPA(m->at.base), size);

    fault = file ? pvh_kernel_fault(file, size) : "it cannot be read";
    if (file)
        boot_unmap((void *)file, size);
    if (!fault)
        return 0;
    log_error("dom0: the module at 0x%llx is no kernel: %s", (unsigned long long)m->at.base, fault);
    return -E_INVAL;
}

int pvh_plan(struct pvh_layout *l, const struct boot_info *b, const struct range_list *usable, uint64_t unpacker_size)
{
    int error = check_kernel(&b->modules);

    memset(l, 0, sizeof(*l));
    if (!error)
        error = choose_ram(l, b, usable);
    if (!error)
        error = place(l, &b->modules, unpacker_size, &l->unpacker);
    if (!error)
        error = place(l, &b->modules, PVH_START_SIZE, &l->start);
    if (!error)
        error = place(l, &b->modules, PVH_ACPI_SIZE, &l->acpi);
    ASSERT(error || !meets(l->unpacker, l->start));
    return error;
}

/* ---- what dom0 is told ---- */

/* The next boundary behind `at` where a list's ranges begin or end. */
static uint64_t next_edge(const struct range_list *l, uint64_t at, uint64_t end)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct memory_range *r = &l->range[i];

        if (r->base > at)
            end = MIN(end, r->base);
        else if (range_end(r) > at)
            end = MIN(end, range_end(r));
    }
    return end;
}

static bool tell(struct pvh_layout *l, uint64_t base, uint64_t size, uint32_t kind)
{
    struct memory_entry *last = l->map_count ? &l->map[l->map_count - 1] : NULL;

    if (last && last->kind == kind && last->base + last->size == base) {
        last->size += size;
        return true;
    }
    if (l->map_count == PVH_MAP_ENTRIES)
        return false;
    l->map[l->map_count++] = (struct memory_entry){ base, size, kind };
    return true;
}

static bool tell_ram(struct pvh_layout *l, const struct memory_entry *e)
{
    const struct range_list tables = { .range = { l->acpi }, .count = 1 };

    for (uint64_t at = e->base, end; at < e->base + e->size; at = end) {
        end = next_edge(&tables, at, next_edge(&l->ram, at, e->base + e->size));
        uint32_t kind = range_contains(&tables, at, end - at) ? KIND_ACPI_TABLES :
                        range_contains(&l->ram, at, end - at) ? KIND_RAM : KIND_RESERVED;

        if (!tell(l, at, end - at, kind))
            return false;
    }
    return true;
}

int pvh_plan_map(struct pvh_layout *l, const struct memory_entry *host, unsigned count)
{
    l->map_count = 0;
    for (unsigned i = 0; i < count; i++) {
        ASSERT(i == 0 || host[i - 1].base + host[i - 1].size <= host[i].base);
        if (host[i].kind == KIND_RAM ? tell_ram(l, &host[i]) : tell(l, host[i].base, host[i].size, host[i].kind))
            continue;
        log_error("dom0: its map of memory would have more than %u entries", PVH_MAP_ENTRIES);
        return -E_NOMEM;
    }
    return 0;
}
