/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 2 against a model: an array that says for each page of a small window what is mapped there. */
#include "tests/unit/unit.h"
#include "arch/include/mapping.h"
#include "lib/string.h"
#include "mem/stage2.h"

#define BASE UINT64_C(0x40000)          /* first page of the window: 1 GiB */
#define PAGES 4096                      /* 8 blocks of 2 MiB */

static struct owner owner, other;
static struct stage2 space;
static uint64_t all_free;
static struct { uint64_t mfn; enum s2_type type; } model[PAGES];

static void boot(unsigned root_level, unsigned root_order, unsigned address_bits, unsigned leaf_level)
{
    host_boot(&(struct host_config){ .cpus = 4, .memory_mib = 64, .root_level = root_level, .root_order = root_order,
                                     .address_bits = address_bits, .leaf_level = leaf_level });
    owner = (struct owner){ .id = 1, .limit = UINT64_MAX };
    other = (struct owner){ .id = 2, .limit = UINT64_MAX };
    owner_register(&owner);
    owner_register(&other);
    all_free = frame_free_count();
    memset(model, 0, sizeof(model));
    assert_int_equal(stage2_init(&space, &owner), 0);
}

static int setup(void **state UNUSED)
{
    boot(1, 1, 40, 1);
    return 0;
}

static unsigned destroy_space(void)
{
    unsigned calls = 1;

    while (stage2_destroy(&space) == -E_RESTART)
        calls++;
    assert_int_equal(stage2_destroy(&space), 0);
    assert_int_equal(space.table_pages, 0);
    for (unsigned t = 0; t < S2_TYPES; t++)
        assert_int_equal(space.mapped[t], 0);
    return calls;
}

static int teardown(void **state UNUSED)
{
    destroy_space();
    assert_int_equal(frame_free_count(), all_free);
    assert_int_equal(heap_pages_used(), 0);
    frame_check_all();
    owner_unregister(&owner);
    owner_unregister(&other);
    return 0;
}

static mfn_t frames(struct owner *o, unsigned order)
{
    mfn_t mfn;

    assert_int_equal(frame_alloc(o, order, FRAME_ANY, &mfn), 0);
    return mfn;
}

static enum s2_type lookup(uint64_t gfn, mfn_t *mfn, unsigned *order)
{
    struct stage2_locked l = stage2_lock(&space);
    enum s2_type t = stage2_lookup(l, GFN(gfn), mfn, order);

    stage2_unlock(l);
    return t;
}

/* What a guest sees of the page agrees with what is expected there. */
static void check_page(uint64_t gfn, enum s2_type type, uint64_t mfn)
{
    uint64_t mark = host_random(), seen = 0;
    unsigned order;
    mfn_t found;

    assert_int_equal(lookup(gfn, &found, &order), type);
    assert_int_equal(host_access(&space, gfn << PAGE_SHIFT, &seen, 8, false), s2_type_is_memory(type));
    if (!s2_type_is_memory(type)) {
        assert_true(type != S2_EMPTY || found.v == MFN_NONE.v);
        return;
    }
    assert_int_equal(found.v, mfn);
    memcpy(host_ram(found), &mark, 8);
    assert_true(host_access(&space, gfn << PAGE_SHIFT, &seen, 8, false));
    assert_true(seen == mark);
    assert_int_equal(host_access(&space, gfn << PAGE_SHIFT, &seen, 8, true), s2_type_is_writable(type));
}

static void check_model(unsigned samples)
{
    uint64_t mapped[S2_TYPES] = { 0 };

    for (unsigned i = 0; i < samples; i++) {
        unsigned page = (unsigned)host_random_below(PAGES);

        host_pose_as((unsigned)host_random_below(4));
        check_page(BASE + page, model[page].type, model[page].mfn);
    }
    host_pose_as(0);
    for (unsigned i = 0; i < PAGES; i++)
        mapped[model[i].type]++;
    for (unsigned t = 1; t < S2_TYPES; t++)
        assert_int_equal(space.mapped[t], mapped[t]);
}

