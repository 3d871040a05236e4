/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 32-bit kernel's hypercalls: every one that has another layout for it, with what follows a structure kept in view, lists that take
 * several runs, and values that are out of its reach; without paging, and with tables of 4-byte entries.
 */
#include "compat.h"

#define MSR_HYPERCALL_PAGE 0x40000000
#define CODE32 0x08
#define GATE32 0x8e00
#define VECTOR 0x40
#define EXCEPTIONS 32
#define LAPIC 0xfee00000u
#define LAPIC_SPURIOUS 0xf0

char pages[64][PAGE] __attribute__((aligned(4096)));
struct shared_info *shared = (struct shared_info *)pages[0];

static struct { uint16_t low, selector, type, high; } idt[VECTOR + 1] __attribute__((aligned(8)));

void trap(uint32_t vector, uint32_t error, uint32_t eip);
void trap(uint32_t vector, uint32_t error, uint32_t eip)
{
    say("FAIL exception %ld, error 0x%lx, eip 0x%lx\n", (long)vector, (unsigned long)error, (unsigned long)eip);
    done();
}

static void set_gate(unsigned vector, const char *entry)
{
    idt[vector].low = (uint16_t)(uintptr_t)entry;
    idt[vector].high = (uint16_t)((uintptr_t)entry >> 16);
    idt[vector].selector = CODE32;
    idt[vector].type = GATE32;
}

static void start_exceptions(void)
{
    struct { uint16_t limit; uint32_t base; } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };

    for (unsigned i = 0; i < EXCEPTIONS; i++)
        set_gate(i, exception_entries + 16 * i);
    set_gate(VECTOR, upcall_entry);
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static void test_page(void)
{
    __asm__ volatile("wrmsr" : : "c"(MSR_HYPERCALL_PAGE), "a"(hypercall_page), "d"(0) : "memory");
    check_equal("version by the page", call_by_page(__HYPERVISOR_xen_version, XENVER_version, 0, 0) >> 16, 4);
    check_equal("version by the instruction", call(__HYPERVISOR_xen_version, XENVER_version, 0, 0) >> 16, 4);
    check_equal("a number that there is not", call(63, 0, 0, 0), -38);
}

static void test_version(void)
{
    struct { struct xen_platform_parameters p; uint32_t behind; } platform = { .behind = 0x12345678 };
    struct xen_feature_info features = { .submap_idx = 0 };
    char extra[XEN_EXTRAVERSION_LEN] = { [XEN_EXTRAVERSION_LEN - 1] = 1 };
    bool kept;
    long r;

    check_equal("platform parameters", call(__HYPERVISOR_xen_version, XENVER_platform_parameters, &platform, 0), 0);
    check("a long has four bytes", platform.behind == 0x12345678);
    check_equal("features", call(__HYPERVISOR_xen_version, XENVER_get_features, &features, 0), 0);
    check("features of a translated guest", features.submap >> XENFEAT_auto_translated_physmap & 1);
    r = call(__HYPERVISOR_xen_version, XENVER_extraversion, extra, 0);
    kept = left[0] == XENVER_extraversion && left[1] == (uintptr_t)extra;
    check("extra version", r == 0 && extra[sizeof(extra) - 1] == 0);
    check("arguments are left as they were", kept);
}

static void test_interrupt(void)
{
    struct xen_hvm_evtchn_upcall_vector in = { .vcpu = 0, .vector = VECTOR };
    volatile uint32_t *spurious = (volatile uint32_t *)(LAPIC + LAPIC_SPURIOUS);
    struct evtchn_bind_ipi ipi = { .vcpu = 0 };
    struct evtchn_send send;

    *spurious = 0x1ff;
    check_equal("the local APIC is on", (long)*spurious, 0x1ff);
    check_equal("upcall vector", call(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &in, 0), 0);
    __asm__ volatile("sti; nop; cli");
    upcalls = 0;
    shared->vcpu_info[0].evtchn_upcall_pending = 0;
    check_equal("bind_ipi", call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, &ipi, 0), 0);
    send.port = ipi.port;
    shared->evtchn_mask[ipi.port / 32] &= ~(1u << ipi.port % 32);
    shared->vcpu_info[0].evtchn_pending_sel = 0;
    check_equal("send", call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, 0), 0);
    __asm__ volatile("sti; nop; nop; cli");
    check_equal("one upcall", (long)upcalls, 1);
}

void guest_main(void);
void guest_main(void)
{
    start_exceptions();
    test_page();
    test_version();
    test_memory();
    test_events();
    test_interrupt();
    test_grants();
    test_calls();
    test_paging();
    done();
}
