/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"
#include "lib/string.h"

#define OWNERS 3
#define BLOCKS 200

static struct owner owners[OWNERS];
static unsigned emptied[OWNERS];
static uint64_t all_free;

static void note_emptied(struct owner *o)
{
    emptied[o - owners]++;
}

static int setup(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 4 });
    for (unsigned i = 0; i < OWNERS; i++) {
        owners[i] = (struct owner){ .id = (uint16_t)(i + 1), .limit = UINT64_MAX, .emptied = note_emptied };
        emptied[i] = 0;
        owner_register(&owners[i]);
    }
    all_free = frame_free_count();
    return 0;
}

static int teardown(void **state UNUSED)
{
    assert_int_equal(frame_free_count(), all_free);
    frame_check_all();
    for (unsigned i = 0; i < OWNERS; i++)
        owner_unregister(&owners[i]);
    return 0;
}

static bool is_zero(mfn_t mfn, unsigned order)
{
    const uint8_t *p = host_ram(mfn);

    for (size_t i = 0; i < PAGE_SIZE << order; i++) {
        if (p[i])
            return false;
    }
    return true;
}

static void test_alloc_is_aligned_clean_and_counted(void **state UNUSED)
{
    mfn_t mfn;

    assert_int_equal(frame_total(), host_ram_frames());
    for (unsigned order = 0; order <= 11; order++) {
        assert_int_equal(frame_alloc(&owners[0], order, FRAME_ANY, &mfn), 0);
        assert_true(IS_ALIGNED(mfn.v, BIT(order)));
        assert_true(is_zero(mfn, order));
        assert_int_equal(owners[0].frames, BIT(order));
        assert_int_equal(frame_count(mfn), 1);
        assert_int_equal(frame_owner(mfn), 1);
        memset(host_ram(mfn), 0x77, PAGE_SIZE << order);
        frame_put_block(mfn, order);
        assert_int_equal(owners[0].frames, 0);
        assert_int_equal(frame_owner(mfn), OWNER_NONE);
        frame_check_all();
    }
    assert_int_equal(frame_alloc(&owners[0], MAX_ORDER + 1, FRAME_ANY, &mfn), -E_NOMEM);
    assert_int_equal(frame_alloc(&owners[0], 18, FRAME_ANY, &mfn), -E_NOMEM);
}

static void test_references(void **state UNUSED)
{
    mfn_t mfn;

    assert_int_equal(frame_alloc(&owners[0], 0, FRAME_ANY, &mfn), 0);
    assert_true(frame_get(mfn, &owners[0]));
    assert_false(frame_get(mfn, &owners[1]));
    assert_true(frame_get_any(mfn));
    assert_int_equal(frame_count(mfn), 3);
    frame_put(mfn);
    frame_put(mfn);
    frame_put(mfn);
    assert_false(frame_get(mfn, &owners[0]));
    assert_false(frame_get_any(mfn));
    assert_false(frame_get_any(MFN(0)));
    assert_false(frame_get_any(MFN_NONE));
    assert_false(frame_is_memory(MFN(0)));
    assert_true(frame_is_memory(mfn));
}

static void test_block_with_a_second_reference_comes_back_in_parts(void **state UNUSED)
{
    mfn_t mfn;

    assert_int_equal(frame_alloc(&owners[0], 9, FRAME_ANY, &mfn), 0);
    assert_true(frame_get(mfn_add(mfn, 100), &owners[0]));
    frame_put_block(mfn, 9);
    assert_int_equal(owners[0].frames, 1);
    assert_int_equal(frame_free_count(), all_free - 1);
    frame_check_all();
    frame_put(mfn_add(mfn, 100));
}

