/* SPDX-License-Identifier: Apache-2.0 */
/* How interrupts come: held back and let in, in the shadow of STI, by priority, out of HLT; through the local APIC's page. */
#include "../lib/guest.h"

enum {
    APIC_TPR = 0x80, APIC_EOI = 0xb0, APIC_SPURIOUS = 0xf0, APIC_REQUESTED = 0x200, APIC_ICR = 0x300, APIC_TIMER = 0x320,
    APIC_INITIAL = 0x380, APIC_DIVIDE = 0x3e0
};
#define SPURIOUS_ON 0x1ff
#define TO_SELF 0x40000
#define LOW 0x41
#define HIGH 0x61
#define TIMER 0x71
#define DIVIDE_BY_1 0xb
#define PERIODIC 0x20000
#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC 0x400
#define MSR_X2APIC_TPR 0x808
#define MSR_X2APIC_PPR 0x80a
#define MSR_X2APIC_EOI 0x80b
#define MSR_X2APIC_IN_SERVICE 0x810
#define MSR_X2APIC_REQUESTED 0x820
#define MSR_X2APIC_SELF_IPI 0x83f

#define RFLAGS_IF 0x200
static unsigned count, order[8], not_let_in;
static uint64_t at[8], in_service[8];
static bool is_x2;

static void came(struct frame *f)
{
    not_let_in += !(f->rflags & RFLAGS_IF);
    if (count < 8) {
        order[count] = (unsigned)f->vector;
        at[count] = f->rip;
    }
    if (is_x2 && count < 8)
        in_service[count] = read_msr(MSR_X2APIC_IN_SERVICE + (uint32_t)f->vector / 32) >> f->vector % 32 & 1;
    count++;
    if (is_x2)
        write_msr(MSR_X2APIC_EOI, 0);
    else
        apic_write(APIC_EOI, 0);
}

static void send(unsigned vector)
{
    apic_write(APIC_ICR, TO_SELF | vector);
}

static void held_back(void)
{
    count = 0;
    send(LOW);
    check_equal("nothing comes while interrupts are off", count, 0);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("it comes when they are on", count, 1);
    check_equal("and says its vector", order[0], LOW);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("once", count, 1);
}

static void in_shadow(void)
{
    uint64_t behind;

    count = 0;
    send(LOW);
    __asm__ volatile("sti; nop; 1: nop; cli; leaq 1b(%%rip), %0" : "=r"(behind) : : "memory");
    check_equal("one instruction follows STI first", at[0], behind);
    count = 0;
    send(LOW);
    __asm__ volatile("sti; cli" ::: "memory");
    check_equal("STI and CLI let nothing in", count, 0);
    __asm__ volatile("sti; nop; cli" ::: "memory");
    check_equal("and lose nothing", count, 1);
}

static void by_priority(void)
{
    count = 0;
    send(LOW);
    send(HIGH);
    __asm__ volatile("sti; nop; nop; nop; cli" ::: "memory");
    check("both come, the higher first", count == 2 && order[0] == HIGH && order[1] == LOW);
    count = 0;
    apic_write(APIC_TPR, 0x50);
    send(LOW);
    send(HIGH);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check("the task priority holds one back", count == 1 && order[0] == HIGH);
    apic_write(APIC_TPR, 0);
    __asm__ volatile("sti; nop; cli" ::: "memory");
    check("until it is lowered", count == 2 && order[1] == LOW);
}

static void task_priority_register(void)
{
    uint64_t cr8;

    count = 0;
    __asm__ volatile("mov %0, %%cr8" : : "r"(15ul));
    check_equal("CR8 is the APIC's task priority", apic_read(APIC_TPR), 0xf0);
    send(HIGH);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("CR8 holds back", count, 0);
    __asm__ volatile("mov %0, %%cr8; sti; nop; nop; cli" : : "r"(5ul) : "memory");
    check_equal("CR8 lets in", count, 1);
    apic_write(APIC_TPR, 0x30);
    __asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
    check_equal("CR8 reads the APIC's", cr8, 3);
    __asm__ volatile("mov %0, %%cr8" : : "r"(0ul));
}

static void out_of_halt(void)
{
    uint64_t behind;

    count = 0;
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER, TIMER);
    apic_write(APIC_INITIAL, 1000000);
    __asm__ volatile("sti; hlt; 1: cli; leaq 1b(%%rip), %0" : "=r"(behind) : : "memory");
    check("a timer ends HLT", count == 1 && order[0] == TIMER);
    check_equal("behind it", at[0], behind);
}

