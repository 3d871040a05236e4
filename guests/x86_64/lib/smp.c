/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#define APIC UINT64_C(0xfee00000)
enum { APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310, INIT = 0x4500, STARTUP = 0x4600 };
#define PAGE_BELOW_1M UINT64_C(0x9000)

extern const char ap_begin[], ap_end[];
static void (*volatile entry)(void);

/* A guest with one processor has none. */
void ap_main(void);
void ap_main(void)
{
    exceptions_start();
    entry();
}

void apic_write(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(APIC + offset) = value;
}

uint32_t apic_read(unsigned offset)
{
    return *(volatile uint32_t *)(APIC + offset);
}

void start_processor(unsigned apic_id, void (*f)(void))
{
    volatile char *page = (volatile char *)PAGE_BELOW_1M;

    for (size_t i = 0; i < (size_t)(ap_end - ap_begin); i++)
        page[i] = ap_begin[i];
    entry = f;
    apic_write(APIC_ICR_HIGH, apic_id << 24);
    apic_write(APIC_ICR, INIT);
    apic_write(APIC_ICR, STARTUP | (unsigned)(PAGE_BELOW_1M >> 12));
}
