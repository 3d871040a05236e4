/* SPDX-License-Identifier: Apache-2.0 */
/* What the camera's partition draws and believes. Catches drawing outside the canvas, a picture that depends on how far the car went, and
 * anything in the memory shared with the infotainment that reaches further than a wrong colour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "guests/camera/camera.h"
#include "guests/camera/scene.h"

/* infotainment.c sees the shared memory here, and a copy that somebody disturbs. */
static uint8_t *window;
static void disturbed_copy(void *to, const void *from, size_t n);
#undef WINDOW_BASE
#define WINDOW_BASE ((uint64_t)(uintptr_t)window - 0x80000000UL)
#undef dsb
#define dsb() __sync_synchronize()
#undef ASSERT
#define ASSERT(x) assert_true(x)
#define memcpy disturbed_copy
#include "guests/camera/infotainment.c"
#undef memcpy

#define WIDTH 320
#define HEIGHT 200
#define UNUSED __attribute__((unused))

static unsigned disturb;        /* copies left that change the number meanwhile */
static unsigned logins;         /* lines that say that a login is asked for */
static unsigned messages;       /* panel_message calls */
static bool tree_names_memory;
static uint32_t reg[4];
static uint32_t *front_pixels;
static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static int between(int low, int high)
{
    return low + (int)(next_random() % (uint32_t)(high - low + 1));
}

static void disturbed_copy(void *to, const void *from, size_t n)
{
    memmove(to, from, n);
    if (disturb) {
        disturb--;
        ((struct frames *)window)->sequence += 2;
    }
}

unsigned fdt_find(const void *fdt UNUSED, const char *key, const char *value)
{
    return tree_names_memory && strcmp(key, "xen,id") == 0 && strcmp(value, FRAMES_NAME) == 0;
}

const uint32_t *fdt_prop(const void *fdt UNUSED, unsigned node UNUSED, const char *name UNUSED, unsigned *len)
{
    *len = sizeof(reg);
    return reg;
}

uint64_t fdt_u64(const uint32_t *prop, unsigned i)
{
    return (uint64_t)prop[2 * i] << 32 | prop[2 * i + 1];
}

void mmu_map(uint64_t va UNUSED, uint64_t pa UNUSED, unsigned level UNUSED, unsigned flags UNUSED)
{
}

void say(const char *format, ...)
{
    logins += strstr(format, "login") != NULL;
}

void panel_message(const struct canvas *c UNUSED, const char *title UNUSED, const char *text UNUSED)
{
    messages++;
}

struct canvas display_front(void)
{
    return (struct canvas){ front_pixels, SCREEN_WIDTH, SCREEN_HEIGHT, SCREEN_WIDTH };
}

/* Exactly as large as needed: the sanitizer sees the first byte beyond. The part in the middle is drawn on, the rest is looked at. */
struct framed {
    uint32_t *pixels;
    struct canvas part;
};
#define UNTOUCHED 0xdeadbeefu

static struct framed framed(void)
{
    struct framed f = { .pixels = aligned_alloc(8, WIDTH * HEIGHT * 4) };
    struct canvas whole = { f.pixels, WIDTH, HEIGHT, WIDTH };

    for (int i = 0; i < WIDTH * HEIGHT; i++)
        f.pixels[i] = UNTOUCHED;
    f.part = canvas_part(&whole, 40, 30, 160, 100);
    return f;
}

static void assert_frame_untouched(const struct framed *f)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (x < 40 || x >= 200 || y < 30 || y >= 130)
                assert_int_equal(f->pixels[y * WIDTH + x], UNTOUCHED);
}

static struct point anywhere(void)
{
    return (struct point){ between(-4000, 4000) * FINE / 3, between(-4000, 4000) * FINE / 3 };
}

