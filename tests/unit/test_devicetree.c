/* SPDX-License-Identifier: Apache-2.0 */
/* Device trees: what we write libfdt must accept and read back; what libfdt writes we must read the same way; a damaged blob
 * must never be read out of bounds (AddressSanitizer watches). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <libfdt.h>
#include <stdio.h>
#include "lib/devicetree_skim.h"
#include "lib/string.h"

#define BUFFER 65536

/* A small board, written by libfdt. */
static void make_board(void *blob)
{
    assert_int_equal(fdt_create(blob, BUFFER), 0);
    assert_int_equal(fdt_add_reservemap_entry(blob, 0x48000000, 0x1000), 0);
    assert_int_equal(fdt_finish_reservemap(blob), 0);
    fdt_begin_node(blob, "");
    fdt_property_u32(blob, "#address-cells", 2);
    fdt_property_u32(blob, "#size-cells", 2);
    fdt_begin_node(blob, "bus@c000000");
    fdt_property_u32(blob, "#address-cells", 1);
    fdt_property_u32(blob, "#size-cells", 1);
    const uint32_t ranges[] = { cpu_to_fdt32(0x1000), 0, cpu_to_fdt32(0xc000000), cpu_to_fdt32(0x2000000) };
    fdt_property(blob, "ranges", ranges, sizeof(ranges));
    fdt_begin_node(blob, "uart@2000");
    const uint32_t reg[] = { cpu_to_fdt32(0x2000), cpu_to_fdt32(0x100) };
    fdt_property(blob, "reg", reg, sizeof(reg));
    fdt_property(blob, "compatible", "arm,pl011\0arm,primecell", 24);
    fdt_end_node(blob);
    fdt_end_node(blob);
    fdt_begin_node(blob, "memory@40000000");
    const uint64_t memory[] = { cpu_to_fdt64(0x40000000), cpu_to_fdt64(0x80000000) };
    fdt_property(blob, "reg", memory, sizeof(memory));
    fdt_property_string(blob, "device_type", "memory");
    fdt_end_node(blob);
    fdt_end_node(blob);
    assert_int_equal(fdt_finish(blob), 0);
}

/* Catches: wrong translation through ranges, wrong cell counts, wrong depth bookkeeping. */
static void reads_what_libfdt_wrote(void **state)
{
    void *blob = malloc(BUFFER);
    struct devicetree t;
    struct dt_walk w;
    struct dt_node n;
    const char *why;
    uint64_t base, size;
    unsigned seen = 0;

    (void)state;
    make_board(blob);
    assert_int_equal(dt_open(&t, blob, fdt_totalsize(blob), &why), 0);
    dt_walk_start(&w, &t);
    while (dt_walk_next(&w, &n)) {
        seen++;
        if (strcmp(n.name, "uart@2000") == 0) {
            assert_int_equal(n.depth, 2);
            assert_true(dt_is_compatible(&t, &n, "arm,primecell"));
            assert_false(dt_is_compatible(&t, &n, "arm,prime"));
            assert_true(dt_reg(&w, &n, 0, &base, &size));
            assert_int_equal(base, 0xc001000);
            assert_int_equal(size, 0x100);
            assert_false(dt_reg(&w, &n, 1, &base, &size));
        }
        if (strcmp(n.name, "memory@40000000") == 0) {
            assert_true(dt_reg(&w, &n, 0, &base, &size));
            assert_int_equal(size, 0x80000000);
            assert_string_equal(dt_string(&t, &n, "device_type"), "memory");
        }
    }
    assert_false(w.damaged);
    assert_int_equal(seen, 4);
    assert_true(dt_reservation(&t, 0, &base, &size));
    assert_int_equal(base, 0x48000000);
    assert_false(dt_reservation(&t, 1, &base, &size));
    free(blob);
}

/* Catches: wrong offsets of names, missing padding, a header that does not match its blocks. */
static void libfdt_reads_what_we_wrote(void **state)
{
    uint8_t *blob = malloc(BUFFER);
    struct dt_writer w;
    int length;

    (void)state;
    dt_write_start(&w, blob, BUFFER);
    dt_write_begin(&w, "");
    dt_write_u32(&w, "#address-cells", 2);
    for (unsigned i = 0; i < 50; i++) {
        char name[32];

        snprintf(name, sizeof(name), "node@%x", i);
        dt_write_begin(&w, name);
        dt_write_string(&w, "label", name);
        dt_write_property(&w, "odd", name, i % 7);
        dt_write_u32(&w, "reg", i);
        dt_write_end(&w);
    }
    dt_write_end(&w);
    uint32_t size = dt_write_finish(&w);
    assert_true(size > 0);
    assert_int_equal(fdt_check_full(blob, size), 0);
    int node = fdt_path_offset(blob, "/node@1f");
    assert_true(node > 0);
    assert_string_equal(fdt_getprop(blob, node, "label", &length), "node@1f");
    fdt_getprop(blob, node, "odd", &length);
    assert_int_equal(length, 0x1f % 7);
    free(blob);
}

