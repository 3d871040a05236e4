/* SPDX-License-Identifier: Apache-2.0 */
/* The map of MSRs (Intel SDM volume 3, 25.6.9): a bit each for reading and writing, of the lower and the upper 8,192. */
#include "arch/x86_64/vmx/vmx.h"
#include "layout.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "permissions.h"

#define RANGE_MSRS 8192

static uint64_t msr_map[PAGE_SIZE / 8] ALIGNED(4096);

static void pass_msr(uint32_t msr)
{
    unsigned place = (msr >> 31) * RANGE_MSRS + (msr & 0x1fff);

    ASSERT((msr & 0x1fff) == (msr & 0x3fffffff));
    bitmap_clear(msr_map, place);
    bitmap_clear(msr_map, 2 * RANGE_MSRS + place);
}

void vmx_msr_map_init(void)
{
    memset(msr_map, 0xff, sizeof(msr_map));
    permissions_init(pass_msr);
}

uint64_t vmx_msr_map(void)
{
    return physical_of(msr_map);
}