static void draw_anything(const struct canvas *c)
{
    struct point points[8];
    unsigned count = (unsigned)between(3, 8), alpha = (unsigned)between(0, OPAQUE);
    int left[2] = { anywhere().x, anywhere().x }, right[2] = { anywhere().x, anywhere().x };

    for (unsigned i = 0; i < count; i++)
        points[i] = anywhere();
    canvas_polygon(c, points, count, next_random(), alpha);
    canvas_slant(c, between(-10, 120), left, right, next_random(), alpha);
    canvas_line(c, points[0], points[1], between(0, 40) * FINE, next_random(), alpha);
    canvas_ellipse(c, points[2], between(-5, 900) * FINE, between(-5, 900) * FINE, next_random(), alpha);
    canvas_fill(c, between(-300, 300), between(-300, 300), between(-50, 400), between(-50, 400), next_random());
    canvas_veil(c, between(-300, 300), between(-300, 300), between(-50, 400), between(-50, 400), next_random(), alpha);
    canvas_gradient(c, between(-300, 300), between(-300, 300), between(-50, 400), between(-50, 400), next_random(), next_random());
    canvas_round(c, between(-300, 300), between(-300, 300), between(20, 400), between(20, 400), between(0, 10), next_random(), alpha);
}

static void test_nothing_is_drawn_outside(void **state UNUSED)
{
    struct framed f = framed();

    for (unsigned i = 0; i < 2000; i++)
        draw_anything(&f.part);
    assert_frame_untouched(&f);
    free(f.pixels);
}

/* One glyph for every character: two by two pixels, all covered. */
static void test_text_is_clipped_and_knows_its_letters(void **state UNUSED)
{
    static struct glyph glyphs[FONT_LAST - FONT_FIRST + 1];
    static const uint8_t coverage[] = { 0xff, 0xff };
    const struct font font = { glyphs, coverage, 4 };
    struct framed f = framed();

    for (unsigned i = 0; i < ARRAY_SIZE(glyphs); i++)
        glyphs[i] = (struct glyph){ 0, 0, 1, 2, 2, 3 };
    assert_int_equal(text_width(&font, "ab\x7f\xff\n"), 6);
    assert_int_equal(canvas_text(&f.part, &font, 10, 10, 0x123456, "ab"), 16);
    assert_int_equal(f.part.pixels[11 * WIDTH + 10], 0x123456);
    assert_int_equal(f.part.pixels[11 * WIDTH + 12], UNTOUCHED);
    for (int x = -200; x < 200; x += 7)
        for (int y = -10; y < 110; y++)
            canvas_text(&f.part, &font, x, y, 0, "long enough to leave the canvas at its right side whatever");
    assert_frame_untouched(&f);
    free(f.pixels);
}

static void test_the_road_however_far_the_car_went(void **state UNUSED)
{
    static const uint64_t far[] = { 0, 1, 2559, 2560, 1u << 20, UINT64_C(1) << 40 };
    struct framed f = { .pixels = aligned_alloc(8, FRAMES_BYTES) };
    const struct canvas c = { f.pixels, FRAMES_WIDTH, FRAMES_HEIGHT, FRAMES_WIDTH };

    for (unsigned i = 0; i < ARRAY_SIZE(far) + 200; i++) {
        scene_draw(&c, i < ARRAY_SIZE(far) ? far[i] : (uint64_t)next_random() * 97);
        scene_guides(&c);
        assert_int_equal(c.pixels[198 * FRAMES_WIDTH + 400], 0x3ddc57);         /* the far bar of the guides */
        assert_int_equal(c.pixels[265 * FRAMES_WIDTH + 280], 0xffd02e);
        assert_int_equal(c.pixels[356 * FRAMES_WIDTH + 300], 0xff3b30);
        assert_int_not_equal(c.pixels[310 * FRAMES_WIDTH + 450], 0);
    }
    free(f.pixels);
}

static struct frames *open_shared(void)
{
    window = aligned_alloc(4096, (FRAMES_SIZE + 4095) / 4096 * 4096);
    memset(window, 0, FRAMES_SIZE);
    tree_names_memory = true;
    memcpy(reg, (uint32_t[]){ 0, 0x60000000, 0, 0x400000 }, sizeof(reg));
    shared = NULL;
    state = INFOTAINMENT_NONE;
    last_sequence = seen = torn = waiting = messages = disturb = logins = 0;
    login = false;
    infotainment_open(NULL);
    return (struct frames *)window;
}

