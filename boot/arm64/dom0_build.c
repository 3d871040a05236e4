/* SPDX-License-Identifier: Apache-2.0 */
/* Make dom0: the domain, its memory one to one, kernel, ramdisk and tree in place, vCPU 0 ready. */
#include "arch/include/arm64_vcpu.h"
#include "arch/include/boot.h"
#include "arch/include/mapping.h"
#include "boot/arm64/dom0.h"
#include "boot/dom0_parts.h"
#include "core/domain.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "partition/partition.h"

#define COPY_CHUNK UINT64_C(0x200000)

static void clean_range(struct memory_range r)
{
    for (uint64_t a = ROUND_DOWN(r.base, PAGE_SIZE); a < r.base + r.size; a += PAGE_SIZE)
        arch_frame_clean(MFN(a >> PAGE_SHIFT));
}

/* Copy a module to its place in dom0's memory. The two do not overlap. */
static void copy_module(uint64_t to, struct memory_range from)
{
    for (uint64_t done = 0; done < from.size; done += COPY_CHUNK) {
        size_t n = MIN(COPY_CHUNK, from.size - done);
        void *target = boot_map(HPA(to + done), n);
        const void *source = boot_map(HPA(from.base + done), n);

        memcpy(target, source, n);
        boot_unmap((void *)source, n);
        boot_unmap(target, n);
    }
    clean_range((struct memory_range){ to, from.size });
}

static int place_modules(const struct boot_info *b, const struct dom0_layout *l, struct domain *d)
{
    void *tree = boot_map(HPA(l->tree.base), l->tree.size);
    uint32_t size = dom0_write_tree(b, d, l, tree, (uint32_t)l->tree.size);

    boot_unmap(tree, l->tree.size);
    if (size == 0) {
        log_error("dom0: its device tree does not fit into %llu KiB", (unsigned long long)(l->tree.size >> 10));
        return -E_NOMEM;
    }
    clean_range((struct memory_range){ l->tree.base, size });
    if (l->copy_kernel)
        copy_module(l->kernel.base, module_find(&b->modules, MODULE_KERNEL)->at);
    if (l->copy_ramdisk)
        copy_module(l->ramdisk.base, module_find(&b->modules, MODULE_RAMDISK)->at);
    arch_icache_invalidate_all();
    return 0;
}

static int fill(const struct boot_info *b, const struct dom0_layout *l, struct domain *d)
{
    const char *what = "vCPUs";
    int error = dom0_add_vcpus(d);

    d->owner.limit = UINT64_MAX;
    for (unsigned i = 0; !error && i < l->ram.count; i++)
        what = "memory", error = dom0_add_memory(d, &l->ram.range[i]);
    if (!error)
        what = "devices", error = dom0_map_devices(b, d);
    if (!error)
        what = "kernel, ramdisk and device tree", error = place_modules(b, l, d);
    if (error)
        log_error("dom0: its %s could not be set up", what);
    return error;
}

static void report(const struct dom0_layout *l, const struct domain *d)
{
    dom0_report_memory(&l->ram);
    log_info("dom0: kernel at 0x%llx%s, ramdisk at 0x%llx%s, device tree at 0x%llx, %u vCPU%s",
             (unsigned long long)l->kernel.base, l->copy_kernel ? " (copied)" : "",
             (unsigned long long)l->ramdisk.base, l->copy_ramdisk ? " (copied)" : "",
             (unsigned long long)l->tree.base, d->max_vcpus, d->max_vcpus == 1 ? "" : "s");
}

static unsigned vcpus_wanted(void)
{
    unsigned wanted = boot_options.dom0_vcpus ? boot_options.dom0_vcpus : cpu_count();

    if (arch_vgic_version() != 2 || wanted <= VGIC_V2_VCPUS)
        return wanted;
    log_warning("dom0: %u vCPUs instead of %u, as there is a GICv2", VGIC_V2_VCPUS, wanted);
    return VGIC_V2_VCPUS;
}

/* With static domains: see partition_share. */
static int share(struct domain *d)
{
    uint64_t done = 0;
    int error;

    do
        error = partition_share(d, &partition_dom0, &done);
    while (error == -E_RESTART);
    return error;
}

int dom0_build(const struct boot_info *b, const struct dom0_layout *l)
{
    struct domain_config config = {
        .is_control = true,
        .direct_mapped = true,
        .iommu = iommu_is_present(),
        .dma_identity = true,
        .max_vcpus = vcpus_wanted(),
        .max_event_port = EVENT_MAX_PORTS_FIFO - 1,
    };
    struct domain *d;
    int error = domain_create(DOMID(0), &config, &d);

    if (!error)
        error = fill(b, l, d);
    if (!error)
        error = share(d);
    if (error) {
        log_error("dom0: could not be built (error %d)", error);
        return error;
    }
    ASSERT(d->owner.frames != 0);
    report(l, d);
    const struct vcpu_start start = { .pc = l->entry, .context = l->tree.base };
    error = vcpu_up(d->vcpus[0], &start);
    return error ? error : domain_unpause_by_controller(d);
}
