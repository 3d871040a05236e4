/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#define CODE64 0x08
#define GATE 0x8e00
#define VECTOR_PF 14

volatile int last_vector = -1;
volatile uint64_t last_error, last_address, last_rip, go_on_at;

extern const char vector_stubs[];
static struct { uint16_t low, selector, attributes, middle; uint32_t high, reserved; } idt[256];
static void (*handlers[256])(struct frame *f);

void trap(struct frame *f);
void trap(struct frame *f)
{
    if (handlers[f->vector]) {
        handlers[f->vector](f);
        return;
    }
    last_vector = (int)f->vector;
    last_error = f->error;
    last_rip = f->rip;
    if (f->vector == VECTOR_PF)
        __asm__ volatile("mov %%cr2, %0" : "=r"(last_address));
    if (!go_on_at) {
        say("FAIL exception %u, error %#lx, rip %#lx, cr2 %#lx\n", (unsigned)f->vector, (unsigned long)f->error, (unsigned long)f->rip,
            (unsigned long)last_address);
        done();
    }
    f->rip = go_on_at;
    f->cs = CODE64;
}

void on_interrupt(unsigned vector, void (*handler)(struct frame *f))
{
    handlers[vector & 255] = handler;
}

void exceptions_start(void)
{
    const struct { uint16_t limit; uint64_t base; } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

    for (unsigned v = 0; v < 256; v++) {
        uint64_t stub = (uint64_t)vector_stubs + 16 * v;

        idt[v].low = (uint16_t)stub;
        idt[v].selector = CODE64;
        idt[v].attributes = GATE;
        idt[v].middle = (uint16_t)(stub >> 16);
        idt[v].high = (uint32_t)(stub >> 32);
    }
    __asm__ volatile("lidt %0" : : "m"(pointer));
}
