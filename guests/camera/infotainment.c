/* SPDX-License-Identifier: Apache-2.0 */
/* What the other partition shows. Everything in the shared memory may be garbage at any time (guests/camera/frames.h). */

#include "guests/camera/camera.h"

#define BLOCK 0x200000UL
#define SHARED_AT (WINDOW_BASE + 0x80000000UL)
/* Frames of ours without a new picture of theirs until it counts as silent. */
#define SILENT_AFTER (FRAMES_PER_SECOND / 2)

static const struct frames *shared;
static uint32_t last_sequence, seen, torn;
static unsigned waiting;
static bool login;
static enum infotainment_state state;

void infotainment_open(const void *fdt)
{
    unsigned len = 0, node = fdt_find(fdt, "xen,id", FRAMES_NAME);
    const uint32_t *reg = node ? fdt_prop(fdt, node, "reg", &len) : NULL;

    if (!reg || len < 16 || fdt_u64(reg, 1) < FRAMES_SIZE || fdt_u64(reg, 0) % BLOCK) {
        say("no memory shared with the infotainment");
        return;
    }
    for (uint64_t at = 0; at < FRAMES_SIZE; at += BLOCK)
        mmu_map(SHARED_AT + at, fdt_u64(reg, 0) + at, 2, MAP_UNCACHED);
    shared = (const struct frames *)SHARED_AT;
    last_sequence = shared->sequence;
}

static void enter(enum infotainment_state next, uint64_t now_ms)
{
    static const char *const words[] = { "", "shows pictures", "is silent" };

    if (state != next)
        say("infotainment %s at %lu ms", words[next], now_ms);
    state = next;
}

/* Only of one that shows pictures: what a crashed one has left says nothing. */
static void look_at_login(uint64_t now_ms)
{
    bool asks = state == INFOTAINMENT_RUNS && shared->login;

    if (asks && !login)
        say("infotainment asks for a login at %lu ms", now_ms);
    login = asks;
}

enum infotainment_state infotainment_look(uint64_t now_ms)
{
    uint32_t sequence;

    if (!shared)
        return state;
    sequence = shared->sequence;
    if (shared->magic == FRAMES_MAGIC && sequence != last_sequence) {
        last_sequence = sequence;
        seen++;
        waiting = 0;
        enter(INFOTAINMENT_RUNS, now_ms);
    } else if (state == INFOTAINMENT_RUNS && ++waiting >= SILENT_AFTER) {
        enter(INFOTAINMENT_SILENT, now_ms);
    }
    look_at_login(now_ms);
    return state;
}

/* One picture; false when the number moved on meanwhile. */
static bool copy_picture(const struct canvas *c)
{
    uint32_t sequence = shared->sequence;
    const uint8_t *from = (const uint8_t *)shared + frames_offset(sequence);

    dsb();
    for (int y = 0; y < FRAMES_HEIGHT; y++)
        memcpy(c->pixels + (long)y * c->stride, from + (long)y * FRAMES_WIDTH * 4, FRAMES_WIDTH * 4);
    dsb();
    return shared->sequence == sequence;
}

/* Twice torn: what the screen shows already stays for a frame. */
static void copy_shown(const struct canvas *c)
{
    struct canvas front = display_front();

    for (int y = 0; y < FRAMES_HEIGHT; y++)
        memcpy(c->pixels + (long)y * c->stride, front.pixels + (long)y * front.stride, FRAMES_WIDTH * 4);
}

void infotainment_draw(const struct canvas *c)
{
    ASSERT(c->width == FRAMES_WIDTH && c->height == FRAMES_HEIGHT);
    if (state == INFOTAINMENT_NONE) {
        panel_message(c, "Infotainment is starting", "The camera is there already: R shows it.");
    } else if (state == INFOTAINMENT_SILENT) {
        panel_message(c, "Infotainment does not answer", "It is being restarted. The camera is not concerned: R shows it.");
    } else if (!copy_picture(c) && !copy_picture(c)) {
        torn++;
        copy_shown(c);
    }
}

void infotainment_counts(uint32_t *seen_now, uint32_t *torn_now)
{
    *seen_now = seen;
    *torn_now = torn;
}
