/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of hypercalls: a running dom0 and guest, whose virtual addresses are their physical ones, and calls as they make them.
 * A guest's argument memory is its pages from FIRST_GFN on. */
#ifndef TESTS_UNIT_ABI_H
#define TESTS_UNIT_ABI_H

#include "tests/unit/domains.h"
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

#define ARGUMENT_PAGES 8
#define NO_DOMAIN 999
/* Guest-physical space where nothing is. */
#define HOLE_GFN 0x50000
#define NOWHERE ((uint64_t)HOLE_GFN << PAGE_SHIFT)

static struct domain *dom0, *guest;

/* Address n bytes into a guest's argument memory. */
static inline uint64_t at(uint64_t n)
{
    return ((uint64_t)FIRST_GFN << PAGE_SHIFT) + n;
}

static inline void put(struct domain *d, uint64_t address, const void *from, size_t n)
{
    assert_true(host_guest_write(d, address, from, n));
}

static inline void get(struct domain *d, uint64_t address, void *to, size_t n)
{
    assert_true(host_guest_read(d, address, to, n));
}

static inline int64_t call_as(struct domain *d, uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    return host_hypercall(d->vcpus[0], number, a0, a1, a2, 0, 0, 0);
}

/* A call whose second argument points to a structure; the structure comes back. */
static inline int64_t call_with(struct domain *d, uint64_t number, uint64_t command, void *s, size_t n)
{
    int64_t r;

    put(d, at(0), s, n);
    r = call_as(d, number, command, at(0), 0);
    get(d, at(0), s, n);
    return r;
}

static inline int64_t domctl_as(struct domain *d, struct xen_domctl *op, uint32_t cmd, uint16_t id)
{
    int64_t r;

    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = id;
    put(d, at(0), op, sizeof(*op));
    r = call_as(d, __HYPERVISOR_domctl, at(0), 0, 0);
    get(d, at(0), op, sizeof(*op));
    return r;
}

static inline int64_t domctl(struct xen_domctl *op, uint32_t cmd, uint16_t id)
{
    return domctl_as(dom0, op, cmd, id);
}

/* One without a parameter. */
static inline int64_t domctl_on(uint32_t cmd, uint16_t id)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, cmd, id);
}

static inline int64_t sysctl(struct xen_sysctl *op, uint32_t cmd)
{
    int64_t r;

    op->cmd = cmd;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    put(dom0, at(0), op, sizeof(*op));
    r = call_as(dom0, __HYPERVISOR_sysctl, at(0), 0, 0);
    get(dom0, at(0), op, sizeof(*op));
    return r;
}

static inline int64_t memory_op(struct domain *d, uint32_t cmd, void *s, size_t n)
{
    return call_with(d, __HYPERVISOR_memory_op, cmd, s, n);
}

/* A domain that runs. */
static inline struct domain *running_domain(bool control)
{
    struct domain *d = make_domain_config(control, 2, ARGUMENT_PAGES, 1023);
    struct vcpu_start start = { .pc = 0x40000000 };

    assert_int_equal(vcpu_up(d->vcpus[0], &start), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    return d;
}

/* Every CPU does what it was asked for; what waits for a quiescent period gets it. (settle() of domains.h is for a machine whose
 * CPUs do not run.) */
static inline void calm(void)
{
    for (unsigned i = 0; i < 4; i++)
        (void)host_run(0);
}

static inline void abi_machine(unsigned cpus)
{
    host_boot(&(struct host_config){ .cpus = cpus });
    host_start();
    host_console_clear();
    dom0 = running_domain(true);
    guest = running_domain(false);
}

static inline int abi_setup(void **state UNUSED)
{
    abi_machine(1);
    return 0;
}

static inline uint64_t free_frames(void)
{
    calm();
    return frame_free_count();
}

#endif
