/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader's tables and firmware's say of this machine. Filled once, before anything is allocated; used at boot only. */
#ifndef BOOT_X86_64_BOOT_INFO_H
#define BOOT_X86_64_BOOT_INFO_H

#include "arch/include/boot.h"
#include "boot/modules.h"
#include "boot/ranges.h"

struct boot_info {
    struct range_list memory;       /* RAM */
    struct range_list reserved;     /* what firmware keeps */
    struct module_list modules;
    char command_line[COMMAND_LINE_SIZE];
};

#endif
