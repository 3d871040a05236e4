/* SPDX-License-Identifier: Apache-2.0 */
/* Two processors: brought up, interrupting each other, with vector and debug registers of their own, and one that uses a page while the other
 * gives it back. */
#include "../lib/guest.h"

enum { APIC_EOI = 0xb0, APIC_SPURIOUS = 0xf0, APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310 };
#define SPURIOUS_ON 0x1ff
#define VECTOR 0x51
#define EVENT_VECTOR 0xf3
#define TURNS 3000
#define PATIENCE 2000000
#define GP 13
enum { DECREASE_RESERVATION = 1, POPULATE_PHYSMAP = 6, DOMID_SELF = 0x7ff0, VCPU_INFO_BYTES = 64 };

static volatile unsigned stage, came, wrong[2], pings, told;
static volatile uint64_t page[512] __attribute__((aligned(4096)));

static void yield(void)
{
    hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
}

static bool wait_for(volatile unsigned *what, unsigned value)
{
    for (unsigned i = 0; i < PATIENCE && *what != value; i++)
        yield();
    return *what == value;
}

static void ping(struct frame *f)
{
    (void)f;
    pings++;
    apic_write(APIC_EOI, 0);
}

static void event_came(struct frame *f)
{
    (void)f;
    told++;
    events_page[VCPU_INFO_BYTES] = 0;       /* vcpu 1's upcall is not pending any more */
    apic_write(APIC_EOI, 0);
}

/* Linux says where another processor's events are to come, and sends some, before it starts that by INIT and STARTUP. */
static void send_before_it_starts(void)
{
    on_interrupt(EVENT_VECTOR, event_came);
    event_send(events_start(1, EVENT_VECTOR));
}

/* Values that depend on who runs and when, in registers of every kind, over a yield. */
static void fight(unsigned self)
{
    for (uint64_t i = 1; i <= TURNS; i++) {
        uint64_t in = i * 0x9e3779b97f4a7c15u + self, x0, x15, dr;
        long result;

        __asm__ volatile("movq %5, %%xmm0; movq %5, %%xmm15; mov %5, %%dr1\n\t" HYPERCALL "\n\tmovq %%xmm0, %1; movq %%xmm15, %2; mov %%dr1, %3"
                         : "=a"(result), "=&r"(x0), "=&r"(x15), "=&r"(dr) : "0"((long)CALL_SCHED_OP), "r"(in >> 17), "D"(0l) : "memory");
        if (result || x0 != in >> 17 || x15 != in >> 17 || dr != in >> 17)
            wrong[self]++;
    }
}

static void read_until_it_ends(void)
{
    int vector = TRY("2: movq (%%rax), %%rbx; jmp 2b", : "a"(page) : "rbx", "r15", "memory");

    came = (unsigned)vector;
}

static void other(void)
{
    apic_write(APIC_SPURIOUS, SPURIOUS_ON);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    stage = 1;
    fight(1);
    stage = 2;
    wait_for(&stage, 3);
    __asm__ volatile("sti; hlt; cli" ::: "memory");
    stage = 4;
    wait_for(&stage, 5);
    read_until_it_ends();
    stage = 6;
}

static long change_page(unsigned command)
{
    static uint64_t gfn;
    struct { uint64_t *extents, count; uint32_t order, flags; uint16_t domain; } reservation = { &gfn, 1, 0, 0, DOMID_SELF };

    gfn = (uint64_t)page >> 12;
    return hypercall(CALL_MEMORY_OP, command, (uint64_t)&reservation, 0);
}

static void pages(void)
{
    page[0] = 77;
    came = 0;
    stage = 5;
    for (unsigned i = 0; i < 100; i++)
        yield();
    check_equal("the other reads a page", came, 0);
    check_equal("which is given back", (uint64_t)change_page(DECREASE_RESERVATION), 1);
    check("and which the other does not reach any more", wait_for(&came, GP));
    check_equal("it comes again", (uint64_t)change_page(POPULATE_PHYSMAP), 1);
    check_equal("empty", page[0], 0);
    page[0] = 78;
    check_equal("and ours", page[0], 78);
}

void guest_main(const void *start_info)
{
    (void)start_info;
    exceptions_start();
    on_interrupt(VECTOR, ping);
    apic_write(APIC_SPURIOUS, SPURIOUS_ON);
    send_before_it_starts();
    start_processor(2, other);
    check("another processor starts", wait_for(&stage, 1) || stage == 2);
    check_equal("its event has come", told, 1);
    fight(0);
    check("both have fought", wait_for(&stage, 2));
    check_equal("registers of the first", wrong[0], 0);
    check_equal("registers of the second", wrong[1], 0);
    stage = 3;
    for (unsigned i = 0; i < 100; i++)
        yield();
    apic_write(APIC_ICR_HIGH, 2u << 24);
    apic_write(APIC_ICR, VECTOR);
    check("an interrupt wakes the other", wait_for(&stage, 4));
    check_equal("once", pings, 1);
    pages();
    done();
}
