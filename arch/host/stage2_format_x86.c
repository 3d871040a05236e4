/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86-64's own entries in the simulated processor's place, NPT's or with VINCI_TABLES=ept EPT's: a program that is linked with this file
 * has no other format. The TLB model checks how they change all the same.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/host/internal.h"

#define arch_s2_write processor_s2_write
#define arch_s2_read processor_s2_read
#include "arch/x86_64/stage2_format.c"
#undef arch_s2_write
#undef arch_s2_read

void stage2_format_boot(struct stage2_geometry *g)
{
    const char *tables = getenv("VINCI_TABLES");

    if (tables && strcmp(tables, "ept") == 0)
        stage2_format_use_ept();
    *g = (struct stage2_geometry){ .root_level = 0, .root_order = 0, .address_bits = 48 };
}

void arch_s2_write(s2_entry *slot, s2_entry e)
{
    ASSERT(!arch_s2_is_present(e) || arch_s2_frame(e).v);
    tlb_check_write(slot, *slot, e);
    processor_s2_write(slot, e);
    arch_schedule_point();
}

s2_entry arch_s2_read(const s2_entry *slot)
{
    return processor_s2_read(slot);
}
