/* SPDX-License-Identifier: Apache-2.0 */
/* Property: after any sequence of creations, grants, maps, copies, changes of memory and deaths every frame comes home. */
#include "tests/unit/domains.h"
#include "core/grant_entry.h"

#define PAGES 8
#define WINDOW_GFN UINT64_C(0x80000)    /* where mappers map */

#define WORLD 4
#define REFS 6
#define SLOTS 12

static struct domain *world[WORLD];
static struct { bool used; uint32_t handle; } mapped[WORLD][SLOTS];

static grant_entry *entry(struct domain *d, uint32_t ref)
{
    return (grant_entry *)d->grants.frames[ref / GRANTS_PER_FRAME] + ref % GRANTS_PER_FRAME;
}

static void world_offer(unsigned d)
{
    uint16_t flags = (uint16_t)(host_random_below(8) ? ENTRY_ACCESS : host_random_below(1024));

    /* A guest writes its own table as it likes, flags of the hypervisor's included. */
    *entry(world[d], 8 + (uint32_t)host_random_below(REFS)) =
        entry_make(flags, world[host_random_below(WORLD)]->id, GFN(FIRST_GFN + host_random_below(PAGES + 1)));
}

static void world_map(unsigned d)
{
    unsigned slot = (unsigned)host_random_below(SLOTS);
    struct grant_map_request r = { .granter = world[host_random_below(WORLD)]->id, .ref = 8 + (uint32_t)host_random_below(REFS),
                                   .at = GPA((WINDOW_GFN + slot) << PAGE_SHIFT), .read_only = host_random_below(2) };
    struct grant_map_result out;

    if (!mapped[d][slot].used && grant_map(world[d], &r, &out) == GRANT_OKAY) {
        mapped[d][slot].used = true;
        mapped[d][slot].handle = out.handle;
    }
}

static void world_unmap(unsigned d)
{
    unsigned slot = (unsigned)host_random_below(SLOTS);

    if (!mapped[d][slot].used)
        return;
    assert_int_equal(unmap_one_grant(world[d], GPA((WINDOW_GFN + slot) << PAGE_SHIFT), mapped[d][slot].handle), GRANT_OKAY);
    mapped[d][slot].used = false;
}

static void world_copy(unsigned d)
{
    struct grant_copy_side from = { .domain = world[host_random_below(WORLD)]->id, .is_ref = true,
                                    .number = 8 + (uint32_t)host_random_below(REFS) };
    struct grant_copy_side to = { .domain = world[d]->id, .number = FIRST_GFN + host_random_below(PAGES) };

    (void)(host_random_below(2) ? copy_one_grant(world[d], from, to, 64) : copy_one_grant(world[d], to, from, 64));
}

static void world_memory(unsigned d)
{
    uint64_t gfn = FIRST_GFN + host_random_below(PAGES);

    if (type_at(world[d], gfn) == S2_EMPTY)
        assert_int_equal(domain_populate(world[d], GFN(gfn), 0), 0);
    else
        assert_int_equal(domain_depopulate(world[d], GFN(gfn), 0), 0);
}

static void world_die(unsigned d)
{
    if (host_random_below(10))
        return;
    kill_domain(world[d]);
    memset(mapped[d], 0, sizeof(mapped[d]));
    world[d] = make_domain(1, PAGES);
}

static void test_every_frame_comes_home(void **state UNUSED)
{
    static void (*const steps[])(unsigned d) = { world_offer, world_offer, world_map,    world_map, world_map,
                                                 world_unmap, world_copy,  world_memory, world_die };

    machine_start(1);
    memset(mapped, 0, sizeof(mapped));
    for (unsigned d = 0; d < WORLD; d++)
        world[d] = make_domain(1, PAGES);
    for (unsigned i = 0; i < 6000; i++) {
        steps[host_random_below(ARRAY_SIZE(steps))]((unsigned)host_random_below(WORLD));
        if (i % 64 == 0)
            frame_check_all();
    }
    for (unsigned d = 0; d < WORLD; d++)
        kill_domain(world[d]);
    expect_all_home();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_comes_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
