/* SPDX-License-Identifier: Apache-2.0 */
/* Time from the TSC; deadlines by the local APIC's timer (AMD64 APM volume 2, 16.4.1; Intel SDM volume 3, 10.5.4). */
#include "timer.h"
#include "apic.h"
#include "arch/include/time.h"
#include "arch/include/upcall.h"
#include "cpuid_host.h"
#include "idt.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "msr.h"
#include "processor.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
/* The PIT (Intel 8254): channel 2 counts down from a value once, and port 0x61 shows when it is over. */
#define PIT_HZ 1193182
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_RUNS 5
#define PIT_CHANNEL2_ONE_SHOT 0xb0
#define SPEAKER 0x61
#define SPEAKER_GATE 0x01
#define SPEAKER_ON 0x02
#define SPEAKER_OUT 0x20
#define CALIBRATION_HZ 100              /* for a hundredth of a second */
#define PATIENCE 100000000
/* ACPI's timer (ACPI Specification 6.4, 4.8.3.3), of 24 bits at least. */
#define PM_HZ UINT64_C(3579545)
#define PM_MASK UINT32_C(0xffffff)
#define PM_READINGS 16
#define PM_PROVISIONAL 128              /* its ticks: 36 microseconds */
#define PM_MEASURED 3580                /* a millisecond */

/* With 32 bits of fraction, so that a conversion is one 64 x 64 -> 128 bit multiplication and a shift. */
static uint64_t nsec_per_tick, ticks_per_nsec, apic_per_nsec;
static uint64_t start, frequency;
static bool by_deadline;

static uint64_t scale(uint64_t x, uint64_t factor)
{
    return (uint64_t)(((unsigned __int128)x * factor) >> 32);
}

/*
 * The clocks at one moment: sums of as many readings, each taken as ACPI's timer goes on. What single readings are off by, its tick of
 * 0.28 us, is evened out: over a millisecond the frequency is right to 100 in a million (on a timer that is read in 1 us), and what it is
 * measured over is what the start has to do anyway.
 */
struct moment {
    uint64_t tsc, pm, apic;
};
static struct moment began;
static uint32_t pm_first;
static uint16_t pm_port;

/* Ticks of ACPI's timer since `first` was read; 0: it does not count. */
static uint32_t pm_next(uint32_t first, uint32_t last)
{
    uint32_t now, patience = PATIENCE / 100;

    do
        now = (port_read32(pm_port) - first) & PM_MASK;
    while (now == last && --patience);
    return patience ? now : 0;
}

static bool take_moment(uint32_t first, struct moment *m)
{
    uint32_t last = (port_read32(pm_port) - first) & PM_MASK;

    *m = (struct moment){ 0 };
    for (unsigned i = 0; i < PM_READINGS; i++) {
        last = pm_next(first, last);
        if (!last)
            return false;
        m->tsc += rdtsc_ordered();
        m->pm += last;
        m->apic += UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
    }
    return true;
}

/* Of some seconds at most. */
static uint64_t rate(uint64_t ticks, uint64_t pm_ticks)
{
    ASSERT(pm_ticks && ticks < UINT64_MAX / PM_HZ);
    return ticks * PM_HZ / pm_ticks;
}

/* Both clocks from `began` to now, which is `least` ticks of ACPI's timer later at least. */
static bool measure_by_pm(uint32_t least, uint64_t *tsc_hz, uint64_t *apic_hz)
{
    struct moment now;

    do {
        if (!take_moment(pm_first, &now))
            return false;
    } while (now.pm - began.pm < (uint64_t)least * PM_READINGS);
    *tsc_hz = rate(now.tsc - began.tsc, now.pm - began.pm);
    *apic_hz = rate(now.apic - began.apic, now.pm - began.pm);
    return true;
}

/* Both clocks over one run of the PIT. */
static void run_of_pit(uint64_t *tsc_hz, uint64_t *apic_hz)
{
    uint64_t begin, patience = PATIENCE;

    port_write8(SPEAKER, (uint8_t)((port_read8(SPEAKER) & ~SPEAKER_ON) | SPEAKER_GATE));
    port_write8(PIT_COMMAND, PIT_CHANNEL2_ONE_SHOT);
    port_write8(PIT_CHANNEL2, (PIT_HZ / CALIBRATION_HZ) & 0xff);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    port_write8(PIT_CHANNEL2, PIT_HZ / CALIBRATION_HZ >> 8);
    begin = rdtsc_ordered();
    uint32_t apic_begin = apic_read(APIC_TIMER_CURRENT);

    while (!(port_read8(SPEAKER) & SPEAKER_OUT) && --patience)
        continue;
    *tsc_hz = (rdtsc_ordered() - begin) * CALIBRATION_HZ;
    *apic_hz = (uint64_t)(apic_begin - apic_read(APIC_TIMER_CURRENT)) * CALIBRATION_HZ;
    apic_write(APIC_TIMER_INITIAL, 0);
    PANIC_IF(!patience, "timer: the PIT does not count, so the TSC's frequency is not known");
}

