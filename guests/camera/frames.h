/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the infotainment hands its pictures to the partition that owns the display: memory that both see.
 *
 *   0      struct frames
 *   4096   picture 0, FRAMES_BYTES       what sequence numbers 2, 4, ... published
 *   ...    picture 1, FRAMES_BYTES       1, 3, ...
 *
 * The infotainment draws into the picture of the next sequence number, then publishes that number. The owner of the display copies the
 * picture of the number it sees and looks at the number again: had it moved on, that picture may have been half overwritten. The owner
 * believes nothing in here: only the number's lowest bit chooses where it reads, sizes are constants, and what it reads are colours.
 */
#ifndef GUESTS_CAMERA_FRAMES_H
#define GUESTS_CAMERA_FRAMES_H

#include <stdint.h>

#define FRAMES_MAGIC 0x4d524656u
#define FRAMES_WIDTH 800
#define FRAMES_HEIGHT 440
#define FRAMES_BYTES (FRAMES_WIDTH * FRAMES_HEIGHT * 4u)
#define FRAMES_HEADER 4096u
#define FRAMES_SIZE (FRAMES_HEADER + 2 * FRAMES_BYTES)
/* The name of the memory in the device trees (xen,shm-id, xen,id). */
#define FRAMES_NAME "frames"

struct frames {
    volatile uint32_t magic; /* FRAMES_MAGIC once the rest is valid */
    volatile uint32_t sequence;
    volatile uint32_t login; /* not 0: the infotainment asks for a login; cleared when it starts, before its first picture */
};

static inline uint32_t frames_offset(uint32_t sequence)
{
    return FRAMES_HEADER + (sequence & 1) * FRAMES_BYTES;
}

#endif
