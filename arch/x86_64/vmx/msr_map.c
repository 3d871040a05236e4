/* SPDX-License-Identifier: Apache-2.0 */
/* The map of MSRs (Intel SDM volume 3, 25.6.9): a bit each for reading and writing, of the lower and the upper 8,192. */
#include "arch/x86_64/vmx/vmx.h"
#include "layout.h"
#include "lib/bitmap.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "permissions.h"

#define RANGE_MSRS 8192
#define WRITES (2 * RANGE_MSRS)
/* The local APIC's registers as MSRs, behind MSR_X2APIC (11.12.1.2). */
enum { X2APIC_TPR = 0x08, X2APIC_PPR = 0x0a, X2APIC_EOI = 0x0b, X2APIC_ISR = 0x10, X2APIC_ISR_REGISTERS = 8, X2APIC_SELF_IPI = 0x3f };

static uint64_t msr_map[PAGE_SIZE / 8] ALIGNED(4096), x2apic_map[PAGE_SIZE / 8] ALIGNED(4096);

static void pass_msr(uint32_t msr)
{
    unsigned place = (msr >> 31) * RANGE_MSRS + (msr & 0x1fff);

    ASSERT((msr & 0x1fff) == (msr & 0x3fffffff));
    bitmap_clear(msr_map, place);
    bitmap_clear(msr_map, WRITES + place);
}

/* What of a local APIC the processor reads from the page, which it also keeps up to date there, and what it does by itself when it is written. */
static void open_x2apic(void)
{
    memcpy(x2apic_map, msr_map, sizeof(msr_map));
    bitmap_clear(x2apic_map, MSR_X2APIC + X2APIC_TPR);
    bitmap_clear(x2apic_map, MSR_X2APIC + X2APIC_PPR);
    for (unsigned reg = X2APIC_ISR; reg < X2APIC_ISR + X2APIC_ISR_REGISTERS; reg++)
        bitmap_clear(x2apic_map, MSR_X2APIC + reg);
    bitmap_clear(x2apic_map, WRITES + MSR_X2APIC + X2APIC_TPR);
    bitmap_clear(x2apic_map, WRITES + MSR_X2APIC + X2APIC_EOI);
    bitmap_clear(x2apic_map, WRITES + MSR_X2APIC + X2APIC_SELF_IPI);
}

void vmx_msr_map_init(void)
{
    memset(msr_map, 0xff, sizeof(msr_map));
    permissions_init(pass_msr);
    open_x2apic();
}

uint64_t vmx_msr_map(void)
{
    return physical_of(msr_map);
}

uint64_t vmx_msr_map_of_x2apic(void)
{
    return physical_of(x2apic_map);
}
