/* SPDX-License-Identifier: Apache-2.0 */
/* From start.S to the guest's own program, further vCPUs, and the ends of both. */

#include "guests/lib/hypercall.h"

struct secondary {
    uint64_t stack_top;
    void (*fn)(void *);
    void *arg;
    uint64_t id;
    volatile unsigned arrived;
};

static struct cpu cpus[CPUS_MAX];
static struct secondary secondaries[CPUS_MAX];
static uint8_t secondary_stacks[CPUS_MAX][16384] ALIGNED(16);

void guest_start(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3);
void secondary_start(struct secondary *s);
void secondary_entry(void);

struct cpu *this_cpu(void)
{
    return (struct cpu *)read_sysreg(tpidr_el1);
}

static void cpu_setup(unsigned id)
{
    cpus[id].id = id;
    write_sysreg(tpidr_el1, &cpus[id]);
}

/* A child gets a magic number, its function's offset in the image and the shared page. */
void guest_start(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
    (void)x3;
    cpu_setup(0);
    if (x0 == CHILD_MAGIC) {
        child_fn fn = (child_fn)(_start + x1);
        struct child_page *page = (struct child_page *)x2;

        page->ready = 1;
        fn(page);
        page->done = 1;
        guest_shutdown(SHUTDOWN_poweroff);
    }
    guest_main((const void *)x0);
    guest_shutdown(SHUTDOWN_poweroff);
}

void guest_shutdown(unsigned reason)
{
    struct sched_shutdown arg = { .reason = reason };

    sched_op(SCHEDOP_shutdown, &arg);
    for (;;)
        wfi();
}

void guest_panic(const char *format, ...)
{
    char line[256];
    __builtin_va_list args;

    __builtin_va_start(args, format);
    format_va(line, sizeof(line), format, args);
    __builtin_va_end(args);
    print("PANIC %s\n", line);
    guest_shutdown(SHUTDOWN_poweroff);
}

long psci(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 asm("x0") = function;
    register uint64_t x1 asm("x1") = a1;
    register uint64_t x2 asm("x2") = a2;
    register uint64_t x3 asm("x3") = a3;

    asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "x4", "x5", "x6", "x7",
                 "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
    /* Error codes are 32-bit values for the 32-bit functions: read them as such. */
    return (int32_t)x0;
}

void secondary_start(struct secondary *s)
{
    cpu_setup((unsigned)s->id);
    gic_cpu_init();
    s->arrived = 1;
    s->fn(s->arg);
    psci(PSCI_CPU_OFF, 0, 0, 0);
    guest_panic("CPU_OFF returned on vCPU %u", (unsigned)s->id);
}

long cpu_start(unsigned id, void (*fn)(void *), void *arg)
{
    struct secondary *s;
    long rc;

    ASSERT(id < CPUS_MAX);
    s = &secondaries[id];
    s->stack_top = (uint64_t)secondary_stacks[id] + sizeof(secondary_stacks[id]);
    s->fn = fn;
    s->arg = arg;
    s->id = id;
    s->arrived = 0;
    dsb();
    rc = psci(PSCI_CPU_ON64, id, (uint64_t)secondary_entry, (uint64_t)s);
    if (rc == 0)
        wait_for(&s->arrived, 1, 1000 * TICKS_PER_MS);
    return rc;
}
