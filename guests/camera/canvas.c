/* SPDX-License-Identifier: Apache-2.0 */
/* Rectangles, smooth polygons and ellipses, text: integers only, no memory of its own. */

#include "guests/camera/canvas.h"

#define SUB_ROWS 2 /* samples of a pixel's height for a smooth edge */

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

uint32_t colour_mix(uint32_t under, uint32_t over, unsigned alpha)
{
    uint32_t red_blue = (under & 0xff00ff) * (OPAQUE - alpha) + (over & 0xff00ff) * alpha;
    uint32_t green = (under & 0x00ff00) * (OPAQUE - alpha) + (over & 0x00ff00) * alpha;

    return (red_blue >> 8 & 0xff00ff) | (green >> 8 & 0x00ff00);
}

/* Half a turn as a parabola, sharpened by its own square: within 1/1000 of the sine. */
int sine(unsigned turn)
{
    int t = (int)(turn & 511), y;

    y = 4 * t * (512 - t) / 1024; /* 0 .. 256 */
    y = (y * 199 + (y * y >> 8) * 57) >> 8;
    return turn & 512 ? -y : y;
}

struct canvas canvas_part(const struct canvas *c, int x, int y, int width, int height)
{
    return (struct canvas){ c->pixels + (long)y * c->stride + x, width, height, c->stride };
}

/* Pairs of pixels as one store: framebuffers are slow to reach. */
static void fill_row(uint32_t *p, int n, uint32_t colour)
{
    uint64_t pair = (uint64_t)colour << 32 | colour;

    if (n > 0 && (uintptr_t)p & 4) {
        *p++ = colour;
        n--;
    }
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t *q = (uint64_t *)p;

        q[0] = pair;
        q[1] = pair;
        q[2] = pair;
        q[3] = pair;
    }
    while (n-- > 0)
        *p++ = colour;
}

static void mix_row(uint32_t *p, int n, uint32_t colour, unsigned alpha)
{
    if (alpha >= OPAQUE) {
        fill_row(p, n, colour);
        return;
    }
    for (int i = 0; i < n; i++)
        p[i] = colour_mix(p[i], colour, alpha);
}

void canvas_veil(const struct canvas *c, int x, int y, int width, int height, uint32_t colour, unsigned alpha)
{
    int right = min(x + width, c->width), bottom = min(y + height, c->height);

    x = max(x, 0);
    for (int row = max(y, 0); row < bottom; row++)
        mix_row(c->pixels + (long)row * c->stride + x, right - x, colour, alpha);
}

void canvas_fill(const struct canvas *c, int x, int y, int width, int height, uint32_t colour)
{
    canvas_veil(c, x, y, width, height, colour, OPAQUE);
}

void canvas_gradient(const struct canvas *c, int x, int y, int width, int height, uint32_t top, uint32_t bottom)
{
    for (int row = 0; row < height; row++)
        canvas_fill(c, x, y + row, width, 1, colour_mix(top, bottom, (unsigned)(row * OPAQUE / height)));
}

static void mix_pixel(const struct canvas *c, int x, int y, uint32_t colour, unsigned alpha)
{
    uint32_t *p = c->pixels + (long)y * c->stride + x;

    if (x >= 0 && x < c->width && y >= 0 && y < c->height)
        *p = colour_mix(*p, colour, alpha);
}

/* A row of a shape as SUB_ROWS thin rows: where each begins and ends. */
struct thin {
    int x0[SUB_ROWS], x1[SUB_ROWS];
};

static unsigned covered(const struct thin *thin, int x)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < SUB_ROWS; i++)
        sum += (unsigned)max(0, min(thin->x1[i], x + FINE) - max(thin->x0[i], x));
    return sum / SUB_ROWS;
}