/* Catches: a writer that runs over its buffer instead of saying that it is full. */
static void a_small_buffer_is_refused(void **state)
{
    (void)state;
    for (uint32_t size = 56; size < 200; size++) {
        uint8_t *blob = malloc(size);
        struct dt_writer w;

        dt_write_start(&w, blob, size);
        dt_write_begin(&w, "");
        dt_write_string(&w, "compatible", "a,board");
        dt_write_string(&w, "model", "board");
        dt_write_end(&w);
        uint32_t used = dt_write_finish(&w);
        assert_true(used <= size);
        if (used)
            assert_int_equal(fdt_check_full(blob, used), 0);
        free(blob);
    }
}

/* Catches: any read outside the blob, endless walks. */
static void damage_never_leads_outside(void **state)
{
    uint8_t *good = malloc(BUFFER);
    uint32_t size;

    (void)state;
    make_board(good);
    size = fdt_totalsize(good);
    srand(7);
    for (unsigned round = 0; round < 4000; round++) {
        uint32_t length = round % 3 ? size : (uint32_t)rand() % size + 1;
        uint8_t *bad = malloc(length);
        struct devicetree t;
        struct dt_walk w;
        struct dt_node n;
        struct dt_property p;
        const char *why;
        uint64_t a, b;

        memcpy(bad, good, length);
        for (unsigned i = 0; i < 1 + round % 5; i++)
            bad[(uint32_t)rand() % length] ^= (uint8_t)(1u << (rand() % 8));
        if (dt_open(&t, bad, length, &why) == 0) {
            dt_walk_start(&w, &t);
            while (dt_walk_next(&w, &n)) {
                dt_reg(&w, &n, 0, &a, &b);
                dt_is_compatible(&t, &n, "arm,pl011");
                dt_property(&t, &n, "reg", &p);
            }
            for (unsigned i = 0; i < 100 && dt_reservation(&t, i, &a, &b); i++)
                ;
        } else {
            assert_non_null(why);
        }
        free(bad);
    }
    free(good);
}

/* ---- skims ---- */

static const char *const asked[] = { "compatible", "reg", "one", "two", "#size-cells" };

/* Some depth of nodes with some properties; names that end alike share their places, as dtc has it; `far`: beyond what is remembered. */
static void make_nodes(void *blob, unsigned *seed, unsigned depth)
{
    static const char *const names[] = { "one", "two", "none", "reg", "compatible", "#size-cells", "long-name-one", "x" };
    char name[24];

    for (int i = rand_r(seed) % 4; i >= 0; i--) {
        snprintf(name, sizeof(name), "n%0*d", rand_r(seed) % 12, i);
        fdt_begin_node(blob, name);
        for (unsigned k = 0; k < ARRAY_SIZE(names); k++)
            if (rand_r(seed) % 2)
                fdt_property(blob, names[k], "0123456789abcdef", rand_r(seed) % 16);
        if (depth < 5 && rand_r(seed) % 2)
            make_nodes(blob, seed, depth + 1);
        fdt_end_node(blob);
    }
}

static uint32_t make_forest(void *blob, unsigned seed)
{
    char name[64];

    fdt_create(blob, BUFFER);
    fdt_finish_reservemap(blob);
    fdt_begin_node(blob, "");
    for (unsigned i = 0; seed % 4 == 0 && i < 100; i++) {
        snprintf(name, sizeof(name), "a-name-that-fills-the-string-block-so-that-others-lie-far-%u", i);
        fdt_property(blob, name, "", 0);
    }
    make_nodes(blob, &seed, 1);
    fdt_end_node(blob);
    assert_int_equal(fdt_finish(blob), 0);
    for (int at = 0; seed % 3 == 0 && (at = fdt_next_node(blob, at, NULL)) > 0;)
        (void)fdt_nop_property(blob, at, "none");
    return fdt_totalsize(blob);
}

