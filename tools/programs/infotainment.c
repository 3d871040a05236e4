/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The infotainment's full-screen program (guests/camera/frames.h says how its pictures reach the display):
 *
 *   infotainment           draws 20 pictures a second, for ever
 *   infotainment boot      nobody asks for a login yet
 *   infotainment login     tells the owner of the display that a login is being asked for
 *   infotainment garble N  writes garbage over everything that is shared, for N seconds: what a broken or hostile one would do
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "guests/camera/canvas.h"
#include "guests/camera/frames.h"
#include "fonts.h"

#define RESERVED "/proc/device-tree/reserved-memory"
#define PICTURES_PER_SECOND 20
/* A mark of the counting plugin (bench/plugin/count.c): the infotainment asks for a login. */
#define MARK_LOGIN "hint #0x62"

#define INK 0xf4f6f8
#define DIM 0x93a1b3
#define PANEL 0x1d2736
#define ACCENT 0x3aa0ff

static void die(const char *what)
{
    fprintf(stderr, "infotainment: %s: %s\n", what, strerror(errno));
    exit(1);
}

static ssize_t read_file(const char *folder, const char *name, void *to, size_t size)
{
    char path[512];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), RESERVED "/%s/%s", folder, name);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    n = read(fd, to, size);
    close(fd);
    return n;
}

/* The physical address of the memory that is shared under FRAMES_NAME; 0: there is none. */
static uint64_t find_shared(void)
{
    DIR *folder = opendir(RESERVED);
    struct dirent *entry;
    uint64_t found = 0;

    while (folder && !found && (entry = readdir(folder))) {
        char id[32] = "";
        uint64_t reg[2];

        if (read_file(entry->d_name, "xen,id", id, sizeof(id) - 1) > 0 && !strcmp(id, FRAMES_NAME) &&
            read_file(entry->d_name, "reg", reg, sizeof(reg)) == sizeof(reg) && be64toh(reg[1]) >= FRAMES_SIZE)
            found = be64toh(reg[0]);
    }
    if (folder)
        closedir(folder);
    return found;
}

static struct frames *map_shared(void)
{
    uint64_t at = find_shared();
    int fd = open("/dev/mem", O_RDWR | O_SYNC);
    void *p;

    if (!at) {
        errno = ENOENT;
        die("no memory named " FRAMES_NAME " below " RESERVED);
    }
    if (fd < 0)
        die("/dev/mem");
    p = mmap(NULL, FRAMES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)at);
    if (p == MAP_FAILED)
        die("mapping /dev/mem");
    close(fd);
    return p;
}

/* Device memory takes aligned words only. */
static void copy_words(void *to, const void *from, size_t bytes)
{
    volatile uint64_t *t = to;
    const uint64_t *f = from;

    for (size_t i = 0; i < bytes / 8; i++)
        t[i] = f[i];
}

static void publish(struct frames *shared, const uint32_t *pixels)
{
    uint32_t next = shared->sequence + 1;

    copy_words((uint8_t *)shared + frames_offset(next), pixels, FRAMES_BYTES);
    __sync_synchronize();
    shared->sequence = next;
    shared->magic = FRAMES_MAGIC;
}

static struct point at(int x, int y)
{
    return (struct point){ x * FINE, y * FINE };
}

static void text_centre(const struct canvas *c, const struct font *font, int middle, int y, uint32_t colour, const char *text)
{
    canvas_text(c, font, middle - text_width(font, text) / 2, y, colour, text);
}

static void draw_head(const struct canvas *c, unsigned seconds)
{
    static struct utsname host;
    char text[160];
    time_t now = time(NULL);
    struct tm *clock = gmtime(&now);

    if (!host.release[0])
        uname(&host);
    strftime(text, sizeof(text), "%H:%M", clock);
    canvas_text(c, &font_huge, 24, 12, INK, text);
    canvas_text(c, &font_large, 190, 14, INK, "Infotainment");
    snprintf(text, sizeof(text), "Debian GNU/Linux, kernel %.40s, up %u:%02u", host.release, seconds / 60, seconds % 60);
    canvas_text(c, &font_small, 190, 42, DIM, text);
}

static void draw_cover(const struct canvas *c, int x, int y, unsigned t)
{
    struct canvas cover = canvas_part(c, x, y, 130, 130);

    canvas_gradient(&cover, 0, 0, 130, 130, 0x3b1d5a, 0xe2574c);
    canvas_ellipse(&cover, at(65, 78), 40 * FINE, 40 * FINE, 0xffc857, OPAQUE);
    for (int i = 0; i < 6; i++)
        canvas_fill(&cover, 0, 80 + i * 8 + (int)(t / 6 % 8), 130, 3, 0x5a2150);
    canvas_fill(&cover, 0, 120, 130, 10, 0x1b1027);
}

static void draw_music(const struct canvas *c, int x, int y, unsigned t)
{
    unsigned length = 227, played = t / PICTURES_PER_SECOND % length;
    char text[32];

    canvas_round(c, x, y, 376, 290, 16, PANEL, OPAQUE);
    draw_cover(c, x + 20, y + 20, t);
    canvas_text(c, &font_large, x + 168, y + 24, INK, "Open Road");
    canvas_text(c, &font_small, x + 168, y + 56, DIM, "The Partitions");
    canvas_text(c, &font_small, x + 168, y + 78, DIM, "Two on a board");
    for (int i = 0; i < 16; i++) {
        int high = 10 + (256 + sine(t * (17u + (unsigned)i * 3) + (unsigned)i * 170)) * 60 / 512;

        canvas_round(c, x + 22 + i * 21, y + 244 - high, 14, high, 4, colour_mix(ACCENT, 0xb06bff, (unsigned)i * 16), OPAQUE);
    }
    canvas_round(c, x + 20, y + 258, 336, 6, 3, 0x35435a, OPAQUE);
    canvas_round(c, x + 20, y + 258, 8 + (int)(328 * played / length), 6, 3, ACCENT, OPAQUE);
    snprintf(text, sizeof(text), "%u:%02u", played / 60, played % 60);
    canvas_text(c, &font_small, x + 20, y + 266, DIM, text);
    canvas_text(c, &font_small, x + 322, y + 266, DIM, "3:47");
}

