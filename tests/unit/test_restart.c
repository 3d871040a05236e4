/* SPDX-License-Identifier: Apache-2.0 */
/* A domain starts anew in its place: nothing of its former life is left in it, what others have of it stays theirs, and all is home in the
 * end, at whatever point memory runs out. */
#include "tests/unit/domains.h"
#include "core/grant_entry.h"

#define PAGES 24
#define WINDOW UINT64_C(0x80000)
#define SPARE UINT64_C(0x50000)

static struct domain *subject, *peer;

static int setup(void **state UNUSED)
{
    machine_start(2);
    subject = make_domain(2, PAGES);
    peer = make_domain(1, PAGES);
    return 0;
}

static int teardown(void **state UNUSED)
{
    kill_domain(subject);
    kill_domain(peer);
    expect_all_home();
    return 0;
}

static int reset_memory(const struct domain_ram *ram, gfn_t *place)
{
    int r;

    do
        r = domain_reset_memory(subject, ram, 1, place);
    while (r == -E_RESTART);
    return r;
}

static int reset(void)
{
    const struct domain_ram ram = { GFN(FIRST_GFN), PAGES, MFN_NONE };
    gfn_t place = GFN(0);
    int r;

    for (unsigned i = 0; (r = domain_reset(subject)) == -E_RESTART; i++) {
        assert_true(i < 1000);
        settle();
    }
    return r ? r : reset_memory(&ram, &place);
}

static void offer(struct domain *d, uint32_t ref, struct domain *to, uint64_t gfn)
{
    *((grant_entry *)d->grants.frames[0] + ref) = entry_make(ENTRY_ACCESS, to->id, GFN(gfn));
}

static uint32_t map(struct domain *mapper, struct domain *granter, uint32_t ref, uint64_t at)
{
    struct grant_map_request r = { .granter = granter->id, .ref = ref, .at = GPA(at << PAGE_SHIFT) };
    struct grant_map_result out;

    assert_int_equal(grant_map(mapper, &r, &out), GRANT_OKAY);
    return out.handle;
}

static void fill(struct domain *d, uint8_t byte)
{
    for (unsigned i = 0; i < PAGES; i++)
        memset(page_at(d, FIRST_GFN + i), byte, PAGE_SIZE);
}

/* A life that uses all there is. */
static void live(uint32_t *ports)
{
    struct vcpu *v = subject->vcpus[0];
    struct vcpu_start start = { .pc = 0x1000 };

    fill(subject, 0xa5);
    assert_int_equal(vcpu_up(v, &start), 0);
    assert_int_equal(vcpu_register_info(subject->vcpus[1], GFN(FIRST_GFN + 5), 64), 0);
    assert_int_equal(event_bind_virq(subject, CORE_VIRQ_TIMER, 1, &ports[0]), 0);
    assert_int_equal(event_bind_ipi(subject, 0, &ports[1]), 0);
    assert_int_equal(event_alloc_unbound(subject, peer->id, &ports[2]), 0);
    assert_int_equal(event_bind_interdomain(peer, subject, ports[2], &ports[3]), 0);
    vcpu_set_periodic_timer(subject->vcpus[1], MSEC(1));
    vgic_inject_edge(v, 3);
    subject->hvm_params[4] = 7;
    subject->vm_assist = VM_ASSIST_RUNSTATE_UPDATE;
    memset(shared_of(subject)->mask, 0xff, sizeof(shared_of(subject)->mask));
    assert_int_equal(domain_populate(subject, GFN(SPARE), 2), 0);
    assert_int_equal(domain_depopulate(subject, GFN(FIRST_GFN + 7), 0), 0);
    offer(peer, 3, subject, FIRST_GFN + 1);
    (void)map(subject, peer, 3, WINDOW);
    domain_shutdown(subject, SHUTDOWN_CRASH);
}

static void expect_as_at_first(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct vcpu *v = subject->vcpus[i];

        assert_int_equal(v->pause_flags, VCPU_DOWN);
        assert_false(v->initialised || v->info_registered || v->former_info || v->periodic_timer.armed);
        assert_ptr_equal(v->info, i < LEGACY_MAX_VCPUS ? (void *)&shared_of(subject)->vcpu_info[i] : v->dummy_info);
        assert_int_equal(v->virq_port[CORE_VIRQ_TIMER], 0);
        assert_false(v->arch.vgic.irqs[3].pending_latch);
        assert_true(list_empty(&v->arch.vgic.candidates));
        assert_int_equal(v->runstate.state, RUNSTATE_IS_OFFLINE);
    }
    assert_int_equal(subject->events.active, 0);
    assert_int_equal(subject->arena.used, 0);
    assert_int_equal(subject->grants.maptrack_used, 0);
    assert_int_equal(subject->hvm_params[4] + subject->vm_assist + shared_of(subject)->mask[0], 0);
    assert_int_equal(type_at(subject, SPARE), S2_EMPTY);
    assert_int_equal(type_at(subject, WINDOW), S2_EMPTY);
    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(type_at(subject, FIRST_GFN + i), S2_RAM);
        assert_int_equal(frame_count(frame_at(subject, FIRST_GFN + i)), 1);
    }
    frame_check_all();
}

/* Catches: any state of the first life that the second one starts with. */
static void nothing_of_the_former_life_is_left(void **state UNUSED)
{
    uint32_t ports[4];
    struct event_status s;

    live(ports);
    assert_int_equal(reset(), 0);
    expect_as_at_first();
    assert_int_equal(frame_owner(frame_at(subject, FIRST_GFN + 7)), subject->id.v);
    assert_int_equal(event_status(peer, ports[3], &s), 0);
    assert_int_equal(s.state, CHANNEL_UNBOUND);
    assert_true(domid_eq(s.remote, subject->id));
    /* The granter's page is nobody's but its own. */
    assert_int_equal(frame_count(frame_at(peer, FIRST_GFN + 1)), 1);
    assert_int_equal(domain_reset_done(subject), 0);
    assert_false(subject->shut_down);
    assert_int_equal(domain_reset(subject), -E_INVAL);
    live(ports);
    assert_int_equal(reset(), 0);
    expect_as_at_first();
}

