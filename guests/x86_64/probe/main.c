/* SPDX-License-Identifier: Apache-2.0 */
/* Start of the probe (guests/probe/probe.h) on x86-64, and the rows that are its own. */
#include "guests/probe/probe.h"

#define APIC_VERSION 0x30
#define APIC_TPR 0x80
#define APIC_EOI 0xb0
#define APIC_SPURIOUS 0xf0
#define SPURIOUS_ON 0x1ff
#define APIC_ICR 0x300
#define TO_SELF 0x40000
#define APIC_TIMER 0x320
#define APIC_INITIAL 0x380
#define APIC_DIVIDE 0x3e0
#define DIVIDE_BY_1 0xb
#define MSR_APIC_BASE 0x1b
#define VECTOR_EVENT 0x50
#define VECTOR_SELF 0x41
#define VECTOR_TIMER 0x71
/* Between QEMU's largest memory below 4 GiB and its PCI windows nothing is. */
#define HOLE 0xa0000000ul
#define HOLE_SIZE (16ul << 20)
#define START_INFO_COMMAND_LINE 24

#define INSN_LOOP(insn, ...) BEST_OF(BATCH, , asm volatile(insn : : __VA_ARGS__))
#define INSN_ROW(name, insn, ...) \
    row(name, per_operation(INSN_LOOP(insn, __VA_ARGS__), INSN_LOOP("nop", __VA_ARGS__), BATCH))

static volatile unsigned taken;

static void end_of_interrupt(struct frame *f)
{
    (void)f;
    taken++;
    apic_write(APIC_EOI, 0);
}

/* The upcall by vector comes through the local APIC, or past it: HVMOP_set_evtchn_upcall_vector's is ended as any other. */
static void result(const char *name, uint64_t spent)
{
    asm volatile("cli");
    if (taken < BATCH)
        row_missing(name, "not every operation gave one interrupt");
    else
        row(name, per_operation(spent, 0, BATCH));
}

static void probe_cpu(void)
{
    INSN_ROW("cpuid", "movl $1, %%eax\n cpuid", : "rax", "rbx", "rcx", "rdx");
    INSN_ROW("rdtsc", "rdtsc", : "rax", "rdx");
    INSN_ROW("msr_read", "rdmsr", "c"(MSR_APIC_BASE) : "rax", "rdx");
    INSN_ROW("apic_read", "movl (%0), %%eax", "r"(0xfee00000ul + APIC_VERSION) : "rax");
    INSN_ROW("apic_write", "movl $0, (%0)", "r"(0xfee00000ul + APIC_TPR) : "memory");
}

static void calls(void)
{
    probe_hypercalls();
    probe_events();
    probe_cpu();
}

static void probe_event_delivered(void)
{
    struct evtchn_send send = { 0 };
    struct xen_hvm_evtchn_upcall_vector upcall = { .vcpu = 0, .vector = VECTOR_EVENT };
    volatile struct vcpu_info *info = &shared_info->vcpu_info[0];
    volatile xen_ulong_t *pending;
    evtchn_port_t receiver;
    long port = event_loopback(&receiver);
    uint64_t spent;

    if (port < 0 || hypercall2(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &upcall)) {
        row_missing("event_send_delivered", "no loopback channel, or no vector");
        return;
    }
    send.port = (evtchn_port_t)port;
    pending = &shared_info->evtchn_pending[receiver / 64];
    on_interrupt(VECTOR_EVENT, end_of_interrupt);
    asm volatile("sti");
    spent = BEST_OF(BATCH, taken = 0, ({
        hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
        info->evtchn_upcall_pending = 0;
        info->evtchn_pending_sel = 0;
        *pending = 0;
    }));
    result("event_send_delivered", spent);
}

static void interrupts(void)
{
    uint64_t spent;

    apic_write(APIC_SPURIOUS, SPURIOUS_ON);
    probe_event_delivered();
    on_interrupt(VECTOR_SELF, end_of_interrupt);
    asm volatile("sti");
    spent = BEST_OF(BATCH, taken = 0, apic_write(APIC_ICR, TO_SELF | VECTOR_SELF));
    result("self_sgi", spent);
    on_interrupt(VECTOR_TIMER, end_of_interrupt);
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_TIMER, VECTOR_TIMER);
    asm volatile("sti");
    spent = BEST_OF(BATCH, taken = 0, ({
        unsigned before = taken;

        apic_write(APIC_INITIAL, 1);
        while (taken == before)
            ;
    }));
    result("timer_interrupt", spent);
}

struct group {
    const char *name;
    void (*run)(void);
};

/* `many` comes last: what it creates stays. */
static const struct group groups[] = {
    { "calls", calls }, { "interrupts", interrupts }, { "domains", probe_domains }, { "grants", probe_grants },
    { "yield", probe_yield }, { "many", probe_many },
};

static bool has_word(const char *line, const char *word)
{
    for (; *line; line++) {
        size_t n = 0;

        while (word[n] && line[n] == word[n])
            n++;
        if (!word[n] && (!line[n] || line[n] == ' '))
            return true;
    }
    return false;
}

static bool wanted(const char *line, const struct group *group)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        any |= has_word(line, groups[i].name);
    return !any || has_word(line, group->name);
}

_Noreturn void guest_main(const void *start_info)
{
    const char *line = *(const char *const *)((const char *)start_info + START_INFO_COMMAND_LINE);

    exceptions_start();
    counter_calibrate();
    events_init();
    toolstack_use(HOLE, HOLE_SIZE);
    row("host_free_pages", host_free_pages());
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        if (wanted(line ? line : "", &groups[i]))
            groups[i].run();
    say("DONE probe\n");
    done();
}
