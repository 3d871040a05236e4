/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A static domain: says what it was given, looks for bytes of somebody else's in its memory, and does what its command line asks for:
 *   beat      sleeps until each millisecond, and says every second how many it has missed
 *   vectors   holds numbers in vector registers for a second
 *   tick      a line a second          cpus    starts its other vCPUs
 *   rtc       uses a PL031 that it was given: registers and interrupt
 *   bare      none of all that, it ends after a while
 *   steady    computes for a quarter of a second, between marks of the counting plugin; with rtc: that device and the timer interrupt it
 *   stay      never ends               reboot, crash, poweroff (default): how it ends
 */
#include "guests/lib/hypercall.h"

#define OLD_BYTES 0x6f6c642062797465UL      /* what tests fill memory with beforehand */

/* Until its memory has been filled beside it. */
#define BARE_LIFE (200 * TICKS_PER_MS)
#define STEADY_PIECES 100
#define STEADY_TICKS (250 * TICKS_PER_MS)
#define STEADY_TICK (STEADY_TICKS / 25)

static unsigned cpus_up;

static const char *command_line(const void *fdt)
{
    unsigned len, node = fdt_find(fdt, "bootargs", NULL);

    return node ? (const char *)fdt_prop(fdt, node, "bootargs", &len) : "";
}

/* Words that are not zero outside what we know of: our image, the device tree, the ramdisk. */
static uint64_t foreign_words(const void *fdt, uint64_t base, uint64_t size)
{
    const uint32_t *header = fdt;
    uint64_t begin = (uint64_t)_start, end = (uint64_t)__memory_end, tree = (uint64_t)fdt, found = 0;
    unsigned len, chosen = fdt_find(fdt, "linux,initrd-end", NULL);
    uint64_t ramdisk_end = chosen ? fdt_u64(fdt_prop(fdt, chosen, "linux,initrd-end", &len), 0) : 0;
    uint64_t ramdisk = chosen ? fdt_u64(fdt_prop(fdt, chosen, "linux,initrd-start", &len), 0) : 0;

    for (uint64_t at = base; at < base + size; at += 8) {
        if ((at >= begin && at < end) || (at >= tree && at < tree + fdt_u32(header, 1)) || (at >= ramdisk && at < ramdisk_end))
            continue;
        if (*(const volatile uint64_t *)at)
            found++;
    }
    return found;
}

static void say_memory(const void *fdt)
{
    unsigned len, node = fdt_find(fdt, "device_type", "memory");
    const uint32_t *reg = fdt_prop(fdt, node, "reg", &len);

    for (unsigned i = 0; i < len / 16; i++) {
        uint64_t base = fdt_u64(reg, 2 * i), size = fdt_u64(reg, 2 * i + 1);

        print("memory 0x%lx-0x%lx, foreign words: %lu\n", base, base + size - 1, foreign_words(fdt, base, size));
    }
}

static void say_ramdisk(const void *fdt)
{
    unsigned len, chosen = fdt_find(fdt, "linux,initrd-start", NULL);
    const uint8_t *from, *to;
    uint32_t sum = 0;

    if (!chosen)
        return;
    from = (const uint8_t *)fdt_u64(fdt_prop(fdt, chosen, "linux,initrd-start", &len), 0);
    to = (const uint8_t *)fdt_u64(fdt_prop(fdt, chosen, "linux,initrd-end", &len), 0);
    for (const uint8_t *p = from; p < to; p++)
        sum = sum * 31 + *p;
    print("ramdisk %lu bytes, sum 0x%x\n", (unsigned long)(to - from), sum);
}

static void on_cpu(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&cpus_up, 1, __ATOMIC_SEQ_CST);
}

static void start_cpus(const void *fdt)
{
    unsigned started = 0;

    gic_init(fdt);
    while (started + 1 < CPUS_MAX && cpu_start(started + 1, on_cpu, NULL) == 0)
        started++;
    spin_ticks(50 * TICKS_PER_MS);
    print("further vCPUs: %u started, %u ran\n", started, cpus_up);
}

