/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest reaches without an exit. MSRs (Intel SDM volume 3, 25.6.9): a bit each for reading and writing, of the lower and the upper 8,192.
 * Only those that are the guest's own. Ports (25.6.4): one bit each; the control domain has those that ports.h says.
 */
#include "arch/x86_64/vmx/vmx.h"
#include "layout.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "ports.h"

#define RANGE_MSRS 8192

static uint64_t msr_map[PAGE_SIZE / 8] ALIGNED(4096);
static uint64_t io_none[PORTS / 64] ALIGNED(4096), io_control[PORTS / 64] ALIGNED(4096);

static void pass_msr(uint32_t msr)
{
    unsigned place = (msr >> 31) * RANGE_MSRS + (msr & 0x1fff);

    ASSERT((msr & 0x1fff) == (msr & 0x3fffffff));
    bitmap_clear(msr_map, place);
    bitmap_clear(msr_map, 2 * RANGE_MSRS + place);
}

void vmx_permissions_init(void)
{
    static const uint32_t passed[] = {
        MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
        MSR_SYSENTER_EIP, MSR_PAT,
    };

    memset(msr_map, 0xff, sizeof(msr_map));
    memset(io_none, 0xff, sizeof(io_none));
    memset(io_control, 0xff, sizeof(io_control));
    ports_fill_map((uint8_t *)io_control, true);
    for (unsigned i = 0; i < ARRAY_SIZE(passed); i++)
        pass_msr(passed[i]);
}

uint64_t vmx_msr_map(void)
{
    return physical_of(msr_map);
}

uint64_t vmx_io_map(const struct domain *d)
{
    return physical_of(d->is_control ? io_control : io_none);
}
