/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runstate: how long a vCPU ran, waited for a CPU, waited for an event, was off (xen/vcpu.h). Only the CPU that switches a vCPU in or
 * out changes the account, so no lock; runstate_version is odd meanwhile for those who read. The moment at which a sleeper became ready
 * is the scheduler's, noted at the wake-up and entered here when it runs.
 */
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/guest_copy.h"

#define RUNSTATE_BEING_UPDATED BIT(63)

static void enter_state(struct runstate_times *r, uint32_t state, nsec_t now)
{
    ASSERT(r->state < ARRAY_SIZE(r->time) && state < ARRAY_SIZE(r->time));
    if (now > r->since) {
        r->time[r->state] += now - r->since;
        r->since = now;
    }
    r->state = state;
}

void vcpu_runstate_change(struct vcpu *v, uint32_t state)
{
    struct runstate_times *r = &v->runstate;

    atomic_store(&v->runstate_version, v->runstate_version + 1);
    barrier_write();
    if (state == RUNSTATE_IS_RUNNING && r->state != RUNSTATE_IS_RUNNING)
        enter_state(r, RUNSTATE_IS_RUNNABLE, v->unit.ready_since);
    enter_state(r, state, arch_time_now());
    atomic_store_release(&v->runstate_version, v->runstate_version + 1);
}

void vcpu_runstate_read(const struct vcpu *v, struct runstate_times *out)
{
    uint32_t version;

    do {
        version = atomic_load_acquire(&v->runstate_version);
        *out = v->runstate;
        barrier_read();
    } while ((version & 1) || version != atomic_load(&v->runstate_version));
    enter_state(out, out->state, arch_time_now());
}

/* What the guest sees: as it was when the state was entered. */
static struct guest_runstate guest_view(const struct vcpu *v)
{
    const struct runstate_times *r = &v->runstate;
    struct guest_runstate g = { .state = (int32_t)r->state, .state_entry_time = (uint64_t)r->since };

    for (unsigned i = 0; i < ARRAY_SIZE(g.time); i++)
        g.time[i] = (uint64_t)r->time[i];
    return g;
}

static enum copy_result write_entry_time(struct vcpu *v, uint64_t value)
{
    bool is_narrow = domain_layout_is_narrow(v->domain);
    uint64_t offset = is_narrow ? offsetof(struct narrow_runstate, state_entry_time) : offsetof(struct guest_runstate, state_entry_time);

    return copy_to_guest(v, GVA(v->runstate_address.v + offset), &value, sizeof(value));
}

void runstate_narrow(const struct guest_runstate *g, struct narrow_runstate *out)
{
    STATIC_ASSERT(sizeof(out->time) == sizeof(g->time) && sizeof(out->state_entry_time) == sizeof(g->state_entry_time));
    out->state = g->state;
    memcpy(out->state_entry_time, &g->state_entry_time, sizeof(out->state_entry_time));
    memcpy(out->time, g->time, sizeof(out->time));
}

static enum copy_result write_area(struct vcpu *v, const struct guest_runstate *g)
{
    struct narrow_runstate narrow;

    if (!domain_layout_is_narrow(v->domain))
        return copy_to_guest(v, v->runstate_address, g, sizeof(*g));
    runstate_narrow(g, &narrow);
    return copy_to_guest(v, v->runstate_address, &narrow, sizeof(narrow));
}

/* Write all of it; with the assist, mark the entry time before and unmark it after for other vCPUs that read. */
static enum copy_result publish(struct vcpu *v)
{
    struct guest_runstate g = guest_view(v);
    enum copy_result r;

    if (!(v->domain->vm_assist & VM_ASSIST_RUNSTATE_UPDATE))
        return write_area(v, &g);
    g.state_entry_time |= RUNSTATE_BEING_UPDATED;
    r = write_entry_time(v, g.state_entry_time);
    barrier_write();
    if (r == COPY_OK)
        r = write_area(v, &g);
    barrier_write();
    if (r == COPY_OK)
        r = write_entry_time(v, g.state_entry_time & ~RUNSTATE_BEING_UPDATED);
    return r;
}

void vcpu_runstate_publish(struct vcpu *v)
{
    ASSERT(v == cpu_current_vcpu());
    if (v->runstate_address.v && publish(v) != COPY_OK)
        log_guest("d%uv%u: its runstate area at %#llx cannot be written", v->domain->id.v, v->id,
                  (unsigned long long)v->runstate_address.v);
}

int vcpu_register_runstate(struct vcpu *v, gva_t address)
{
    int error;

    ASSERT(v == cpu_current_vcpu());
    v->runstate_address = address;
    if (!address.v)
        return 0;
    error = copy_error(publish(v));
    if (error)
        v->runstate_address = GVA(0);
    return error;
}
