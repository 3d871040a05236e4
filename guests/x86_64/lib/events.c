/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels by the local APIC's vectors. (xen/event_channel.h, xen/hvm/hvm_op.h) */
#include "guest.h"

enum { CALL_EVENT_CHANNEL_OP = 32, CALL_HVM_OP = 34, EVENT_SEND = 4, BIND_IPI = 7, SET_UPCALL_VECTOR = 23, ADD_TO_PHYSMAP = 7, DOMID_SELF = 0x7ff0 };

volatile uint8_t events_page[4096] __attribute__((aligned(4096)));

uint32_t events_start(uint32_t vcpu, uint8_t vector)
{
    struct { uint32_t vcpu; uint8_t vector; } upcall = { vcpu, vector };
    struct { uint32_t vcpu, port; } bind = { vcpu, 0 };
    struct { uint16_t domain, size; uint32_t space; uint64_t index, gfn; } map = { DOMID_SELF, 0, 0, 0, (uint64_t)events_page >> 12 };

    check_equal("shared_info", (uint64_t)hypercall(CALL_MEMORY_OP, ADD_TO_PHYSMAP, (uint64_t)&map, 0), 0);
    check_equal("a vector for events", (uint64_t)hypercall(CALL_HVM_OP, SET_UPCALL_VECTOR, (uint64_t)&upcall, 0), 0);
    check_equal("a port", (uint64_t)hypercall(CALL_EVENT_CHANNEL_OP, BIND_IPI, (uint64_t)&bind, 0), 0);
    return bind.port;
}

void event_send(uint32_t port)
{
    check_equal("an event", (uint64_t)hypercall(CALL_EVENT_CHANNEL_OP, EVENT_SEND, (uint64_t)&port, 0), 0);
}