#define RTC_DATA 0x0
#define RTC_MATCH 0x4
#define RTC_MASK 0x10
#define RTC_CLEAR 0x1c
#define RTC_PERIPHERAL_ID 0xfe0

static volatile uint32_t *rtc;
static unsigned rtc_interrupt;              /* 0: there is none */

/* The alarm itself stays: its interrupt can be let through again. */
static void on_alarm(unsigned intid)
{
    (void)intid;
    rtc[RTC_MASK / 4] = 0;
}

/* The timer ends the sleep if nothing else does. */
static void sleep_until_taken(unsigned intid, uint64_t ticks)
{
    uint64_t end = read_sysreg(cntvct_el0) + ticks;

    gic_enable(PPI_VTIMER);
    write_sysreg(cntv_cval_el0, end);
    write_sysreg(cntv_ctl_el0, 1);
    while (!irq_count[intid] && read_sysreg(cntvct_el0) < end) {
        wfi();
        irq_enable();
        isb();
        irq_disable();
    }
    write_sysreg(cntv_ctl_el0, 0);
    isb();
}

/* Reads the time, waits for an alarm in the next second but one. (DDI 0224) */
static void use_rtc(const void *fdt)
{
    unsigned len, node = fdt_find(fdt, "compatible", "arm,pl031"), intid;
    const uint32_t *reg;

    if (!node) {
        print("rtc: there is none\n");
        return;
    }
    reg = fdt_prop(fdt, node, "reg", &len);
    rtc = (volatile uint32_t *)fdt_u64(reg, 0);
    intid = 32 + fdt_u32(fdt_prop(fdt, node, "interrupts", &len), 1);
    print("rtc at 0x%lx, id 0x%x, interrupt %u\n", (uint64_t)rtc, rtc[RTC_PERIPHERAL_ID / 4], intid);
    gic_init(fdt);
    rtc_interrupt = intid;
    gic_handler(intid, on_alarm);
    if (!gic_is_v2())
        gicd_write32(0x80 + intid / 32 * 4, 0xffffffff);    /* group 1 */
    gic_set_priority(intid, 0xa0);
    gic_enable(intid);
    rtc[RTC_CLEAR / 4] = 1;
    rtc[RTC_MATCH / 4] = rtc[RTC_DATA / 4] + 2;
    rtc[RTC_MASK / 4] = 1;
    sleep_until_taken(intid, 5000 * TICKS_PER_MS);
    print("rtc: %u alarms\n", irq_count[intid]);
}

/* Fills what it may touch with bytes that nobody else should ever see. */
static void leave_bytes(const void *fdt)
{
    unsigned len, node = fdt_find(fdt, "device_type", "memory");
    const uint32_t *reg = fdt_prop(fdt, node, "reg", &len);
    uint64_t end = fdt_u64(reg, 0) + fdt_u64(reg, 1);

    for (uint64_t at = (end - (end - (uint64_t)fdt) / 2) & ~7UL; at < end; at += 8)
        *(volatile uint64_t *)at = OLD_BYTES;
}

/* A beat is missed when the next one is due as well. */
static void beat(void)
{
    uint64_t deadline, late, worst, missed = 0;

    gic_init(NULL);
    gic_enable(PPI_VTIMER);
    deadline = read_sysreg(cntvct_el0);
    for (unsigned second = 1;; second++) {
        worst = 0;
        for (unsigned n = 0; n < 1000; n++) {
            deadline += TICKS_PER_MS;
            late = timer_sleep_until(deadline);
            missed += late >= TICKS_PER_MS;
            worst = late > worst ? late : worst;
        }
        print("beat %u: %lu missed, worst %lu ns late\n", second, missed, worst * 1000000 / TICKS_PER_MS);
    }
}

static void on_steady_tick(unsigned intid)
{
    (void)intid;
    write_sysreg(cntv_cval_el0, read_sysreg(cntv_cval_el0) + STEADY_TICK);
    isb();
}

/* What interrupts meanwhile is its own: the device, and this. */
static void start_ticks(void)
{
    gic_handler(PPI_VTIMER, on_steady_tick);
    gic_enable(PPI_VTIMER);
    write_sysreg(cntv_cval_el0, read_sysreg(cntvct_el0) + STEADY_TICK / 2);
    write_sysreg(cntv_ctl_el0, 1);
    isb();
}