/* Whoever takes the CPU away meanwhile (firmware, or what emulates it) makes a run longer, never shorter. */
static void measure_by_pit(uint64_t *tsc_hz, uint64_t *apic_hz)
{
    uint64_t tsc, apic;

    run_of_pit(tsc_hz, apic_hz);
    for (unsigned i = 1; i < PIT_RUNS; i++) {
        run_of_pit(&tsc, &apic);
        if (tsc < *tsc_hz)
            *tsc_hz = tsc, *apic_hz = apic;
    }
}

static void take_rates(uint64_t apic_hz)
{
    PANIC_IF(frequency < 1000000 || frequency >= BIT(33) || apic_hz >= BIT(33) || apic_hz < 1000, "timer: TSC at %llu Hz, local APIC's timer at %llu Hz",
             (unsigned long long)frequency, (unsigned long long)apic_hz);
    nsec_per_tick = (NSEC_PER_SEC << 32) / frequency;
    /* Below 8 GHz nothing is lost. */
    ticks_per_nsec = (frequency << 31) / NSEC_PER_SEC << 1;
    apic_per_nsec = (apic_hz << 31) / NSEC_PER_SEC << 1;
}

void timer_boot(uint16_t acpi_timer)
{
    uint64_t apic_hz;

    pm_port = acpi_timer;
    pm_first = pm_port ? port_read32(pm_port) : 0;
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    if (!pm_port || !take_moment(pm_first, &began) || !measure_by_pm(PM_PROVISIONAL, &frequency, &apic_hz)) {
        pm_port = 0;
        measure_by_pit(&frequency, &apic_hz);
    }
    by_deadline = CPU_HAS_TSC_DEADLINE;
    take_rates(apic_hz);
    start = rdtsc_ordered();
}

/* A start that took so long that ACPI's timer or the APIC's count went round is not what is measured over. */
static bool settled_rates(uint64_t *apic_hz)
{
    uint64_t about = frequency;

    if (measure_by_pm(PM_MEASURED, &frequency, apic_hz) && frequency - about + about / 16 < about / 8)
        return true;
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    return take_moment(pm_first, &began) && measure_by_pm(PM_MEASURED, &frequency, apic_hz);
}

/* What time it is does not change by this, only how it goes on. */
void timer_settle(void)
{
    uint64_t apic_hz, now;
    nsec_t time;

    if (pm_port && settled_rates(&apic_hz)) {
        now = rdtsc_ordered();
        time = arch_ticks_to_nsec(now - start);
        take_rates(apic_hz);
        start = now - scale((uint64_t)time, ticks_per_nsec);
    }
    timer_cpu_start();
}

void timer_report(void)
{
    log_info("TSC: %llu MHz by %s, %s; deadlines by %s", (unsigned long long)((frequency + 500000) / 1000000),
             pm_port ? "ACPI's timer" : "the PIT",
             CPU_HAS_INVARIANT_TSC ? "invariant" : "NOT invariant: time is only as good as the processor's frequency is constant",
             by_deadline ? "TSC deadline" : "the local APIC's counter");
}

void timer_cpu_start(void)
{
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (by_deadline ? APIC_TIMER_DEADLINE : 0));
    /* The mode is set before the first deadline is (Intel SDM volume 3, 10.5.4.1). */
    __asm__ volatile("mfence" ::: "memory");
}

uint64_t timer_start_tsc(void)
{
    return start;
}

uint64_t arch_counter(void)
{
    return rdtsc_ordered();
}

nsec_t arch_ticks_to_nsec(uint64_t ticks)
{
    return (nsec_t)scale(ticks, nsec_per_tick);
}

nsec_t arch_time_now(void)
{
    return arch_ticks_to_nsec(arch_counter() - start);
}

void timer_guest_scale(uint32_t *factor, int8_t *shift)
{
    uint64_t f = nsec_per_tick;
    int8_t n = 0;

    for (; f >> 32; n++)
        f >>= 1;
    *factor = (uint32_t)f;
    *shift = n;
}

uint32_t arch_counter_khz(void)
{
    return (uint32_t)(frequency / 1000);
}

void arch_timer_set_deadline(nsec_t when)
{
    uint64_t now = arch_counter(), wait;

    if (when == NSEC_NEVER) {
        if (by_deadline)
            wrmsr(MSR_TSC_DEADLINE, 0);
        else
            apic_write(APIC_TIMER_INITIAL, 0);
        return;
    }
    wait = (uint64_t)MAX(when - arch_ticks_to_nsec(now - start), 0);
    /* Rounded up: not before `when`. A count that is too long for the APIC ends early, and core asks again. */
    if (by_deadline)
        wrmsr(MSR_TSC_DEADLINE, now + scale(wait, ticks_per_nsec) + 1);
    else
        apic_write(APIC_TIMER_INITIAL, (uint32_t)MIN(scale(wait, apic_per_nsec) + 1, (uint64_t)UINT32_MAX));
}