static void thin_edge(const struct canvas *c, int y, const struct thin *thin, int from, int to, uint32_t colour, unsigned alpha)
{
    uint32_t *row = c->pixels + (long)y * c->stride;

    to = min(to, c->width);
    for (int x = max(from, 0); x < to; x++)
        row[x] = colour_mix(row[x], colour, covered(thin, x * FINE) * alpha / FINE);
}

/* The middle that all thin rows share is one run; the ends are looked at pixel by pixel. */
static void draw_thin(const struct canvas *c, int y, const struct thin *thin, uint32_t colour, unsigned alpha)
{
    int left = c->width * FINE, right = 0, inner_left = 0, inner_right = c->width * FINE;

    for (unsigned i = 0; i < SUB_ROWS; i++) {
        if (thin->x0[i] < thin->x1[i]) {
            left = min(left, thin->x0[i]);
            right = max(right, thin->x1[i]);
        }
        inner_left = max(inner_left, thin->x0[i]);
        inner_right = min(inner_right, thin->x1[i]);
    }
    if (left >= right)
        return;
    left = max(left, 0) / FINE;
    right = (min(right, c->width * FINE) + FINE - 1) / FINE;
    inner_left = (inner_left + FINE - 1) / FINE;
    inner_right = inner_right / FINE;
    if (inner_left >= inner_right) {
        thin_edge(c, y, thin, left, right, colour, alpha);
        return;
    }
    thin_edge(c, y, thin, left, inner_left, colour, alpha);
    mix_row(c->pixels + (long)y * c->stride + inner_left, inner_right - inner_left, colour, alpha);
    thin_edge(c, y, thin, inner_right, right, colour, alpha);
}

void canvas_slant(const struct canvas *c, int y, const int left[2], const int right[2], uint32_t colour, unsigned alpha)
{
    struct thin thin;

    if (y < 0 || y >= c->height)
        return;
    for (int i = 0; i < SUB_ROWS; i++) {
        thin.x0[i] = left[0] + (left[1] - left[0]) * (2 * i + 1) / (2 * SUB_ROWS);
        thin.x1[i] = right[0] + (right[1] - right[0]) * (2 * i + 1) / (2 * SUB_ROWS);
    }
    draw_thin(c, y, &thin, colour, alpha);
}

/* Where the polygon's edges cross the height y; false: nowhere. */
static bool crossing(const struct point *points, unsigned count, int y, int *x0, int *x1)
{
    *x0 = INT32_MAX;
    *x1 = INT32_MIN;
    for (unsigned i = 0; i < count; i++) {
        const struct point *a = &points[i], *b = &points[(i + 1) % count];
        int x;

        if ((a->y <= y) == (b->y <= y))
            continue;
        x = a->x + (int)((int64_t)(b->x - a->x) * (y - a->y) / (b->y - a->y));
        *x0 = min(*x0, x);
        *x1 = max(*x1, x);
    }
    return *x0 < *x1;
}

void canvas_polygon(const struct canvas *c, const struct point *points, unsigned count, uint32_t colour, unsigned alpha)
{
    int top = INT32_MAX, bottom = INT32_MIN;

    for (unsigned i = 0; i < count; i++) {
        top = min(top, points[i].y);
        bottom = max(bottom, points[i].y);
    }
    top = max(top, 0) / FINE;
    bottom = min(bottom / FINE, c->height - 1);
    for (int y = top; y <= bottom; y++) {
        struct thin thin;

        for (int i = 0; i < SUB_ROWS; i++)
            if (!crossing(points, count, y * FINE + (2 * i + 1) * FINE / (2 * SUB_ROWS), &thin.x0[i], &thin.x1[i]))
                thin.x0[i] = thin.x1[i] = 0;
        draw_thin(c, y, &thin, colour, alpha);
    }
}

static unsigned root(uint64_t v)
{
    uint64_t result = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
        if ((result + bit) * (result + bit) <= v)
            result += bit;
    return (unsigned)result;
}

