/* SPDX-License-Identifier: Apache-2.0 */
/* From the entry code to the first domains' first instructions, on CPU 0. */
#include "abi/xen/hypercall.h"
#include "arch/include/arm64_boot.h"
#include "arch/include/cpu.h"
#include "arch/include/mapping.h"
#include "boot/arm64/boot_info.h"
#include "boot/command_line.h"
#include "boot/arm64/dom0.h"
#include "boot/arm64/host_devices.h"
#include "boot/memory.h"
#include "boot/stop.h"
#include "boot/arm64/static_pools.h"
#include "boot/arm64/static_start.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "partition/partition.h"
#include "sched/sched.h"

#define FIRST_MEMORY UINT64_C(0x2000000)    /* what the hypervisor itself needs before the first domain runs */
#define TREE_MAX UINT64_C(0x200000)
#define SERIAL_GUESS UINT64_C(0x09000000)   /* to say that there is no device tree, where most boards' models have a PL011 */
#define HYPERVISOR_TIMER_IRQ 26
#define MAINTENANCE_IRQ 25
#define LATER_PAUSE USEC(100)

static struct boot_info info;
static struct dom0_layout layout;
static bool has_dom0;

/* With UEFI's memory map, and with its options for us where the tree has none. */
static int scan_tree(const struct devicetree *tree, const char **why)
{
    const struct boot_efi *efi = arch_boot_efi();
    struct efi_map map;

    if (!efi)
        return boot_info_scan(&info, tree, NULL, why);
    map = (struct efi_map){ boot_map(efi->map, efi->map_size), efi->map_size, efi->descriptor_size };
    int error = boot_info_scan(&info, tree, &map, why);

    boot_unmap((void *)map.descriptors, map.size);
    if (!error && info.command_line[0] == 0)
        string_copy(info.command_line, efi->command_line, sizeof(info.command_line));
    return error;
}

/* Map and check the loader's tree; scan it. The console is up afterwards. */
static void read_tree(uint64_t tree_address)
{
    const char *why = "there is none at the address in x0";
    struct devicetree tree;
    const void *header = boot_map(HPA(tree_address), 64);
    uint32_t size = header && tree_address ? dt_needed_size(header) : 0;
    int error = -1;

    if (size > 0 && size <= TREE_MAX) {
        const void *blob = boot_map(HPA(tree_address), size);

        error = blob ? dt_open(&tree, blob, size, &why) : -1;
        if (!error)
            error = scan_tree(&tree, &why);
    }
    if (error || info.uart == 0)
        arch_boot_console(HPA(info.uart ? info.uart : SERIAL_GUESS), info.uart_kind);
    if (error) {
        log_error("device tree at 0x%llx cannot be used: %s", (unsigned long long)tree_address, why);
        boot_stop("no usable device tree");
    }
    if (info.uart)
        arch_boot_console(HPA(info.uart), info.uart_kind);
}

/* RAM without what must stay: ourselves, what firmware keeps, what is the partitions', and the tree. dom0's modules are in it. */
static void find_usable(struct range_list *usable, struct memory_range image, uint64_t tree_address)
{
    *usable = info.memory;
    range_remove(usable, image.base, image.size);
    range_remove_all(usable, &info.reserved);
    range_remove_all(usable, &info.partition_modules);
    range_remove_all(usable, &info.static_memory);
    range_remove(usable, ROUND_DOWN(tree_address, PAGE_SIZE),
                 ROUND_UP(tree_address % PAGE_SIZE + info.tree.size, PAGE_SIZE));
}

/* Whole pages of the ranges, without dom0's memory, are free. */
static void set_free(struct range_list *l)
{
    range_remove_all(l, &layout.ram);
    memory_set_free(l);
}

/* Everything that is neither dom0's nor in use. Modules are held back until dom0 is built. */
static void find_free(const struct range_list *usable)
{
    struct range_list l = *usable;

    modules_remove(&info.modules, &l);
    set_free(&l);
}

/* Whole pages of modules that dom0 did not take in place, and that no partition may need again, are memory like any other from now on. */
static void free_modules(void)
{
    struct range_list l = { .count = 0 };

    for (unsigned i = 0; i < info.modules.count; i++)
        range_add(&l, info.modules.module[i].at.base, info.modules.module[i].at.size);
    range_remove_all(&l, &info.partition_modules);
    range_remove_all(&l, &info.static_memory);
    static_add_done_modules(&l);
    set_free(&l);
    memory_hand_over(UINT64_MAX);
}

/* A board without a kernel for dom0 is one without dom0 if it has static domains. */
static bool wants_dom0(void)
{
    return module_find(&info.modules, MODULE_KERNEL) || info.partition_nodes == 0;
}

static void start_gic_v3(struct boot_gic *gic)
{
    STATIC_ASSERT(MAX_GIC_REGIONS <= BOOT_GIC_REGIONS);
    gic->regions = info.gic_region_count;
    for (unsigned i = 0; i < gic->regions; i++) {
        gic->redistributor[i].base = HPA(info.gic_regions[i].base);
        gic->redistributor[i].size = info.gic_regions[i].size;
    }
    arch_boot_interrupts(gic);
}