static void model_set(uint64_t page, uint64_t pages, uint64_t mfn, enum s2_type type)
{
    for (uint64_t i = 0; i < pages; i++) {
        model[page + i].type = type;
        model[page + i].mfn = mfn + i;
    }
}

static void test_one_entry_per_aligned_block(void **state UNUSED)
{
    unsigned order;
    mfn_t mfn = frames(&owner, 9), found;

    assert_int_equal(stage2_map(&space, GFN(BASE), mfn, 9, S2_RAM), 0);
    assert_int_equal(space.table_pages, 1);
    assert_int_equal(lookup(BASE + 77, &found, &order), S2_RAM);
    assert_int_equal(order, 9);
    assert_int_equal(found.v, mfn.v + 77);
    assert_int_equal(space.highest.v, BASE + 511);
    assert_int_equal(space.lowest.v, BASE);
    /* A hole in the middle splits it; the others stay. */
    assert_int_equal(stage2_unmap(&space, GFN(BASE + 100), 0), 0);
    assert_int_equal(lookup(BASE + 100, &found, &order), S2_EMPTY);
    assert_int_equal(lookup(BASE + 99, &found, &order), S2_RAM);
    assert_int_equal(order, 0);
    assert_int_equal(frame_count(mfn_add(mfn, 99)), 1);
    assert_int_equal(frame_count(mfn_add(mfn, 100)), 0);
    assert_int_equal(space.table_pages, 2);
    /* A new block takes the place of the whole table. */
    mfn = frames(&owner, 9);
    assert_int_equal(stage2_map(&space, GFN(BASE), mfn, 9, S2_RAM), 0);
    assert_int_equal(space.table_pages, 1);
    assert_int_equal(owner.frames, 512);
}

static void test_range_is_checked(void **state UNUSED)
{
    uint64_t end = UINT64_C(1) << (40 - PAGE_SHIFT);
    mfn_t mfn = frames(&owner, 0), found;

    assert_int_equal(stage2_map(&space, GFN(end), mfn, 0, S2_RAM), -E_INVAL);
    assert_int_equal(stage2_map(&space, GFN(UINT64_MAX), mfn, 0, S2_RAM), -E_INVAL);
    assert_int_equal(stage2_map(&space, GFN(end - 1), mfn, 1, S2_RAM), -E_INVAL);
    assert_int_equal(stage2_map(&space, GFN(0), mfn, 19, S2_RAM), -E_INVAL);
    assert_int_equal(stage2_map(&space, GFN(end - 1), mfn, 0, S2_RAM), 0);
    assert_int_equal(stage2_unmap(&space, GFN(end), 0), -E_INVAL);
    assert_int_equal(lookup(end, &found, NULL), S2_EMPTY);
    assert_int_equal(lookup(UINT64_MAX, &found, NULL), S2_EMPTY);
}

static void test_unmap_exact(void **state UNUSED)
{
    mfn_t mfn = frames(&other, 0);

    assert_int_equal(stage2_unmap_exact(&space, GFN(BASE), mfn, S2_GRANT_RW), -E_NOENT);
    assert_int_equal(stage2_map(&space, GFN(BASE), mfn, 0, S2_GRANT_RW), 0);
    assert_int_equal(stage2_unmap_exact(&space, GFN(BASE), mfn, S2_GRANT_RO), -E_INVAL);
    assert_int_equal(stage2_unmap_exact(&space, GFN(BASE), mfn_add(mfn, 1), S2_GRANT_RW), -E_INVAL);
    assert_int_equal(other.frames, 1);
    assert_int_equal(stage2_unmap_exact(&space, GFN(BASE), mfn, S2_GRANT_RW), 0);
    assert_int_equal(other.frames, 0);
}

static void test_get_frame(void **state UNUSED)
{
    mfn_t ram = frames(&owner, 0), ro = frames(&owner, 0), got;
    enum s2_type type;

    assert_int_equal(stage2_map(&space, GFN(BASE), ram, 0, S2_RAM), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE + 1), ro, 0, S2_RAM_RO), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE + 2), MFN(0x9000), 0, S2_DEVICE), 0);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE), true, &got, &type), 0);
    assert_true(mfn_eq(got, ram) && type == S2_RAM && frame_count(ram) == 2);
    frame_put(got);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE + 1), true, &got, NULL), -E_ACCES);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE + 1), false, &got, NULL), 0);
    frame_put(got);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE + 2), false, &got, NULL), -E_ACCES);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE + 3), false, &got, NULL), -E_NOENT);
}

