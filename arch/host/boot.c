/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh machine, and its violent end. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arch/host/internal.h"
#include "arch/host/its_model.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/heap.h"

#define DEFAULT_MIB 64

/*
 * The hypervisor's variables (restorable.h). The sanitizer keeps forbidden zones between them, so they are copied by functions
 * that it does not watch, in words that the compiler may not turn into a memcpy that it does.
 */
extern char __start_vinci_bss[] __attribute__((weak)), __stop_vinci_bss[] __attribute__((weak));
extern char __start_vinci_data[] __attribute__((weak)), __stop_vinci_data[] __attribute__((weak));

struct area {
    char *start, *stop, *copy;
};

__attribute__((no_sanitize("address", "undefined"))) static void copy_area(char *to, const char *from, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        *(volatile uint64_t *)(to + i) = *(const uint64_t *)(from + i);
    for (; i < n; i++)
        *(volatile char *)(to + i) = from[i];
}

static void save_or_restore(struct area *a)
{
    size_t n = (size_t)(a->stop - a->start);

    if (a->copy) {
        copy_area(a->start, a->copy, n);
    } else if (n) {
        a->copy = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        PANIC_IF(a->copy == MAP_FAILED, "no memory for a copy of the hypervisor's variables");
        copy_area(a->copy, a->start, n);
    }
}

/* The first machine of a process finds the hypervisor as it was linked; every other one does again. */
static void restore_variables(void)
{
    static struct area bss, data;

    bss.start = __start_vinci_bss, bss.stop = __stop_vinci_bss;
    data.start = __start_vinci_data, data.stop = __stop_vinci_data;
    save_or_restore(&bss);
    save_or_restore(&data);
}

static struct stage2_geometry geometry_of(const struct host_config *c)
{
    struct stage2_geometry of_format;

    stage2_format_boot(&of_format);
    if (!c->address_bits)
        return of_format;
    return (struct stage2_geometry){ c->root_level, c->root_order, c->address_bits, c->leaf_level };
}

void host_boot(const struct host_config *c)
{
    static const struct host_config defaults;
    static void *table;
    static size_t table_bytes;
    struct stage2_geometry g;
    mfn_t top;

    c = c ? c : &defaults;
    restore_variables();
    g = geometry_of(c);
    fibers_seed(c->seed ? c->seed : 1);
    fibers_boot(c->cpus ? c->cpus : 1);
    clock_boot();
    memory_boot(c->memory_mib ? c->memory_mib : DEFAULT_MIB);
    tlb_boot(&g);
    host_smmu_boot(0, false);
    host_its_boot();
    interrupts_boot(c->gic_version ? c->gic_version : 3);
    alloc_fail_nth(0);
    top = mfn_add(HOST_RAM_BASE, host_ram_frames());
    if (table)
        munmap(table, table_bytes);
    table_bytes = top.v * sizeof(uint64_t);
    table = mmap(NULL, table_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    PANIC_IF(table == MAP_FAILED, "no frame table");
    frame_table_init(table, top);
    frame_add_free(HOST_RAM_BASE, host_ram_frames());
    heap_init();
}

static void NORETURN stop(const char *how)
{
    fprintf(stderr, "host: %s on CPU %u, seed %llu (VINCI_SEED=%llu replays)\n", how, cpu_id(),
            (unsigned long long)host_seed(), (unsigned long long)host_seed());
    abort();
}

void machine_power_off(void)
{
    fibers_stop("powered off");
    stop("powered off");
}

void machine_reset(void)
{
    fibers_stop("reset");
    stop("reset");
}

void machine_halt_others(void)
{
    host_console_echo(true);
}

void machine_halt(void)
{
    stop("halted");
}