static void test_states_follow_the_pictures(void **test UNUSED)
{
    struct frames *f = open_shared();

    f->sequence = 7;
    assert_int_equal(infotainment_look(0), INFOTAINMENT_NONE);  /* no magic: nothing is there */
    f->magic = FRAMES_MAGIC;
    assert_int_equal(infotainment_look(1), INFOTAINMENT_RUNS);
    for (unsigned i = 1; i < SILENT_AFTER; i++)
        assert_int_equal(infotainment_look(i), INFOTAINMENT_RUNS);
    assert_int_equal(infotainment_look(99), INFOTAINMENT_SILENT);
    f->sequence = 1;                                            /* it starts again with any number */
    assert_int_equal(infotainment_look(100), INFOTAINMENT_RUNS);
    free(window);
}

/* The flag that a crashed one left set is no login of the next. */
static void test_a_login_is_said_once_for_each_start(void **test UNUSED)
{
    struct frames *f = open_shared();

    f->magic = FRAMES_MAGIC;
    f->login = 1;
    infotainment_look(0);
    assert_int_equal(logins, 0);
    for (unsigned starts = 1; starts < 4; starts++) {
        f->sequence++;
        infotainment_look(1);
        assert_int_equal(logins, starts);
        for (unsigned i = 0; i < 3 * SILENT_AFTER; i++)
            infotainment_look(2);
        assert_int_equal(logins, starts);
    }
    free(window);
}

static void test_memory_that_is_too_small_is_not_used(void **test UNUSED)
{
    open_shared();
    free(window);
    shared = NULL;
    reg[3] = FRAMES_SIZE - 1;
    infotainment_open(NULL);
    assert_null(shared);
    assert_int_equal(infotainment_look(0), INFOTAINMENT_NONE);
}

/* Any number chooses one of the two pictures; a torn one is read once more, then what is shown stays. */
static void test_garbage_is_only_colours(void **test UNUSED)
{
    struct frames *f = open_shared();
    uint32_t *pixels = aligned_alloc(8, FRAMES_BYTES);
    const struct canvas c = { pixels, FRAMES_WIDTH, FRAMES_HEIGHT, FRAMES_WIDTH };
    uint32_t counted, torn_count;

    front_pixels = calloc(SCREEN_WIDTH * SCREEN_HEIGHT, 4);
    memset(window + FRAMES_HEADER, 0x11, FRAMES_BYTES);
    memset(window + FRAMES_HEADER + FRAMES_BYTES, 0x22, FRAMES_BYTES);
    f->magic = FRAMES_MAGIC;
    for (unsigned i = 0; i < 100; i++) {
        f->sequence = next_random();
        infotainment_look(i);
        infotainment_draw(&c);
        assert_int_equal(pixels[0], f->sequence & 1 ? 0x22222222 : 0x11111111);
        assert_int_equal(pixels[FRAMES_WIDTH * FRAMES_HEIGHT - 1], pixels[0]);
    }
    disturb = 1;
    infotainment_draw(&c);
    infotainment_counts(&counted, &torn_count);
    assert_int_equal(torn_count, 0);
    disturb = 2 * FRAMES_HEIGHT;
    infotainment_draw(&c);
    infotainment_counts(&counted, &torn_count);
    assert_int_equal(torn_count, 1);
    assert_int_equal(pixels[0], 0);
    assert_int_equal(messages, 0);
    free(pixels);
    free(front_pixels);
    free(window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_drawn_outside),
        cmocka_unit_test(test_text_is_clipped_and_knows_its_letters),
        cmocka_unit_test(test_the_road_however_far_the_car_went),
        cmocka_unit_test(test_states_follow_the_pictures),
        cmocka_unit_test(test_a_login_is_said_once_for_each_start),
        cmocka_unit_test(test_memory_that_is_too_small_is_not_used),
        cmocka_unit_test(test_garbage_is_only_colours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
