/* SPDX-License-Identifier: Apache-2.0 */
/* Text of the partition that owns the display: over the camera's picture, instead of a missing one, and in the bar below. */

#include "guests/camera/camera.h"
#include "guests/camera/fonts.h"

#define WHITE 0xffffff
#define GREY 0x9aa3ad
#define DARK 0x14171c
#define RED 0xff3b30
#define GREEN 0x3ddc57
#define AMBER 0xffb02e

static void write_text(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void write_text(char *out, size_t size, const char *format, ...)
{
    __builtin_va_list args;

    __builtin_va_start(args, format);
    format_va(out, size, format, args);
    __builtin_va_end(args);
}

static void text_right(const struct canvas *c, const struct font *font, int right, int y, uint32_t colour, const char *text)
{
    canvas_text(c, font, right - text_width(font, text), y, colour, text);
}

void panel_camera(const struct canvas *c, const struct status *s)
{
    char text[48];

    canvas_round(c, 14, 12, 372, 64, 10, 0x000000, OPAQUE * 45 / 100);
    if (s->now_ms / 500 % 2)
        canvas_ellipse(c, (struct point){ 34 * FINE, 31 * FINE }, 6 * FINE, 6 * FINE, RED, OPAQUE);
    canvas_text(c, &font_large, 48, 18, WHITE, "Rear view");
    canvas_text(c, &font_small, 28, 50, 0xdfe5ea, "generated picture: this board has no camera");
    canvas_round(c, c->width - 214, 12, 200, 64, 10, 0x000000, OPAQUE * 45 / 100);
    write_text(text, sizeof(text), "frame %06lu", s->frame);
    text_right(c, &font_large, c->width - 28, 18, WHITE, text);
    write_text(text, sizeof(text), "%lu.%03lu s since power-on", s->now_ms / 1000, s->now_ms % 1000);
    text_right(c, &font_small, c->width - 28, 50, 0xdfe5ea, text);
}

void panel_message(const struct canvas *c, const char *title, const char *text)
{
    canvas_gradient(c, 0, 0, c->width, c->height, 0x1b2230, 0x0d1016);
    canvas_round(c, 120, 150, c->width - 240, 130, 14, 0x2a3342, OPAQUE);
    canvas_text(c, &font_large, (c->width - text_width(&font_large, title)) / 2, 180, WHITE, title);
    canvas_text(c, &font_small, (c->width - text_width(&font_small, text)) / 2, 228, GREY, text);
}

static void draw_gears(const struct canvas *c, int y, char gear)
{
    static const char gears[] = "PRND";

    for (int i = 0; i < 4; i++) {
        char letter[2] = { gears[i], 0 };
        int x = 14 + i * 34, width = text_width(&font_large, letter);
        bool engaged = gears[i] == gear;

        if (engaged)
            canvas_round(c, x, y + 5, 30, 30, 7, gear == 'R' ? RED : 0x2f7de1, OPAQUE);
        canvas_text(c, &font_large, x + (30 - width) / 2, y + 7, engaged ? WHITE : 0x5d6670, letter);
    }
}

void panel_bar(const struct canvas *c, const struct status *s)
{
    static const char *const words[] = { "infotainment: starting", "infotainment: running", "infotainment: no answer" };
    static const uint32_t colours[] = { AMBER, GREEN, RED };
    int y = SCREEN_HEIGHT - BAR_HEIGHT;
    char text[64];

    canvas_fill(c, 0, y, c->width, BAR_HEIGHT, DARK);
    canvas_fill(c, 0, y, c->width, 1, 0x39424d);
    draw_gears(c, y, s->gear);
    canvas_ellipse(c, (struct point){ 178 * FINE, (y + 20) * FINE }, 5 * FINE, 5 * FINE, colours[s->infotainment], OPAQUE);
    canvas_text(c, &font_small, 192, y + 11, 0xdfe5ea, words[s->infotainment]);
    write_text(text, sizeof(text), "frame %lu   lost %lu   %lu.%lu s since power-on", s->frame, s->lost, s->now_ms / 1000,
               s->now_ms / 100 % 10);
    text_right(c, &font_small, c->width - 16, y + 11, GREY, text);
}
