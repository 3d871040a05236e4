/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest reaches without an exit. MSRs (AMD64 APM volume 2, 15.11): two bits each, read and write, of three ranges of 8,192. Only those
 * that VMSAVE and VMLOAD keep, and the PAT, which is the guest's own with nested paging. Ports (15.10): one bit each; the control domain has
 * those that ports.h says.
 */
#include "arch/x86_64/svm/svm.h"
#include "layout.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "ports.h"

#define RANGE_MSRS 8192
/* Three bytes more: a wide access at the last port looks at the bits behind. */
#define IO_MAP_BYTES (3 * PAGE_SIZE)
#define MSR_MAP_BYTES (2 * PAGE_SIZE)

static uint64_t msr_map[MSR_MAP_BYTES / 8] ALIGNED(4096);
static uint64_t io_none[IO_MAP_BYTES / 8] ALIGNED(4096), io_control[IO_MAP_BYTES / 8] ALIGNED(4096);

static void pass_msr(uint32_t msr)
{
    uint32_t range = msr >> 30 ? 1 + (msr >> 16 & 1) : 0;

    ASSERT((msr & 0x1fff) == (msr & 0xffff));
    bitmap_clear(msr_map, 2 * (range * RANGE_MSRS + (msr & 0x1fff)));
    bitmap_clear(msr_map, 2 * (range * RANGE_MSRS + (msr & 0x1fff)) + 1);
}

void svm_permissions_init(void)
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

uint64_t svm_msr_map(void)
{
    return physical_of(msr_map);
}

uint64_t svm_io_map(const struct domain *d)
{
    return physical_of(d->is_control ? io_control : io_none);
}
