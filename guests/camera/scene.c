/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A straight road in perspective. A row dy below the horizon shows the depth z = ground / dy, where ground is the number of
 * rows below the horizon, so that the lowest row is at depth 1; what is w wide there is w / z wide at z.
 *
 *            horizon  ------------------ z = infinite
 *                        /  |  \
 *                       /   |   \            dy = ground / z
 *                      /    |    \
 *            lowest   /     |     \      z = 1
 */

#include "guests/camera/scene.h"

#define SKY_TOP 0x3f74b5
#define SKY_LOW 0xd9e4ea
#define GRASS_LIGHT 0x5d8a3c
#define GRASS_DARK 0x4c7731
#define ROAD_LIGHT 0x63666b
#define ROAD_DARK 0x5b5e63
#define HAZE 0xb9c9cc
#define WHITE 0xf2f2ee

#define HORIZON(c) ((c)->height * 30 / 100)
#define CENTRE(c) ((c)->width / 2)
#define MAX_WIDTH 1024
/* Half widths at depth 1, in pixels. */
#define ROAD_HALF 560
#define EDGE_HALF 500
#define EDGE_WIDTH 18
#define LANE_WIDTH 14
#define CAR_HALF 330
#define OBJECT_SPACING (10 * DEPTH)
#define OBJECTS 7

/* Fine pixels on the screen of a length in pixels at depth 1. */
static int project(int pixels, int depth)
{
    return (int)((int64_t)pixels * FINE * DEPTH / depth);
}

static struct point ground_point(const struct canvas *c, int pixels, int depth)
{
    int ground = c->height - HORIZON(c);

    return (struct point){ CENTRE(c) * FINE + project(pixels, depth), HORIZON(c) * FINE + project(ground, depth) };
}

/* How much of the depths below `depth` lies in bars: each period begins with one. */
static uint64_t bars_below(uint64_t depth, unsigned period, unsigned bar)
{
    uint64_t rest = depth % period;

    return depth / period * bar + (rest < bar ? rest : bar);
}

/* The share (of 256) of a row from depth near to far that is in bars. */
static unsigned bar_share(uint64_t near, uint64_t far, unsigned period, unsigned bar)
{
    return far > near ? (unsigned)((bars_below(far, period, bar) - bars_below(near, period, bar)) * OPAQUE / (far - near)) : 0;
}

/* A band of the road in row dy, between two distances from its middle in pixels at depth 1. */
static void road_band(const struct canvas *c, int dy, int from, int to, uint32_t colour, unsigned alpha)
{
    int ground = c->height - HORIZON(c), middle = CENTRE(c) * FINE + FINE / 2;
    int left[2] = { middle + from * FINE * dy / ground, middle + from * FINE * (dy + 1) / ground };
    int right[2] = { middle + to * FINE * dy / ground, middle + to * FINE * (dy + 1) / ground };

    canvas_slant(c, HORIZON(c) + dy, left, right, colour, alpha);
}

static void draw_row(const struct canvas *c, int dy, uint64_t travelled)
{
    int ground = c->height - HORIZON(c);
    uint64_t near = travelled + (uint64_t)(ground * DEPTH / (dy + 1));
    uint64_t far = travelled + (uint64_t)(ground * DEPTH / (dy ? dy : 1)) + 1;
    unsigned haze = (unsigned)(dy < 90 ? (90 - dy) * 200 / 90 : 0);
    unsigned stripe = bar_share(near, far, 6 * DEPTH, 3 * DEPTH);
    uint32_t grass = colour_mix(colour_mix(GRASS_DARK, GRASS_LIGHT, stripe), HAZE, haze);
    uint32_t road = colour_mix(colour_mix(ROAD_DARK, ROAD_LIGHT, stripe), HAZE, haze);
    uint32_t paint = colour_mix(WHITE, HAZE, haze);

    canvas_fill(c, 0, HORIZON(c) + dy, c->width, 1, grass);
    road_band(c, dy, -ROAD_HALF, ROAD_HALF, road, OPAQUE);
    road_band(c, dy, -EDGE_HALF, -EDGE_HALF + EDGE_WIDTH, paint, OPAQUE);
    road_band(c, dy, EDGE_HALF - EDGE_WIDTH, EDGE_HALF, paint, OPAQUE);
    road_band(c, dy, -LANE_WIDTH / 2, LANE_WIDTH / 2, paint, bar_share(near, far, 4 * DEPTH, 2 * DEPTH));
}

/* The skyline of a range of hills: rows above the horizon. */
struct hills {
    uint32_t colour;
    unsigned turn;
    int base, swing;
    int lowest; /* of all heights; 0: not computed yet */
    uint8_t height[MAX_WIDTH];
};

static void shape_hills(struct hills *h, int width)
{
    h->lowest = h->base;
    for (int x = 0; x < width; x++) {
        int swing = sine((unsigned)x + h->turn) * h->swing + sine((unsigned)(x * 27 / 10) + h->turn * 3) * h->swing / 3;

        h->height[x] = (uint8_t)(h->base + swing / FINE);
        if (h->height[x] < h->lowest)
            h->lowest = h->height[x];
    }
}

static void draw_hills(const struct canvas *c, struct hills *h)
{
    uint32_t *foot;

    if (!h->lowest)
        shape_hills(h, c->width);
    foot = c->pixels + (long)(HORIZON(c) - h->lowest) * c->stride;
    for (int x = 0; x < c->width; x++)
        for (int up = h->height[x] - h->lowest; up > 0; up--)
            foot[x - (long)up * c->stride] = h->colour;
    canvas_fill(c, 0, HORIZON(c) - h->lowest, c->width, h->lowest, h->colour);
}

