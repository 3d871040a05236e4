/* SPDX-License-Identifier: Apache-2.0 */
/* hvm_start_info and what it points to: what dom0's first instruction finds, in the ABI's layout (xen/arch-x86/hvm/start_info.h). */
#include "boot/x86_64/pvh.h"
#include "lib/assert.h"
#include "lib/string.h"
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

struct start {
    struct hvm_start_info info;
    struct hvm_modlist_entry modules[2];
    struct hvm_memmap_table_entry map[PVH_MAP_ENTRIES];
    char command_line[COMMAND_LINE_SIZE];
};

static uint32_t write_modules(struct hvm_modlist_entry *to, const struct module_list *modules)
{
    static const enum module_kind kinds[] = { MODULE_KERNEL, MODULE_RAMDISK };
    uint32_t count = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct boot_module *m = module_find(modules, kinds[i]);

        if (m)
            to[count++] = (struct hvm_modlist_entry){ .paddr = m->at.base, .size = m->at.size };
    }
    return count;
}

bool pvh_write_start(void *buffer, const struct pvh_layout *l, const struct module_list *modules, uint64_t rsdp)
{
    const struct boot_module *kernel = module_find(modules, MODULE_KERNEL);
    struct start *s = buffer;

    STATIC_ASSERT(sizeof(*s) <= PVH_START_SIZE);
    ASSERT(kernel && l->map_count <= PVH_MAP_ENTRIES);
    if (l->start.size < sizeof(*s))
        return false;
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < l->map_count; i++)
        s->map[i] = (struct hvm_memmap_table_entry){ .addr = l->map[i].base, .size = l->map[i].size, .type = l->map[i].kind };
    string_copy(s->command_line, kernel->command_line ? kernel->command_line : "", sizeof(s->command_line));
    s->info = (struct hvm_start_info){
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .flags = SIF_PRIVILEGED | SIF_INITDOMAIN,
        .nr_modules = write_modules(s->modules, modules),
        .modlist_paddr = l->start.base + offsetof(struct start, modules),
        .cmdline_paddr = l->start.base + offsetof(struct start, command_line),
        .rsdp_paddr = rsdp,
        .memmap_paddr = l->start.base + offsetof(struct start, map),
        .memmap_entries = l->map_count,
    };
    return true;
}