static void test_lazy_zeros(void **state UNUSED)
{
    uint64_t x = 1;
    mfn_t got;

    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0), 9, S2_NEEDS_WORK), 0);
    assert_int_equal(owner.frames, 0);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE + 3), false, &got, NULL), -E_AGAIN);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 3), false), 0);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 3), false), -E_NOENT);
    assert_int_equal(stage2_get_frame(&space, GFN(BASE + 3), false, &got, NULL), 0);
    frame_put(got);
    assert_true(host_access(&space, (BASE + 511) << PAGE_SHIFT, &x, 8, false));
    assert_int_equal(x, 0);
    assert_int_equal(owner.frames, 2);
    assert_int_equal(space.mapped[S2_NEEDS_WORK], 510);
    /* What has been promised is there, whatever the limit says now. */
    owner.limit = 2;
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 4), false), 0);
    alloc_fail_nth(1);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 5), false), -E_NOMEM);
}

static void test_lazy_block_is_filled_whole_or_not(void **state UNUSED)
{
    mfn_t block = frames(&owner, 9), got;

    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0), 10, S2_NEEDS_WORK), 0);
    assert_int_equal(stage2_resolve(&space, GFN(BASE + 3), false), 0);
    assert_int_equal(stage2_fill(&space, GFN(BASE), block, 9), -E_BUSY);
    assert_int_equal(stage2_fill(&space, GFN(BASE + 512), block, 9), 0);
    assert_int_equal(stage2_get_own(&space, GFN(BASE + 513), true, &got), 0);
    assert_int_equal(got.v, block.v + 1);
    frame_put(got);
    assert_int_equal(stage2_fill(&space, GFN(BASE + 512), block, 9), -E_BUSY);
}

static void test_quota(void **state UNUSED)
{
    mfn_t mfn = frames(&owner, 9);

    assert_int_equal(stage2_set_limit(&space, 1), 0);
    assert_int_equal(stage2_map(&space, GFN(BASE), mfn, 9, S2_RAM), 0);
    assert_int_equal(stage2_unmap(&space, GFN(BASE), 0), -E_NOMEM);
    assert_int_equal(space.mapped[S2_RAM], 512);
    assert_int_equal(stage2_set_limit(&space, 2), 0);
    assert_int_equal(stage2_unmap(&space, GFN(BASE), 0), 0);
    assert_int_equal(stage2_set_limit(&space, 1), -E_BUSY);
}

/* Maps a random piece, at any alignment; the table takes the references over. */
static void map_random(void)
{
    static const unsigned orders[] = { 0, 0, 0, 1, 3, 5, 9, 9, 10 };
    static const enum s2_type types[] = { S2_RAM, S2_RAM, S2_RAM_RO, S2_GRANT_RW, S2_GRANT_RO, S2_FOREIGN_RW, S2_FOREIGN_RO };
    unsigned order = orders[host_random_below(ARRAY_SIZE(orders))];
    uint64_t page = host_random_below(PAGES - BIT(order) + 1);
    enum s2_type type = types[host_random_below(ARRAY_SIZE(types))];
    mfn_t mfn;

    if (host_random_below(2))
        page = ROUND_DOWN(page, BIT(order));
    if (frame_alloc(s2_type_is_own(type) ? &owner : &other, order, FRAME_NO_SCRUB, &mfn))
        return;
    assert_int_equal(stage2_map(&space, GFN(BASE + page), mfn, order, type), 0);
    model_set(page, BIT(order), mfn.v, type);
}

static void unmap_random(void)
{
    unsigned order = (unsigned)host_random_below(11);
    uint64_t page = host_random_below(PAGES - BIT(order) + 1);

    assert_int_equal(stage2_unmap(&space, GFN(BASE + page), order), 0);
    model_set(page, BIT(order), 0, S2_EMPTY);
}

