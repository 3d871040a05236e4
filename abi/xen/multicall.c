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

/* What the guest's entry gets of e: its result, or the arguments that it goes on with. */
static int write_back(struct vcpu *v, uint64_t at, const struct multicall_entry *e, bool again)
{
    struct narrow_multicall_entry narrow;

    if (likely(!vcpu_call_is_narrow(v)))
        return again ? write_guest_result(v, at + offsetof(struct multicall_entry, args), e->args, sizeof(e->args))
                     : write_guest_result(v, at + offsetof(struct multicall_entry, result), &e->result, sizeof(e->result));
    wide_to_narrow(NARROW_multicall_entry, e, &narrow);
    return again ? write_guest_result(v, at + offsetof(struct narrow_multicall_entry, args), narrow.args, sizeof(narrow.args))
                 : write_guest_result(v, at + offsetof(struct narrow_multicall_entry, result), &narrow.result, sizeof(narrow.result));
}

/* 0, -E_FAULT, or -E_RESTART: the entry must run (on) again. */
static int one_entry(struct vcpu *v, uint64_t at)
{
    struct multicall_entry e;
    int64_t value;
    int r = READ_STRUCT(v, &e, at, NARROW_multicall_entry);

    if (r)
        return r;
    value = run_entry(v, &e);
    e.result = (uint64_t)value;
    r = write_back(v, at, &e, value == -E_RESTART);
    return r ? r : value == -E_RESTART ? -E_RESTART : 0;
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
    size_t size = vcpu_call_is_narrow(v) ? sizeof(struct narrow_multicall_entry) : sizeof(struct multicall_entry);
    int r;

    if (multicall_arguments())
        return -E_INVAL;            /* a multicall within a multicall */
    subcall_reached(HYPERCALL(__HYPERVISOR_multicall), 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = list + (uint64_t)i * size;

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
