/* SPDX-License-Identifier: Apache-2.0 */
#include "permissions.h"
#include "core/domain.h"
#include "layout.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "ports.h"

/* A page more than there are ports: SVM looks at the bits behind the last one for a wide access (AMD64 APM volume 2, 15.10.1). */
#define IO_MAP_WORDS ((PORTS / 8 + PAGE_SIZE) / 8)

static uint64_t io_none[IO_MAP_WORDS] ALIGNED(4096), io_control[IO_MAP_WORDS] ALIGNED(4096);

void permissions_init(void (*pass_msr)(uint32_t msr))
{
    static const uint32_t passed[] = {
        MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
        MSR_SYSENTER_EIP, MSR_PAT,
    };

    memset(io_none, 0xff, sizeof(io_none));
    memset(io_control, 0xff, sizeof(io_control));
    ports_fill_map((uint8_t *)io_control, true);
    for (unsigned i = 0; i < ARRAY_SIZE(passed); i++)
        pass_msr(passed[i]);
}

uint64_t permissions_io_map(const struct domain *d)
{
    return physical_of(d->is_control ? io_control : io_none);
}
