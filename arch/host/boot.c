/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh machine, and its violent end. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arch/host/internal.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "mem/frame.h"
#include "mem/heap.h"

#define DEFAULT_MIB 64

static struct stage2_geometry geometry_of(const struct host_config *c)
{
    if (!c->address_bits)
        return (struct stage2_geometry){ .root_level = 1, .root_order = 1, .address_bits = 40 };
    return (struct stage2_geometry){ c->root_level, c->root_order, c->address_bits };
}

void host_boot(const struct host_config *c)
{
    static const struct host_config defaults;
    static void *table;
    static size_t table_bytes;
    struct stage2_geometry g = geometry_of(c ? c : &defaults);
    mfn_t top;

    c = c ? c : &defaults;
    fibers_seed(c->seed ? c->seed : 1);
    fibers_boot(c->cpus ? c->cpus : 1);
    clock_boot();
    memory_boot(c->memory_mib ? c->memory_mib : DEFAULT_MIB);
    tlb_boot(&g);
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
    stop("powered off");
}

void machine_reset(void)
{
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
