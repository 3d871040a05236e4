/* SPDX-License-Identifier: Apache-2.0 */
/* Large extents of a domain's memory, which come and go in pieces: left in the middle, failed, raced for, split. */
#include "tests/unit/life.h"

/* Several pieces long when its frames are dirty, and a table of 2 MiB blocks. */
#define ORDER 11
#define PAGES BIT(ORDER)
#define BASE UINT64_C(0x100000)
#define OTHER (BASE + BIT(18))
#define STEPS 5000

static uint64_t free_before;

static struct domain *make_rich(void)
{
    struct domain *d = make(1, 0);

    d->owner.limit = UINT64_MAX;
    /* Tables stay: have them from the start. */
    assert_int_equal(domain_populate(d, GFN(BASE + BIT(17)), 0), 0);
    assert_int_equal(domain_populate(d, GFN(OTHER), 0), 0);
    assert_int_equal(domain_depopulate(d, GFN(BASE + BIT(17)), 0), 0);
    assert_int_equal(domain_depopulate(d, GFN(OTHER), 0), 0);
    settle();
    free_before = frame_free_count();
    return d;
}

static void expect_nothing(struct domain *d)
{
    assert_int_equal(d->owner.frames, 0);
    assert_int_equal(d->stage2.mapped[S2_RAM], 0);
    assert_int_equal(frame_free_count(), free_before);
    frame_check_all();
}

static void expect_entries(struct domain *d, uint64_t gib, uint64_t mib, uint64_t pages)
{
    uint64_t counts[3];

    stage2_count_entries(&d->stage2, counts);
    assert_int_equal(counts[0], gib);
    assert_int_equal(counts[1], mib);
    assert_int_equal(counts[2], pages);
}

static uint8_t *byte_at(struct domain *d, uint64_t gfn)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    mfn_t mfn;

    assert_int_equal(stage2_lookup(l, GFN(gfn), &mfn, NULL), S2_RAM);
    stage2_unlock(l);
    return host_ram(mfn);
}

static void expect_zeros(struct domain *d, uint64_t gfn, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        const uint8_t *p = byte_at(d, gfn + i);

        assert_true(!p[0] && !memcmp(p, p + 1, PAGE_SIZE - 1));
    }
}

static int large_machine(void **state UNUSED)
{
    boot_with(1, 2176);
    return 0;
}

/* One entry of the largest size; a page out of it; all of it. */
static void test_one_gib(void **state UNUSED)
{
    struct domain *d = make_rich();
    unsigned runs = 1;
    int r;

    assert_int_equal(domain_populate(d, GFN(BASE + 512), 18), -E_INVAL);
    for (; (r = domain_populate(d, GFN(BASE), 18)) == -E_RESTART; runs++)
        assert_true(runs < 100000);
    assert_int_equal(r, 0);
    assert_true(runs > 100);
    expect_entries(d, 1, 0, 0);
    assert_int_equal(d->owner.frames, BIT(18));
    expect_zeros(d, BASE + 77777, 3);
    memset(byte_at(d, BASE + 5), 0x55, PAGE_SIZE);

    assert_int_equal(domain_depopulate(d, GFN(BASE + 1000), 0), 0);
    expect_entries(d, 0, 511, 511);
    assert_int_equal(*byte_at(d, BASE + 5), 0x55);
    assert_int_equal(depopulate(d, BASE, 18), -E_INVAL);
    assert_int_equal(d->owner.frames, BIT(18) - 1);
    assert_int_equal(domain_populate(d, GFN(BASE + 1000), 0), 0);
    /* Over what is there: nothing of the old content. */
    assert_int_equal(populate(d, BASE, 17), 0);
    expect_entries(d, 0, 512, 0);
    expect_zeros(d, BASE, 16);
    assert_int_equal(depopulate(d, BASE, 18), 0);
    expect_entries(d, 0, 0, 0);
    assert_int_equal(d->owner.frames, 0);
    kill_it(d);
}

/* The domain's end with a block of 1 GiB, and with one that is half made. */
static void test_killed_with_one_gib(void **state UNUSED)
{
    struct domain *d = make_rich();

    assert_int_equal(populate(d, BASE, 18), 0);
    kill_it(d);
    d = make_rich();
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(domain_populate(d, GFN(BASE), 18), -E_RESTART);
    assert_int_equal(d->owner.frames, BIT(18));
    kill_it(d);
}