static void compute_between_marks(void)
{
    unsigned before = irq_count[rtc_interrupt];

    if (rtc_interrupt)
        start_ticks();
    irq_enable();
    asm volatile("hint #0x64" : : : "memory");
    for (unsigned n = 0; n < STEADY_PIECES; n++) {
        spin_ticks(STEADY_TICKS / STEADY_PIECES);
        if (rtc_interrupt)
            rtc[RTC_MASK / 4] = 1;
    }
    spin_ticks(TICKS_PER_MS);
    asm volatile("hint #0x65" : : : "memory");
    irq_disable();
    write_sysreg(cntv_ctl_el0, 0);
    print("steady: %u interrupts of the device, %u of the timer\n", irq_count[rtc_interrupt] - before, irq_count[PPI_VTIMER]);
}

static void tick(void)
{
    for (unsigned n = 1;; n++) {
        spin_ticks(1000 * TICKS_PER_MS);
        print("tick %u\n", n);
    }
}

#define VECTOR_WORDS 16

/* Eight vector registers for a time in which others run; C code uses none. */
static void hold_vectors(const uint64_t *from, uint64_t *to, uint64_t until)
{
    uint64_t now;

    asm volatile(".arch_extension fp\n\t.arch_extension simd\n\t"
                 "ldp q0, q1, [%1]\n\tldp q2, q3, [%1, #32]\n\tldp q4, q5, [%1, #64]\n\tldp q6, q7, [%1, #96]\n"
                 "1:\tisb\n\tmrs %0, cntvct_el0\n\tcmp %0, %3\n\tb.lo 1b\n\t"
                 "stp q0, q1, [%2]\n\tstp q2, q3, [%2, #32]\n\tstp q4, q5, [%2, #64]\n\tstp q6, q7, [%2, #96]"
                 : "=&r"(now) : "r"(from), "r"(to), "r"(until) : "memory", "cc");
}

static void keep_vectors(void)
{
    uint64_t in[VECTOR_WORDS], out[VECTOR_WORDS], lost = 0, ticks = read_sysreg(cntvct_el0);

    write_sysreg(cpacr_el1, 3UL << 20);
    isb();
    for (unsigned n = 0; n < 1000; n++) {
        for (unsigned i = 0; i < VECTOR_WORDS; i++)
            in[i] = OLD_BYTES * (n + 1) + i;
        hold_vectors(in, out, ticks += TICKS_PER_MS);
        for (unsigned i = 0; i < VECTOR_WORDS; i++)
            lost += in[i] != out[i];
    }
    print("vectors: %lu lost\n", lost);
}

static void __attribute__((noreturn)) end(const void *fdt)
{
    guest_shutdown(fdt_option(fdt, "reboot") ? SHUTDOWN_reboot : fdt_option(fdt, "crash") ? SHUTDOWN_crash : SHUTDOWN_poweroff);
}

void guest_main(const void *fdt)
{
    if (fdt_option(fdt, "bare")) {
        spin_ticks(BARE_LIFE);
        asm volatile("hint #0x61" : : : "memory");     /* a mark of the counting plugin: its end */
        end(fdt);
    }
    print("partition: \"%s\"\n", command_line(fdt));
    say_memory(fdt);
    say_ramdisk(fdt);
    print("hypervisor node: %s\n", fdt_find(fdt, "compatible", "xen,xen") ? "yes" : "no");
    if (fdt_option(fdt, "cpus"))
        start_cpus(fdt);
    if (fdt_option(fdt, "rtc"))
        use_rtc(fdt);
    if (fdt_option(fdt, "steady"))
        compute_between_marks();
    leave_bytes(fdt);
    print("done\n");
    if (fdt_option(fdt, "vectors"))
        keep_vectors();
    if (fdt_option(fdt, "beat"))
        beat();
    if (fdt_option(fdt, "tick"))
        tick();
    while (fdt_option(fdt, "stay"))
        wfi();
    end(fdt);
}
