/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs as fibers of one thread, and the seeded generator that decides who runs. A switch happens at a schedule point (every
 * lock and atomic), where a CPU spins, and where it waits.
 */
#define _GNU_SOURCE
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arch/host/internal.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "lib/atomic.h"

#define STACK_BYTES (256 * 1024)
/* Fibers 0..MAX_CPUS-1 are the CPUs of the machine; behind MAIN lie those of host_run_parallel, which stand in for them. */
#define MAIN MAX_CPUS
#define FIRST_WORKER (MAX_CPUS + 1)
#define FIBERS (2 * MAX_CPUS + 1)
#define SPIN_LIMIT 2000000

struct fiber {
    void *stack_pointer, *fake_stack;
    const void *bottom;             /* of its stack, for the sanitizer */
    size_t size;
    void (*body)(unsigned cpu, void *arg);
    void *arg;
    bool alive, waiting, woken;
    unsigned spins;
};

static struct fiber fibers[FIBERS];
static unsigned current = MAIN, main_poses_as, previous;
static unsigned cpus_online = 1;
static uint64_t generator, seed;
static unsigned switch_rate = 4, countdown = 4;
static PER_CPU(struct vcpu *, current_vcpus);
static PER_CPU(uint32_t, work_words);
static const char *stopped;
static bool workers_run;

/* --- the generator: xorshift, a stream of its own so that nothing outside disturbs a replay --- */

