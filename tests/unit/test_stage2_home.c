/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with a place of its own in the host's: zeroed by and by, and nobody sees what was in it. */
#include "tests/unit/unit.h"
#include "arch/include/mapping.h"
#include "lib/string.h"
#include "mem/frame_table.h"
#include "mem/stage2.h"

#define BASE UINT64_C(0x40000)
#define ORDER 10
#define PAGES BIT(ORDER)
#define BLOCK 512
#define OLD UINT64_C(0x6f6c642062797465)

static struct owner owner;
static struct stage2 space;
static mfn_t home;
static uint64_t all_free;

/* Frames that the allocator has never seen, full of old bytes. */
static void set_aside(void)
{
    assert_int_equal(frame_alloc(&owner, ORDER, FRAME_NO_SCRUB, &home), 0);
    for (uint64_t i = 0; i < PAGES; i++) {
        frame_store(home.v + i, 0);
        for (unsigned k = 0; k < PAGE_SIZE / 8; k++)
            ((uint64_t *)host_ram(mfn_add(home, i)))[k] = OLD;
    }
    owner.frames = 0;
    frame_set_aside(&owner, home, PAGES);
    assert_true(owner.one_to_one && owner.home_frames == PAGES && mfn_eq(owner.home, home));
    assert_int_equal(stage2_map(&space, GFN(BASE), stage2_home_cookie(GFN(BASE), home), ORDER, S2_NEEDS_WORK), 0);
}

static int setup(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 4, .memory_mib = 64, .root_level = 1, .root_order = 1, .address_bits = 40 });
    owner = (struct owner){ .id = 1, .limit = PAGES };
    owner_register(&owner);
    assert_int_equal(stage2_init(&space, &owner), 0);
    set_aside();
    all_free = frame_free_count();
    return 0;
}

static int teardown(void **state UNUSED)
{
    while (stage2_destroy(&space) == -E_RESTART)
        continue;
    assert_int_equal(owner.frames, 0);
    assert_true(frame_free_count() >= all_free && frame_free_count() < all_free + 16);      /* the root */
    frame_check_all();
    owner_unregister(&owner);
    return 0;
}

static uint64_t word_at(uint64_t page)
{
    uint64_t x = OLD;

    assert_true(host_access(&space, (BASE + page) << PAGE_SHIFT, &x, 8, false));
    return x;
}

static mfn_t frame_of(uint64_t page, unsigned *order)
{
    struct stage2_locked l = stage2_lock(&space);
    mfn_t mfn;
    enum s2_type t = stage2_lookup(l, GFN(BASE + page), &mfn, order);

    stage2_unlock(l);
    return t == S2_RAM ? mfn : MFN_NONE;
}

static unsigned fill(uint64_t page)
{
    unsigned pieces = 1;

    while (stage2_fill_home(&space, GFN(BASE + page)) == -E_RESTART)
        pieces++;
    return pieces;
}

static void test_page_and_block(void **state UNUSED)
{
    unsigned order;

    assert_true(mfn_eq(stage2_home_frame(&space, GFN(BASE + 7), 0), mfn_add(home, 7)));
    assert_true(mfn_eq(stage2_home_frame(&space, GFN(BASE + PAGES), 0), MFN_NONE));
    assert_int_equal(word_at(3), 0);
    assert_int_equal(owner.frames, 1);
    assert_true(mfn_eq(frame_of(3, &order), mfn_add(home, 3)) && order == 0);
    /* The other block in one entry; of the first one a page was touched. */
    assert_int_equal(fill(BLOCK), 8);
    assert_true(mfn_eq(frame_of(BLOCK + 3, &order), mfn_add(home, BLOCK + 3)) && order == 9);
    assert_int_equal(owner.frames, 1 + BLOCK);
    for (unsigned i = 0; i < BLOCK; i++)
        assert_int_equal(word_at(BLOCK + i), 0);
    assert_int_equal(stage2_fill_home(&space, GFN(BASE)), -E_NOENT);
    assert_int_equal(stage2_fill_home(&space, GFN(BASE + BLOCK)), -E_NOENT);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + BLOCK), true), -E_NOENT);
    assert_int_equal(stage2_place_home(&space, GFN(BASE), 9), -E_BUSY);
}

/* Touched between two pieces: what is written then stays. */
static void test_touched_on_its_way(void **state UNUSED)
{
    uint64_t x = 42;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(stage2_fill_home(&space, GFN(BASE)), -E_RESTART);
    assert_true(host_access(&space, (BASE + 200) << PAGE_SHIFT, &x, 8, true));
    assert_int_equal(stage2_fill_home(&space, GFN(BASE)), -E_NOENT);
    assert_int_equal(word_at(200), 42);
    assert_int_equal(word_at(2), 0);
    assert_int_equal(word_at(500), 0);
    assert_int_equal(owner.frames, 3);
}

static void test_placed(void **state UNUSED)
{
    memset(host_ram(home), 7, BLOCK << PAGE_SHIFT);
    assert_int_equal(stage2_place_home(&space, GFN(BASE), 9), 0);
    assert_int_equal(word_at(511), UINT64_C(0x0707070707070707));
    assert_int_equal(word_at(512), 0);
}