static void test_limit_dying_and_emptied(void **state UNUSED)
{
    struct owner *o = &owners[0];
    mfn_t a, b;

    o->limit = 2;
    assert_int_equal(frame_alloc(o, 1, FRAME_ANY, &a), 0);
    assert_int_equal(frame_alloc(o, 0, FRAME_ANY, &b), -E_INVAL);
    assert_int_equal(frame_alloc(o, 0, FRAME_IGNORE_LIMIT, &b), 0);
    owner_set_dying(o);
    assert_int_equal(frame_alloc(o, 0, FRAME_IGNORE_LIMIT, &b), -E_INVAL);
    assert_null(shared_page_alloc(o));
    frame_put_block(a, 1);
    assert_int_equal(emptied[0], 0);
    frame_put(b);
    assert_int_equal(emptied[0], 1);
    owner_set_dying(o);
    owner_set_dying(&owners[1]);
    assert_int_equal(emptied[0], 1);
    assert_int_equal(emptied[1], 1);
}

static void test_claims_hold_memory_back(void **state UNUSED)
{
    mfn_t mfn;

    assert_int_equal(frame_claim(&owners[0], all_free + 1), -E_NOMEM);
    assert_int_equal(frame_claim(&owners[0], all_free - 1), 0);
    assert_int_equal(frame_outstanding_claims(), all_free - 1);
    assert_int_equal(frame_alloc(&owners[1], 1, FRAME_ANY, &mfn), -E_NOMEM);
    assert_int_equal(frame_alloc(&owners[0], 9, FRAME_ANY, &mfn), 0);
    assert_int_equal(frame_outstanding_claims(), all_free - 1 - 512);
    assert_int_equal(frame_claim(&owners[0], 0), 0);
    assert_int_equal(frame_outstanding_claims(), 0);
    /* What is still to come can be promised, and not taken; what is there is nobody else's then. */
    frame_expect(1000);
    assert_int_equal(frame_claim(&owners[0], frame_free_count() + 1001), -E_NOMEM);
    assert_int_equal(frame_claim(&owners[0], frame_free_count() + 1000), 0);
    assert_int_equal(frame_alloc(&owners[1], 0, FRAME_ANY, &(mfn_t){ 0 }), -E_NOMEM);
    assert_int_equal(frame_claim(&owners[0], 0), 0);
    frame_expect(0);
    frame_put_block(mfn, 9);
}

static void test_change_owner(void **state UNUSED)
{
    mfn_t mfn;

    assert_int_equal(frame_alloc(&owners[0], 0, FRAME_ANY, &mfn), 0);
    assert_true(frame_get_any(mfn));
    assert_int_equal(frame_change_owner(mfn, &owners[0], &owners[1]), -E_BUSY);
    frame_put(mfn);
    assert_int_equal(frame_change_owner(mfn, &owners[0], &owners[1]), 0);
    assert_int_equal(owners[0].frames, 0);
    assert_int_equal(owners[1].frames, 1);
    owners[2].limit = 0;
    assert_int_equal(frame_change_owner(mfn, &owners[1], &owners[2]), -E_INVAL);
    frame_put(mfn);
}