uint64_t host_random(void)
{
    generator ^= generator << 13;
    generator ^= generator >> 7;
    generator ^= generator << 17;
    return generator * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t host_random_below(uint64_t n)
{
    ASSERT(n);
    return (host_random() >> 11) % n;
}

uint64_t host_seed(void)
{
    return seed;
}

void fibers_seed(uint64_t from_config)
{
    const char *given = getenv("VINCI_SEED");

    seed = given ? strtoull(given, NULL, 0) : from_config;
    generator = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

void host_set_switch_rate(unsigned points)
{
    switch_rate = points;
    countdown = points;
}

/* --- switching --- */

/* Save what the calling convention preserves, exchange stacks, restore. */
void fiber_exchange(void **save, void *load);
#if defined(__x86_64__)
__asm__(".text\n"
        ".globl fiber_exchange\n"
        ".type fiber_exchange, @function\n"
        "fiber_exchange:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".size fiber_exchange, . - fiber_exchange\n");
#define SAVED_WORDS 6
#else
#error "fiber_exchange is written for x86-64 only"
#endif

/* The first thing on a new stack, and the first thing after any exchange. */
static void arrived(struct fiber *self)
{
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
    if (previous == MAIN) {
        fibers[MAIN].bottom = bottom;
        fibers[MAIN].size = size;
    }
}

static void switch_to(unsigned next)
{
    struct fiber *self = &fibers[current], *other = &fibers[next];

    ASSERT(next != current);
    previous = current;
    current = next;
    __sanitizer_start_switch_fiber(self->alive ? &self->fake_stack : NULL, other->bottom, other->size);
    fiber_exchange(&self->stack_pointer, other->stack_pointer);
    arrived(self);
}

static bool is_runnable(unsigned i)
{
    return i != MAIN && (i > MAIN) == workers_run && fibers[i].alive && !fibers[i].waiting && !stopped;
}

/* A runnable fiber other than `except`, chosen by the generator; MAIN when there is none. */
static unsigned choose(unsigned except)
{
    unsigned n = 0, which;

    for (unsigned i = 0; i < FIBERS; i++)
        n += i != except && is_runnable(i);
    if (!n)
        return MAIN;
    which = (unsigned)host_random_below(n);
    for (unsigned i = 0;; i++) {
        if (i != except && is_runnable(i) && !which--)
            return i;
    }
}

static void fiber_main(void)
{
    struct fiber *self = &fibers[current];

    arrived(self);
    self->body(cpu_id(), self->arg);
    self->alive = false;
    switch_to(choose(current));
    panic("a finished fiber ran again");
}

/* A test that failed in a fiber has jumped to the main context's stack without a switch. */
static void come_home(void)
{
    const void *bottom;
    size_t size;

    if (current == MAIN)
        return;
    current = MAIN;
    __sanitizer_start_switch_fiber(NULL, fibers[MAIN].bottom, fibers[MAIN].size);
    __sanitizer_finish_switch_fiber(fibers[MAIN].fake_stack, &bottom, &size);
}

void fibers_boot(unsigned cpus)
{
    ASSERT(cpus && cpus <= MAX_CPUS);
    come_home();
    for (unsigned i = 0; i < FIBERS; i++) {
        if (i == MAIN)
            continue;
        /* What an earlier machine left waiting is gone, and so are the sanitizer's marks on its stack. */
        if (fibers[i].alive)
            __asan_unpoison_memory_region(fibers[i].bottom, STACK_BYTES);
        fibers[i].alive = false;
    }
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        current_vcpus[i] = NULL;
        work_words[i] = 0;
    }
    workers_run = false;
    fibers[MAIN].alive = true;
    main_poses_as = 0;
    stopped = NULL;
    countdown = switch_rate;
    cpus_online = cpus;
}

static void start(unsigned index, void (*body)(unsigned cpu, void *arg), void *arg)
{
    struct fiber *f = &fibers[index];
    void **top;

    ASSERT(index < FIBERS && !f->alive);
    if (!f->bottom) {
        f->bottom = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        PANIC_IF(f->bottom == MAP_FAILED, "no stack for fiber %u", index);
        f->size = STACK_BYTES;
    }
    /* As if fiber_exchange had been called from fiber_main's first instruction: the stack is misaligned by 8 there. */
    top = (void **)((char *)(uintptr_t)f->bottom + STACK_BYTES) - 2;
    *top = (void *)(uintptr_t)fiber_main;
    f->stack_pointer = top - SAVED_WORDS;
    f->body = body;
    f->arg = arg;
    f->waiting = f->woken = false;
    f->alive = true;
}

/* From a fiber: nothing runs any more; the main context goes on. From main: returns. */
void fibers_stop(const char *how)
{
    stopped = how;
    if (current != MAIN)
        switch_to(MAIN);
}

const char *host_stopped(void)
{
    return stopped;
}

void fiber_start(unsigned cpu, void (*body)(unsigned cpu, void *arg), void *arg)
{
    ASSERT(cpu < MAX_CPUS);
    start(cpu, body, arg);
}

bool fiber_is_main(void)
{
    return current == MAIN;
}

void host_pose_as(unsigned cpu)
{
    ASSERT(current == MAIN);
    main_poses_as = cpu;
}

void fibers_run(bool (*idle)(void))
{
    unsigned next;

    ASSERT(current == MAIN);
    do {
        while ((next = choose(MAIN)) != MAIN)
            switch_to(next);
    } while (idle && idle());
}

bool fiber_yield(void)
{
    unsigned next = choose(current);

    ASSERT(current != MAIN);
    if (next == MAIN)
        return false;
    switch_to(next);
    return true;
}

void fiber_wait(void)
{
    struct fiber *self = &fibers[current];

    ASSERT(current != MAIN);
    if (!self->woken) {
        self->waiting = true;
        switch_to(choose(current));
    }
    self->waiting = self->woken = false;
    self->spins = 0;
}

void fiber_wake(unsigned cpu)
{
    fibers[cpu].woken = true;
    fibers[cpu].waiting = false;
}

void host_run_parallel(unsigned n, void (*body)(unsigned cpu, void *arg), void *arg)
{
    ASSERT(n <= MAX_CPUS);
    cpus_online = MAX(cpus_online, n);
    workers_run = true;
    for (unsigned i = 0; i < n; i++)
        start(FIRST_WORKER + i, body, arg);
    fibers_run(NULL);
    workers_run = false;
    for (unsigned i = 0; i < n; i++)
        PANIC_IF(fibers[FIRST_WORKER + i].alive && !stopped, "CPU %u waits for ever", i);
}

/* --- the contract --- */

void arch_schedule_point(void)
{
    clock_tick();
    if (current == MAIN || !switch_rate || --countdown)
        return;
    countdown = 1 + (unsigned)host_random_below(2 * switch_rate);
    (void)fiber_yield();
}

void cpu_relax(void)
{
    clock_tick();
    PANIC_IF(++fibers[current].spins > SPIN_LIMIT, "CPU %u spins for ever", cpu_id());
    if (current != MAIN)
        (void)fiber_yield();
}

unsigned cpu_id(void)
{
    return current == MAIN ? main_poses_as : current > MAIN ? current - FIRST_WORKER : current;
}

struct vcpu *cpu_current_vcpu(void)
{
    return current_vcpus[cpu_id()];
}

uint32_t *cpu_work_word(unsigned cpu)
{
    return &work_words[cpu];
}

uint32_t *this_cpu_work_word(void)
{
    return &work_words[cpu_id()];
}

void cpu_set_current_vcpu(struct vcpu *v)
{
    current_vcpus[cpu_id()] = v;
}

unsigned cpu_count(void)
{
    return cpus_online;
}

bool cpu_is_online(unsigned cpu)
{
    return cpu < cpus_online;
}