/* Catches: a page that a backend still has and that the new life writes into, a use that ends at the wrong entry, a frame that is never
 * given back. */
static void others_keep_what_they_have(void **state UNUSED)
{
    uint32_t ports[4], first, second, third;
    uint64_t owned = subject->owner.frames;
    mfn_t old, again;

    offer(subject, 9, peer, FIRST_GFN + 2);
    first = map(peer, subject, 9, WINDOW);
    old = frame_at(peer, WINDOW);
    live(ports);
    assert_int_equal(reset(), 0);
    expect_as_at_first();
    assert_int_equal(frame_at(peer, WINDOW).v, old.v);
    assert_int_not_equal(frame_at(subject, FIRST_GFN + 2).v, old.v);
    assert_int_equal(((uint8_t *)page_at(subject, FIRST_GFN + 2))[0], 0);
    assert_int_equal(((uint8_t *)page_at(peer, WINDOW))[0], 0xa5);
    assert_int_equal(subject->owner.frames, owned + 1);
    assert_int_equal(domain_reset_done(subject), 0);
    /* The same entry in the next life, and in the one after. */
    offer(subject, 9, peer, FIRST_GFN + 2);
    second = map(peer, subject, 9, WINDOW + 1);
    again = frame_at(peer, WINDOW + 1);
    assert_int_equal(again.v, frame_at(subject, FIRST_GFN + 2).v);
    domain_shutdown(subject, SHUTDOWN_CRASH);
    assert_int_equal(reset(), 0);
    assert_int_equal(domain_reset_done(subject), 0);
    offer(subject, 9, peer, FIRST_GFN + 2);
    third = map(peer, subject, 9, WINDOW + 2);
    assert_int_equal(unmap_one_grant(peer, GPA(WINDOW << PAGE_SHIFT), first), GRANT_OKAY);
    assert_int_equal(frame_owner(old), OWNER_NONE);
    assert_int_equal(frame_count(again), 2);
    assert_int_equal(unmap_one_grant(peer, GPA((WINDOW + 2) << PAGE_SHIFT), third), GRANT_OKAY);
    assert_int_equal(unmap_one_grant(peer, GPA((WINDOW + 1) << PAGE_SHIFT), second), GRANT_OKAY);
    assert_int_equal(frame_owner(again), OWNER_NONE);
    assert_int_equal(subject->owner.frames, owned);
}

/* Catches: a mapping that outlives the granter's second life. */
static void it_ends_while_others_have_something(void **state UNUSED)
{
    uint32_t ports[4], handle;

    offer(subject, 9, peer, FIRST_GFN + 2);
    handle = map(peer, subject, 9, WINDOW);
    live(ports);
    assert_int_equal(reset(), 0);
    while (domain_destroy(subject) == -E_RESTART)
        settle();
    settle();
    assert_int_equal(subject->owner.frames, 1);
    assert_int_equal(unmap_one_grant(peer, GPA(WINDOW << PAGE_SHIFT), handle), GRANT_OKAY);
    settle();
    subject = make_domain(1, 1);
}

/* Catches: a step that is half done when memory runs out, so that the next try goes wrong. */
static void memory_may_run_out_anywhere(void **state UNUSED)
{
    uint32_t ports[4], handle;

    for (unsigned n = 1; n < 12; n++) {
        int r, tries = 0;

        offer(subject, 9, peer, FIRST_GFN + 2);
        handle = map(peer, subject, 9, WINDOW);
        live(ports);
        alloc_fail_nth(n);
        while ((r = reset()) == -E_NOMEM)
            tries++;
        alloc_fail_nth(0);
        assert_int_equal(r, 0);
        assert_true(tries <= 1);
        expect_as_at_first();
        assert_int_equal(domain_reset_done(subject), 0);
        assert_int_equal(unmap_one_grant(peer, GPA(WINDOW << PAGE_SHIFT), handle), GRANT_OKAY);
        assert_int_equal(event_close(peer, ports[3]), 0);
    }
}

/* Catches: memory at a fixed place that changes its place, or that a new life gets while somebody else can write to it. */
static void memory_at_a_fixed_place_is_waited_for(void **state UNUSED)
{
    struct domain_ram ram = { GFN(FIRST_GFN), 1, frame_at(subject, FIRST_GFN) };
    gfn_t place = GFN(0);
    uint32_t handle;

    offer(subject, 9, peer, FIRST_GFN);
    handle = map(peer, subject, 9, WINDOW);
    domain_shutdown(subject, SHUTDOWN_CRASH);
    while (domain_reset(subject) == -E_RESTART)
        settle();
    assert_int_equal(reset_memory(&ram, &place), -E_BUSY);
    assert_int_equal(reset_memory(&ram, &place), -E_BUSY);
    assert_int_equal(unmap_one_grant(peer, GPA(WINDOW << PAGE_SHIFT), handle), GRANT_OKAY);
    assert_int_equal(reset_memory(&ram, &place), 0);
    assert_int_equal(frame_at(subject, FIRST_GFN).v, ram.host.v);
    assert_int_equal(type_at(subject, FIRST_GFN + 1), S2_EMPTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_of_the_former_life_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(others_keep_what_they_have, setup, teardown),
        cmocka_unit_test_setup_teardown(it_ends_while_others_have_something, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_run_out_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_at_a_fixed_place_is_waited_for, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