static void test_reserve_of_a_one_to_one_owner(void **state UNUSED)
{
    struct owner *o = &owners[0];
    mfn_t block = frame_reserve_block(o, 10, MFN_NONE), next = mfn_add(block, 1024 + 3), out;
    uint64_t reserved = 1024 + 70;

    assert_true(IS_ALIGNED(block.v, 1024));
    memset(host_ram(block), 0x42, PAGE_SIZE);
    frame_reserve(o, next, 70);
    assert_int_equal(frame_free_count(), all_free - reserved);
    frame_check_all();
    assert_int_equal(o->frames, 0);
    assert_int_equal(frame_take_reserved(&owners[1], block, 0), -E_INVAL);
    assert_int_equal(frame_take_reserved(o, mfn_add(block, 1024), 0), -E_INVAL);
    assert_int_equal(frame_take_reserved(o, block, 11), -E_INVAL);
    assert_int_equal(o->frames, 0);
    assert_int_equal(frame_take_reserved(o, mfn_add(block, 700), 0), 0);
    assert_int_equal(frame_take_reserved(o, block, 10), -E_INVAL);
    assert_int_equal(o->frames, 1);
    frame_put(mfn_add(block, 700));
    assert_int_equal(frame_take_reserved(o, block, 10), 0);
    assert_int_equal(o->frames, 1024);
    assert_int_equal(frame_take_reserved(o, block, 0), -E_INVAL);
    assert_true(is_zero(mfn_add(block, 700), 0));
    /* What the loader put there stays, the first time. */
    assert_false(is_zero(block, 10));
    memset(host_ram(block), 1, PAGE_SIZE);
    assert_true(frame_get(block, o));
    frame_put_block(block, 10);
    frame_put(block);
    assert_int_equal(o->frames, 0);
    assert_int_equal(frame_free_count(), all_free - reserved);
    memset(host_ram(mfn_add(block, 512)), 1, PAGE_SIZE << 9);
    assert_int_equal(frame_take_reserved(o, mfn_add(block, 512), 9), 0);
    assert_true(is_zero(mfn_add(block, 512), 9));
    assert_int_equal(frame_take_reserved(o, block, 0), 0);
    assert_true(is_zero(block, 0));
    frame_put_block(mfn_add(block, 512), 9);
    frame_put(block);
    assert_true(mfn_eq(frame_reserve_block(o, 10, block), MFN_NONE));
    assert_int_equal(frame_alloc(&owners[1], 3, FRAME_ANY, &out), 0);
    frame_put_block(out, 3);
    all_free -= reserved;
}

/* One CPU takes memory that the allocator never had, with what the loader left there, while others clean what is free. */
#define PIECES 24
#define PIECE_ORDER 4
static mfn_t pieces[PIECES];
static void take_or_clean(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = 0; cpu && i < 200; i++)
        (void)frame_scrub_idle(20);
    for (unsigned i = 0; !cpu && i < PIECES; i++)
        (i % 2 ? frame_add_owned : frame_add_reserved)(&owners[0], pieces[i], BIT(PIECE_ORDER));
}

static void test_new_memory_is_free_at_no_time(void **state UNUSED)
{
    for (unsigned i = 0; i < PIECES; i++) {
        assert_int_equal(frame_alloc(&hypervisor_owner, PIECE_ORDER, FRAME_NO_SCRUB, &pieces[i]), 0);
        memset(host_ram(pieces[i]), 0x42, PAGE_SIZE << PIECE_ORDER);
    }
    hypervisor_owner.frames -= PIECES << PIECE_ORDER;
    host_run_parallel(3, take_or_clean, NULL);
    for (unsigned i = 0; i < PIECES; i++) {
        for (uint64_t n = 0; n < BIT(PIECE_ORDER); n++)
            assert_int_equal(((uint8_t *)host_ram(mfn_add(pieces[i], n)))[17], 0x42);
        /* What came as owned has its reference already; what was taken back and forth is the reserve's again. */
        if (i % 2)
            assert_int_equal(frame_take_reserved(&owners[0], pieces[i], PIECE_ORDER), -E_INVAL);
        else
            assert_int_equal(frame_take_reserved(&owners[0], pieces[i], PIECE_ORDER), 0);
        frame_put_block(pieces[i], PIECE_ORDER);
        assert_int_equal(frame_take_reserved(&owners[0], pieces[i], PIECE_ORDER), 0);
        frame_put_block(pieces[i], PIECE_ORDER);
    }
    assert_int_equal(owners[0].frames, 0);
    all_free -= PIECES << PIECE_ORDER;
}

static void test_idle_scrubbing(void **state UNUSED)
{
    mfn_t mfn;
    unsigned turns = 0;

    assert_int_equal(frame_alloc(&owners[0], 0, FRAME_ANY, &mfn), 0);
    while (frame_scrub_idle(100))
        assert_true(++turns < 100000);
    assert_true(turns > 100);
    memset(host_ram(mfn), 0x11, PAGE_SIZE);
    frame_put(mfn);
    assert_true(frame_scrub_idle(100));
    while (frame_scrub_idle(100))
        ;
    frame_check_all();
    for (uint64_t i = 0; i < host_ram_frames(); i++)
        assert_true(is_zero(mfn_add(HOST_RAM_BASE, i), 0));
}

