/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: several CPUs make domains, fill them, map and grant and share their pages, bind their ports and destroy them, each as the
 * seeded generator says and all at once; when the last domain is gone every frame is free again and the frame table is whole.
 */
#include "tests/unit/domains.h"
#include "core/grant_entry.h"

#define CPUS 4
#define STEPS 1200
#define WORLDS 25
#define DOMAINS_MAX 5
#define PAGES 16
#define REFS 3
#define WINDOW_GFN UINT64_C(0x80000)
#define REMEMBERED 16
#define PORTS 70

static unsigned highest_id;
/* What succeeded, so that a world in which nothing happens is noticed. */
enum { MADE, MAPPED, UNMAPPED, SHARED, BOUND, REGISTERED, ENDED, OUTCOMES };
static unsigned outcomes[OUTCOMES];

static void count(unsigned which, int error)
{
    if (!error)
        outcomes[which]++;
}

/* What was given out lately; its domains may be gone. */
static struct { domid d; uint32_t handle; gpa_t at; } maps[REMEMBERED];
static struct { domid d, remote; uint32_t port; } unbound[REMEMBERED];
static unsigned maps_next, unbound_next;

static unsigned domains(void)
{
    unsigned n = 0;

    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        n++;
    return n;
}

static gfn_t any_gfn(void)
{
    return GFN((host_random_below(3) ? FIRST_GFN : WINDOW_GFN) + host_random_below(PAGES));
}

/* A domain of any age, or NULL; good until this CPU's quiescent point. */
static struct domain *any_domain(void)
{
    return domain_next(DOMID(host_random_below(highest_id + 1)));
}

static struct domain *if_alive(struct domain *d)
{
    return d && atomic_load_acquire(&d->life) == DOMAIN_ALIVE ? d : NULL;
}

/* One that may be acted on. */
static struct domain *live_domain(void)
{
    return if_alive(any_domain());
}

static void make_vcpus(struct domain *d)
{
    struct domain_locked l = domain_lock(d);
    struct vcpu *v;

    for (unsigned i = 0; i < d->max_vcpus; i++)
        (void)!vcpu_create(l, i, &v);
    domain_unlock(l);
}

static void do_create(void)
{
    struct domain_config c = { .max_vcpus = 1 + (uint32_t)host_random_below(3), .max_event_port = 1023 };
    struct domain *d;

    if (domains() >= DOMAINS_MAX || domain_create(DOMID(0xffff), &c, &d))
        return;
    count(MADE, 0);
    d->owner.limit = 2 * PAGES;
    highest_id = MAX(highest_id, (unsigned)d->id.v);
    make_vcpus(d);
    for (unsigned i = 0; i < PAGES / 2; i++)
        (void)!domain_populate(d, GFN(FIRST_GFN + i), 0);
}

/* Once begun it goes on to its end, by whichever CPU comes by. */
static void do_destroy(void)
{
    struct domain *d = any_domain();

    if (!d || (atomic_load(&d->life) == DOMAIN_ALIVE && host_random_below(4)))
        return;
    count(ENDED, domain_destroy(d));
}

static void do_populate(void)
{
    struct domain *d = live_domain();

    if (d)
        (void)!domain_populate(d, any_gfn(), host_random_below(8) ? 0 : 2);
}

static void do_depopulate(void)
{
    struct domain *d = live_domain();

    if (d)
        (void)!domain_depopulate(d, any_gfn(), host_random_below(8) ? 0 : 2);
}

static void do_foreign(void)
{
    struct domain *d = live_domain(), *foreign = live_domain();

    if (d && foreign)
        count(SHARED, domain_map_foreign(d, any_gfn(), foreign, any_gfn()));
}

/* A guest writes its table as it likes. */
static void do_offer(void)
{
    struct domain *d = live_domain(), *to = live_domain();
    grant_entry *table = d ? d->grants.frames[0] : NULL;

    if (d && to)
        table[8 + host_random_below(REFS)] = entry_make(host_random_below(8) ? ENTRY_ACCESS : (uint16_t)host_random_below(32),
                                                        to->id, any_gfn());
}

static void do_map(void)
{
    struct domain *d = live_domain(), *from = live_domain();
    struct grant_map_request r = { .ref = 8 + (uint32_t)host_random_below(REFS), .at = gfn_to_gpa(any_gfn()),
                                   .read_only = host_random_below(2) };
    struct grant_map_result out;
    int error;

    if (!d || !from)
        return;
    r.granter = from->id;
    error = grant_map(d, &r, &out);
    count(MAPPED, error);
    if (error)
        return;
    maps[maps_next % REMEMBERED].d = d->id;
    maps[maps_next % REMEMBERED].handle = out.handle;
    maps[maps_next++ % REMEMBERED].at = r.at;
}

static void do_unmap(void)
{
    unsigned i = (unsigned)host_random_below(REMEMBERED);
    struct domain *d = if_alive(domain_find(maps[i].d));

    if (d)
        count(UNMAPPED, unmap_one_grant(d, maps[i].at, maps[i].handle));
}

/* With a handle or a place that is another's, or nobody's: mostly refused, and never somebody else's loss. */
static void do_unmap_wrongly(void)
{
    struct domain *d = live_domain();

    if (d)
        (void)!unmap_one_grant(d, gfn_to_gpa(any_gfn()), (uint32_t)host_random_below(REMEMBERED));
}

/* The granter takes its entry back, whoever uses it. */
static void do_revoke(void)
{
    struct domain *d = live_domain();
    grant_entry *table = d ? d->grants.frames[0] : NULL;

    if (table)
        table[8 + host_random_below(REFS)] = 0;
}

