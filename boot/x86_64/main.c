/* SPDX-License-Identifier: Apache-2.0 */
/* From the entry code to dom0's first instruction, on CPU 0. */
#include "abi/xen/hypercall.h"
#include "arch/include/boot.h"
#include "arch/include/cpu.h"
#include "arch/include/x86_boot.h"
#include "boot/command_line.h"
#include "boot/memory.h"
#include "boot/stop.h"
#include "boot/x86_64/board.h"
#include "boot/x86_64/iommu.h"
#include "boot/x86_64/pvh.h"
#include "core/console.h"
#include "core/options.h"
#include "core/time.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "sched/sched.h"

#define COM1 0x3f8
#define COM1_IRQ 4
#define FIRST_MEMORY UINT64_C(0x2000000)    /* what the hypervisor itself needs before dom0 is built */

static struct loader_info loader;
static struct boot_info info;
static struct pvh_layout layout;
static bool has_dom0;

static void read_loader(uint64_t tables, uint64_t magic)
{
    const char *why;

    if (loader_info_read(&loader, (uint32_t)magic, tables, loader_read_physical, &why)) {
        log_error("loader: %s (magic 0x%llx, tables at 0x%llx)", why, (unsigned long long)magic, (unsigned long long)tables);
        boot_stop("no usable boot information");
    }
    loader_info_to_boot(&info, &loader);
}

/* RAM without what must stay: ourselves and what firmware keeps. Modules are in it. */
static void find_usable(struct range_list *usable)
{
    hpa_t start, end;

    arch_boot_image(&start, &end);
    *usable = info.memory;
    range_remove(usable, start.v, end.v - start.v);
    range_remove_all(usable, &info.reserved);
}

static void start_memory(void)
{
    struct range_list usable, free;

    find_usable(&usable);
    if (memory_start(&info.memory, &info.modules, &usable))
        boot_stop("too little memory");
    has_dom0 = pvh_plan(&layout, &info, &usable, pvh_unpacker_size()) == 0 && pvh_plan_map(&layout, loader.map, loader.map_count) == 0;
    if (!has_dom0)
        layout.ram.count = 0;
    free = usable;
    modules_remove(&info.modules, &free);
    range_remove_all(&free, &layout.ram);
    /* The page that other CPUs start in. */
    range_remove(&free, BOOT_TRAMPOLINE, PAGE_SIZE);
    memory_set_free(&free);
    memory_hand_over(FIRST_MEMORY);
    heap_init();
    arch_boot_frames_ready();
    log_info("memory: %llu MiB in %u ranges", (unsigned long long)(range_total(&info.memory) >> 20), info.memory.count);
}

/* Modules that are not dom0's are memory like any other from now on. */
static void free_modules(void)
{
    struct range_list l = { .count = 0 };

    for (unsigned i = 0; i < info.modules.count; i++)
        range_add(&l, info.modules.module[i].at.base, info.modules.module[i].at.size);
    range_remove_all(&l, &layout.ram);
    memory_set_free(&l);
    memory_hand_over(UINT64_MAX);
}

static void start_processor(void)
{
    const char *why = arch_boot_virt_missing();

    if (!why)
        why = arch_boot_virt();
    if (why) {
        log_error("virtualisation: %s", why);
        boot_stop("guests cannot run on this machine");
    }
}

void boot_main(uint64_t tables, uint64_t magic)
{
    arch_boot_com(COM1, 0);
    console_init();
    subcall_coverage_init();
    log_info("Vinci " VINCI_VERSION ", Xen ABI 4.17, x86-64%s", CONFIG(ASSERT) ? ", checked build" : "");
    read_loader(tables, magic);
    log_info("command line: %s", info.command_line);
    command_line_parse(info.command_line);
    if (boot_options.serial_baud)
        arch_boot_com(COM1, boot_options.serial_baud);
    panic_resets = !boot_options.noreboot;
    board_read(HPA(loader.rsdp));
    arch_boot_local_interrupts(board.power.pm_timer);
    start_memory();
    board_start_interrupts(COM1_IRQ);
    start_processor();
    board_start_iommus();
    memory_hand_over(UINT64_MAX);
    arch_boot_time();
    timer_cpu_init();
    sched_init(boot_options.scheduler);
    sched_cpu_up(0);
    board_start_cpus(boot_options.max_cpus);
    if (!has_dom0 || pvh_build(&info, &layout))
        boot_stop("no dom0");
    free_modules();
    memory_tell_host(&info.memory);
    log_info("%llu MiB free for guests; entering dom0", (unsigned long long)(frame_free_count() >> 8));
    arch_boot_run();
}
