/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the camera partition: its console, its display, what the infotainment shows, the bar that is always there. */
#ifndef GUESTS_CAMERA_CAMERA_H
#define GUESTS_CAMERA_CAMERA_H

#include "guests/camera/canvas.h"
#include "guests/camera/frames.h"
#include "guests/lib/guest.h"

#define SCREEN_WIDTH 800
#define SCREEN_HEIGHT 480
#define BAR_HEIGHT (SCREEN_HEIGHT - FRAMES_HEIGHT)
#define FRAMES_PER_SECOND 30

/* ---- console.c: the partition's serial line; the picture never waits for it ---- */

/* Finds the line in fdt (a PL011 or its SBSA subset); without one, the hypervisor's console call. */
void console_open(const void *fdt);
/* Keeps a line to be written; what does not fit is lost. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes what the line takes now, at most so many characters. */
void console_drain(unsigned most);
/* A key that was pressed; 0: none. */
char console_key(void);

/* ---- display.c: QEMU's bochs-display on PCI, with its configuration page and a window for its memory ---- */

/* Sets the mode; the first flip switches the display on. Panics when the tree names no display or it is another. */
void display_open(const void *fdt);
/* The page that is not shown. */
struct canvas display_back(void);
/* The page that is shown: to be read. */
struct canvas display_front(void);
/* Shows the back page from now on. */
void display_flip(void);

/* ---- infotainment.c: the other partition's pictures ---- */

enum infotainment_state { INFOTAINMENT_NONE, INFOTAINMENT_RUNS, INFOTAINMENT_SILENT };

/* Finds the shared memory in fdt; without it the state stays NONE. */
void infotainment_open(const void *fdt);
/* Once per frame: has it published? Returns the state; says on the console when it changes. */
enum infotainment_state infotainment_look(uint64_t now_ms);
/* Its latest whole picture, or what there is to say instead. */
void infotainment_draw(const struct canvas *c);
/* Pictures that it published, as far as looked at, and pictures that it changed while they were copied. */
void infotainment_counts(uint32_t *seen, uint32_t *torn);

/* ---- panel.c: text over the pictures ---- */

struct status {
    char gear;
    uint64_t frame, lost;
    uint64_t now_ms; /* since power-on */
    enum infotainment_state infotainment;
};

/* What the camera's picture says about itself. */
void panel_camera(const struct canvas *c, const struct status *s);
/* A page of our own instead of the infotainment's. */
void panel_message(const struct canvas *c, const char *title, const char *text);
/* The bar at the bottom of every frame. */
void panel_bar(const struct canvas *c, const struct status *s);

#endif