static void draw_sky(const struct canvas *c)
{
    static struct hills far = { .colour = 0x9fb4bf, .turn = 130, .base = 28, .swing = 12 };
    static struct hills near = { .colour = 0x7d9a86, .turn = 610, .base = 14, .swing = 9 };

    canvas_gradient(c, 0, 0, c->width, HORIZON(c), SKY_TOP, SKY_LOW);
    draw_hills(c, &far);
    draw_hills(c, &near);
}

static void quad(const struct canvas *c, struct point foot, int left, int right, int low, int high, uint32_t colour)
{
    canvas_polygon(c, (struct point[]){ { foot.x + left, foot.y - high }, { foot.x + right, foot.y - high },
                                        { foot.x + right, foot.y - low }, { foot.x + left, foot.y - low } }, 4, colour, OPAQUE);
}

/* A white post with a dark band and a reflector. */
static void draw_post(const struct canvas *c, int pixels, int depth)
{
    struct point foot = ground_point(c, pixels, depth);
    int half = project(13, depth), height = project(150, depth);

    quad(c, foot, -half, half, 0, height, WHITE);
    quad(c, foot, -half, half, height * 62 / 100, height * 84 / 100, 0x26282c);
    quad(c, foot, -half / 2, half / 2, height * 66 / 100, height * 80 / 100, 0xe8542f);
}

static void draw_tree(const struct canvas *c, int pixels, int depth)
{
    struct point foot = ground_point(c, pixels, depth);
    int trunk = project(24, depth), height = project(380, depth), crown = project(150, depth);
    struct point top = { foot.x, foot.y - height };
    unsigned haze = (unsigned)(depth > 40 * DEPTH ? 150 : depth * 150 / (40 * DEPTH));

    quad(c, foot, -trunk, trunk, 0, height * 7 / 10, colour_mix(0x5a4330, HAZE, haze));
    canvas_ellipse(c, top, crown, crown * 6 / 5, colour_mix(0x2f5d2b, HAZE, haze), OPAQUE);
    top.x -= crown / 4;
    top.y -= crown / 4;
    canvas_ellipse(c, top, crown * 6 / 10, crown * 6 / 10, colour_mix(0x3f7636, HAZE, haze), OPAQUE);
}

/* From far to near, so that what is near covers what is far; what has passed the lowest row comes again at the end. */
static void draw_objects(const struct canvas *c, uint64_t travelled)
{
    int phase = (int)(OBJECT_SPACING - travelled % OBJECT_SPACING);
    uint64_t count = travelled / OBJECT_SPACING;

    for (int i = OBJECTS; i >= 0; i--) {
        int depth = phase + i * OBJECT_SPACING - 8 * DEPTH;
        bool tree = (count + (uint64_t)i) & 1;

        if (depth < DEPTH * 7 / 10)
            continue;
        draw_post(c, -ROAD_HALF - 60, depth);
        draw_post(c, ROAD_HALF + 60, depth);
        draw_tree(c, tree ? -1300 : 1500, depth + 3 * DEPTH);
    }
}

void scene_draw(const struct canvas *c, uint64_t travelled)
{
    int ground = c->height - HORIZON(c);
    struct point bumper = { CENTRE(c) * FINE, (c->height + 940) * FINE };

    draw_sky(c);
    for (int dy = 0; dy < ground; dy++)
        draw_row(c, dy, travelled);
    draw_objects(c, travelled);
    canvas_ellipse(c, bumper, 2600 * FINE, 964 * FINE, 0x191b1f, OPAQUE);
    canvas_ellipse(c, (struct point){ bumper.x, bumper.y + 5 * FINE }, 2600 * FINE, 964 * FINE, 0x24272c, OPAQUE);
}

struct zone {
    int from, to; /* depth */
    uint32_t colour;
};
static const struct zone zones[] = {
    { 2 * DEPTH + DEPTH / 2, 5 * DEPTH, 0x3ddc57 },
    { DEPTH + DEPTH / 2, 2 * DEPTH + DEPTH * 4 / 10, 0xffd02e },
    { DEPTH + DEPTH * 12 / 100, DEPTH + DEPTH * 4 / 10, 0xff3b30 },
};

/* A strip on the ground between two depths. */
static void ground_strip(const struct canvas *c, int left, int right, int from, int to, uint32_t colour)
{
    struct point points[] = { ground_point(c, left, from), ground_point(c, right, from), ground_point(c, right, to),
                              ground_point(c, left, to) };

    canvas_polygon(c, points, 4, colour, OPAQUE);
}

void scene_guides(const struct canvas *c)
{
    for (unsigned i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        const struct zone *z = &zones[i];
        int bar = z->to - z->to * z->to / (DEPTH * 40), arm = z->to > 2 * DEPTH && z->to < 4 * DEPTH ? 110 : CAR_HALF;

        ground_strip(c, -CAR_HALF - 12, -CAR_HALF + 12, z->from, z->to, z->colour);
        ground_strip(c, CAR_HALF - 12, CAR_HALF + 12, z->from, z->to, z->colour);
        ground_strip(c, -CAR_HALF + 12, -CAR_HALF + 12 + arm - 12, bar, z->to, z->colour);
        ground_strip(c, CAR_HALF - arm, CAR_HALF - 12, bar, z->to, z->colour);
    }
}
