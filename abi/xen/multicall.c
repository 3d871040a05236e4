/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multicall: several hypercalls in one trap. An entry that must run again (-E_RESTART) has its new arguments written back into
 * the guest's own list, and the multicall itself continues at that entry. (xen/xen.h, struct multicall_entry)
 */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"

/* Entries between two looks at whether something better waits. */
#define ENTRIES_PER_RUN 8

static PER_CPU(struct multicall_entry *, current_entry);

uint64_t *multicall_arguments(void)
{
    struct multicall_entry *e = THIS_CPU(current_entry);

    STATIC_ASSERT(sizeof(e->args[0]) == sizeof(uint64_t));
    return e ? (uint64_t *)e->args : NULL;
}

/* The call's arguments are copied, as a register file would hold them: setting one for later does not change this run's. */
static int64_t run_entry(struct vcpu *v, struct multicall_entry *e)
{
    uint64_t args[6];
    int64_t r;

    for (unsigned i = 0; i < 6; i++)
        args[i] = e->args[i];
    ASSERT(!THIS_CPU(current_entry));
    THIS_CPU(current_entry) = e;
    r = hypercall_dispatch(v, e->op, args);
    THIS_CPU(current_entry) = NULL;
    return r;
}

/* 0, -E_FAULT, or -E_RESTART: the entry must run (on) again. */
static int one_entry(struct vcpu *v, uint64_t at)
{
    struct multicall_entry e;
    uint64_t result;
    int64_t value;
    int r = read_guest(v, &e, at, sizeof(e));

    if (r)
        return r;
    value = run_entry(v, &e);
    if (value == -E_RESTART) {
        r = write_guest_result(v, at + offsetof(struct multicall_entry, args), e.args, sizeof(e.args));
        return r ? r : -E_RESTART;
    }
    result = (uint64_t)value;
    return write_guest_result(v, at + offsetof(struct multicall_entry, result), &result, sizeof(result));
}

static int64_t continue_at(struct vcpu *v, uint64_t list, uint32_t left)
{
    arch_hypercall_set_arg(v, 0, list);
    arch_hypercall_set_arg(v, 1, left);
    return -E_RESTART;
}

int64_t hypercall_multicall(struct vcpu *v, const uint64_t args[6])
{
    uint64_t list = args[0];
    uint32_t count = (uint32_t)args[1];
    int r;

    if (multicall_arguments())
        return -E_INVAL;            /* a multicall within a multicall */
    subcall_reached(HYPERCALL(__HYPERVISOR_multicall), 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = list + (uint64_t)i * sizeof(struct multicall_entry);

        if (i && (i % ENTRIES_PER_RUN == 0 || hypercall_preempt()))
            return continue_at(v, at, count - i);
        r = one_entry(v, at);
        if (r == -E_RESTART)
            return continue_at(v, at, count - i);
        if (r)
            return r;
    }
    return 0;
}