void canvas_line(const struct canvas *c, struct point from, struct point to, int width, uint32_t colour, unsigned alpha)
{
    int dx = to.x - from.x, dy = to.y - from.y;
    int length = (int)root((uint64_t)((int64_t)dx * dx + (int64_t)dy * dy));
    int ax, ay;

    if (!length)
        return;
    ax = (int)((int64_t)dy * width / (2 * length));
    ay = (int)((int64_t)-dx * width / (2 * length));
    canvas_polygon(c, (struct point[]){ { from.x + ax, from.y + ay }, { to.x + ax, to.y + ay },
                                        { to.x - ax, to.y - ay }, { from.x - ax, from.y - ay } }, 4, colour, alpha);
}

void canvas_ellipse(const struct canvas *c, struct point centre, int rx, int ry, uint32_t colour, unsigned alpha)
{
    int top = max(centre.y - ry, 0) / FINE, bottom = min((centre.y + ry) / FINE, c->height - 1);

    if (rx <= 0 || ry <= 0)
        return;
    for (int y = top; y <= bottom; y++) {
        struct thin thin;

        for (int i = 0; i < SUB_ROWS; i++) {
            int64_t dy = y * FINE + (2 * i + 1) * FINE / (2 * SUB_ROWS) - centre.y;
            int64_t rest = (int64_t)ry * ry - dy * dy;
            int half = rest > 0 ? (int)((int64_t)root((uint64_t)rest) * rx / ry) : 0;

            thin.x0[i] = centre.x - half;
            thin.x1[i] = centre.x + half;
        }
        draw_thin(c, y, &thin, colour, alpha);
    }
}

/* Rows of a rounded rectangle differ only near its top and bottom. */
void canvas_round(const struct canvas *c, int x, int y, int width, int height, int radius, uint32_t colour, unsigned alpha)
{
    for (int row = 0; row < height; row++) {
        struct thin thin;

        for (int i = 0; i < SUB_ROWS; i++) {
            int64_t at = row * FINE + (2 * i + 1) * FINE / (2 * SUB_ROWS);
            int64_t corner = max(radius * FINE - (int)at, (int)at - (height - radius) * FINE);
            int inset = 0;

            if (corner > 0)
                inset = radius * FINE - (int)root((uint64_t)((int64_t)radius * radius * FINE * FINE - corner * corner));
            thin.x0[i] = x * FINE + inset;
            thin.x1[i] = (x + width) * FINE - inset;
        }
        if (y + row >= 0 && y + row < c->height)
            draw_thin(c, y + row, &thin, colour, alpha);
    }
}

static const struct glyph *glyph_of(const struct font *font, char character)
{
    unsigned char code = (unsigned char)character;

    return code >= FONT_FIRST && code <= FONT_LAST ? &font->glyphs[code - FONT_FIRST] : NULL;
}

static void draw_glyph(const struct canvas *c, const struct font *font, const struct glyph *g, int x, int y, uint32_t colour)
{
    const uint8_t *row = font->coverage + g->offset;

    for (int j = 0; j < g->height; j++, row += (g->width + 1) / 2)
        for (int i = 0; i < g->width; i++) {
            unsigned coverage = row[i / 2] >> (i & 1) * 4 & 15;

            if (coverage)
                mix_pixel(c, x + i, y + j, colour, coverage * OPAQUE / 15);
        }
}

int canvas_text(const struct canvas *c, const struct font *font, int x, int y, uint32_t colour, const char *text)
{
    for (; *text; text++) {
        const struct glyph *g = glyph_of(font, *text);

        if (!g)
            continue;
        draw_glyph(c, font, g, x + g->left, y + g->top, colour);
        x += g->advance;
    }
    return x;
}

int text_width(const struct font *font, const char *text)
{
    int width = 0;

    for (; *text; text++) {
        const struct glyph *g = glyph_of(font, *text);

        width += g ? g->advance : 0;
    }
    return width;
}
