/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains of two pages, all with the same addresses: a page of code and one of data that says whose it is. Each looks, counts and
 * yields so many times that all take turns with all, then sleeps; one that sees another's number has a page of another in its translations.
 */

#include "guests/hostile_limits/limits.h"

#define MANY_MAX 512
#define DOMAINS_WANTED 1022
#define TURNS 64
#define WAIT_MS 60000

struct data_page {
    volatile uint64_t whose, turns, wrong;
};

/* x0: its number, x1: the address of its data. */
extern char look_begin[], look_end[];
asm(".pushsection .text\n"
    "    .global look_begin, look_end\n"
    "look_begin:\n"
    "    mov x20, x0\n"
    "    mov x21, x1\n"
    "1:  ldr x2, [x21]\n"
    "    cmp x2, x20\n"
    "    b.ne 2f\n"
    "    ldr x3, [x21, #8]\n"
    "    add x3, x3, #1\n"
    "    str x3, [x21, #8]\n"
    "    mov x0, #0\n" /* SCHEDOP_yield */
    "    mov x16, #29\n"
    "    hvc #0xea1\n"
    "    ldr x3, [x21, #8]\n"
    "    cmp x3, #64\n" /* TURNS */
    "    b.lo 1b\n"
    "3:  mov x0, #1\n" /* SCHEDOP_block: nothing will come */
    "    mov x16, #29\n"
    "    hvc #0xea1\n"
    "    b 3b\n"
    "2:  str x2, [x21, #16]\n"
    "    b 1b\n"
    "look_end:\n"
    ".popsection\n");

static struct {
    domid_t id;
    struct data_page *data;
} domains[MANY_MAX];

static long set_up(domid_t id)
{
    struct xen_domctl op = { 0 };
    xen_pfn_t gfns[2] = { CHILD_MEMORY_BASE >> PAGE_SHIFT, (CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1 };
    struct xen_memory_reservation pages = { .nr_extents = 2, .domid = id };
    long rc;

    op.u.max_vcpus.max = 1;
    rc = domctl(&op, XEN_DOMCTL_max_vcpus, id);
    memset(&op, 0, sizeof(op));
    op.u.max_mem.max_memkb = 8;
    rc = rc ? rc : domctl(&op, XEN_DOMCTL_max_mem, id);
    set_xen_guest_handle(pages.extent_start, gfns);
    return rc ? rc : memory_op(XENMEM_populate_physmap, &pages) - 2;
}

static long prepare(domid_t id, struct data_page **data)
{
    struct vcpu_guest_context context = { .flags = VGCF_online, .sctlr = SCTLR_GUEST_INIT };
    struct xen_domctl op = { 0 };
    void *code = foreign_map(id, CHILD_MEMORY_BASE >> PAGE_SHIFT);

    *data = foreign_map(id, (CHILD_MEMORY_BASE >> PAGE_SHIFT) + 1);
    if (!code || !*data)
        return -XEN_EFAULT;
    memcpy(code, look_begin, (size_t)(look_end - look_begin));
    foreign_unmap(code);
    (*data)->whose = id;
    context.user_regs.pc64 = CHILD_MEMORY_BASE;
    context.user_regs.cpsr = PSR_GUEST64_INIT;
    context.user_regs.x0 = id;
    context.user_regs.x1 = CHILD_MEMORY_BASE + PAGE_SIZE;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &context);
    return domctl(&op, XEN_DOMCTL_setvcpucontext, id);
}

/* Together, or the first to run would keep us from making the last. */
static unsigned unpause_all(unsigned number)
{
    unsigned n = 0;

    for (unsigned i = 0; i < number; i++) {
        struct xen_domctl op = { 0 };

        n += domctl(&op, XEN_DOMCTL_unpausedomain, domains[i].id) == 0;
    }
    return n;
}

static unsigned make(unsigned number)
{
    for (unsigned i = 0; i < number; i++) {
        long id = domain_create(1), rc;

        if (id < 0) {
            print("NOTE domain %u: %ld\n", i, id);
            return i;
        }
        domains[i].id = (domid_t)id;
        rc = set_up((domid_t)id);
        rc = rc ? rc : prepare((domid_t)id, &domains[i].data);
        if (rc) {
            print("NOTE setting up domain %u: %ld\n", i, rc);
            return i;
        }
    }
    return number;
}

static unsigned count_turned(unsigned number, uint64_t turns)
{
    unsigned n = 0;

    for (unsigned i = 0; i < number; i++)
        n += domains[i].data->turns >= turns;
    return n;
}

static void check_running(unsigned number)
{
    uint64_t begin = counter_now();
    unsigned wrong = 0, gone = 0;

    while (count_turned(number, TURNS) < number && counter_now() - begin < WAIT_MS * TICKS_PER_MS)
        sched_op(SCHEDOP_yield, NULL);
    check_eq("many: all of them run", count_turned(number, TURNS), number);
    for (unsigned i = 0; i < number; i++) {
        wrong += domains[i].data->wrong != 0 || domains[i].data->whose != domains[i].id;
        gone += domain_flags(domains[i].id) < 0;
    }
    check_eq("many: none has seen another's page", wrong, 0);
    check_eq("many: all of them are alive", gone, 0);
}

void many_domains(unsigned number)
{
    unsigned made;

    ASSERT(number <= MANY_MAX);
    made = make(number);
    check_eq("many: all of them are made", made, number);
    check_eq("many: all of them are started", unpause_all(made), number);
    check_running(made);
    for (unsigned i = 0; i < made; i++) {
        foreign_unmap(domains[i].data);
        domain_destroy(domains[i].id);
    }
    for (unsigned i = 0; i < made; i++)
        domain_wait_gone(domains[i].id, 1000 * TICKS_PER_MS);
}

void all_domains(void)
{
    static domid_t ids[DOMAINS_WANTED + 1];
    unsigned made = 0;
    long id;

    while ((id = domain_create(1)) >= 0 && made <= DOMAINS_WANTED)
        ids[made++] = (domid_t)id;
    /* dom0 and the neighbour have two of the numbers. */
    check_eq("all domains: as many as there are numbers", made, DOMAINS_WANTED);
    check_eq("all domains: then it is told no", id, -XEN_ENOSPC);
    for (unsigned i = 0; i < made; i++)
        domain_destroy(ids[i]);
    for (unsigned i = 0; i < made; i++)
        domain_wait_gone(ids[i], 1000 * TICKS_PER_MS);
}