static void random_steps(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        if (host_random_below(5) < 3)
            map_random();
        else
            unmap_random();
        check_model(8);
        assert_int_equal(owner.frames, space.mapped[S2_RAM] + space.mapped[S2_RAM_RO]);
        assert_int_equal(other.frames, space.mapped[S2_GRANT_RW] + space.mapped[S2_GRANT_RO] +
                                           space.mapped[S2_FOREIGN_RW] + space.mapped[S2_FOREIGN_RO]);
    }
}

static void test_random_changes(void **state UNUSED)
{
    for (unsigned round = 0; round < 6; round++) {
        random_steps(60);
        frame_check_all();
    }
    check_model(500);
}

static int setup_deep(void **state UNUSED)
{
    boot(0, 0, 48, 0);
    return 0;
}

static int setup_small_leaves(void **state UNUSED)
{
    boot(1, 1, 40, 2);
    return 0;
}

/* Out of memory at every allocation of a map and of an unmap that splits: nothing changes until it succeeds. */
static mfn_t block;

static int map_scattered(void *arg UNUSED)
{
    return stage2_map(&space, GFN(BASE + 5), block, 10, S2_RAM);
}

static int unmap_middle(void *arg UNUSED)
{
    return stage2_unmap(&space, GFN(BASE + 512 + 50), 0);
}

static void model_holds(void *arg UNUSED)
{
    check_model(100);
}

static void test_out_of_memory(void **state UNUSED)
{
    mfn_t whole = frames(&owner, 9);

    block = frames(&owner, 10);
    assert_int_equal(stage2_map(&space, GFN(BASE + 512), whole, 9, S2_RAM), 0);
    model_set(512, 512, whole.v, S2_RAM);
    assert_true(oom_loop(unmap_middle, model_holds, NULL) >= 1);
    model_set(512 + 50, 1, 0, S2_EMPTY);
    assert_true(oom_loop(map_scattered, model_holds, NULL) >= 2);
    model_set(5, 1024, block.v, S2_RAM);
    check_model(300);
}

static void test_destroy_is_bounded(void **state UNUSED)
{
    uint64_t before;

    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(stage2_map(&space, GFN(BASE + i * 512), frames(&owner, 9), 9, S2_RAM), 0);
    for (unsigned i = 0; i < 600; i++)
        assert_int_equal(stage2_map(&space, GFN((UINT64_C(1) << 27) + i * 3), frames(&owner, 0), 0, S2_RAM), 0);
    before = frame_free_count();
    while (stage2_destroy(&space) == -E_RESTART) {
        assert_true(frame_free_count() - before <= 2048);
        before = frame_free_count();
        frame_check_all();
        assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0), 0, S2_NEEDS_WORK), -E_INVAL);
    }
}

static void test_gigabyte_leaf(void **state UNUSED)
{
    unsigned order;
    mfn_t found;

    /* Device registers: no frames behind them are needed. */
    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0x1000000), 18, S2_DEVICE), 0);
    assert_int_equal(space.table_pages, 0);
    assert_int_equal(lookup(BASE + 12345, &found, &order), S2_DEVICE);
    assert_int_equal(order, 18);
    assert_int_equal(stage2_unmap(&space, GFN(BASE + 12345), 0), 0);
    assert_int_equal(space.table_pages, 2);
    assert_int_equal(lookup(BASE + 12346, &found, &order), S2_DEVICE);
    assert_int_equal(found.v, 0x1000000 + 12346);
    assert_int_equal(lookup(BASE + 1, &found, &order), S2_DEVICE);
    assert_int_equal(order, 9);
    assert_int_equal(space.mapped[S2_DEVICE], (1 << 18) - 1);
    assert_int_equal(stage2_unmap(&space, GFN(BASE), 18), 0);
    assert_int_equal(space.table_pages, 0);
    assert_int_equal(stage2_map(&space, GFN(BASE + 512), MFN(0x1000000), 18, S2_DEVICE), 0);
    assert_int_equal(lookup(BASE + 512 + (1 << 18) - 1, &found, &order), S2_DEVICE);
    assert_int_equal(found.v, 0x1000000 + (1 << 18) - 1);
}