static void test_without_room(void **state UNUSED)
{
    struct domain *d = make_rich();

    assert_int_equal(populate(d, BASE, 18), -E_NOMEM);
    d->owner.limit = PAGES - 1;
    assert_int_equal(populate(d, BASE, ORDER), -E_INVAL);
    assert_int_equal(domain_populate(d, GFN(BASE), MAX_ORDER + 1), -E_INVAL);
    assert_int_equal(populate(d, UINT64_C(1) << 40, ORDER), -E_INVAL);
    assert_int_equal(depopulate(d, UINT64_C(1) << 40, ORDER), -E_INVAL);
    expect_nothing(d);
    kill_it(d);
}

static int attempt_populate(void *arg)
{
    return populate(arg, BASE + BIT(20), ORDER);
}

static uint64_t with_tables;

static void nothing_taken(void *arg)
{
    struct domain *d = arg;

    assert_int_equal(d->owner.frames, 0);
    assert_int_equal(frame_free_count() + d->stage2.table_pages, with_tables);
}

static void test_allocations_that_fail(void **state UNUSED)
{
    struct domain *d = make_rich();

    with_tables = frame_free_count() + d->stage2.table_pages;
    assert_true(oom_loop(attempt_populate, nothing_taken, d) >= 2);
    assert_int_equal(d->owner.frames, PAGES);
    kill_it(d);
}

static int attempt_depopulate(void *arg)
{
    return depopulate(arg, BASE + 256, 8);
}

static void still_there(void *arg)
{
    struct domain *d = arg;

    assert_int_equal(d->owner.frames, PAGES);
}

static void test_splits_that_fail(void **state UNUSED)
{
    struct domain *d = make_rich();

    assert_int_equal(populate(d, BASE, ORDER), 0);
    assert_true(oom_loop(attempt_depopulate, still_there, d) >= 1);
    assert_int_equal(d->owner.frames, PAGES - 256);
    assert_int_equal(depopulate(d, BASE, ORDER), -E_INVAL);
    assert_int_equal(d->owner.frames, PAGES - 256);
    kill_it(d);
}

/* Killed after each piece of populating, and of depopulating. */
static void test_killed_at_every_step(void **state UNUSED)
{
    for (unsigned n = 1, more = true; more; n++) {
        struct domain *d = make_rich();
        int r = -E_RESTART;

        assert_true(n < STEPS);
        for (unsigned i = 0; i < n && r == -E_RESTART; i++)
            r = domain_populate(d, GFN(BASE), ORDER);
        more = r == -E_RESTART;
        kill_it(d);
        assert_int_equal(frame_free_count(), all_free);
        frame_check_all();
    }
    for (unsigned n = 1, more = true; more; n++) {
        struct domain *d = make_rich();
        int r = -E_RESTART;

        for (uint64_t i = 0; i < PAGES; i++)
            assert_int_equal(domain_populate(d, GFN(BASE + (i ^ 1)), 0), 0);
        for (unsigned i = 0; i < n && r == -E_RESTART; i++)
            r = domain_depopulate(d, GFN(BASE), ORDER);
        more = r == -E_RESTART;
        kill_it(d);
        assert_int_equal(frame_free_count(), all_free);
    }
}

/* After each piece another call comes: it waits, and takes over when the first stays away. */
static void test_left_at_every_step(void **state UNUSED)
{
    struct domain *d = make_rich();

    for (unsigned n = 1, more = true; more; n++) {
        int r = -E_RESTART;

        assert_true(n < STEPS);
        for (unsigned i = 0; i < n && r == -E_RESTART; i++)
            r = domain_populate(d, GFN(BASE), ORDER);
        more = r == -E_RESTART;
        for (unsigned i = 0; more && i < 10; i++)
            assert_int_equal(domain_populate(d, GFN(OTHER), 5), -E_RESTART);
        assert_true(d->owner.frames >= (more && !d->extent.block.frames ? 0 : PAGES));
        host_time_advance(SEC(2));
        assert_int_equal(populate(d, OTHER, 5), 0);
        assert_int_equal(d->owner.frames, more ? 32 : 32 + PAGES);
        expect_zeros(d, OTHER, 32);
        assert_int_equal(depopulate(d, OTHER, 5), 0);
        frame_check_all();
    }
    assert_int_equal(depopulate(d, BASE, ORDER), 0);
    expect_nothing(d);
    kill_it(d);
}

