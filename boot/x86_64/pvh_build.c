/* SPDX-License-Identifier: Apache-2.0 */
/* Make dom0: the domain, its memory and the board's devices one to one, the unpacker and what it is started with, vCPU 0 ready. */
#include "arch/include/vcpu.h"
#include "arch/include/x86_irq.h"
#include "boot/dom0_parts.h"
#include "boot/x86_64/board.h"
#include "boot/x86_64/iommu.h"
#include "boot/x86_64/pvh.h"
#include "core/domain.h"
#include "core/host_device.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "vdev/x86_64/platform.h"
#include "vdev/x86_64/vpci.h"

#define FOUR_GIB UINT64_C(0x100000000)
#define LOCAL_APIC_SIZE PAGE_SIZE
/* Where messages of devices are written (Intel SDM volume 3, 10.11.1). */
#define MESSAGES_AT UINT64_C(0xfee00000)
#define MESSAGES_SIZE UINT64_C(0x100000)
/* unpacker.S: the flat image; at this offset how much memory it takes. */
#define UNPACKER_SIZE_AT 8

extern const uint8_t unpacker_image[], unpacker_image_end[];

uint64_t pvh_unpacker_size(void)
{
    uint32_t size;

    memcpy(&size, unpacker_image + UNPACKER_SIZE_AT, sizeof(size));
    ASSERT(size >= (size_t)(unpacker_image_end - unpacker_image));
    return size;
}

/* ---- devices ---- */

static uint64_t window_base(unsigned i)
{
    return board.mcfg.window[i].base + ((uint64_t)board.mcfg.window[i].first_bus << 20);
}

static uint64_t window_size(unsigned i)
{
    return (uint64_t)(board.mcfg.window[i].last_bus - board.mcfg.window[i].first_bus + 1) << 20;
}

static int map_range(struct domain *d, const struct memory_range *r)
{
    return dom0_map_registers(d, r->base >> PAGE_SHIFT, (r->base + r->size) >> PAGE_SHIFT);
}

/* What below 4 GiB is no memory is registers and firmware's tables, but for the interrupt controllers that dom0 has copies of, and IOMMUs. */
static int map_devices(const struct boot_info *b, struct domain *d)
{
    struct range_list rest = { .range = { { 0, FOUR_GIB } }, .count = 1 };
    const struct range_list *ranges = board_iommu_ranges();
    int error = 0;

    for (unsigned i = 0; i < b->memory.count; i++)
        range_remove(&rest, b->memory.range[i].base, b->memory.range[i].size);
    range_remove(&rest, ROUND_DOWN(board.madt.local_apic.v, PAGE_SIZE), LOCAL_APIC_SIZE);
    range_remove(&rest, MESSAGES_AT, MESSAGES_SIZE);
    for (unsigned i = 0; i < board.madt.io_apics; i++)
        range_remove(&rest, ROUND_DOWN(board.madt.io_apic[i].at.v, PAGE_SIZE), PAGE_SIZE);
    for (unsigned i = 0; i < board.mcfg.windows; i++)
        range_remove(&rest, window_base(i), window_size(i));
    board_hide_iommus(&rest);
    for (unsigned i = 0; !error && i < ranges->count; i++) {
        if (!range_contains(&rest, ranges->range[i].base, ranges->range[i].size))
            continue;
        range_remove(&rest, ranges->range[i].base, ranges->range[i].size);
        error = map_range(d, &ranges->range[i]);
    }
    for (unsigned i = 0; !error && i < rest.count; i++)
        error = map_range(d, &rest.range[i]);
    return error;
}

/* PCI's configuration space. Devices' registers are to be over nothing that has its place already. */
static int give_pci(const struct boot_info *b, struct domain *d)
{
    for (unsigned i = 0; i < b->memory.count; i++)
        vpci_keep_out(b->memory.range[i].base, b->memory.range[i].size);
    for (unsigned i = 0; i < board.madt.io_apics; i++)
        vpci_keep_out(ROUND_DOWN(board.madt.io_apic[i].at.v, PAGE_SIZE), PAGE_SIZE);
    for (unsigned i = 0; i < board.mcfg.windows; i++) {
        vpci_keep_out(window_base(i), window_size(i));
        vpci_show_window(board.mcfg.window[i].base, board.mcfg.window[i].first_bus, board.mcfg.window[i].last_bus);
    }
    vpci_keep_out(MESSAGES_AT, MESSAGES_SIZE);
    return vpci_init(d);
}

/* All the lines that dom0 has IO-APICs for, but the hypervisor's own. */
static int give_lines(struct domain *d)
{
    const struct x86_io_apic *a;
    int error = 0;

    for (unsigned i = 0; (a = arch_io_apic(i)); i++) {
        for (uint32_t line = a->first; line - a->first < a->lines; line++) {
            error = arch_irq_route(d, line);
            if (error && error != -E_INVAL && error != -E_PERM)
                return error;
        }
    }
    return 0;
}

