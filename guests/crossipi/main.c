/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SGI from a vCPU on one physical CPU to a vCPU on another, both busy: the
 * sender waits until the receiver has counted it. The counting plugin sees the
 * marks around the loop; the hypervisor's share of both sides is what counts.
 */

#include "guests/lib/hypercall.h"

#define SGI 5
#define ROUNDS 1000
#define WARM_UP 50

static volatile unsigned received, ready, stop, stopped;

static void on_sgi(unsigned intid)
{
    (void)intid;
    received++;
}

static void receiver(void *arg)
{
    (void)arg;
    irq_enable();
    ready = 1;
    while (!stop)
        asm volatile("nop");
    irq_disable();
    stopped = 1;
}

static bool rounds(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned before = received;

        gic_send_sgi(SGI, 1);
        for (unsigned spin = 0; received == before; spin++)
            if (spin > 100000000)
                return false;
    }
    return true;
}

void guest_main(const void *fdt)
{
    long rc;

    gic_init(fdt);
    gic_handler(SGI, on_sgi);
    rc = cpu_start(1, receiver, NULL);
    if (rc || !wait_for(&ready, 1, 1000 * TICKS_PER_MS))
        guest_panic("no second vCPU: %ld", rc);
    if (!rounds(WARM_UP))
        guest_panic("no SGI arrived");
    asm volatile("hint #0x61" : : : "memory");
    check(rounds(ROUNDS), "SGIs between CPUs", "one was lost");
    asm volatile("hint #0x62" : : : "memory");
    print("ROUNDS %u\n", ROUNDS);
    stop = 1;
    wait_for(&stopped, 1, 1000 * TICKS_PER_MS);
    test_done();
}