static void draw_route(const struct canvas *map)
{
    static const struct point route[] = { { 190, 300 }, { 190, 176 }, { 262, 128 }, { 262, 60 }, { 400, 30 } };

    for (unsigned i = 0; i + 1 < sizeof(route) / sizeof(route[0]); i++) {
        canvas_line(map, at(route[i].x, route[i].y), at(route[i + 1].x, route[i + 1].y), 11 * FINE, ACCENT, OPAQUE);
        canvas_ellipse(map, at(route[i + 1].x, route[i + 1].y), 11 * FINE / 2, 11 * FINE / 2, ACCENT, OPAQUE);
    }
}

static void draw_map(const struct canvas *c, int x, int y, unsigned t)
{
    struct canvas map = canvas_part(c, x, y, 376, 290);
    int drift = (int)(t % 96);
    char text[48];

    canvas_fill(&map, 0, 0, 376, 290, 0x223247);
    canvas_ellipse(&map, at(330, 220 + drift / 4), 90 * FINE, 60 * FINE, 0x1b4a63, OPAQUE);
    canvas_ellipse(&map, at(60, 80 + drift / 4), 70 * FINE, 46 * FINE, 0x27513f, OPAQUE);
    for (int i = -2; i < 7; i++) {
        canvas_line(&map, at(-10, i * 72 + drift * 72 / 96), at(386, i * 72 - 40 + drift * 72 / 96), 5 * FINE, 0x3c4f6b, OPAQUE);
        canvas_line(&map, at(i * 76 - 30, -10), at(i * 76 + 6, 300), 5 * FINE, 0x3c4f6b, OPAQUE);
    }
    draw_route(&map);
    canvas_ellipse(&map, at(190, 226), 20 * FINE, 20 * FINE, ACCENT, OPAQUE / 3);
    canvas_polygon(&map, (struct point[]){ at(190, 208), at(202, 240), at(190, 232) }, 3, INK, OPAQUE);
    canvas_polygon(&map, (struct point[]){ at(190, 208), at(190, 232), at(178, 240) }, 3, 0xcfd6de, OPAQUE);
    canvas_round(&map, 14, 14, 236, 58, 12, 0x10161f, OPAQUE * 85 / 100);
    snprintf(text, sizeof(text), "%u m", 960 - t % 96 * 10);
    canvas_text(&map, &font_large, 28, 18, INK, text);
    canvas_text(&map, &font_small, 28, 46, DIM, "turn right, Harbour Road");
}

static void draw_buttons(const struct canvas *c)
{
    static const char *const words[] = { "Navigation", "Music", "Phone", "Vehicle" };

    for (int i = 0; i < 4; i++) {
        canvas_round(c, 16 + i * 196, 384, 180, 42, 12, i < 2 ? 0x294262 : PANEL, OPAQUE);
        text_centre(c, &font_small, 16 + i * 196 + 90, 396, i < 2 ? INK : DIM, words[i]);
    }
}

static void draw(const struct canvas *c, unsigned t, unsigned seconds)
{
    canvas_gradient(c, 0, 0, c->width, c->height, 0x0f1724, 0x0a0e15);
    draw_head(c, seconds);
    draw_music(c, 16, 78, t);
    draw_map(c, 408, 78, t);
    draw_buttons(c);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void play(struct frames *shared)
{
    static uint32_t pixels[FRAMES_WIDTH * FRAMES_HEIGHT] __attribute__((aligned(8)));
    const struct canvas c = { pixels, FRAMES_WIDTH, FRAMES_HEIGHT, FRAMES_WIDTH };

    for (unsigned t = 0;; t++) {
        struct timespec rest = { 0, 1000000000 / PICTURES_PER_SECOND };

        draw(&c, t, (unsigned)(now_ns() / 1000000000));
        publish(shared, pixels);
        nanosleep(&rest, NULL);
    }
}

static void garble(struct frames *shared, unsigned seconds)
{
    volatile uint64_t *words = (volatile uint64_t *)shared;
    uint64_t end = now_ns() + (uint64_t)seconds * 1000000000, x = end | 1;

    while (now_ns() < end) {
        for (unsigned i = 0; i < 4096; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            words[i & 1 ? x % (FRAMES_SIZE / 8) : i & 2] = i & 4 ? x : FRAMES_MAGIC | x << 32;
        }
    }
}

int main(int count, char **words)
{
    struct frames *shared = map_shared();

    if (count == 1) {
        play(shared);
    } else if (!strcmp(words[1], "boot")) {
        shared->login = 0;
    } else if (!strcmp(words[1], "login")) {
        shared->login = 1;
        __asm__ volatile(MARK_LOGIN);
    } else if (!strcmp(words[1], "garble") && count == 3) {
        garble(shared, (unsigned)atoi(words[2]));
    } else {
        fprintf(stderr, "usage: infotainment [boot | login | garble SECONDS]\n");
        return 2;
    }
    return 0;
}
