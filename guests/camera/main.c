/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The critical partition of the demonstration: it owns the display from its first instruction, shows the camera's picture in gear R
 * and the infotainment's in the others, thirty times a second, and counts every frame that it does not finish in time.
 * Keys on its console: p r n d put the gear in, s says how it goes.
 */

#include "guests/camera/camera.h"
#include "guests/camera/scene.h"

/* A mark of the counting plugin (bench/plugin/count.c): the first frame is on the screen. */
#define MARK_FIRST_FRAME "hint #0x61"
#define DRAIN_PER_FRAME 200
/* How far the car goes back in a frame. */
#define STEP (DEPTH * 3 / 64)

static struct status status = { .gear = 'R' };
static uint64_t travelled, slowest; /* slowest: ticks from a frame's time to its end */

static uint64_t nanoseconds(uint64_t ticks)
{
    uint64_t frequency = read_sysreg(cntfrq_el0);

    return ticks / frequency * 1000000000 + ticks % frequency * 1000000000 / frequency;
}

static void report(void)
{
    uint32_t seen, torn;

    infotainment_counts(&seen, &torn);
    say("gear %c frame %lu lost %lu slowest %lu us infotainment %u torn %u", status.gear, status.frame, status.lost,
        nanoseconds(slowest) / 1000, seen, torn);
}

static void shift(char gear)
{
    if (gear != status.gear)
        say("gear %c from frame %lu on at %lu ms", gear, status.frame, status.now_ms);
    status.gear = gear;
}

static void look_at_keys(void)
{
    char key;

    for (unsigned limit = 16; limit && (key = console_key()); limit--) {
        if (key == 's')
            report();
        else if (key == 'p' || key == 'r' || key == 'n' || key == 'd')
            shift((char)(key - 'a' + 'A'));
    }
}

static void draw(void)
{
    struct canvas whole = display_back(), picture = canvas_part(&whole, 0, 0, SCREEN_WIDTH, FRAMES_HEIGHT);

    if (status.gear == 'R') {
        scene_draw(&picture, travelled);
        scene_guides(&picture);
        panel_camera(&picture, &status);
    } else {
        infotainment_draw(&picture);
    }
    panel_bar(&whole, &status);
}

static void first_frame(void)
{
    asm volatile(MARK_FIRST_FRAME);
    say("first frame at %lu ns since power-on", nanoseconds(counter_now()));
}

/* The frame whose time began at `start`; returns how many whole frame times went by beyond its own. */
static uint64_t show(uint64_t start, uint64_t period)
{
    uint64_t took;

    status.now_ms = nanoseconds(counter_now()) / 1000000;
    status.infotainment = infotainment_look(status.now_ms);
    look_at_keys();
    draw();
    display_flip();
    took = read_sysreg(cntvct_el0) - start;
    if (took > slowest)
        slowest = took;
    return took / period;
}

void guest_main(const void *fdt)
{
    uint64_t period = read_sysreg(cntfrq_el0) / FRAMES_PER_SECOND, start, missed;

    console_open(fdt);
    display_open(fdt);
    infotainment_open(fdt);
    show(read_sysreg(cntvct_el0), period);
    first_frame();
    /* From now on frames have their times; the first one is as early as it can be. */
    slowest = 0;
    start = read_sysreg(cntvct_el0);
    gic_init(fdt);
    gic_enable(PPI_VTIMER);
    for (;;) {
        console_drain(DRAIN_PER_FRAME);
        start += period;
        timer_sleep_until(start);
        missed = show(start, period);
        status.frame += 1 + missed;
        status.lost += missed;
        start += missed * period;
        travelled += STEP * (1 + missed);
    }
}