static void start_skim(const struct devicetree *t, struct dt_walk *w, struct dt_skim *s)
{
    struct dt_node root;

    dt_walk_start(w, t);
    assert_true(dt_walk_next(w, &root));
    dt_skim_start(s, w, asked, ARRAY_SIZE(asked));
}

/* Catches: a name that is taken for another one, what lies behind a gap or far out in the string block, a node that is left out. */
static void a_skim_sees_what_libfdt_sees(void **state)
{
    uint8_t *blob = malloc(BUFFER);
    struct dt_skim *s = malloc(sizeof(*s));
    struct dt_skimmed n;
    struct devicetree t;
    struct dt_walk w;
    const char *why;

    (void)state;
    for (unsigned seed = 1; seed < 300; seed++) {
        uint32_t size = make_forest(blob, seed);
        int at = 0, depth = 0, length;

        assert_int_equal(dt_open(&t, blob, size, &why), 0);
        start_skim(&t, &w, s);
        while (dt_skim_next(s, &n)) {
            at = fdt_next_node(blob, at, &depth);
            assert_int_equal(n.depth, depth);
            assert_string_equal(dt_skim_node(s, &n).name, fdt_get_name(blob, at, NULL));
            for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
                const void *value = fdt_getprop(blob, at, asked[i], &length);

                assert_int_equal(!!(n.has & BIT(i)), !!value);
                assert_true(!value || (n.property[i].value == value && n.property[i].length == (uint32_t)length));
            }
        }
        assert_false(w.damaged);
        assert_true(fdt_next_node(blob, at, &depth) < 0 || depth < 1);
        assert_false(dt_walk_next(&w, &(struct dt_node){ .depth = 0 }));
        assert_false(w.damaged);
    }
    free(s);
    free(blob);
}

/* Both on the same bytes: true while both have a node. */
static bool skim_and_walk(struct dt_skim *s, struct dt_walk *skimming, struct dt_walk *walking)
{
    struct dt_skimmed n;
    struct dt_node node;
    struct dt_property p;
    bool skimmed = dt_skim_next(s, &n), walked = dt_walk_next(walking, &node);

    if (!skimmed) {
        /* A walk returns a node and says afterwards that it is damaged. */
        if (walked && skimming->damaged && !dt_walk_next(walking, &node))
            walked = false;
        assert_true(skimming->damaged ? !walked && walking->damaged : !walked || node.depth == 0);
        return false;
    }
    assert_true(walked);
    assert_int_equal(n.depth, node.depth);
    assert_ptr_equal(n.place, (const uint8_t *)node.name - 4);
    for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
        bool has = dt_find_property(walking->tree, &node, asked[i], &p);

        assert_int_equal(!!(n.has & BIT(i)), has);
        assert_true(!has || (n.property[i].value == p.value && n.property[i].length == p.length));
    }
    return true;
}

/* Catches: a skim that sees something else in a damaged tree than those who read it afterwards, or reads outside it. */
static void a_skim_and_a_walk_agree_on_damage(void **state)
{
    uint8_t *good = malloc(BUFFER);
    struct dt_skim *s = malloc(sizeof(*s));
    unsigned seed = 5, agreed = 0, damaged = 0;

    (void)state;
    for (unsigned round = 0; round < 4000; round++) {
        uint32_t size = make_forest(good, 1 + round % 200), structs = fdt_off_dt_struct(good), length = fdt_size_dt_struct(good);
        uint8_t *bad = malloc(size);
        struct devicetree t;
        struct dt_walk skimming, walking;
        struct dt_node root;
        const char *why;

        memcpy(bad, good, size);
        for (unsigned i = 0; i < 1 + round % 3; i++)
            bad[structs + (uint32_t)rand_r(&seed) % length] ^= (uint8_t)(1u << (rand_r(&seed) % 8));
        dt_walk_start(&walking, &t);
        if (dt_open(&t, bad, size, &why) == 0 && (dt_walk_start(&walking, &t), dt_walk_next(&walking, &root)) && !walking.damaged) {
            start_skim(&t, &skimming, s);
            while (skim_and_walk(s, &skimming, &walking))
                agreed++;
            damaged += skimming.damaged;
        }
        free(bad);
    }
    assert_true(agreed > 4000 && damaged > 400);
    free(s);
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_libfdt_wrote),
        cmocka_unit_test(libfdt_reads_what_we_wrote),
        cmocka_unit_test(a_small_buffer_is_refused),
        cmocka_unit_test(damage_never_leads_outside),
        cmocka_unit_test(a_skim_sees_what_libfdt_sees),
        cmocka_unit_test(a_skim_and_a_walk_agree_on_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
