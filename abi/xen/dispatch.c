/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a hypercall: trap -> table -> family's table -> handler; and the answer, or the same call again. */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "arch/include/upcall.h"
#include "lib/cpu_work.h"

/* How much of its future a vCPU may spend at once on hypercalls where they are limited. */
#define HYPERCALL_BURST MSEC(10)

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

static inline int64_t dispatch_call(struct vcpu *v, uint64_t number)
{
#ifdef ARCH_HYPERCALL_ARGS
    /* The six argument registers lie side by side in this processor's vCPU. */
    return dispatch(v, number, ARCH_HYPERCALL_ARGS(v));
#else
    uint64_t args[6];

    for (unsigned i = 0; i < ARRAY_SIZE(args); i++)
        args[i] = arch_hypercall_arg(v, i);
    return dispatch(v, number, args);
#endif
}

static ALWAYS_INLINE void run(struct vcpu *v, uint64_t number)
{
    int64_t result = dispatch_call(v, number);

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
