/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a stage-2 table, in bounded pieces. An entry of level 2 or a larger leaf is taken out at a time; it then hangs on
 * the structure while its frames are let go, over several calls when they are many. A table above level 3 is taken out when
 * the walk has left it, empty.
 */
#include "lib/assert.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/spinlock.h"
#include "mem/heap.h"
#include "mem/stage2_walk.h"

/* Of one call, in frames let go; other steps cost as many frames as they take longer than one. */
#define CALL_BUDGET 500
#define LEAF_PIECE 256
#define STEP_COST 16
#define RUN_COST 16

/* Everything before gfn has been taken out: is gfn just behind an upper table, which is then empty? Its slot, or NULL. */
static s2_entry *table_left_behind(struct stage2 *s, uint64_t gfn, unsigned *level)
{
    unsigned root_level = arch_stage2_geometry()->root_level;

    for (unsigned l = 1; gfn && l + 1 > root_level; l--) {
        unsigned reached;
        s2_entry *slot;

        if (!IS_ALIGNED(gfn, s2_span(l)))
            return NULL;
        slot = s2_walk(s, gfn - 1, l, &reached);
        if (reached == l && arch_s2_is_table(arch_s2_read(slot), l)) {
            *level = l;
            return slot;
        }
        if (l == 0)
            break;
    }
    return NULL;
}

static void detach(struct stage2 *s, s2_entry *slot, unsigned level, uint64_t gfn)
{
    s2_entry e = arch_s2_read(slot);

    ASSERT(!s->teardown_entry);
    s2_write(s, slot, 0, level);
    if (e && !arch_s2_is_table(e, level))
        s2_count_leaves(s, level, -1);
    s2_invalidate(s, gfn, arch_s2_is_table(e, level) ? S2_ENTRIES + 1 : 1, s2_span(level));
    s->teardown_entry = e;
    s->teardown_level = level;
    s->teardown_done = 0;
}

/* Behind the last page that was ever mapped only the ends of tables are left to visit. */
static uint64_t next_table_end(uint64_t gfn)
{
    for (int level = 1; level >= 0; level--) {
        if (!IS_ALIGNED(gfn, s2_span((unsigned)level)))
            return MIN(ROUND_UP(gfn, s2_span((unsigned)level)), s2_space_pages());
    }
    return s2_space_pages();
}

/* Take out the next entry; false when the whole table is empty. May find nothing within the budget. */
static bool detach_next(struct stage2 *s, int *budget)
{
    while (*budget > 0 && !s->teardown_entry) {
        uint64_t gfn = s->teardown.v;
        unsigned level;
        s2_entry *slot = table_left_behind(s, gfn, &level);

        *budget -= STEP_COST;
        if (slot) {
            detach(s, slot, level, ROUND_DOWN(gfn - 1, s2_span(level)));
            continue;
        }
        if (gfn >= s2_space_pages())
            return false;
        if (gfn > s->highest.v) {
            s->teardown = GFN(next_table_end(gfn));
            continue;
        }
        slot = s2_walk(s, gfn, 2, &level);
        s->teardown = GFN((gfn | (s2_span(level) - 1)) + 1);
        if (arch_s2_read(slot))
            detach(s, slot, level, gfn);
    }
    return true;
}

/* Length of the run of consecutive frames of one type that starts at entry i of a table of pages. */
static uint64_t run_length(const s2_entry *table, uint64_t i)
{
    uint64_t n = 1, frame = arch_s2_frame(table[i]).v;
    enum s2_type type = arch_s2_type(table[i]);

    while (i + n < S2_ENTRIES && arch_s2_type(table[i + n]) == type && arch_s2_frame(table[i + n]).v == frame + n)
        n++;
    return n;
}

static bool drop_table_piece(struct stage2 *s, s2_entry *table, int *budget)
{
    while (s->teardown_done < S2_ENTRIES) {
        uint64_t i = s->teardown_done, n = 1;

        if (*budget <= 0)
            return false;
        if (table[i]) {
            ASSERT(s->teardown_level == 2);
            n = run_length(table, i);
            s2_drop_leaves(s, arch_s2_frame(table[i]).v, n, arch_s2_type(table[i]));
            *budget -= (int)n + RUN_COST;
        } else {
            --*budget;
        }
        s->teardown_done += n;
    }
    s2_free_table(s, table);
    *budget -= RUN_COST;
    return true;
}

static bool drop_leaf_piece(struct stage2 *s, s2_entry e, int *budget)
{
    uint64_t left = s2_span(s->teardown_level) - s->teardown_done, n = MIN(left, (uint64_t)LEAF_PIECE);

    s2_drop_leaves(s, arch_s2_frame(e).v + s->teardown_done, n, arch_s2_type(e));
    s->teardown_done += n;
    *budget -= (int)n + RUN_COST;
    return n == left;
}

/* Let go of a piece of what was taken out. */
static void drop_piece(struct stage2 *s, int *budget)
{
    s2_entry e = s->teardown_entry;
    bool done;

    ASSERT(e);
    if (arch_s2_is_table(e, s->teardown_level))
        done = drop_table_piece(s, s2_subtable(e), budget);
    else
        done = drop_leaf_piece(s, e, budget);
    if (done)
        s->teardown_entry = 0;
}

static void free_root(struct stage2 *s)
{
    struct stage2_locked l = stage2_lock(s);
    s2_entry *root = s->root;

    ASSERT(!s->table_pages && !s->teardown_entry);
    s->root = NULL;
    stage2_unlock(l);
    arch_stage2_release(&s->arch);
    heap_free_pages(root, arch_stage2_geometry()->root_order + s->table_order);
}

int stage2_destroy(struct stage2 *s)
{
    int budget = CALL_BUDGET;
    bool more = true;

    if (!s->root)
        return 0;
    while (more && budget > 0) {
        if (!s->teardown_entry) {
            struct stage2_locked l = stage2_lock(s);

            /* Below the first page that was ever mapped there are no tables. */
            if (!s->dying)
                s->teardown = GFN(MIN(ROUND_DOWN(s->lowest.v, s2_span(2)), s2_space_pages()));
            s->dying = true;
            more = detach_next(s, &budget);
            stage2_unlock(l);
        }
        if (s->teardown_entry)
            drop_piece(s, &budget);
    }
    if (more)
        return -E_RESTART;
    free_root(s);
    return 0;
}
