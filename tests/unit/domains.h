/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of events and grants: a machine, domains with some memory, and a look at both from outside. */
#ifndef TESTS_UNIT_DOMAINS_H
#define TESTS_UNIT_DOMAINS_H

#include "tests/unit/unit.h"
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/string.h"

#define FIRST_GFN UINT64_C(0x40000)

static uint64_t frames_at_start;

/* A control domain of one vCPU and no memory, so that the host's virtual interrupts go somewhere. */
static inline struct domain *make_domain_config(bool control, unsigned vcpus, unsigned pages, uint32_t max_port)
{
    struct domain_config c = { .is_control = control, .max_vcpus = vcpus, .max_event_port = max_port };
    struct domain *d;
    struct domain_locked l;
    struct vcpu *v;

    assert_int_equal(domain_create(DOMID(control ? 0 : 0xffff), &c, &d), 0);
    d->owner.limit = UINT64_MAX;
    l = domain_lock(d);
    for (unsigned i = 0; i < vcpus; i++)
        assert_int_equal(vcpu_create(l, i, &v), 0);
    domain_unlock(l);
    for (unsigned i = 0; i < pages; i++)
        assert_int_equal(domain_populate(d, GFN(FIRST_GFN + i), 0), 0);
    return d;
}

static inline struct domain *make_domain(unsigned vcpus, unsigned pages)
{
    return make_domain_config(false, vcpus, pages, 1023);
}

static inline void pass_quiescent_point(unsigned cpu UNUSED, void *arg UNUSED)
{
    quiesce_point();
}

/* One grant unmapped, one copied, by itself. */
static inline int unmap_one_grant(struct domain *d, gpa_t at, uint32_t handle)
{
    struct grant_unmap_request r = { .at = at, .handle = handle };

    grant_unmap(d, &r, 1);
    return r.status;
}

static inline int copy_one_grant(struct domain *d, struct grant_copy_side from, struct grant_copy_side to, uint16_t n)
{
    struct grant_copier c;
    int status;

    grant_copy_start(&c, d);
    status = grant_copy(&c, from, to, n);
    grant_copy_finish(&c);
    return status;
}

/* Let deferred work happen. */
static inline void settle(void)
{
    for (unsigned i = 0; i < 4; i++)
        host_run_parallel(cpu_count(), pass_quiescent_point, NULL);
}

static inline void kill_domain(struct domain *d)
{
    int r;

    for (unsigned i = 0;; i++) {
        assert_true(i < 10000);
        r = domain_destroy(d);
        if (r != -E_RESTART)
            break;
        settle();
    }
    assert_int_equal(r, 0);
    settle();
}

static inline mfn_t frame_at(struct domain *d, uint64_t gfn)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    mfn_t mfn;

    assert_int_not_equal(stage2_lookup(l, GFN(gfn), &mfn, NULL), S2_EMPTY);
    stage2_unlock(l);
    return mfn;
}

static inline enum s2_type type_at(struct domain *d, uint64_t gfn)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    mfn_t mfn;
    enum s2_type t = stage2_lookup(l, GFN(gfn), &mfn, NULL);

    stage2_unlock(l);
    return t;
}

static inline void *page_at(struct domain *d, uint64_t gfn)
{
    return host_ram(frame_at(d, gfn));
}

static inline struct guest_shared_info *shared_of(struct domain *d)
{
    return d->shared_info;
}

static inline struct guest_vcpu_info *info_of(struct domain *d, unsigned vcpu)
{
    return d->vcpus[vcpu]->info;
}

static inline bool bit_of(const uint64_t *words, unsigned n)
{
    return words[n / 64] >> (n % 64) & 1;
}

static inline void cpu_up(unsigned cpu, void *arg UNUSED)
{
    timer_cpu_init();
    sched_cpu_up(cpu);
}

/* A machine whose CPUs do what the test says and nothing else: vCPUs exist and never run. */
static inline void machine_start(unsigned cpus)
{
    host_boot(&(struct host_config){ .cpus = cpus });
    sched_init("");
    host_run_parallel(cpu_count(), cpu_up, NULL);
    settle();
    frames_at_start = frame_free_count();
}

/* Every domain is gone: so are its frames. */
static inline void expect_all_home(void)
{
    settle();
    frame_check_all();
    assert_int_equal(frame_free_count(), frames_at_start);
}

#endif
