/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition with a neighbour: static shared memory and a static event channel to it, and a person at its emulated UART.
 *   first, second      which of the two it is: `second` begins
 *   uart               then answers lines that are typed
 *   noise              then writes to its console for ever, as fast as it may
 *   again              the first crashes once they have met, and in its second life rings again
 *   send               then sends events for ever, and says once a second how many
 */
#include "guests/lib/hypercall.h"

#define UART 0x22000000UL
#define UART_IRQ 32
#define GICD_IGROUPR 0x80
#define DR 0x00
#define FR 0x18
#define IMSC 0x38
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define INT_RX 0x50
#define PATIENCE (10000 * TICKS_PER_MS)
#define PORT_FIRST 10
#define PORT_SECOND 11

static volatile uint32_t *shared;
static char line[80];
static volatile unsigned used;

static volatile uint32_t *uart(unsigned offset)
{
    return (volatile uint32_t *)(UART + offset);
}

static void say(const char *text)
{
    for (; *text; text++) {
        while (*uart(FR) & FR_TXFF)
            ;
        *uart(DR) = (uint8_t)*text;
    }
}

/* What is typed comes by interrupt. */
static void on_input(unsigned intid)
{
    (void)intid;
    while (!(*uart(FR) & FR_RXFE)) {
        char c = (char)*uart(DR);

        if (c != '\r' && c != '\n') {
            line[used] = c;
            used = (used + 1) % (sizeof(line) - 1);
            continue;
        }
        line[used] = 0;
        used = 0;
        say("heard ");
        say(line);
        say("\r\n> ");
    }
}

static void talk(const void *fdt)
{
    gic_init(fdt);
    gic_handler(UART_IRQ, on_input);
    gicd_write32(GICD_IGROUPR + UART_IRQ / 32 * 4, UINT32_MAX);
    gic_set_priority(UART_IRQ, 0xa0);
    gic_enable(UART_IRQ);
    *uart(IMSC) = INT_RX;
    irq_enable();
    say("\33[1muart ready\33[0m\r\n> ");
    for (;;)
        wfi();
}

static bool wait_event(evtchn_port_t port)
{
    uint64_t end = counter_now() + PATIENCE;

    while (!event_pending(port))
        if (counter_now() > end)
            return false;
    event_clear(port);
    return true;
}

static long send(evtchn_port_t port)
{
    struct evtchn_send op = { .port = port };

    return evtchn_op(EVTCHNOP_send, &op);
}

/* One word each way, announced by an event each. */
static void meet(const void *fdt)
{
    unsigned len, node = fdt_find(fdt, "compatible", "xen,shared-memory-v1");
    bool second = fdt_option(fdt, "second");
    evtchn_port_t port = second ? PORT_SECOND : PORT_FIRST;
    const uint32_t *reg = node ? fdt_prop(fdt, node, "reg", &len) : NULL;

    if (!reg) {
        print("no shared memory\n");
        return;
    }
    shared = (volatile uint32_t *)fdt_u64(reg, 0);
    print("shared 0x%lx, 0x%lx bytes, word %x\n", fdt_u64(reg, 0), fdt_u64(reg, 1), shared[0]);
    events_init();
    if (!second && shared[3]) {
        print("second life, words %x %x, sent: %ld\n", shared[0], shared[1], send(port));
        return;
    }
    if (second) {
        shared[0] = 0xbeef;
        print("sent: %ld\n", send(port));
    }
    if (!wait_event(port))
        print("no event came\n");
    else
        print("event, words %x %x\n", shared[0], shared[1]);
    if (!second) {
        shared[1] = 0xcafe;
        print("sent: %ld\n", send(port));
    }
    if (!fdt_option(fdt, "again"))
        return;
    shared[3] = 1;
    if (!second)
        guest_shutdown(SHUTDOWN_crash);
    print("rung %s\n", wait_event(port) ? "again" : "never");
}

static void send_for_ever(void)
{
    uint64_t end = counter_now() + 1000 * TICKS_PER_MS;

    for (unsigned n = 0;; n++) {
        (void)send(PORT_SECOND);
        if (counter_now() < end)
            continue;
        print("sent %u in a second\n", n);
        n = 0;
        end = counter_now() + 1000 * TICKS_PER_MS;
    }
}

void guest_main(const void *fdt)
{
    if (fdt_option(fdt, "first") || fdt_option(fdt, "second"))
        meet(fdt);
    print("done\n");
    if (fdt_option(fdt, "uart"))
        talk(fdt);
    for (unsigned n = 0; fdt_option(fdt, "noise"); n++)
        print("noise %u\n", n);
    if (fdt_option(fdt, "send"))
        send_for_ever();
    for (;;)
        wfi();
}