static struct domain *raced;

static void populate_same(unsigned cpu UNUSED, void *arg UNUSED)
{
    assert_int_equal(populate(raced, BASE, ORDER), 0);
}

static void populate_and_back(unsigned cpu, void *arg UNUSED)
{
    uint64_t gfn = BASE + cpu * PAGES;

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(populate(raced, gfn, ORDER), 0);
        assert_int_equal(depopulate(raced, gfn, ORDER), 0);
    }
}

/* Pages come and go in the range that another populates. */
static void populate_or_disturb(unsigned cpu, void *arg UNUSED)
{
    if (!cpu) {
        assert_int_equal(populate(raced, BASE, ORDER), 0);
        return;
    }
    for (unsigned i = 0; i < 200; i++) {
        uint64_t gfn = BASE + host_random_below(PAGES);

        (void)domain_populate(raced, GFN(gfn), 0);
        (void)domain_depopulate(raced, GFN(gfn ^ 1), 0);
        (void)depopulate(raced, ROUND_DOWN(gfn, 64), 6);
    }
}

static void test_races(void **state UNUSED)
{
    raced = make_rich();
    host_run_parallel(2, populate_same, NULL);
    assert_int_equal(raced->owner.frames, PAGES);
    expect_entries(raced, 0, PAGES / 512, 0);
    assert_int_equal(depopulate(raced, BASE, ORDER), 0);
    expect_nothing(raced);
    host_run_parallel(2, populate_and_back, NULL);
    expect_nothing(raced);
    for (unsigned i = 0; i < 5; i++) {
        host_run_parallel(2, populate_or_disturb, NULL);
        frame_check_all();
        assert_int_equal(raced->owner.frames, raced->stage2.mapped[S2_RAM]);
    }
    assert_int_equal(populate(raced, BASE, ORDER), 0);
    assert_int_equal(depopulate(raced, BASE, ORDER), 0);
    assert_int_equal(raced->owner.frames, 0);
    kill_it(raced);
}

/* What lies in the way goes: pages here and there, another's frame, a page of the hypervisor's; and the tables of pages. */
static void test_over_what_is_there(void **state UNUSED)
{
    struct domain *d = make_rich(), *other = make(1, 1);
    uint64_t tables = d->stage2.table_pages;

    for (uint64_t i = 0; i < PAGES; i += 37)
        assert_int_equal(domain_populate(d, GFN(BASE + i), 0), 0);
    assert_int_equal(domain_map_foreign(d, GFN(BASE + 600), other, GFN(GFN0)), 0);
    assert_true(d->stage2.table_pages > tables);
    assert_int_equal(populate(d, BASE, ORDER), 0);
    assert_int_equal(d->owner.frames, PAGES);
    assert_int_equal(d->stage2.mapped[S2_FOREIGN_RW], 0);
    assert_int_equal(d->stage2.table_pages, tables);
    expect_entries(d, 0, PAGES / 512, 0);
    expect_zeros(d, BASE, PAGES);
    /* Not the domain's own: stays. */
    assert_int_equal(domain_map_foreign(d, GFN(BASE + 600), other, GFN(GFN0)), 0);
    assert_int_equal(depopulate(d, BASE, ORDER), -E_INVAL);
    assert_int_equal(d->stage2.mapped[S2_FOREIGN_RW], 1);
    kill_it(d);
    kill_it(other);
}

/* Half of memory clean, the other dirty, in alternate blocks of 2 MiB: a larger block is there for who wants one. */
static void test_joined_from_clean_and_dirty(void **state UNUSED)
{
    struct domain *d = make_rich();
    mfn_t held[64];
    unsigned n = 0;

    while (frame_scrub_idle(512))
        continue;
    while (n < ARRAY_SIZE(held) && !frame_alloc(&d->owner, 9, FRAME_ANY, &held[n]))
        n++;
    assert_true(n > 16);
    for (unsigned i = 0; i < n; i++) {
        memset(host_ram(held[i]), 0x77, PAGE_SIZE << 9);
        frame_put_block(held[i], 9);
        while (i % 2 && frame_scrub_idle(512))
            continue;
    }
    assert_int_equal(populate(d, BASE, 12), 0);
    expect_zeros(d, BASE, BIT(12));
    assert_int_equal(depopulate(d, BASE, 12), 0);
    frame_check_all();
    kill_it(d);
}

