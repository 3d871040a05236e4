/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storm: a guest without privilege that knows every hypercall's sub-calls and structures and fills them with what is
 * likely to hurt, while a second vCPU rewrites them. Everything follows from a seed.
 *
 *   0x40000000 | where it was loaded: given away |
 *   0x60000000 | frames to lose |
 *   HOME       | image, stacks | +2 MiB: argument area, grant table | nothing: long lists end here
 *
 * It moves first, to where no number leads that is not meant to: half of one argument and half of another look like a small frame
 * number often enough, and it is to survive what it does. Arguments lie at AREA, a virtual address of their own: pointers to them are
 * what the area is full of, and where one stands in the place of a guest-physical address (a grant is mapped there) it must not be the
 * area's own.
 */
#ifndef GUESTS_HOSTILE_STORM_STORM_H
#define GUESTS_HOSTILE_STORM_STORM_H

#include "guests/lib/hypercall.h"

#define AREA_OFFSET 0x200000UL
#define AREA_BYTES 0x30000UL
#define TABLE_OFFSET (AREA_OFFSET + AREA_BYTES) /* the grant table, and shared_info behind it */
#define TABLE_FRAMES 4
#define HOME 0x5a5a000000UL
#define HOME_BYTES 0x400000UL
#define BLOCK_FRAMES 512
#if defined(__x86_64__)
#define ARENA_BASE 0x2000000UL /* within the RAM that it has: see guests/x86_64/storm */
#define ALIAS_BASE (64UL << 30) /* the first GiB once more */
#else
#define ARENA_BASE 0x60000000UL
#define AREA 0x7a5a200000UL
#endif
#define ARENA_FRAMES 512

#define PEERS 4

/* What one storm is about; the same for all of its vCPUs. */
struct storm {
    uint64_t base; /* guest-physical address of the image, which is its virtual one */
    uint64_t area; /* virtual address of the arguments, which is nowhere in its guest-physical space */
    uint64_t seed, calls; /* calls: how many vCPU 0 is to make */
    domid_t self;
    domid_t peers[PEERS]; /* domains to meddle with */
    uint32_t focus; /* FOCUS_*: which calls to prefer */
    volatile unsigned stop;
    volatile uint64_t made[2]; /* by vCPU */
    volatile uint64_t last[2]; /* the call they are in: hypercall << 32 | command */
    volatile uint64_t succeeded[2]; /* of them answered without an error */
    uint64_t instructions, accesses;
    unsigned prods; /* how often vCPU 0 had to be woken */
    unsigned batch; /* instructions at a time, on x86-64 */
    uint64_t start[6]; /* what a processor can begin with, by kind - K_MODE */
    volatile long *report; /* if not NULL: calls made and calls without an error, kept up to date */
};
extern struct storm storm;

#define FOCUS_ALL 0
#define FOCUS_SHARING 1 /* grants and event channels */

/* ---- chance ---- */

struct chance {
    uint64_t state;
};
static inline uint64_t chance_next(struct chance *c)
{
    c->state ^= c->state >> 12;
    c->state ^= c->state << 25;
    c->state ^= c->state >> 27;
    return c->state * 0x2545f4914f6cdd1dUL;
}
static inline uint64_t chance_below(struct chance *c, uint64_t n)
{
    return ((chance_next(c) >> 32) * n) >> 32;
}

/* What a number stands for; see values.c for the pools. */
enum kind {
    K_RAW, K_ZERO, K_DOMID, K_PORT, K_REF, K_HANDLE, K_GFN, K_ADDRESS, K_POINTER, K_LIST, K_SMALL, K_COUNT, K_ORDER, K_VCPU,
    K_MAP_FLAGS, K_COPY_FLAGS, K_SPACE, K_OFFSET, K_LENGTH, K_VIRQ, K_FOREVER,
    K_VECTOR, K_SPARE, /* of x86: an interrupt's; a vCPU that does nothing itself */
    K_MODE, K_RIP, K_CR0, K_CR3, K_CR4, K_EFER, /* storm.start */
};
uint64_t value_of(struct chance *c, enum kind kind);
/* N of `name=N` on a command line. */
uint64_t number_option(const char *args, const char *name, uint64_t otherwise);
/* Numbers that hypercalls gave out: ports and handles that exist. */
void value_learn_port(uint32_t port);
void value_learn_handle(uint32_t handle);

/* ---- what the storm does ---- */

/* One hypercall by vCPU `cpu`; its arguments lie in the argument area, half of which is its own to write. */
void call_one(struct chance *c, unsigned cpu);
/* An entry of the guest's own grant table, as wrong as chance has it. */
void scribble_grant(struct chance *c);
/* A batch of generated instructions: system registers, cache and TLB maintenance, firmware calls, loads and stores of every form. */
void instructions_run(struct chance *c);
/* A batch of plain accesses to devices and holes. */
void accesses_run(struct chance *c);

/* Moves to HOME and begins there again at guest_start() with these arguments; returns when it is there already. */
void move_home(uint64_t x0, uint64_t x1, uint64_t x2);
/* Blocks of 2 MiB, or frames, from `from` on go away, as many appear from `to` on. */
void move_frames(uint64_t from, uint64_t to, unsigned blocks, bool as_frames);
void storm_main(void);
#endif