/* The processor is nobody's alone: time goes on for who asks for a turn of others again and again with interrupts off. */
static void asking_again(void)
{
    bool waits = false;

    count = 0;
    apic_write(APIC_TIMER, TIMER);
    apic_write(APIC_INITIAL, 1000000);
    for (unsigned turns = 0; turns < 20000 && !waits; turns++) {
        (void)hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
        waits = apic_read(APIC_REQUESTED + TIMER / 32 * 16) >> TIMER % 32 & 1;
    }
    check("a timer ends while its guest yields with interrupts off", waits);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("and comes when they are on", count, 1);
}

/* A period that is over before its interrupt can be made must not keep the processor. */
static void shortest_period(void)
{
    count = 0;
    apic_write(APIC_TIMER, PERIODIC | TIMER);
    apic_write(APIC_INITIAL, 1);
    __asm__ volatile("sti; hlt; cli" ::: "memory");
    check("the shortest period leaves time for others", count > 0);
    apic_write(APIC_INITIAL, 0);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
}

static uint64_t tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void came_slowly(struct frame *f)
{
    uint64_t until = tsc() + 1000000;

    while (tsc() < until)
        ;
    came(f);
}

/* The timer's time is up while another interrupt is dealt with, at ever other places of that. */
static void within_another(void)
{
    on_interrupt(LOW, came_slowly);
    for (unsigned i = 1; i <= 20; i++) {
        count = 0;
        apic_write(APIC_TIMER, TIMER);
        apic_write(APIC_INITIAL, 2000 * i);
        send(LOW);
        __asm__ volatile("sti; nop; nop; nop" ::: "memory");
        for (unsigned turns = 0; turns < 1000000 && *(volatile unsigned *)&count < 2; turns++)
            __asm__ volatile("pause");
        __asm__ volatile("cli" ::: "memory");
        if (count != 2)
            break;
    }
    on_interrupt(LOW, came);
    check_equal("a timer while another interrupt is dealt with comes once, and that not again", count, 2);
    check_equal("none comes where interrupts are off", not_let_in, 0);
}

#define EVENT 0x31

/* What vcpu_info says is no interrupt: once the vector of events has come, HLT waits for another. */
static void halt_with_an_event_pending(void)
{
    uint32_t port;

    on_interrupt(EVENT, came);
    port = events_start(0, EVENT);
    count = 0;
    event_send(port);
    __asm__ volatile("sti; hlt; cli" ::: "memory");
    check("ends HLT", count == 1 && order[0] == EVENT);
    apic_write(APIC_TIMER, TIMER);
    apic_write(APIC_INITIAL, 1000000);
    __asm__ volatile("sti; hlt; cli" ::: "memory");
    check("once", count == 2 && order[1] == TIMER && events_page[0] == 1);
    events_page[0] = 0;
}

/* The page has gone. */
static void task_priority_of_x2apic(void)
{
    uint64_t cr8;

    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
    __asm__ volatile("mov %0, %%cr8" : : "r"(5ul));
    check_equal("CR8 is the x2APIC's task priority", read_msr(MSR_X2APIC_TPR), 0x50);
    write_msr(MSR_X2APIC_TPR, 0x30);
    __asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
    check_equal("CR8 reads the x2APIC's", cr8, 3);
    write_msr(MSR_X2APIC_TPR, 0);
    is_x2 = true;
}

static void send_by_x2apic(unsigned vector)
{
    write_msr(MSR_X2APIC_SELF_IPI, vector);
}

static void by_x2apic(void)
{
    count = 0;
    send_by_x2apic(LOW);
    send_by_x2apic(HIGH);
    check_equal("an x2APIC's message to itself waits for STI", count, 0);
    check("and is asked for meanwhile", read_msr(MSR_X2APIC_REQUESTED + LOW / 32) >> LOW % 32 & 1);
    __asm__ volatile("sti; nop; nop; nop; cli" ::: "memory");
    check("both of an x2APIC's come, the higher first", count == 2 && order[0] == HIGH && order[1] == LOW);
    check("in service meanwhile", in_service[0] && in_service[1]);
    check_equal("and not afterwards", read_msr(MSR_X2APIC_IN_SERVICE + LOW / 32) | read_msr(MSR_X2APIC_IN_SERVICE + HIGH / 32), 0);
    count = 0;
    write_msr(MSR_X2APIC_TPR, 0x50);
    check_equal("the x2APIC's priority is that of its task", read_msr(MSR_X2APIC_PPR), 0x50);
    send_by_x2apic(LOW);
    send_by_x2apic(HIGH);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check("an x2APIC's task priority holds one back", count == 1 && order[0] == HIGH);
    write_msr(MSR_X2APIC_TPR, 0);
    __asm__ volatile("sti; nop; cli" ::: "memory");
    check("until an x2APIC's is lowered", count == 2 && order[1] == LOW);
}