/* Clean and dirty frames in any order: a piece of a fill ends anywhere, and none may scrub past the 2 MiB that it looks at. */
static void test_joined_from_a_patchwork(void **state UNUSED)
{
    struct domain *d = make_rich();
    mfn_t held[64];
    unsigned n = 0;

    for (unsigned round = 0; round < 8; round++) {
        for (n = 0; n < ARRAY_SIZE(held) && !frame_alloc(&d->owner, 9, FRAME_ANY, &held[n]);)
            n++;
        assert_true(n > 16);
        for (uint64_t i = 0; i < n * BIT(9); i += 8) {
            for (uint64_t k = 0; k < 8; k++)
                frame_put(mfn_add(held[i >> 9], i % BIT(9) + k));
            while (!host_random_below(8) && frame_scrub_idle(512))
                continue;
        }
        assert_int_equal(populate(d, BASE, 12), 0);
        expect_zeros(d, BASE, BIT(12));
        memset(byte_at(d, BASE), 0x77, PAGE_SIZE);
        assert_int_equal(depopulate(d, BASE, 12), 0);
        frame_check_all();
    }
    kill_it(d);
}

static struct domain *make_one_to_one(mfn_t first, uint64_t count)
{
    struct domain_config c = { .direct_mapped = true, .max_vcpus = 1, .max_event_port = 1023 };
    struct domain *d;

    assert_int_equal(domain_create(DOMID(0xffff), &c, &d), 0);
    d->owner.limit = UINT64_MAX;
    frame_reserve(&d->owner, first, count);
    return d;
}

/* A one-to-one domain gets its own frames back, as they are or scrubbed; none when one is missing. */
static void test_one_to_one(void **state UNUSED)
{
    struct owner o = { .id = 77, .limit = UINT64_MAX };
    struct domain *d;
    mfn_t first;

    owner_register(&o);
    assert_int_equal(frame_alloc(&o, ORDER, FRAME_ANY, &first), 0);
    frame_put_block(first, ORDER);
    owner_unregister(&o);
    d = make_one_to_one(first, PAGES);
    assert_int_equal(populate(d, first.v, ORDER), 0);
    assert_ptr_equal(byte_at(d, first.v + 99), host_ram(mfn_add(first, 99)));
    for (uint64_t i = 0; i < PAGES; i += 5) {
        memset(byte_at(d, first.v + i), 0x99, PAGE_SIZE);
        assert_int_equal(domain_depopulate(d, GFN(first.v + i), 0), 0);
    }
    assert_int_equal(populate(d, first.v, ORDER), -E_INVAL);
    assert_int_equal(depopulate(d, first.v, ORDER), -E_INVAL);
    for (uint64_t i = 0; i < PAGES; i++)
        if (i % 5)
            assert_int_equal(domain_depopulate(d, GFN(first.v + i), 0), 0);
    assert_int_equal(d->owner.frames, 0);
    assert_int_equal(populate(d, first.v, ORDER), 0);
    expect_zeros(d, first.v, PAGES);
    assert_int_equal(depopulate(d, first.v, ORDER), 0);
    assert_int_equal(d->owner.frames, 0);
    kill_it(d);
    all_free -= PAGES;      /* stays reserved */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_gib, large_machine), TEST(test_killed_with_one_gib, large_machine),
        TEST(test_without_room, one_cpu), TEST(test_allocations_that_fail, one_cpu), TEST(test_splits_that_fail, one_cpu),
        TEST(test_killed_at_every_step, one_cpu), TEST(test_left_at_every_step, one_cpu), TEST(test_races, three_cpus),
        TEST(test_over_what_is_there, one_cpu), TEST(test_joined_from_clean_and_dirty, one_cpu),
        TEST(test_joined_from_a_patchwork, one_cpu),
        TEST(test_one_to_one, one_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
