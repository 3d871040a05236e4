/* SPDX-License-Identifier: Apache-2.0 */
/* What our small x86-64 guests share: hypercalls, the console, exceptions that are expected, and how a check is told. */
#ifndef X86_GUEST_H
#define X86_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CALL_MEMORY_OP = 12, CALL_XEN_VERSION = 17, CALL_CONSOLE_IO = 18, CALL_SCHED_OP = 29,
    SCHED_YIELD = 0, SCHED_BLOCK = 1, SCHED_SHUTDOWN = 2, SHUTDOWN_POWEROFF = 0,
};

/* By what the processor's vendor has (start.S). */
extern uint8_t use_vmcall;
#define HYPERCALL "cmpb $0, use_vmcall; jne 1f; vmmcall; jmp 2f; 1: vmcall; 2: "

static inline long hypercall(unsigned long number, uint64_t a, uint64_t b, uint64_t c)
{
    long result;

    __asm__ volatile(HYPERCALL : "=a"(result), "+D"(a), "+S"(b), "+d"(c) : "0"(number) : "memory");
    return result;
}

/* "%s %u %x %d" with l for 64 bits; to the hypervisor's console. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line "PASS name" or "FAIL name: values". */
void check(const char *name, bool holds);
void check_equal(const char *name, uint64_t is, uint64_t should);
/* "DONE n passed, m failed", and the board goes off. */
_Noreturn void done(void);

/* What the processor and trap_entry leave on the stack. */
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
void exceptions_start(void);
/* Interrupts, vectors from 32: called for each. */
void on_interrupt(unsigned vector, void (*handler)(struct frame *f));

/* Events of a vCPU come by this vector from now on; a port by which an event is sent to it. Each call is a check. */
uint32_t events_start(uint32_t vcpu, uint8_t vector);
void event_send(uint32_t port);
/* The hypervisor's page of it, once events have been started: vcpu_info of the first vCPUs comes first. */
extern volatile uint8_t events_page[4096];

/* The exception that came last, -1: none since it was set so. */
extern volatile int last_vector;
extern volatile uint64_t last_error, last_address, last_rip;
/* Where execution goes on after an exception; 0: a report, and the end. */
extern volatile uint64_t go_on_at;

/* Execute instructions that may end in an exception: its vector, or -1. */
#define TRY(instructions, ...) \
    ({ \
        last_vector = -1; \
        __asm__ volatile("leaq 1f(%%rip), %%r15\n\tmovq %%r15, go_on_at\n\t" instructions "\n1:" : __VA_ARGS__); \
        go_on_at = 0; \
        last_vector; \
    })

static inline uint64_t read_msr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* Registers of this processor's local APIC, by its page. */
void apic_write(unsigned offset, uint32_t value);
uint32_t apic_read(unsigned offset);
/* The processor with this local APIC id (twice the vCPU's number) runs f. One at a time: there is one stack. */
void start_processor(unsigned apic_id, void (*f)(void));

_Noreturn void guest_main(const void *start_info);

#endif