/* What the guest gives back stays its own, and is clean when it comes again. */
static void test_given_back(void **state UNUSED)
{
    uint64_t x = 42;

    assert_true(host_access(&space, BASE << PAGE_SHIFT, &x, 8, true));
    assert_int_equal(stage2_unmap(&space, GFN(BASE), 0), 0);
    assert_int_equal(owner.frames, 0);
    assert_int_equal(frame_take_home(&owner, home, 0), 0);
    assert_int_equal(*(uint64_t *)host_ram(home), 0);
    assert_int_equal(frame_take_home(&owner, home, 0), -E_INVAL);
    frame_put(home);
}

static void test_no_table(void **state UNUSED)
{
    assert_int_equal(stage2_set_limit(&space, space.table_pages), 0);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 1), true), -E_NOMEM);
    assert_int_equal(owner.frames, 0);
    assert_int_equal(stage2_set_limit(&space, space.table_pages + 1), 0);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 1), true), 0);
    assert_int_equal(word_at(1), 0);
}

static void touch(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = 0; i < 40; i++) {
        uint64_t page = host_random_below(PAGES), x = 0;

        if (cpu == 0) {
            (void)stage2_fill_home(&space, GFN(BASE + i % 2 * BLOCK));
        } else {
            assert_true(host_access(&space, ((BASE + page) << PAGE_SHIFT) + 8 * cpu, &x, 8, false));
            assert_true(x == 0 || x == cpu);
            x = cpu;
            assert_true(host_access(&space, ((BASE + page) << PAGE_SHIFT) + 8 * cpu, &x, 8, true));
            assert_true(host_access(&space, ((BASE + page) << PAGE_SHIFT) + 8 * cpu, &x, 8, false));
            assert_int_equal(x, cpu);
        }
    }
}

static void test_four_cpus(void **state UNUSED)
{
    host_run_parallel(4, touch, NULL);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(word_at(i), 0);
}

static uint64_t whole_top;
static unsigned pieces;

static void grow_some(void)
{
    pieces++;
    frame_table_grow(MFN(MIN(frame_top + BLOCK / 4, whole_top)));
}

/* The block of frames at the table's end, off the allocator. */
static mfn_t last_block(void)
{
    static mfn_t others[64];
    unsigned count = 0;
    mfn_t mfn;

    do {
        assert_true(count < ARRAY_SIZE(others));
        assert_int_equal(frame_alloc(&hypervisor_owner, 9, FRAME_NO_SCRUB, &mfn), 0);
        others[count++] = mfn;
    } while (mfn.v + BLOCK != whole_top);
    while (--count)
        frame_put_block(others[count - 1], 9);
    for (uint64_t i = 0; i < BLOCK; i++)
        frame_store(mfn.v + i, 0);
    hypervisor_owner.frames -= BLOCK;
    all_free -= BLOCK;
    return mfn;
}

#define FAR (BASE + 4 * PAGES)

/* A block at FAR whose frames the table does not reach yet: four pieces are missing. */
static void set_aside_beyond(void)
{
    mfn_t last;

    whole_top = frame_top;
    pieces = 0;
    last = last_block();
    frame_top = last.v;
    frame_table_grows_by(grow_some);
    owner.limit += BLOCK;
    frame_set_aside(&owner, last, BLOCK);
    assert_int_equal(stage2_map(&space, GFN(FAR), stage2_home_cookie(GFN(FAR), last), 9, S2_NEEDS_WORK), 0);
    assert_int_equal(pieces, 0);
}

/* Catches: a frame that is named before the table reaches it, more than a piece at a time, a caller that cannot come again and is sent away. */
static void test_beyond_the_table(void **state UNUSED)
{
    set_aside_beyond();
    assert_int_equal(stage2_resolve_some(&space, GFN(FAR + BLOCK / 4), true), -E_RESTART);
    assert_int_equal(stage2_resolve_some(&space, GFN(FAR + BLOCK / 4), true), -E_RESTART);
    assert_int_equal(pieces, 2);
    assert_int_equal(stage2_resolve_some(&space, GFN(FAR + BLOCK / 4), true), 0);
    assert_int_equal(stage2_resolve(&space, GFN(FAR + BLOCK - 1), true), 0);
    assert_int_equal(pieces, 4);
    frame_table_grows_by(NULL);
}

/* Catches: a kernel's block that is placed where the table does not reach yet. */
static void test_placed_beyond_the_table(void **state UNUSED)
{
    set_aside_beyond();
    assert_int_equal(stage2_place_home(&space, GFN(FAR), 9), 0);
    assert_int_equal(pieces, 4);
    frame_table_grows_by(NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_page_and_block), TEST(test_touched_on_its_way), TEST(test_placed), TEST(test_given_back), TEST(test_no_table),
        TEST(test_four_cpus), TEST(test_beyond_the_table),
        TEST(test_placed_beyond_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
