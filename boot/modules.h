/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader put into memory besides the hypervisor. Boot, CPU 0. */
#ifndef BOOT_MODULES_H
#define BOOT_MODULES_H

#include "boot/ranges.h"

#define COMMAND_LINE_SIZE 2048
#define MAX_MODULES 8

enum module_kind { MODULE_UNKNOWN, MODULE_KERNEL, MODULE_RAMDISK, MODULE_OTHER };

struct boot_module {
    enum module_kind kind;
    struct memory_range at;
    const char *command_line;       /* where the loader left it, NULL when it has none */
};

struct module_list {
    struct boot_module module[MAX_MODULES];
    unsigned count;
};

/* The first of that kind, or NULL. */
const struct boot_module *module_find(const struct module_list *l, enum module_kind kind);
/* Cut them, in whole pages, out of the list. */
void modules_remove(const struct module_list *l, struct range_list *from);

#endif