/* ---- what it starts with ---- */

static void place_unpacker(const struct pvh_layout *l)
{
    size_t size = (size_t)(unpacker_image_end - unpacker_image);
    uint8_t *p = boot_map(HPA(l->unpacker.base), l->unpacker.size);

    memcpy(p, unpacker_image, size);
    memset(p + size, 0, l->unpacker.size - size);
    boot_unmap(p, l->unpacker.size);
}

static int place_tables(const struct boot_info *b, const struct pvh_layout *l, const struct domain *d)
{
    void *acpi = boot_map(HPA(l->acpi.base), l->acpi.size), *start = boot_map(HPA(l->start.base), l->start.size);
    bool has_acpi = board.acpi.count > 0;
    bool fits = !has_acpi || pvh_write_acpi(acpi, (uint32_t)l->acpi.size, l->acpi.base, &board.acpi, &board.madt, d->max_vcpus);

    fits = fits && pvh_write_start(start, l, &b->modules, has_acpi ? l->acpi.base : 0);
    boot_unmap(start, l->start.size);
    boot_unmap(acpi, l->acpi.size);
    return fits ? 0 : -E_NOMEM;
}

/* The same map by hypercall, as far as it has room for it. */
static int tell_map(const struct pvh_layout *l, struct domain *d)
{
    static struct x86_map_entry entry[X86_MAP_ENTRIES];
    uint32_t count = MIN(l->map_count, (unsigned)X86_MAP_ENTRIES);
    struct domain_locked locked = domain_lock(d);
    int error;

    for (uint32_t i = 0; i < count; i++)
        entry[i] = (struct x86_map_entry){ .address = l->map[i].base, .size = l->map[i].size, .type = l->map[i].kind };
    error = x86_map_set(d, entry, count);
    domain_unlock(locked);
    return error;
}

static int fill(const struct boot_info *b, const struct pvh_layout *l, struct domain *d)
{
    const char *what = "vCPUs";
    int error = dom0_add_vcpus(d);

    d->owner.limit = UINT64_MAX;
    /* A kernel that is started so tells its devices guest frame numbers. */
    d->grant_maps_refused = !d->iommu && !boot_options.unsafe_dma;
    for (unsigned i = 0; !error && i < l->ram.count; i++)
        what = "memory", error = dom0_add_memory(d, &l->ram.range[i]);
    if (!error)
        what = "devices", error = map_devices(b, d);
    if (!error)
        what = "interrupts", error = give_lines(d);
    if (!error)
        what = "PCI", error = give_pci(b, d);
    if (!error && d->iommu)
        what = "devices behind the IOMMU", error = board_add_iommu_devices();
    if (!error)
        error = host_devices_assign_rest(d);
    if (!error)
        what = "tables", error = place_tables(b, l, d);
    if (!error)
        what = "map of memory", error = tell_map(l, d);
    if (error)
        log_error("dom0: its %s could not be set up", what);
    return error;
}

static void report(const struct boot_info *b, const struct pvh_layout *l, const struct domain *d)
{
    const struct boot_module *ramdisk = module_find(&b->modules, MODULE_RAMDISK);

    dom0_report_memory(&l->ram);
    log_info("dom0: kernel at 0x%llx, ramdisk at 0x%llx, unpacker at 0x%llx, %u vCPU%s",
             (unsigned long long)module_find(&b->modules, MODULE_KERNEL)->at.base, (unsigned long long)(ramdisk ? ramdisk->at.base : 0),
             (unsigned long long)l->unpacker.base, d->max_vcpus, d->max_vcpus == 1 ? "" : "s");
}

int pvh_build(const struct boot_info *b, const struct pvh_layout *l)
{
    struct domain_config config = {
        .is_control = true,
        .direct_mapped = true,
        .iommu = iommu_is_present(),
        .max_vcpus = boot_options.dom0_vcpus ? boot_options.dom0_vcpus : cpu_count(),
        .max_event_port = EVENT_MAX_PORTS_FIFO - 1,
    };
    const struct vcpu_start start = { .pc = l->unpacker.base, .context = l->start.base };
    struct domain *d;
    int error = domain_create(DOMID(0), &config, &d);

    if (!error)
        error = fill(b, l, d);
    if (error) {
        log_error("dom0: could not be built (error %d)", error);
        return error;
    }
    place_unpacker(l);
    report(b, l, d);
    error = vcpu_up(d->vcpus[0], &start);
    return error ? error : domain_unpause_by_controller(d);
}
