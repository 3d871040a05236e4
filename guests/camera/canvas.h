/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawing with integers only: what the camera partition and the infotainment's program share. A canvas is an array of
 * 0x00RRGGBB pixels; everything is clipped to it. Fine coordinates have 8 fractional bits, so that edges are smooth.
 */
#ifndef GUESTS_CAMERA_CANVAS_H
#define GUESTS_CAMERA_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINE 256 /* one pixel in fine coordinates */
#define OPAQUE 256 /* alpha: 0 leaves what is there, 256 replaces it */

struct canvas {
    uint32_t *pixels; /* 8-byte aligned */
    int width, height;
    int stride; /* pixels from one row to the next; even */
};

struct point {
    int x, y; /* fine */
};

/* A font made by tools/font.py: 4-bit coverage, a row begins at a byte. */
struct glyph {
    uint32_t offset; /* of its first byte in the coverage */
    int8_t left, top; /* of the bitmap, from the pen and from the line's top */
    uint8_t width, height;
    uint8_t advance;
};
struct font {
    const struct glyph *glyphs; /* from FONT_FIRST to FONT_LAST */
    const uint8_t *coverage;
    int height; /* of a line */
};
#define FONT_FIRST 32
#define FONT_LAST 126

/* Between two colours: alpha 0 is `under`, 256 is `over`. */
uint32_t colour_mix(uint32_t under, uint32_t over, unsigned alpha);
/* sin and cos of a turn in 1/1024, times 256. */
int sine(unsigned turn);
/* A part of a canvas as a canvas of its own; x even. */
struct canvas canvas_part(const struct canvas *c, int x, int y, int width, int height);

void canvas_fill(const struct canvas *c, int x, int y, int width, int height, uint32_t colour);
/* A translucent rectangle. */
void canvas_veil(const struct canvas *c, int x, int y, int width, int height, uint32_t colour, unsigned alpha);
/* From top colour to bottom colour. */
void canvas_gradient(const struct canvas *c, int x, int y, int width, int height, uint32_t top, uint32_t bottom);
/* One row of a shape with straight slanted sides: its left side goes from left[0] above to left[1] below, its right side likewise; fine. */
void canvas_slant(const struct canvas *c, int y, const int left[2], const int right[2], uint32_t colour, unsigned alpha);
/* A convex polygon of at most eight points, smooth in both directions. */
void canvas_polygon(const struct canvas *c, const struct point *points, unsigned count, uint32_t colour, unsigned alpha);
/* A line of fine width between two fine points. */
void canvas_line(const struct canvas *c, struct point from, struct point to, int width, uint32_t colour, unsigned alpha);
/* An ellipse around a fine point with fine radii. */
void canvas_ellipse(const struct canvas *c, struct point centre, int rx, int ry, uint32_t colour, unsigned alpha);
void canvas_round(const struct canvas *c, int x, int y, int width, int height, int radius, uint32_t colour, unsigned alpha);
/* Text with its line's top left at x, y; returns where it ended. Characters that the font lacks are left out. */
int canvas_text(const struct canvas *c, const struct font *font, int x, int y, uint32_t colour, const char *text);
int text_width(const struct font *font, const char *text);

#endif