/* What an x2APIC makes of nonsense is its guest's own affair: an exception or nothing, but no interrupt. */
static void nonsense_by_x2apic(void)
{
    count = 0;
    for (unsigned i = 0; i < 5; i++)
        (void)TRY("wrmsr", : "c"(MSR_X2APIC_EOI), "a"(0), "d"(0) : "r15", "memory");
    for (unsigned vector = 0; vector < 16; vector++)
        (void)TRY("wrmsr", : "c"(MSR_X2APIC_SELF_IPI), "a"(vector), "d"(0) : "r15", "memory");
    check_equal("a bit that no message has", (uint64_t)TRY("wrmsr", : "c"(MSR_X2APIC_SELF_IPI), "a"(0x141), "d"(0) : "r15", "memory"), 13);
    check_equal("a priority of nine bits", (uint64_t)TRY("wrmsr", : "c"(MSR_X2APIC_TPR), "a"(0), "d"(1) : "r15", "memory"), 13);
    check_equal("registers are read, not written", (uint64_t)TRY("wrmsr", : "c"(MSR_X2APIC_PPR), "a"(0), "d"(0) : "r15", "memory"), 13);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("ends of nothing and messages of no vector bring nothing", count, 0);
    send_by_x2apic(LOW);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("and the next one comes", count, 1);
}

#define TIMES 100
/* From the message to the end of the handler, which reads a register, ends it and returns; and a write of the task priority alone. */
static void how_long(void)
{
    uint64_t before = tsc(), between;

    for (unsigned i = 0; i < TIMES; i++)
        write_msr(MSR_X2APIC_TPR, 0);
    between = tsc();
    count = 0;
    for (unsigned i = 0; i < TIMES; i++) {
        send_by_x2apic(LOW);
        __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    }
    say("cycles of a task priority %lu, of a message to itself %lu\n", (between - before) / TIMES, (tsc() - between) / TIMES);
    check_equal("messages to itself come", count, TIMES);
}

/* Both of our own exceptions and interrupts are delivered when they meet. */
static void with_exceptions(void)
{
    count = 0;
    send(LOW);
    check_equal("an exception while one waits", (uint64_t)TRY("ud2", : : "r15", "memory"), 6);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("and it comes", count, 1);
}

#define NMI 2
#define NMI_MODE 0x400
static unsigned nmis, deep, deepest;

/* The first one sends itself two more, of which one is left to come, and not before it has ended. */
static void nmi(struct frame *f)
{
    (void)f;
    deep++;
    deepest = deep > deepest ? deep : deepest;
    nmis++;
    if (nmis == 1) {
        apic_write(APIC_ICR, TO_SELF | NMI_MODE);
        apic_write(APIC_ICR, TO_SELF | NMI_MODE);
    }
    __asm__ volatile("nop; nop" ::: "memory");
    deep--;
}

static void not_maskable(void)
{
    on_interrupt(NMI, nmi);
    count = 0;
    send(LOW);
    apic_write(APIC_ICR, TO_SELF | NMI_MODE);
    /* The second comes behind the first one's return. */
    (void)hypercall(CALL_XEN_VERSION, 0, 0, 0);
    check_equal("NMIs come while interrupts are off", nmis, 2);
    check_equal("none within another", deepest, 1);
    check_equal("an interrupt waits all the same", count, 0);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("and comes behind them", count, 1);
    __asm__ volatile("sti; nop; nop; cli" ::: "memory");
    check_equal("there is no third", nmis, 2);
}

void guest_main(const void *start_info)
{
    static const uint8_t vectors[] = { LOW, HIGH, TIMER };

    (void)start_info;
    exceptions_start();
    for (unsigned i = 0; i < sizeof(vectors); i++)
        on_interrupt(vectors[i], came);
    apic_write(APIC_SPURIOUS, SPURIOUS_ON);
    held_back();
    in_shadow();
    by_priority();
    task_priority_register();
    out_of_halt();
    asking_again();
    with_exceptions();
    not_maskable();
    shortest_period();
    within_another();
    halt_with_an_event_pending();
    task_priority_of_x2apic();
    by_x2apic();
    nonsense_by_x2apic();
    how_long();
    done();
}