/* A processor without them: a gibibyte is blocks of 2 MiB below one table, and what is not present may be one entry all the same. */
static void test_without_gigabyte_leaves(void **state UNUSED)
{
    unsigned order;
    mfn_t found;

    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0x1000000), 18, S2_DEVICE), 0);
    assert_int_equal(space.table_pages, 1);
    assert_int_equal(space.blocks_1g, 0);
    assert_int_equal(space.blocks_2m, 512);
    assert_int_equal(lookup(BASE + 12345, &found, &order), S2_DEVICE);
    assert_int_equal(order, 9);
    assert_int_equal(found.v, 0x1000000 + 12345);
    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(7), 18, S2_NEEDS_WORK), 0);
    assert_int_equal(space.table_pages, 0);
    assert_int_equal(space.blocks_1g, 1);
    assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0x1000000), 18, S2_DEVICE), 0);
    assert_int_equal(space.blocks_2m, 512);
    assert_int_equal(stage2_unmap(&space, GFN(BASE), 18), 0);
    assert_int_equal(space.table_pages, 0);
}

/* --- several CPUs at once: whoever maps and unmaps, every reference is accounted for in the end --- */

#define CONTENDED 1536

static void contend_step(void)
{
    uint64_t page = host_random_below(CONTENDED), bytes = 0;
    unsigned order = host_random_below(6) ? 0 : 9;
    mfn_t mfn;

    switch (host_random_below(5)) {
    case 4:
        assert_int_equal(stage2_map(&space, GFN(BASE + ROUND_DOWN(page, 8)), MFN(0), 3, S2_NEEDS_WORK), 0);
        break;
    case 0:
        page = ROUND_DOWN(page, BIT(order));
        if (!frame_alloc(&owner, order, FRAME_ANY, &mfn))
            assert_int_equal(stage2_map(&space, GFN(BASE + page), mfn, order, S2_RAM), 0);
        break;
    case 1:
        assert_int_equal(stage2_unmap(&space, GFN(BASE + ROUND_DOWN(page, BIT(order))), order), 0);
        break;
    case 2:
        (void)host_access(&space, (BASE + page) << PAGE_SHIFT, &bytes, 8, host_random_below(2));
        break;
    default:
        if (!stage2_get_frame(&space, GFN(BASE + page), true, &mfn, NULL)) {
            char *p = arch_window_map(mfn);

            p[0]++;
            arch_window_unmap(p);
            frame_put(mfn);
        }
    }
}

static void contend(unsigned cpu UNUSED, void *arg)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++)
        contend_step();
}

static void check_counts_by_table(void)
{
    uint64_t mapped = 0;

    for (uint64_t page = 0; page < CONTENDED; page++) {
        mfn_t mfn;

        if (lookup(BASE + page, &mfn, NULL) != S2_RAM)
            continue;
        mapped++;
        assert_int_equal(frame_count(mfn), 1);
        assert_int_equal(frame_owner(mfn), owner.id);
    }
    assert_int_equal(owner.frames, mapped);
    assert_int_equal(space.mapped[S2_RAM], mapped);
}

/* All CPUs want the same page that is filled lazily: what each writes stays. */
static void touch_same_page(unsigned cpu, void *arg UNUSED)
{
    uint64_t at = (BASE << PAGE_SHIFT) + cpu * 8, x = 1;

    assert_true(host_access(&space, at, &x, 8, false));
    assert_int_equal(x, 0);
    x = cpu + 1;
    assert_true(host_access(&space, at, &x, 8, true));
}

static void test_four_cpus_resolve_one_page(void **state UNUSED)
{
    uint64_t written[4];

    for (unsigned round = 0; round < 100; round++) {
        assert_int_equal(stage2_map(&space, GFN(BASE), MFN(0), 0, S2_NEEDS_WORK), 0);
        host_run_parallel(4, touch_same_page, NULL);
        assert_true(host_access(&space, BASE << PAGE_SHIFT, written, sizeof(written), false));
        for (unsigned cpu = 0; cpu < 4; cpu++)
            assert_int_equal(written[cpu], cpu + 1);
        assert_int_equal(owner.frames, 1);
        assert_int_equal(space.mapped[S2_RAM], 1);
    }
}

