/* SPDX-License-Identifier: Apache-2.0 */
/* The map of MSRs (AMD64 APM volume 2, 15.11): two bits each, read and write, of three ranges of 8,192. Passed are those that VMSAVE and VMLOAD
 * keep, and the PAT, which is the guest's own with nested paging. */
#include "arch/x86_64/svm/svm.h"
#include "layout.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "permissions.h"

#define RANGE_MSRS 8192
#define MSR_MAP_BYTES (2 * PAGE_SIZE)

static uint64_t msr_map[MSR_MAP_BYTES / 8] ALIGNED(4096);

static void pass_msr(uint32_t msr)
{
    uint32_t range = msr >> 30 ? 1 + (msr >> 16 & 1) : 0;

    ASSERT((msr & 0x1fff) == (msr & 0xffff));
    bitmap_clear(msr_map, 2 * (range * RANGE_MSRS + (msr & 0x1fff)));
    bitmap_clear(msr_map, 2 * (range * RANGE_MSRS + (msr & 0x1fff)) + 1);
}

void svm_msr_map_init(void)
{
    memset(msr_map, 0xff, sizeof(msr_map));
    permissions_init(pass_msr);
}

uint64_t svm_msr_map(void)
{
    return physical_of(msr_map);
}
