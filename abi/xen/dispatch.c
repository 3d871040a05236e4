/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a hypercall: trap -> table -> family's table -> handler; and the answer, or the same call again. */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "arch/include/upcall.h"
#include "lib/cpu_work.h"

/* How much of its future a vCPU may spend at once on hypercalls where they are limited. */
#define HYPERCALL_BURST MSEC(10)

#ifdef ARCH_HYPERCALL_ARGS
/* The six argument registers lie side by side in this processor's vCPU. */
static inline const uint64_t *hypercall_args(struct vcpu *v, uint64_t buffer[6] UNUSED)
{
    return ARCH_HYPERCALL_ARGS(v);
}
#else
static inline const uint64_t *hypercall_args(struct vcpu *v, uint64_t buffer[6])
{
    /* One by one: with its number known each is a move. */
    buffer[0] = arch_hypercall_arg(v, 0);
    buffer[1] = arch_hypercall_arg(v, 1);
    buffer[2] = arch_hypercall_arg(v, 2);
    buffer[3] = arch_hypercall_arg(v, 3);
    buffer[4] = arch_hypercall_arg(v, 4);
    buffer[5] = arch_hypercall_arg(v, 5);
    return buffer;
}
#endif

static inline int64_t dispatch(struct vcpu *v, uint64_t number, const uint64_t args[6])
{
    const struct hypercall *h;

    if (unlikely(number >= ARRAY_SIZE(hypercall_table)))
        return -E_NOSYS;
    h = &hypercall_table[array_index_nospec(number, ARRAY_SIZE(hypercall_table))];
    ASSERT(h->handler);
    if (unlikely(h->caller) && control_refused(v))
        return control_refused(v);
    return h->handler(v, args);
}

int64_t hypercall_dispatch(struct vcpu *v, uint64_t number, const uint64_t args[6])
{
    return dispatch(v, number, args);
}

static ALWAYS_INLINE void run(struct vcpu *v, uint64_t number)
{
    uint64_t buffer[6];
    int64_t result;

    result = dispatch(v, number, hypercall_args(v, buffer));
    if (unlikely(result == -E_RESTART))
        arch_hypercall_repeat(v);
    else
        arch_hypercall_result(v, result);
}

/* Of a vCPU whose time in hypercalls is limited: the price of what one took is the time in which it may take as much. */
static NOINLINE void run_limited(struct vcpu *v, uint64_t number)
{
    nsec_t start = arch_time_now();

    ASSERT(v->hypercall_percent && v->hypercall_percent <= 100);
    run(v, number);
    vcpu_pay(v, &v->hypercall_pace, (arch_time_now() - start) * 100 / v->hypercall_percent, HYPERCALL_BURST);
}

HOT void upcall_hypercall(struct vcpu *v, uint64_t number)
{
    if (unlikely(v->hypercall_percent))
        run_limited(v, number);
    else
        run(v, number);
}

int64_t subcall_dispatch(struct vcpu *v, const struct hypercall *h, uint64_t number, const uint64_t args[6], void *op)
{
    return subcall_run(v, h->subcalls, h->subcall_count, h->default_error, number, args, op);
}

void hypercall_set_arg(struct vcpu *v, unsigned n, uint64_t value)
{
    uint64_t *entry = multicall_arguments();

    ASSERT(n < 6);
    if (entry)
        entry[n] = value;
    else
        arch_hypercall_set_arg(v, n, value);
}

bool hypercall_preempt(void)
{
    return cpu_work_pending();
}

struct domain *target_domain(struct vcpu *v, uint16_t id, int *error)
{
    struct domain *d;

    *error = 0;
    if (id == DOMID_SELF || id == v->domain->id.v)
        return v->domain;
    if (!v->domain->is_control) {
        *error = -E_PERM;
        return NULL;
    }
    d = domain_find(DOMID(id));
    if (!d)
        *error = -E_SRCH;
    return d;
}

int write_guest_result(struct vcpu *v, uint64_t to, const void *from, size_t n)
{
    int r = -E_RESTART;

    /* Each try resolves what stood in the way of a page of the buffer; a call's result lies in two pages at most. */
    for (unsigned i = 0; i < 4 && r == -E_RESTART; i++)
        r = write_guest(v, to, from, n);
    return r ? -E_FAULT : 0;
}

bool gfn_is_valid(uint64_t gfn)
{
    return gfn >> (arch_stage2_geometry()->address_bits - PAGE_SHIFT) == 0;
}