static void test_large_block_over_clean_and_dirty_buddies(void **state UNUSED)
{
    mfn_t mfn;

    for (unsigned i = 0; i < 40; i++)
        (void)frame_scrub_idle(512);
    frame_check_all();
    assert_int_equal(frame_alloc(&owners[0], 14, FRAME_NO_SCRUB, &mfn), 0);
    frame_put_block(mfn, 14);
}

/* Random allocations, references and releases against a list of what is held. */
struct held {
    mfn_t mfn;
    unsigned order;
    struct owner *owner;
};

static void random_step(struct held *held, unsigned *count)
{
    if (*count < BLOCKS && host_random_below(100) < 52) {
        struct held *h = &held[*count];

        h->order = host_random_below(4) ? (unsigned)host_random_below(3) : (unsigned)host_random_below(11);
        h->owner = &owners[host_random_below(OWNERS)];
        if (frame_alloc(h->owner, h->order, host_random_below(2) ? FRAME_NO_SCRUB : FRAME_ANY, &h->mfn))
            return;
        memset(host_ram(h->mfn), (int)*count, PAGE_SIZE << h->order);
        ++*count;
    } else if (*count) {
        unsigned i = (unsigned)host_random_below(*count);
        struct held h = held[i];

        held[i] = held[--*count];
        if (h.order && host_random_below(2)) {
            for (uint64_t f = 0; f < BIT(h.order); f++)
                frame_put(mfn_add(h.mfn, f));
        } else {
            frame_put_block(h.mfn, h.order);
        }
    }
    if (!host_random_below(8))
        (void)frame_scrub_idle(20);
}

static void random_life(unsigned cpu UNUSED, void *arg)
{
    struct held held[BLOCKS];
    unsigned count = 0, steps = *(unsigned *)arg;

    while (steps--)
        random_step(held, &count);
    while (count--)
        frame_put_block(held[count].mfn, held[count].order);
}

static void test_random_life(void **state UNUSED)
{
    unsigned steps = 100;

    for (unsigned round = 0; round < 30; round++) {
        random_life(0, &steps);
        frame_check_all();
        assert_int_equal(frame_free_count(), all_free);
    }
}

static void test_random_life_on_four_cpus(void **state UNUSED)
{
    unsigned steps = 60;

    for (unsigned round = 0; round < 10; round++) {
        host_run_parallel(4, random_life, &steps);
        frame_check_all();
        assert_int_equal(frame_free_count(), all_free);
    }
}

static void share_one_frame(unsigned cpu UNUSED, void *arg)
{
    mfn_t mfn = *(mfn_t *)arg;

    for (unsigned i = 0; i < 300; i++) {
        if (frame_get(mfn, &owners[0])) {
            assert_true(frame_count(mfn) >= 1);
            frame_put(mfn);
        }
    }
}

static void get_and_free(unsigned cpu, void *arg)
{
    if (cpu == 0)
        frame_put(*(mfn_t *)arg);
    else
        share_one_frame(cpu, arg);
}

static void test_last_reference_races_with_new_ones(void **state UNUSED)
{
    for (unsigned round = 0; round < 20; round++) {
        mfn_t mfn;

        assert_int_equal(frame_alloc(&owners[0], 0, FRAME_ANY, &mfn), 0);
        host_run_parallel(4, get_and_free, &mfn);
        assert_int_equal(owners[0].frames, 0);
        frame_check_all();
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_alloc_is_aligned_clean_and_counted), TEST(test_references),
        TEST(test_block_with_a_second_reference_comes_back_in_parts), TEST(test_limit_dying_and_emptied),
        TEST(test_claims_hold_memory_back), TEST(test_change_owner), TEST(test_reserve_of_a_one_to_one_owner),
        TEST(test_new_memory_is_free_at_no_time), TEST(test_idle_scrubbing), TEST(test_large_block_over_clean_and_dirty_buddies), TEST(test_random_life),
        TEST(test_random_life_on_four_cpus), TEST(test_last_reference_races_with_new_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