static void test_four_cpus_change_one_space(void **state UNUSED)
{
    unsigned steps = 60;

    for (unsigned round = 0; round < 12; round++) {
        host_run_parallel(4, contend, &steps);
        frame_check_all();
        check_counts_by_table();
    }
}

/* More spaces than VMIDs, used by turns. */
static void test_vmids_run_out(void **state UNUSED)
{
    enum { SPACES = 40 };
    static struct stage2 many[SPACES];
    static mfn_t page[SPACES];

    for (unsigned i = 0; i < SPACES; i++) {
        page[i] = frames(&owner, 0);
        assert_int_equal(stage2_init(&many[i], &owner), 0);
        assert_int_equal(stage2_map(&many[i], GFN(BASE), page[i], 0, S2_RAM), 0);
    }
    for (unsigned round = 0; round < 1000; round++) {
        unsigned i = (unsigned)host_random_below(SPACES);
        uint64_t mark = host_random(), seen;

        host_pose_as((unsigned)host_random_below(4));
        memcpy(host_ram(page[i]), &mark, 8);
        assert_true(host_access(&many[i], BASE << PAGE_SHIFT, &seen, 8, false));
        assert_true(seen == mark);
    }
    host_pose_as(0);
    for (unsigned i = 0; i < SPACES; i++) {
        while (stage2_destroy(&many[i]))
            ;
    }
}

/* CPU 0 runs the first space, 1 and 2 load so many others that VMIDs run out, 3 gives the first a page and takes it away again: the
 * simulated processor finds a frame that is used again while CPU 0's TLB leads to it. */
enum { TURNING = 40, TURNS = 800 };
static struct stage2 turning[TURNING];

static void turn(unsigned cpu, void *arg UNUSED)
{
    uint64_t seen;
    mfn_t mfn;

    for (unsigned i = 0; i < TURNS; i++) {
        if (cpu == 0) {
            (void)host_access(&turning[0], BASE << PAGE_SHIFT, &seen, 8, false);
        } else if (cpu < 3) {
            (void)host_access(&turning[1 + host_random_below(TURNING - 1)], BASE << PAGE_SHIFT, &seen, 8, false);
        } else {
            mfn = frames(&owner, 0);
            assert_int_equal(stage2_map(&turning[0], GFN(BASE), mfn, 0, S2_RAM), 0);
            arch_schedule_point();
            assert_int_equal(stage2_unmap(&turning[0], GFN(BASE), 0), 0);
        }
    }
}

static void test_page_goes_while_a_generation_begins(void **state UNUSED)
{
    for (unsigned i = 0; i < TURNING; i++)
        assert_int_equal(stage2_init(&turning[i], &owner), 0);
    host_run_parallel(4, turn, NULL);
    for (unsigned i = 0; i < TURNING; i++) {
        while (stage2_destroy(&turning[i]))
            ;
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_entry_per_aligned_block), TEST(test_range_is_checked), TEST(test_unmap_exact), TEST(test_get_frame),
        TEST(test_lazy_zeros), TEST(test_lazy_block_is_filled_whole_or_not), TEST(test_quota), TEST(test_random_changes),
        cmocka_unit_test_setup_teardown(test_random_changes, setup_deep, teardown), TEST(test_out_of_memory),
        cmocka_unit_test_setup_teardown(test_without_gigabyte_leaves, setup_small_leaves, teardown),
        cmocka_unit_test_setup_teardown(test_random_changes, setup_small_leaves, teardown),
        TEST(test_destroy_is_bounded), TEST(test_gigabyte_leaf), TEST(test_four_cpus_resolve_one_page),
        TEST(test_four_cpus_change_one_space),
        TEST(test_vmids_run_out), TEST(test_page_goes_while_a_generation_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
