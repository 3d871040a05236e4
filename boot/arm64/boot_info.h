/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader's device tree says of this board: memory, modules, CPUs, interrupt controller, console. Filled once by
 * boot_info_scan() before anything is allocated; used at boot only. */
#ifndef BOOT_ARM64_BOOT_INFO_H
#define BOOT_ARM64_BOOT_INFO_H

#include "arch/include/arm64_boot.h"
#include "boot/efi_map.h"
#include "boot/modules.h"
#include "boot/ranges.h"
#include "config.h"
#include "lib/devicetree.h"

#define MAX_GIC_REGIONS 16
#define GIC_V2_REGIONS 3

struct boot_info {
    struct devicetree tree;
    struct range_list memory;       /* RAM banks */
    struct range_list reserved;     /* what firmware keeps (reservation block, /reserved-memory) */
    struct module_list modules;
    uint64_t cpu_mpidr[MAX_CPUS];
    uint32_t cpu_phandle[MAX_CPUS]; /* 0: none */
    unsigned cpu_count;
    uint64_t boot_mpidr;            /* of the CPU that boots: the first one, until somebody knows better */
    bool has_psci, psci_by_hvc;
    unsigned gic_version;           /* 3, 2, or 0: none found */
    uint64_t gic_distributor;
    struct memory_range gic_regions[MAX_GIC_REGIONS];   /* version 3: redistributors; 2: CPU interface, GICH, GICV */
    unsigned gic_region_count;
    uint32_t gic_phandle, gic_address_cells;
    uint64_t uart;                  /* 0: no serial line found that we know */
    enum boot_uart uart_kind;
    uint32_t uart_irq;
    char command_line[COMMAND_LINE_SIZE];
    const char *dom0_command_line;  /* xen,dom0-bootargs */
    bool has_host_devices;          /* an SMMU, or a device with xen,passthrough */
    uint64_t its;                   /* the first ITS's registers, 0: none */
    uint32_t its_phandle;
    struct range_list own_devices;  /* registers of SMMUs and ITSs, whole pages */
    struct dt_walk chosen;          /* just behind the properties of /chosen; no tree: there is none */
    unsigned pool_nodes;            /* xen,cpupool nodes below it: see static_pools.h */
    unsigned partition_nodes;       /* xen,domain nodes: see static_plan.h; of the first: */
    struct {
        uint32_t place;             /* dt_node_place */
        int32_t priority;           /* vinci,priority */
    } partitions[MAX_PARTITIONS];
    struct range_list partition_modules;    /* where their modules lie, whole pages; close ones are one range */
    struct range_list static_memory;        /* xen,static-mem of all of them, and what domains share */
};

/* efi: NULL when another loader started us. 0, or -E_INVAL with one line about what is wrong in *why. */
int boot_info_scan(struct boot_info *b, const struct devicetree *t, const struct efi_map *efi, const char **why) MUST_CHECK;
/* What the compatible of a node says of it, as far as we care. A node may be several. */
enum node_kind {
    NODE_GIC_V3, NODE_GIC_V2, NODE_ITS, NODE_SMMU, NODE_PL011, NODE_CADENCE, NODE_PSCI,
    NODE_DOMAIN, NODE_POOL, NODE_SHARED_MEMORY, NODE_CHANNEL,           /* below /chosen */
    NODE_MODULE, NODE_KERNEL, NODE_RAMDISK, NODE_TREE, NODE_POLICY,     /* what the loader loaded, and its kinds */
};
/* Bit BIT(kind) for each that the node is, which comes from a walk. */
uint32_t boot_node_kinds(const struct dt_node *n);
static inline bool boot_node_is(const struct dt_node *n, enum node_kind kind)
{
    return boot_node_kinds(n) & BIT(kind);
}
static inline bool boot_is_gic(const struct dt_node *n)
{
    return boot_node_kinds(n) & (BIT(NODE_GIC_V3) | BIT(NODE_GIC_V2));
}
uint32_t boot_kinds_of(const struct dt_property *compatible);
/* What is below /chosen, which the walk returned last: modules, and what of memory static domains have spoken for (chosen_scan.c). The walk
 * goes on behind it. */
void boot_scan_below_chosen(struct boot_info *b, struct dt_walk *w);
/* The next node below /chosen; w is a copy of boot_info's `chosen`, and stands behind a node of it. */
bool boot_next_in_chosen(struct dt_walk *w, struct dt_node *n);
/*
 * The shared interrupts (GIC numbers) of a device of the board, each once: its own, and those of the pins behind a PCI host bridge
 * (interrupt-map). How many; no more than `max`.
 */
unsigned boot_node_irqs(const struct boot_info *b, const struct dt_node *n, uint16_t *irqs, unsigned max);

/* Piece i of the node's xen,static-mem, whose cells are its own or those that /chosen has for its children. False: there is none. */
bool boot_static_memory(const struct dt_walk *w, const struct dt_node *n, unsigned i, uint64_t *base, uint64_t *size);

/* The host's memory that a node of static shared memory names (static_shared.c). False: it names none. */
bool boot_shared_memory(const struct dt_walk *w, const struct dt_node *n, uint64_t *base, uint64_t *size);

#endif