static void do_swap(void)
{
    struct domain *d = live_domain();

    if (d)
        (void)!grant_swap(d, 8 + (uint32_t)host_random_below(REFS), 8 + (uint32_t)host_random_below(REFS));
}

static void do_copy(void)
{
    struct domain *d = live_domain(), *from = live_domain();

    if (d && from) {
        struct grant_copy_side source = { .domain = from->id, .is_ref = true, .number = 8 + (uint32_t)host_random_below(REFS) };
        struct grant_copy_side target = { .domain = d->id, .number = any_gfn().v };

        (void)copy_one_grant(d, source, target, 100);
    }
}

static void do_offer_port(void)
{
    struct domain *d = live_domain(), *to = live_domain();
    unsigned i = unbound_next % REMEMBERED;
    uint32_t port;

    if (!d || !to || event_alloc_unbound(d, to->id, &port))
        return;
    unbound_next++;
    unbound[i].d = d->id;
    unbound[i].remote = to->id;
    unbound[i].port = port;
}

static void do_bind(void)
{
    unsigned i = (unsigned)host_random_below(REMEMBERED);
    struct domain *remote = domain_find(unbound[i].d), *d = if_alive(domain_find(unbound[i].remote));
    uint32_t port;

    if (d && remote)
        count(BOUND, event_bind_interdomain(d, remote, unbound[i].port, &port));
}

static void do_bind_virtual(void)
{
    struct domain *d = live_domain();
    uint32_t port;

    if (d && host_random_below(2))
        (void)!event_bind_virq(d, (uint32_t)host_random_below(4), 0, &port);
    else if (d)
        (void)!event_bind_ipi(d, 0, &port);
}

static void do_port(void)
{
    struct domain *d = live_domain();
    uint32_t port = (uint32_t)host_random_below(PORTS);

    if (!d)
        return;
    switch (host_random_below(8)) {
    case 0: (void)event_close(d, port); break;
    case 1: (void)!event_init_control(d, any_gfn(), 0, (uint32_t)host_random_below(2)); break;
    case 2: (void)!event_expand_array(d, any_gfn()); break;
    case 3: (void)!event_bind_vcpu(d, port, (uint32_t)host_random_below(3)); break;
    default: (void)!event_send(d, port); break;
    }
}

static void do_register(void)
{
    struct domain *d = live_domain();
    struct vcpu *v = d ? domain_vcpu(d, host_random_below(3)) : NULL;

    if (v)
        count(REGISTERED, vcpu_register_info(v, any_gfn(), 64 * (uint32_t)host_random_below(8)));
}

static void do_grow(void)
{
    struct domain *d = live_domain();

    if (d)
        (void)!grant_grow(d, 1 + (uint32_t)host_random_below(4));
}

static void (*const deeds[])(void) = {
    do_create, do_create, do_destroy, do_populate, do_populate, do_depopulate, do_foreign, do_foreign, do_offer, do_offer, do_offer,
    do_map, do_map, do_map, do_unmap, do_unmap, do_unmap_wrongly, do_revoke, do_swap, do_copy, do_offer_port, do_bind, do_bind_virtual, do_port, do_port, do_register, do_grow,
};

static void live(unsigned cpu UNUSED, void *arg UNUSED)
{
    for (unsigned i = 0; i < STEPS; i++) {
        deeds[host_random_below(ARRAY_SIZE(deeds))]();
        quiesce_point();
    }
}

/* With a failing allocation now and then. */
static void live_poorly(unsigned cpu, void *arg)
{
    for (unsigned i = 0; i < STEPS; i++) {
        if (host_random_below(6) == 0)
            alloc_fail_nth(1 + host_random_below(12));
        deeds[host_random_below(ARRAY_SIZE(deeds))]();
        quiesce_point();
    }
    live(cpu, arg);
}

static void end_all(void)
{
    alloc_fail_nth(0);
    for (unsigned i = 0; domain_next(DOMID(0)); i++) {
        assert_true(i < 1000);
        for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
            (void)!domain_destroy(d);
        settle();
    }
}

static void run_world(uint64_t seed, void (*life)(unsigned cpu, void *arg))
{
    host_boot(&(struct host_config){ .cpus = CPUS, .memory_mib = 8, .seed = seed });
    sched_init("");
    domains_reset();
    host_run_parallel(cpu_count(), cpu_up, NULL);
    settle();
    frames_at_start = frame_free_count();
    highest_id = maps_next = unbound_next = 0;
    memset(maps, 0xff, sizeof(maps));
    memset(unbound, 0xff, sizeof(unbound));
    host_run_parallel(CPUS, life, NULL);
    frame_check_all();
    end_all();
    expect_all_home();
}

static void run_worlds(uint64_t seed, void (*life)(unsigned cpu, void *arg))
{
    memset(outcomes, 0, sizeof(outcomes));
    for (unsigned i = 0; i < WORLDS; i++)
        run_world(seed + i, life);
    /* VINCI_SEED makes all worlds one: it need not have everything. */
    for (unsigned i = 0; host_seed() == seed + WORLDS - 1 && i < OUTCOMES; i++)
        assert_true(outcomes[i] >= WORLDS);
}

static void test_every_frame_comes_home(void **state UNUSED)
{
    run_worlds(1, live);
}

static void test_also_without_memory(void **state UNUSED)
{
    run_worlds(1001, live_poorly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_comes_home), cmocka_unit_test(test_also_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