static void start_gic_v2(struct boot_gic *gic)
{
    const struct memory_range *r = info.gic_regions;

    if (info.gic_region_count < GIC_V2_REGIONS) {
        log_error("interrupt controller: a GICv2 without virtualization (QEMU: -machine virt,virtualization=on)");
        boot_stop("no supported interrupt controller");
    }
    gic->cpu_interface = HPA(r[0].base);
    gic->cpu_interface_size = r[0].size;
    gic->hyp_interface = HPA(r[1].base);
    gic->guest_interface = HPA(r[2].base);
    gic->guest_interface_size = r[2].size;
    arch_boot_interrupts(gic);
}

static void start_interrupts(void)
{
    struct boot_gic gic = {
        .version = info.gic_version,
        .distributor = HPA(info.gic_distributor),
        .maintenance_irq = MAINTENANCE_IRQ,
    };

    if (info.gic_version == 0) {
        log_error("interrupt controller: the device tree names none that is known; a GICv2 or GICv3 is needed");
        boot_stop("no supported interrupt controller");
    }
    if (info.gic_version == 2)
        start_gic_v2(&gic);
    else
        start_gic_v3(&gic);
    arch_boot_timer(HYPERVISOR_TIMER_IRQ, 0);
    if (info.uart_irq)
        arch_boot_console_interrupt(info.uart_irq);
}

/* ---- what may be done when the first partition runs already ---- */

static int start_other_cpus(void)
{
    unsigned wanted = info.cpu_count;

    if (boot_options.max_cpus && boot_options.max_cpus < wanted)
        wanted = boot_options.max_cpus;
    unsigned up = wanted > 1 ? arch_boot_secondaries(info.cpu_mpidr, wanted) : 1;
    log_info("%u CPU%s up", up, up == 1 ? "" : "s");
    static_pools_tell();
    return 0;
}

/* After the partitions: dom0 gets the devices that they leave. */
static int build_dom0(void)
{
    if (has_dom0 && dom0_build(&info, &layout)) {
        has_dom0 = false;
        console_without_dom0();
        if (static_started() == 0)
            boot_stop("no dom0");
    }
    if (has_dom0 || static_started())
        return 0;
    log_error("no domain could be started: the device tree has %u xen,domain nodes and no kernel for dom0", info.partition_nodes);
    boot_stop("nothing to run");
}

static int finish(void)
{
    free_modules();
    memory_tell_host(&info.memory);
    log_info("%llu MiB free for guests; entering %s", (unsigned long long)(frame_free_count() >> 8),
             has_dom0 ? "dom0" : "static domains, there is no dom0");
    return 0;
}

static int (*const later[])(void) = {
    memory_hand_over_some, static_read_next, start_other_cpus, static_start_next, build_dom0, finish, partition_fill_step,
};
static unsigned later_done;

/* One step of it; true while there is more. */
static bool do_later(void)
{
    ASSERT(cpu_id() == 0 && later_done < ARRAY_SIZE(later));
    if (later[later_done]() != -E_RESTART)
        later_done++;
    return later_done < ARRAY_SIZE(later);
}

/* The partition that runs already has this CPU at least as long as boot. */
static void do_later_beside(struct timer *t)
{
    nsec_t begin = arch_time_now(), end;

    if (!do_later())
        return;
    end = arch_time_now();
    timer_set(t, end + MAX(end - begin, LATER_PAUSE));
}

/* The first partition by priority runs before anything else is built. */
static void start_domains(const struct range_list *taken)
{
    static struct timer timer;

    if (static_start_first(&info, taken)) {
        timer_init(&timer, do_later_beside);
        timer_set(&timer, arch_time_now() + LATER_PAUSE);
        return;
    }
    while (do_later())
        continue;
}

void boot_main(uint64_t fdt_pa, uint64_t image_pa)
{
    static struct range_list taken;
    struct range_list usable;
    const char *scheduler;
    hpa_t start, end;

    (void)image_pa;
    console_init();
    subcall_coverage_init();
    read_tree(fdt_pa);
    log_info("Vinci " VINCI_VERSION ", Xen ABI 4.17, arm64%s", CONFIG(ASSERT) ? ", checked build" : "");
    log_info("command line: %s", info.command_line);
    command_line_parse(info.command_line);
    panic_resets = !boot_options.noreboot;
    arch_boot_psci(!info.has_psci ? BOOT_PSCI_NONE : info.psci_by_hvc ? BOOT_PSCI_HVC : BOOT_PSCI_SMC);
    arch_boot_image(&start, &end);
    const struct memory_range image = { start.v, end.v - start.v };
    range_add(&taken, image.base, image.size);
    range_add(&taken, fdt_pa, info.tree.size);
    find_usable(&usable, image, fdt_pa);
    if (memory_start(&info.memory, &info.modules, &usable))
        boot_stop("too little memory");
    has_dom0 = wants_dom0() && dom0_plan(&layout, &info, &usable, image) == 0;
    if (wants_dom0() && !has_dom0 && info.partition_nodes == 0)
        boot_stop("no dom0");
    find_free(&usable);
    memory_hand_over(FIRST_MEMORY);
    heap_init();
    arch_boot_frames_ready();
    start_interrupts();
    boot_host_devices(&info);
    info.boot_mpidr = arch_boot_mpidr(0);
    scheduler = static_pools_read(&info);
    timer_cpu_init();
    sched_init(scheduler ? scheduler : boot_options.scheduler);
    static_pools_make();
    sched_cpu_up(0);
    if (!has_dom0)
        console_without_dom0();
    start_domains(&taken);
    arch_boot_run();
}
