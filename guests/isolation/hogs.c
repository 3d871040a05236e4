/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours: each keeps one resource of the machine or of the hypervisor as busy as a guest can. */
#include "guests/isolation/isolation.h"

#define ROUNDS 1024
#define COPIES 32
#define SGI 1
#define CACHE_BYTES (2UL << 20)
#define CACHE_LINE 64
/* Above the image, below the page shared with the parent. */
#define SPARE_BASE (CHILD_MEMORY_BASE + (4UL << 20))
#define LARGE_ORDER 9

static void loop(struct child_page *page)
{
    (void)page;
    for (;;)
        asm volatile("nop");
}

static void hypercalls(struct child_page *page)
{
    (void)page;
    for (;;)
        hypercall2(__HYPERVISOR_xen_version, XENVER_version, NULL);
}

static void events(struct child_page *page)
{
    struct evtchn_send send;
    evtchn_port_t receiver;
    long port;

    (void)page;
    events_init();
    port = event_loopback(&receiver);
    ASSERT(port > 0);
    send.port = (evtchn_port_t)port;
    for (;;) {
        evtchn_op(EVTCHNOP_send, &send);
        event_clear(receiver);
    }
}

/* The longest batches: copies of whole pages onto each other. */
static void grants(struct child_page *page)
{
    static struct gnttab_copy ops[COPIES];

    (void)page;
    for (;;) {
        for (unsigned i = 0; i < COPIES; i++)
            ops[i] = (struct gnttab_copy){
                .source = { .u.gmfn = SPARE_BASE >> PAGE_SHIFT, .domid = DOMID_SELF },
                .dest = { .u.gmfn = (SPARE_BASE >> PAGE_SHIFT) + 1, .domid = DOMID_SELF },
                .len = PAGE_SIZE,
            };
        grant_op(GNTTABOP_copy, ops, COPIES);
    }
}

static void nothing(unsigned intid)
{
    (void)intid;
}

static void interrupts(struct child_page *page)
{
    (void)page;
    gic_init(NULL);
    gic_handler(SGI, nothing);
    irq_enable();
    for (;;)
        gic_send_sgi(SGI, 0);
}

static void cache(struct child_page *page)
{
    (void)page;
    for (;;)
        for (uint64_t at = SPARE_BASE; at < SPARE_BASE + CACHE_BYTES; at += CACHE_LINE) {
            *(volatile uint64_t *)at += 1;
            asm volatile("dc civac, %0" : : "r"(at) : "memory");
        }
}

/* Two megabytes go and come: their table, their TLB entries, 512 frames counted and scrubbed. */
static void pages(struct child_page *page)
{
    xen_pfn_t gfn = SPARE_BASE >> PAGE_SHIFT;
    struct xen_memory_reservation op = { .nr_extents = 1, .extent_order = LARGE_ORDER, .domid = DOMID_SELF };

    (void)page;
    for (;;) {
        set_xen_guest_handle(op.extent_start, &gfn);
        memory_op(XENMEM_decrease_reservation, &op);
        memory_op(XENMEM_populate_physmap, &op);
    }
}

static void traps(struct child_page *page)
{
    (void)page;
    gic_init(NULL);
    for (;;) {
        (void)gicd_read32(4);
        (void)read_sysreg(id_aa64pfr0_el1);
        (void)read_sysreg(actlr_el1);
    }
}

static void crash(struct child_page *page)
{
    (void)page;
    guest_shutdown(SHUTDOWN_crash);
}

/* A guest that crashes in its first instructions is built again and again. */
static void rebuild(int cpu)
{
    static struct child victim;

    if (child_build(&victim, 1, crash) || (cpu >= 0 && pin(victim.id, (unsigned)cpu)))
        guest_panic("the victim could not be built");
    child_unpause(&victim);
    child_wait(&victim, 100 * TICKS_PER_MS);
    foreign_unmap(victim.page);
    domain_destroy(victim.id);
    domain_wait_gone(victim.id, 100 * TICKS_PER_MS);
}

static void create_and_destroy(int cpu)
{
    long id = domain_create(1);

    (void)cpu;
    if (id < 0)
        return;
    domain_destroy((domid_t)id);
    domain_wait_gone((domid_t)id, 100 * TICKS_PER_MS);
}

const struct hog hogs[] = {
    { "alone", NULL, NULL }, { "loop", loop, NULL }, { "hypercalls", hypercalls, NULL }, { "events", events, NULL },
    { "grants", grants, NULL }, { "interrupts", interrupts, NULL }, { "cache", cache, NULL }, { "pages", pages, NULL },
    { "traps", traps, NULL }, { "crashes", NULL, rebuild }, { "toolstack", NULL, create_and_destroy },
};
const unsigned hog_count = ARRAY_SIZE(hogs);
