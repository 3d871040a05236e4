/* SPDX-License-Identifier: Apache-2.0 */
/* Time from the physical counter; deadlines by the hypervisor's physical timer CNTHP (Arm ARM D11). */
#include "arch/include/time.h"
#include "arch/include/arm64_boot.h"
#include "arch/include/cpu.h"
#include "arch/include/upcall.h"
#include "arch/include/arm64_vgic_hw.h"
#include "gic.h"
#include "guest.h"
#include "lib/assert.h"
#include "sysreg.h"
#include "timer.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/* Both with 32 bits of fraction, so that a conversion is one 64 x 64 -> 128 bit multiplication and a shift. */
static uint64_t nsec_per_tick, ticks_per_nsec;
static uint64_t start;
static uint32_t frequency;

static uint64_t scale(uint64_t x, uint64_t factor)
{
    return (uint64_t)(((unsigned __int128)x * factor) >> 32);
}

static void set_frequency(uint32_t hz)
{
    PANIC_IF(hz < 1000 || hz > 4000000000u, "counter frequency of %u Hz (CNTFRQ_EL0 or clock-frequency)", hz);
    frequency = hz;
    nsec_per_tick = (NSEC_PER_SEC << 32) / hz;
    ticks_per_nsec = ((uint64_t)hz << 32) / NSEC_PER_SEC;
}

void timer_early_init(void)
{
    uint32_t hz = (uint32_t)read_sysreg(cntfrq_el0);

    set_frequency(hz ? hz : 62500000);
    start = arch_counter();
}

/* The level stays high until the timer is off or set anew: core sets the next deadline as it leaves. */
static bool timer_interrupt(unsigned irq UNUSED)
{
    write_sysreg(cnthp_ctl_el2, 0);
    isb();
    upcall_timer();
    return true;
}

void arch_boot_timer(unsigned irq, uint32_t hz)
{
    ASSERT(cpu_id() == 0 && irq >= 16 && irq < 32);
    if (hz)
        set_frequency(hz);
    PANIC_IF(!hz && !read_sysreg(cntfrq_el0), "timer: firmware left CNTFRQ_EL0 at 0 and the tree has no clock-frequency");
    gic_set_handler(irq, timer_interrupt);
    gic_enable_on_all(irq);
    vcpu_timer_boot();
}

uint64_t arch_counter(void)
{
    /* Not read early, not before what precedes it (D11.1.2). */
    isb();
    return read_sysreg(cntpct_el0);
}

nsec_t arch_ticks_to_nsec(uint64_t ticks)
{
    return (nsec_t)scale(ticks, nsec_per_tick);
}

nsec_t arch_time_now(void)
{
    return arch_ticks_to_nsec(arch_counter() - start);
}

uint32_t arch_counter_khz(void)
{
    return frequency / 1000;
}

void arch_timer_set_deadline(nsec_t when)
{
    uint64_t now, wait;

    if (when == NSEC_NEVER) {
        write_sysreg(cnthp_ctl_el2, 0);
        return;
    }
    now = arch_counter();
    wait = (uint64_t)MAX(when - arch_ticks_to_nsec(now - start), 0);
    /* Rounded up: not before `when`. */
    write_sysreg(cnthp_cval_el2, now + scale(wait, ticks_per_nsec) + 1);
    write_sysreg(cnthp_ctl_el2, 1);
}
