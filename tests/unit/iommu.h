/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of IOMMUs' drivers share: a domain's space, changes of it, and what its devices find there. */
#ifndef TESTS_UNIT_IOMMU_H
#define TESTS_UNIT_IOMMU_H

#include <string.h>

#include "tests/unit/unit.h"
#include "drivers/iommu.h"
#include "mem/stage2.h"

/* Pages that are changed. */
#define BASE UINT64_C(0x40000)
#define PAGES 4096

static struct owner owner, other;
static struct stage2 space;
static struct iommu_space *devices;

static inline void register_owners(void)
{
    owner = (struct owner){ .id = 1, .limit = UINT64_MAX };
    other = (struct owner){ .id = 2, .limit = UINT64_MAX };
    owner_register(&owner);
    owner_register(&other);
}

static inline void make_space(void)
{
    assert_int_equal(stage2_init(&space, &owner), 0);
    assert_int_equal(iommu_space_create(1, &space, &devices), 0);
}

static inline void end_space(void)
{
    while (stage2_destroy(&space) == -E_RESTART)
        continue;
    iommu_space_destroy(devices);
    frame_check_all();
}

static inline mfn_t frames(struct owner *o, unsigned order)
{
    mfn_t mfn;

    assert_int_equal(frame_alloc(o, order, FRAME_ANY, &mfn), 0);
    return mfn;
}

/* Frames of a S2_DEVICE are no memory. */
static inline void map_something(gfn_t gfn, unsigned order, enum s2_type type)
{
    mfn_t mfn = type == S2_DEVICE ? MFN(0xf0000 + gfn.v % PAGES) : frames(s2_type_is_own(type) ? &owner : &other, order);

    assert_int_equal(stage2_map(&space, gfn, mfn, order, type), 0);
}

/* Something comes, as one of these types, or goes. */
static inline void change_space(const enum s2_type *types, unsigned count)
{
    unsigned order = host_random_below(4) ? 0 : (unsigned)host_random_below(10);
    gfn_t gfn = GFN(BASE + ROUND_DOWN(host_random_below(PAGES), BIT(order)));
    enum s2_type type = types[host_random_below(count)];
    struct stage2_gather g;

    switch (host_random_below(4)) {
    case 0:
        assert_int_equal(stage2_unmap(&space, gfn, order), 0);
        break;
    case 1:
        stage2_gather_start(&g, &space);
        for (unsigned i = 0; i < 8; i++)
            (void)!stage2_gather_unmap(&g, GFN(BASE + host_random_below(PAGES)), S2_TYPES_MEMORY, NULL);
        stage2_gather_finish(&g);
        break;
    default:
        map_something(gfn, order, type);
    }
}

/* A device of the space, and what of it is for devices. */
struct view {
    bool (*reads)(uint64_t address, uint64_t *x);
    bool (*writes)(uint64_t address, uint64_t x);
    bool (*is_for_devices)(enum s2_type type);
};

/* Whatever is mapped at a page, the device finds the same frame with the same rights, if it is for devices. */
static inline void compare_page(const struct view *device, uint64_t gfn)
{
    struct stage2_locked l = stage2_lock(&space);
    mfn_t mfn;
    enum s2_type type = stage2_lookup(l, GFN(gfn), &mfn, NULL);
    uint64_t mark = host_random(), seen = 0;
    bool is_there = device->is_for_devices(type);

    stage2_unlock(l);
    if (is_there)
        memcpy(host_ram(mfn), &mark, sizeof(mark));
    assert_int_equal(device->reads(gfn << PAGE_SHIFT, &seen), is_there);
    assert_true(!is_there || seen == mark);
    assert_int_equal(device->writes(gfn << PAGE_SHIFT, mark + 1), is_there && s2_type_is_writable(type));
}

/* A stream has one owner, in whatever ranges it is asked for, and detaching what is another's changes nothing. `within` lies in `bus`, `across`
 * begins before it. */
static inline void check_one_owner(struct iommu_space *second, const struct iommu_streams *bus, const struct iommu_streams *within,
                                   const struct iommu_streams *across)
{
    assert_int_equal(iommu_attach(devices, bus), 0);
    assert_int_equal(iommu_attach(second, within), -E_BUSY);
    assert_int_equal(iommu_attach(second, across), -E_BUSY);
    assert_false(iommu_has_streams(second));
    iommu_detach(second, within);
    assert_int_equal(iommu_attach(second, within), -E_BUSY);
    iommu_detach(devices, bus);
    assert_false(iommu_has_streams(devices));
    assert_int_equal(iommu_attach(second, across), 0);
    assert_int_equal(iommu_attach(devices, within), 0);
    assert_int_equal(iommu_attach(devices, bus), -E_BUSY);
    iommu_detach(second, across);
    iommu_detach(devices, within);
    assert_int_equal(iommu_attach(devices, bus), 0);
    iommu_detach(devices, bus);
}

/* A device reaches its space's memory as long as it is attached; at the end it is. */
static inline void check_attached_only(const struct view *device, const struct iommu_streams *one)
{
    uint64_t x = 5;

    assert_int_equal(stage2_map(&space, GFN(BASE), frames(&owner, 0), 0, S2_RAM), 0);
    assert_false(device->reads(BASE << PAGE_SHIFT, &x));
    assert_int_equal(iommu_attach(devices, one), 0);
    assert_true(device->reads(BASE << PAGE_SHIFT, &x));
    assert_true(device->writes(BASE << PAGE_SHIFT, 7));
    iommu_detach(devices, one);
    assert_false(device->reads(BASE << PAGE_SHIFT, &x));
    assert_int_equal(iommu_attach(devices, one), 0);
    assert_true(device->reads(BASE << PAGE_SHIFT, &x));
    assert_int_equal(x, 7);
}

/* For a loop of failing allocations: a space, streams of it and a page, all gone again. */
static inline int make_and_end_space(const struct iommu_streams *streams)
{
    struct iommu_space *p = NULL;
    mfn_t mfn = MFN_NONE;
    struct stage2 s;
    int r = stage2_init(&s, &owner);

    if (r)
        return r;
    r = iommu_space_create(1, &s, &p);
    if (!r)
        r = iommu_attach(p, streams);
    if (!r && !(r = frame_alloc(&owner, 0, FRAME_ANY, &mfn))) {
        r = stage2_map(&s, GFN(BASE), mfn, 0, S2_RAM);
        if (r)
            frame_put(mfn);
    }
    if (p)
        iommu_detach(p, streams);
    while (stage2_destroy(&s) == -E_RESTART)
        continue;
    iommu_space_destroy(p);
    return r;
}

#endif
