/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that break themselves, never stop, or make a lot of noise. */

#include "guests/hostile/hostile.h"

#define STORM 2000

void unmap_self_stage1(struct child_page *page)
{
    mmu_unmap_identity((uint64_t)_start);
    page->done = 1;
}

void unmap_self_stage2(struct child_page *page)
{
    xen_pfn_t gfns[2] = { (uint64_t)unmap_self_stage2 >> PAGE_SHIFT,
        (uint64_t)vectors >> PAGE_SHIFT };
    struct xen_memory_reservation op = { .nr_extents = 2, .domid = DOMID_SELF };

    set_xen_guest_handle(op.extent_start, gfns);
    memory_op(XENMEM_decrease_reservation, &op);
    page->done = 1;
}

void spin_forever(struct child_page *page)
{
    (void)page;
    irq_disable();
    for (;;)
        asm volatile("nop");
}

void sleep_forever(struct child_page *page)
{
    (void)page;
    for (;;)
        wfi();
}

void jump_nowhere(struct child_page *page)
{
    write_sysreg(vbar_el1, 0xffff000012345000UL);
    isb();
    ((child_fn)0x0000123456789abcUL)(page);
}

void crash_self(struct child_page *page)
{
    (void)page;
    guest_shutdown(SHUTDOWN_crash);
}

void power_off_self(struct child_page *page)
{
    (void)page;
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        wfi();
}

void reset_self(struct child_page *page)
{
    (void)page;
    psci(PSCI_SYSTEM_RESET, 0, 0, 0);
    for (;;)
        wfi();
}

static uint64_t next_random(void)
{
    static uint64_t state;

    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return state >> 16;
}

/* Any offset, any width, any value: an abort is fine, silence is fine. */
void poke_gic(struct child_page *page)
{
    (void)page;
    gic_init(NULL);
    for (unsigned i = 0; i < STORM; i++) {
        uint64_t random = next_random();
        uint64_t base = random & 1 ? GUEST_GICV3_GICD_BASE : GUEST_GICV3_GICR0_BASE;
        uint64_t address = base + ((random >> 8) & 0x1ffff);
        unsigned bytes = 1u << ((random >> 4) & 3);

        address &= ~(uint64_t)(bytes - 1);
        if (random & 2)
            probe_store(address, bytes, next_random());
        else
            probe_load(address, bytes, NULL);
    }
}

static void quiet(unsigned intid)
{
    if (intid == PPI_VTIMER)
        write_sysreg(cntv_ctl_el0, 0);
}

void storm(struct child_page *page)
{
    (void)page;
    gic_init(NULL);
    gic_handler(PPI_VTIMER, quiet);
    gic_enable(PPI_VTIMER);
    irq_enable();
    for (unsigned i = 0; i < STORM; i++) {
        gic_send_sgi(i % 16, (unsigned)next_random() & 0xff);
        gic_send_sgi(i % 16, 0);
        write_sysreg(cntv_cval_el0, next_random() & 0xffff);
        write_sysreg(cntv_ctl_el0, 1);
        isb();
    }
    irq_disable();
}

/* Every number with arbitrary arguments, but for those that would end or block this guest. */
void hypercall_storm(struct child_page *page)
{
    (void)page;
    for (unsigned i = 0; i < STORM; i++) {
        unsigned nr = (unsigned)next_random() & 63;
        uint64_t pointer = next_random() & 1 ? (uint64_t)page + 2048 : next_random();

        if (nr == __HYPERVISOR_sched_op || nr == __HYPERVISOR_sched_op_compat ||
            nr == __HYPERVISOR_memory_op || nr == __HYPERVISOR_multicall)
            continue;
        hypercall5(nr, next_random() & 31, pointer, next_random() & 3, next_random(),
                   next_random());
    }
}

/* shared_info and the grant table over live pages, moved around. */
void reregister(struct child_page *page)
{
    static uint8_t pages[4][PAGE_SIZE] PAGE_ALIGNED;

    (void)page;
    for (unsigned i = 0; i < 32; i++) {
        struct xen_add_to_physmap op = { .domid = DOMID_SELF, .idx = 0,
            .space = i & 1 ? XENMAPSPACE_grant_table : XENMAPSPACE_shared_info,
            .gpfn = (uint64_t)pages[(i * 7) & 3] >> PAGE_SHIFT };

        memory_op(XENMEM_add_to_physmap, &op);
    }
}
