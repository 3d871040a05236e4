/* SPDX-License-Identifier: Apache-2.0 */
/* What the hypervisor's parser does not say, because it cannot know it or would only find it out while it builds. */
#include <libfdt.h>
#include "tools/vinci_check/vinci_check.h"

/* Room that the hypervisor takes for itself: image, heap, frame table (8 bytes for 4 KiB) and page tables, generously. */
#define HYPERVISOR_ROOM (UINT64_C(16) << 20)

static bool has_iommu(const struct boot_info *b, const char *path)
{
    int node = fdt_path_offset(b->tree.blob, path);

    return node < 0 || fdt_getprop(b->tree.blob, node, "iommus", NULL) || fdt_getprop(b->tree.blob, node, "iommu-map", NULL);
}

static void check_functions(const struct partition_plan *plan)
{
    const struct partition_pci *pci = &plan->pci;

    for (unsigned i = 0; i < pci->function_count; i++)
        if (pci->functions[i].stream == PARTITION_NO_STREAM && !pci->without_iommu)
            check_say(true, "/chosen/%s: PCI function 00:%02x.%u of %s has no IOMMU before it (not in the bridge's iommu-map): it could reach all "
                      "memory. If it may be trusted, say so: xen,force-assign-without-iommu in the node of the partial device tree", plan->node,
                      pci->functions[i].number >> 3, pci->functions[i].number & 7, pci->bridge);
}

void check_iommus(const struct boot_info *b, struct partition_plan *plan)
{
    for (unsigned i = 0; i < plan->device_count; i++) {
        const struct partition_device *d = &plan->devices[i];

        if (!d->without_iommu && !has_iommu(b, d->path))
            check_say(true, "/chosen/%s: device %s has no IOMMU before it (no property iommus): it could reach all memory. If it does no DMA, "
                      "or may be trusted, say so: xen,force-assign-without-iommu in its node of the partial device tree", plan->node, d->path);
    }
    if (plan->pci.bridge)
        check_functions(plan);
}

void check_pins(const struct boot_info *b, const struct partition_plan *plan)
{
    cpu_set all = cpu_set_all();

    for (unsigned n = 0; n < plan->vcpu_count; n++) {
        unsigned real = 0;

        if (memcmp(&plan->vcpus[n].pin, &all, sizeof(all)) == 0)
            continue;
        for (unsigned cpu = 0; cpu < b->cpu_count; cpu++)
            real += cpu_set_has(&plan->vcpus[n].pin, cpu);
        if (real == 0)
            check_say(true, "/chosen/%s: vinci,pin: vCPU %u may run on no CPU of this board, which has %u (0 to %u)", plan->node, n,
                      b->cpu_count, b->cpu_count ? b->cpu_count - 1 : 0);
    }
}

/* Does the node look like one of a domain or a module whose compatible is misspelt? */
static const char *meant(const void *fdt, int node, int depth)
{
    if (fdt_getprop(fdt, node, "cpus", NULL) && fdt_getprop(fdt, node, "memory", NULL))
        return fdt_node_check_compatible(fdt, node, "xen,domain") ? "xen,domain" : NULL;
    if (depth == 3 && fdt_getprop(fdt, node, "reg", NULL) && fdt_getprop(fdt, node, "compatible", NULL) &&
        fdt_node_check_compatible(fdt, node, "multiboot,module") && fdt_node_check_compatible(fdt, node, "xen,multiboot-module"))
        return "multiboot,module";
    return NULL;
}

void check_spelling(const struct boot_info *b)
{
    const void *fdt = b->tree.blob;
    int chosen = fdt_path_offset(fdt, "/chosen"), depth = 1;

    if (chosen < 0)
        return;
    for (int node = fdt_next_node(fdt, chosen, &depth); node >= 0 && depth > 1; node = fdt_next_node(fdt, node, &depth)) {
        const char *compatible = fdt_getprop(fdt, node, "compatible", NULL), *wanted = meant(fdt, node, depth);
        char path[256];

        if (!wanted || fdt_get_path(fdt, node, path, sizeof(path)))
            continue;
        if (strncmp(compatible ? compatible : "", "xen,", 4) == 0 && strcmp(wanted, "multiboot,module") == 0)
            continue;           /* shared memory and event channels */
        check_say(false, "%s: compatible = \"%s\" is not known, the node is ignored: did you mean \"%s\"?", path,
                  compatible ? compatible : "", wanted);
    }
}

static uint64_t sum(const struct range_list *l)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < l->count; i++)
        bytes += l->range[i].size;
    return bytes;
}

void check_memory(const struct boot_info *b, struct partition_plan *const plans[], unsigned count)
{
    uint64_t there = sum(&b->memory), wanted = HYPERVISOR_ROOM + there / 512 + sum(&b->reserved) + sum(&b->partition_modules);

    for (unsigned i = 0; i < count; i++)
        wanted += plans[i]->memory;
    if (wanted > there)
        check_say(true, "/chosen: the domains, their modules and the hypervisor need %llu MiB, the board has %llu MiB",
                  (unsigned long long)((wanted + (1 << 20) - 1) >> 20), (unsigned long long)(there >> 20));
}
