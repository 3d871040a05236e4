/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of numbers that are nearly right, exactly wrong, or right. */

#include "guests/hostile_storm/storm.h"

#define LEARNT 32

static const uint64_t boundary[] = {
    0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 4097, 0x7fef,
    0x7ff0, 0x7ff1, 0x7ff2, 0x7ff3, 0x7ff4, 0x7fff, 0x8000, 0xfff8, 0xfffe, 0xffff, 0x10000, 0x1fffff, 0x200000, 0xfffff,
    0x100000, 0x0fffffff, 0x10000000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xfffffffe, 0xffffffff, 0x100000000, 0xfffffffff,
    0x1000000000, 0xffffffffff, 0x10000000000, 0x7fffffffffff, 0x800000000000, 0xffffffffffff, 0x1000000000000,
    0x0fffffffffffff, 0x10000000000000, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000, 0xfffffffffffffff8,
    0xffffffffffffffff,
};

static volatile uint32_t ports[LEARNT], handles[LEARNT];
static unsigned ports_next, handles_next;

void value_learn_port(uint32_t port)
{
    ports[ports_next++ % LEARNT] = port;
}

void value_learn_handle(uint32_t handle)
{
    handles[handles_next++ % LEARNT] = handle;
}

static uint64_t any_domid(struct chance *c)
{
    unsigned i = (unsigned)chance_below(c, 8);

    if (i < PEERS)
        return storm.peers[i];
    if (i < 6)
        return storm.self;
    return i == 6 ? DOMID_SELF : chance_below(c, 8);
}

static uint64_t any_gfn(struct chance *c)
{
    /* A few frames are wanted often, so that calls meet there. */
    uint64_t n = chance_next(c) & 3 ? chance_below(c, 24) * 7 : chance_below(c, ARENA_FRAMES);

    return (ARENA_BASE >> PAGE_SHIFT) + n % ARENA_FRAMES;
}

static uint64_t any_pointer(struct chance *c)
{
    uint64_t area = storm.area, at = chance_below(c, AREA_BYTES);

    switch (chance_below(c, 8)) {
    case 0:
        return area + at; /* misaligned */
    case 1:
        return area + (at & ~(PAGE_SIZE - 1)) + PAGE_SIZE - 1 - chance_below(c, 24); /* over a page's end */
    case 2:
        return (any_gfn(c) << PAGE_SHIFT) + chance_below(c, PAGE_SIZE);
    default:
        return area + (at & ~7UL);
    }
}

static uint64_t any_order(struct chance *c)
{
    static const uint8_t orders[] = { 0, 0, 0, 0, 0, 0, 1, 2, 4, 9, 31, 32, 63, 64, 255 };

    return orders[chance_below(c, sizeof(orders))];
}

static uint64_t choose(struct chance *c, enum kind kind)
{
    switch (kind) {
    case K_DOMID:
        return any_domid(c);
    case K_PORT:
        return chance_next(c) & 1 ? ports[chance_below(c, LEARNT)] : chance_below(c, 1100);
    case K_REF:
        return chance_below(c, 48);
    case K_HANDLE:
        return chance_next(c) & 3 ? handles[chance_below(c, LEARNT)] : chance_below(c, 64);
    case K_GFN:
        return any_gfn(c);
    case K_ADDRESS:
        return (any_gfn(c) << PAGE_SHIFT) + (chance_next(c) & 7 ? 0 : chance_below(c, PAGE_SIZE));
    case K_POINTER:
    case K_LIST:
        return any_pointer(c);
    case K_SMALL:
        return chance_below(c, 6);
    case K_COUNT:
        return chance_next(c) & 15 ? chance_below(c, 9) : chance_below(c, 300);
    case K_ORDER:
        return any_order(c);
    case K_VCPU:
        return chance_below(c, 4);
    case K_MAP_FLAGS:
        return chance_next(c) & 3 ? GNTMAP_host_map | (chance_next(c) & GNTMAP_readonly) : chance_below(c, 256);
    case K_COPY_FLAGS:
        return chance_next(c) & 7 ? chance_below(c, 4) : chance_below(c, 256);
    case K_SPACE:
        return chance_below(c, 7);
    case K_OFFSET:
        return chance_next(c) & 1 ? 0 : chance_below(c, PAGE_SIZE + 2);
    case K_LENGTH:
        return chance_next(c) & 3 ? chance_below(c, PAGE_SIZE + 2) : chance_below(c, 65536);
    case K_VIRQ:
        return chance_below(c, 26);
    case K_VECTOR:
        return chance_next(c) & 15 ? 32 + chance_below(c, 224) : chance_below(c, 16);
    case K_SPARE:
        return 2 + chance_below(c, 3);
    case K_MODE ... K_EFER:
        return chance_next(c) & 63 ? storm.start[kind - K_MODE] : chance_next(c);
    default:
        return chance_next(c);
    }
}

uint64_t value_of(struct chance *c, enum kind kind)
{
    if (kind == K_ZERO)
        return 0;
    if (kind == K_FOREVER)
        return chance_next(c) & 1 ? 0 : 0xffffff;
    if (kind > K_FOREVER)
        return choose(c, kind);
    /* Lists' lengths stay moderate: a call must not go on for ever. */
    if (kind != K_ORDER && kind != K_COUNT && chance_below(c, 24) == 0)
        return boundary[chance_below(c, ARRAY_SIZE(boundary))];
    return choose(c, kind);
}

static const char *behind(const char *args, const char *name)
{
    for (; *name; name++) {
        if (*args++ != *name)
            return NULL;
    }
    return *args == '=' ? args + 1 : NULL;
}

uint64_t number_option(const char *args, const char *name, uint64_t otherwise)
{
    uint64_t n = 0;

    for (; *args; args++) {
        const char *digit = behind(args, name);

        if (!digit)
            continue;
        while (*digit >= '0' && *digit <= '9')
            n = 10 * n + (uint64_t)(*digit++ - '0');
        return n;
    }
    return otherwise;
}
