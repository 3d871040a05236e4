/* SPDX-License-Identifier: Apache-2.0 */
/* Grant tables: mapping, copying, and what remains when either side ends. */
#include "tests/unit/domains.h"
#include "core/grant_entry.h"

#define PAGES 8
#define WINDOW_GFN UINT64_C(0x80000)    /* where mappers map */

static struct domain *granter, *mapper;

static int setup_machine(unsigned cpus)
{
    machine_start(cpus);
    granter = make_domain(1, PAGES);
    mapper = make_domain(1, PAGES);
    return 0;
}

static int setup(void **state UNUSED)
{
    return setup_machine(1);
}

static int setup_four(void **state UNUSED)
{
    return setup_machine(4);
}

static int teardown(void **state UNUSED)
{
    if (mapper)
        kill_domain(mapper);
    if (granter)
        kill_domain(granter);
    expect_all_home();
    return 0;
}

static grant_entry *entry(struct domain *d, uint32_t ref)
{
    return (grant_entry *)d->grants.frames[ref / GRANTS_PER_FRAME] + ref % GRANTS_PER_FRAME;
}

static void offer(uint32_t ref, unsigned page, uint16_t flags)
{
    *entry(granter, ref) = entry_make(flags, mapper->id, GFN(FIRST_GFN + page));
}

static int map(uint32_t ref, unsigned slot, bool read_only, uint32_t *handle)
{
    struct grant_map_request r = { .granter = granter->id, .ref = ref, .read_only = read_only,
                                   .at = GPA((WINDOW_GFN + slot) << PAGE_SHIFT) };
    struct grant_map_result out = { .handle = UINT32_MAX };
    int status = grant_map(mapper, &r, &out);

    if (status == GRANT_OKAY) {
        *handle = out.handle;
        assert_true(out.bus_address.v == frame_at(mapper, WINDOW_GFN + slot).v << PAGE_SHIFT);
    }
    return status;
}

static int unmap(unsigned slot, uint32_t handle)
{
    return unmap_one_grant(mapper, GPA((WINDOW_GFN + slot) << PAGE_SHIFT), handle);
}

static void test_map_and_unmap(void **state UNUSED)
{
    mfn_t frame = frame_at(granter, FIRST_GFN + 2);
    uint32_t handle;

    offer(8, 2, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    assert_true(mfn_eq(frame_at(mapper, WINDOW_GFN), frame));
    assert_int_equal(type_at(mapper, WINDOW_GFN), S2_GRANT_RW);
    assert_int_equal(frame_count(frame), 3);
    assert_int_equal(frame_owner(frame), granter->id.v);
    assert_true((*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING)) == (ENTRY_READING | ENTRY_WRITING));
    assert_int_equal(unmap(1, handle), GRANT_GENERAL_ERROR);
    assert_int_equal(unmap(0, handle + 1), GRANT_BAD_HANDLE);
    assert_int_equal(unmap_one_grant(mapper, GPA(0), handle), GRANT_OKAY);
    assert_int_equal(type_at(mapper, WINDOW_GFN), S2_GRANT_RW);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
    assert_int_equal(type_at(mapper, WINDOW_GFN), S2_EMPTY);
    assert_int_equal(frame_count(frame), 1);
    assert_true((*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING)) == 0);
    assert_int_equal(unmap(0, handle), GRANT_BAD_HANDLE);
    assert_int_equal(unmap_one_grant(mapper, GPA(0), UINT32_MAX), GRANT_BAD_HANDLE);
}

static void test_read_only_and_writable(void **state UNUSED)
{
    uint32_t ro, rw, ro2;

    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, true, &ro), GRANT_OKAY);
    assert_int_equal(type_at(mapper, WINDOW_GFN), S2_GRANT_RO);
    assert_true((*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING)) == ENTRY_READING);
    assert_int_equal(map(8, 1, false, &rw), GRANT_OKAY);
    assert_int_equal(map(8, 2, true, &ro2), GRANT_OKAY);
    assert_true(*entry(granter, 8) & ENTRY_WRITING);
    assert_int_equal(unmap(1, rw), GRANT_OKAY);
    assert_true((*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING)) == ENTRY_READING);
    assert_int_equal(unmap(0, ro), GRANT_OKAY);
    assert_true(*entry(granter, 8) & ENTRY_READING);
    assert_int_equal(unmap(2, ro2), GRANT_OKAY);
    assert_false(*entry(granter, 8) & ENTRY_READING);
}

static void test_refusals(void **state UNUSED)
{
    struct grant_map_request r = { .granter = DOMID(0x3ff), .ref = 8, .at = GPA(WINDOW_GFN << PAGE_SHIFT) };
    struct grant_map_result out;
    uint32_t handle;

    assert_int_equal(grant_map(mapper, &r, &out), GRANT_BAD_DOMAIN);
    r.granter = DOMID(0x7ff0);
    assert_int_equal(grant_map(mapper, &r, &out), GRANT_BAD_DOMAIN);
    r.granter = granter->id;
    r.device = true;
    assert_int_equal(grant_map(mapper, &r, &out), GRANT_GENERAL_ERROR);
    r.device = false;
    r.at = GPA(UINT64_MAX);
    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(grant_map(mapper, &r, &out), GRANT_GENERAL_ERROR);
    assert_false(*entry(granter, 8) & ENTRY_READING);
    assert_int_equal(map(GRANTS_PER_FRAME, 0, false, &handle), GRANT_BAD_REF);
    assert_int_equal(map(UINT32_MAX, 0, false, &handle), GRANT_BAD_REF);
    assert_int_equal(map(9, 0, false, &handle), GRANT_GENERAL_ERROR);
    offer(9, 0, ENTRY_ACCESS | ENTRY_READ_ONLY);
    assert_int_equal(map(9, 0, false, &handle), GRANT_GENERAL_ERROR);
    offer(9, 0, 2);
    assert_int_equal(map(9, 0, true, &handle), GRANT_GENERAL_ERROR);
    offer(9, 0, (uint16_t)(ENTRY_ACCESS | ENTRY_SUB_PAGE));
    assert_int_equal(map(9, 0, true, &handle), GRANT_GENERAL_ERROR);
    offer(9, PAGES, ENTRY_ACCESS);
    assert_int_equal(map(9, 0, true, &handle), GRANT_BAD_PAGE);
    *entry(granter, 9) = entry_make(ENTRY_ACCESS, granter->id, GFN(FIRST_GFN));
    assert_int_equal(map(9, 0, true, &handle), GRANT_GENERAL_ERROR);
    assert_int_equal(mapper->grants.maptrack_used, 0);
}

/* As dom0 on x86-64 where no IOMMU is driven. */
static void test_maps_are_refused(void **state UNUSED)
{
    uint32_t handle;

    offer(8, 0, ENTRY_ACCESS);
    mapper->grant_maps_refused = true;
    assert_int_equal(map(8, 0, false, &handle), GRANT_PERMISSION_DENIED);
    assert_int_equal(mapper->grants.maptrack_used, 0);
    mapper->grant_maps_refused = false;
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
}

static void test_a_granted_page_is_not_granted_on(void **state UNUSED)
{
    struct grant_map_request r = { .granter = mapper->id, .ref = 8, .at = GPA(WINDOW_GFN << PAGE_SHIFT) };
    struct grant_map_result out;
    uint32_t handle;

    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    *entry(mapper, 8) = entry_make(ENTRY_ACCESS, granter->id, GFN(WINDOW_GFN));
    assert_int_equal(grant_map(granter, &r, &out), GRANT_BAD_PAGE);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
}

static void test_seen_on_both_sides(void **state UNUSED)
{
    char text[] = "written by the mapper", back[sizeof(text)] = { 0 };
    uint32_t handle;

    offer(8, 3, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    assert_true(host_guest_write(mapper, (WINDOW_GFN << PAGE_SHIFT) + 100, text, sizeof(text)));
    assert_true(host_guest_read(granter, ((FIRST_GFN + 3) << PAGE_SHIFT) + 100, back, sizeof(back)));
    assert_string_equal(text, back);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
    assert_false(host_guest_write(mapper, (WINDOW_GFN << PAGE_SHIFT) + 100, text, sizeof(text)));
    assert_int_equal(map(8, 0, true, &handle), GRANT_OKAY);
    assert_false(host_guest_write(mapper, (WINDOW_GFN << PAGE_SHIFT) + 100, text, sizeof(text)));
    assert_true(host_guest_read(mapper, (WINDOW_GFN << PAGE_SHIFT) + 100, back, sizeof(back)));
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
}

/* The guest takes away the page, or maps something else over it, while it is mapped: the frame is what it was. */
static void test_entry_changes_while_mapped(void **state UNUSED)
{
    mfn_t frame = frame_at(granter, FIRST_GFN);
    uint32_t handle, second;

    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    assert_int_equal(domain_depopulate(granter, GFN(FIRST_GFN), 0), 0);
    *entry(granter, 8) = 0;
    assert_int_equal(frame_owner(frame), granter->id.v);
    assert_int_equal(map(8, 1, false, &second), GRANT_OKAY);
    assert_true(mfn_eq(frame_at(mapper, WINDOW_GFN + 1), frame));
    /* The mapper loses its mapping by another way: the handle still keeps the frame. */
    assert_int_equal(stage2_unmap(&mapper->stage2, GFN(WINDOW_GFN), 0), 0);
    assert_int_equal(stage2_unmap(&mapper->stage2, GFN(WINDOW_GFN + 1), 0), 0);
    assert_int_equal(frame_count(frame), 1);
    assert_int_equal(unmap(0, handle), GRANT_GENERAL_ERROR);
    assert_int_equal(frame_count(frame), 1);
}

static void test_granter_dies(void **state UNUSED)
{
    mfn_t frame = frame_at(granter, FIRST_GFN);
    domid id = granter->id;
    struct event_status status;
    uint32_t handle, second;
    char c = 1;

    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    kill_domain(granter);
    assert_non_null(domain_find(id));
    assert_int_equal(frame_owner(frame), id.v);
    assert_true(host_guest_write(mapper, WINDOW_GFN << PAGE_SHIFT, &c, 1));
    assert_int_equal(map(8, 1, false, &second), GRANT_GENERAL_ERROR);
    assert_int_equal(grant_grow(granter, 2), -E_INVAL);
    assert_int_equal(grant_seed(granter, 1, id, GFN(0)), -E_INVAL);
    assert_int_equal(event_status(granter, 1, &status), -E_INVAL);
    assert_int_equal(event_alloc_unbound(granter, id, &second), -E_INVAL);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
    settle();
    assert_null(domain_find(id));
    granter = NULL;
}

static void test_mapper_dies(void **state UNUSED)
{
    uint32_t handle;

    for (unsigned i = 0; i < PAGES; i++) {
        offer(8 + i, i, ENTRY_ACCESS);
        assert_int_equal(map(8 + i, i, i % 2, &handle), GRANT_OKAY);
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(map(8, 100 + i, true, &handle), GRANT_OKAY);
    kill_domain(mapper);
    mapper = NULL;
    for (unsigned i = 0; i < PAGES; i++) {
        assert_true((*entry(granter, 8 + i) & (ENTRY_READING | ENTRY_WRITING)) == 0);
        assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + i)), 1);
    }
}

static void test_both_die(void **state UNUSED)
{
    uint32_t handle;
    domid id = granter->id;

    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    kill_domain(granter);
    assert_non_null(domain_find(id));
    kill_domain(mapper);
    assert_null(domain_find(id));
    granter = mapper = NULL;
}

static void test_map_own_page(void **state UNUSED)
{
    struct grant_map_request r = { .granter = granter->id, .ref = 8, .at = GPA(WINDOW_GFN << PAGE_SHIFT) };
    struct grant_map_result out;

    *entry(granter, 8) = entry_make(ENTRY_ACCESS, granter->id, GFN(FIRST_GFN));
    assert_int_equal(grant_map(granter, &r, &out), GRANT_OKAY);
    assert_int_equal(frame_count(frame_at(granter, FIRST_GFN)), 3);
    kill_domain(granter);
    granter = NULL;
}

/* --- the table --- */

static void test_table(void **state UNUSED)
{
    mfn_t first = grant_table_frame(granter, 0);

    assert_int_equal(granter->grants.frames_used, 1);
    assert_int_equal(frame_owner(first), granter->id.v);
    assert_int_equal(grant_grow(granter, GRANT_DEFAULT_FRAMES + 1), -E_INVAL);
    assert_int_equal(grant_grow(granter, 3), 0);
    assert_int_equal(grant_grow(granter, 2), 0);
    assert_int_equal(granter->grants.frames_used, 3);
    assert_true(mfn_eq(grant_table_frame(granter, 0), first));
    assert_true(mfn_eq(grant_table_frame(granter, GRANT_DEFAULT_FRAMES), MFN_NONE));
    assert_true(mfn_eq(grant_table_frame(granter, UINT32_MAX), MFN_NONE));
    assert_false(mfn_eq(grant_table_frame(granter, 7), MFN_NONE));
    assert_int_equal(granter->grants.frames_used, 8);
    assert_int_equal(grant_set_limits(granter, 7, 10), -E_INVAL);
    assert_int_equal(grant_set_limits(granter, 10, 10), 0);
    assert_int_equal(grant_grow(granter, 11), -E_INVAL);
}

static void test_seed_and_swap(void **state UNUSED)
{
    uint32_t handle;

    assert_int_equal(grant_seed(granter, 1, mapper->id, GFN(FIRST_GFN + 1)), 0);
    assert_int_equal(grant_seed(granter, GRANTS_PER_FRAME, mapper->id, GFN(1)), -E_INVAL);
    assert_int_equal(grant_seed(granter, 1, mapper->id, GFN(UINT64_MAX)), -E_INVAL);
    assert_int_equal(map(1, 0, false, &handle), GRANT_OKAY);
    assert_int_equal(grant_seed(granter, 1, mapper->id, GFN(FIRST_GFN)), -E_INVAL);
    assert_int_equal(grant_swap(granter, 1, 2), GRANT_AGAIN);
    assert_int_equal(grant_swap(granter, 1, 1), GRANT_OKAY);
    assert_int_equal(grant_swap(granter, 1, GRANTS_PER_FRAME), GRANT_BAD_REF);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
    assert_int_equal(grant_swap(granter, 1, 2), GRANT_OKAY);
    assert_true(*entry(granter, 1) == 0);
    assert_int_equal(map(1, 0, false, &handle), GRANT_GENERAL_ERROR);
    assert_int_equal(map(2, 0, false, &handle), GRANT_OKAY);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
}

static void test_maptrack_limit(void **state UNUSED)
{
    uint32_t handle, n;

    assert_int_equal(grant_set_limits(mapper, 1, 2), 0);
    offer(8, 0, ENTRY_ACCESS);
    for (n = 0; map(8, n, true, &handle) == GRANT_OKAY; n++)
        assert_true(n < 1000);
    assert_int_equal(n, 512);
    assert_int_equal(map(8, n, true, &handle), GRANT_NO_SPACE);
    assert_int_equal(unmap(7, 7), GRANT_OKAY);
    assert_int_equal(map(8, 7, true, &handle), GRANT_OKAY);
    assert_int_equal(handle, 7);
}

static void test_cache_flush(void **state UNUSED)
{
    hpa_t own = mfn_to_hpa(frame_at(mapper, FIRST_GFN)), other = mfn_to_hpa(frame_at(granter, FIRST_GFN));
    uint32_t handle, cursor = 0;

    assert_int_equal(grant_cache_flush(mapper, own, 0, 64, true, false, &cursor), 0);
    assert_int_equal(grant_cache_flush(mapper, other, 0, 64, true, true, &cursor), -E_INVAL);
    assert_int_equal(grant_cache_flush(mapper, HPA(0), 0, 64, true, true, &cursor), -E_INVAL);
    assert_int_equal(grant_cache_flush(mapper, HPA(UINT64_MAX), 0, 64, true, true, &cursor), -E_INVAL);
    assert_int_equal(grant_cache_flush(mapper, mfn_to_hpa(MFN(HOST_RAM_BASE.v + host_ram_frames() - 1)), 0, 64, true, true,
                                       &cursor), -E_PERM);
    offer(8, 0, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, false, &handle), GRANT_OKAY);
    assert_int_equal(grant_cache_flush(mapper, other, 4000, 96, true, true, &cursor), 0);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
    assert_int_equal(grant_cache_flush(mapper, other, 0, 64, false, true, &cursor), -E_INVAL);
    assert_int_equal(cursor, 0);
    cursor = 1u << 19;
    assert_int_equal(grant_cache_flush(mapper, other, 0, 64, false, true, &cursor), -E_INVAL);
}

/* --- copies --- */

static struct grant_copy_side by_ref(uint32_t ref, uint16_t offset)
{
    return (struct grant_copy_side){ .domain = granter->id, .is_ref = true, .number = ref, .offset = offset };
}

static struct grant_copy_side by_page(unsigned page, uint16_t offset)
{
    return (struct grant_copy_side){ .domain = mapper->id, .number = FIRST_GFN + page, .offset = offset };
}

static void test_copy(void **state UNUSED)
{
    struct grant_copy_side page = by_page(1, 10), ref = by_ref(8, 4000), foreign = by_page(0, 0);
    char *from = page_at(mapper, FIRST_GFN + 1), *to = page_at(granter, FIRST_GFN + 2);

    offer(8, 2, ENTRY_ACCESS);
    memcpy(from + 10, "hello", 5);
    assert_int_equal(copy_one_grant(mapper, page, ref, 5), GRANT_OKAY);
    assert_memory_equal(to + 4000, "hello", 5);
    assert_int_equal(copy_one_grant(mapper, page, ref, 97), GRANT_BAD_COPY);
    assert_int_equal(copy_one_grant(mapper, page, ref, UINT16_MAX), GRANT_BAD_COPY);
    page.offset = 200;
    assert_int_equal(copy_one_grant(mapper, ref, page, 96), GRANT_OKAY);
    assert_memory_equal(from + 200, "hello", 5);
    assert_true((*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING)) == 0);

    offer(8, 2, ENTRY_ACCESS | ENTRY_READ_ONLY);
    assert_int_equal(copy_one_grant(mapper, page, ref, 1), GRANT_GENERAL_ERROR);
    assert_int_equal(copy_one_grant(mapper, ref, page, 1), GRANT_OKAY);
    ref.number = GRANTS_PER_FRAME;
    assert_int_equal(copy_one_grant(mapper, ref, page, 1), GRANT_BAD_REF);
    ref = by_ref(8, 0);
    ref.domain = DOMID(0x3ff);
    assert_int_equal(copy_one_grant(mapper, ref, page, 1), GRANT_BAD_DOMAIN);
    foreign.domain = granter->id;
    assert_int_equal(copy_one_grant(mapper, foreign, page, 1), GRANT_PERMISSION_DENIED);
    foreign = by_page(PAGES, 0);
    assert_int_equal(copy_one_grant(mapper, foreign, page, 1), GRANT_BAD_PAGE);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + i)), 1);
}

/* Consecutive copies in the same pages keep them claimed, and let go of them at the latest at the end. */
static void test_copies_in_a_row(void **state UNUSED)
{
    struct grant_copy_side page = by_page(1, 0), ref = by_ref(8, 0), next = by_ref(9, 0);
    char *from = page_at(mapper, FIRST_GFN + 1);
    struct grant_copier c;

    offer(8, 2, ENTRY_ACCESS);
    offer(9, 3, ENTRY_ACCESS);
    memcpy(from, "first half, second", 18);
    grant_copy_start(&c, mapper);
    assert_int_equal(grant_copy(&c, page, ref, 6), GRANT_OKAY);
    assert_true(*entry(granter, 8) & ENTRY_WRITING);
    page.offset = ref.offset = 6;
    assert_int_equal(grant_copy(&c, page, ref, 6), GRANT_OKAY);
    assert_memory_equal(page_at(granter, FIRST_GFN + 2), "first half, ", 12);
    page.offset = 12;
    assert_int_equal(grant_copy(&c, page, next, 6), GRANT_OKAY);
    assert_memory_equal(page_at(granter, FIRST_GFN + 3), "second", 6);
    assert_false(*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING));
    assert_true(*entry(granter, 9) & ENTRY_WRITING);
    /* The other way round the claims are other ones; an entry that is none ends nothing. */
    assert_int_equal(grant_copy(&c, next, page, 6), GRANT_OKAY);
    next.number = 10;
    assert_int_equal(grant_copy(&c, page, next, 6), GRANT_GENERAL_ERROR);
    assert_int_equal(grant_copy(&c, page, ref, 6), GRANT_OKAY);
    grant_copy_finish(&c);
    for (uint32_t i = 8; i < 10; i++)
        assert_false(*entry(granter, i) & (ENTRY_READING | ENTRY_WRITING));
    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + i)), 1);
        assert_int_equal(frame_count(frame_at(mapper, FIRST_GFN + i)), 1);
    }
}

/* One invalidation for all of a batch reaches each of its pages, in whatever order they come. */
static void test_unmap_in_one_batch(void **state UNUSED)
{
    static const unsigned slots[] = { 5, 600, 1, 9 };
    struct grant_unmap_request r[ARRAY_SIZE(slots) + 2] = { 0 };
    uint64_t seen;

    for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
        offer(8 + i, i, ENTRY_ACCESS);
        r[i].at = GPA((WINDOW_GFN + slots[i]) << PAGE_SHIFT);
        assert_int_equal(map(8 + i, slots[i], false, &r[i].handle), GRANT_OKAY);
        assert_true(host_access(&mapper->stage2, r[i].at.v, &seen, sizeof(seen), true));
    }
    r[4] = r[0];
    r[5].handle = UINT32_MAX;
    grant_unmap(mapper, r, ARRAY_SIZE(r));
    for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
        assert_int_equal(r[i].status, GRANT_OKAY);
        assert_false(host_access(&mapper->stage2, r[i].at.v, &seen, sizeof(seen), true));
        assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + i)), 1);
    }
    assert_int_equal(r[4].status, GRANT_BAD_HANDLE);
    assert_int_equal(r[5].status, GRANT_BAD_HANDLE);
    assert_int_equal(mapper->grants.maptrack_used, 0);
}

static void test_copy_of_a_mapped_entry(void **state UNUSED)
{
    struct grant_copy_side page = by_page(1, 0), ref = by_ref(8, 0);
    uint32_t handle;

    offer(8, 2, ENTRY_ACCESS);
    assert_int_equal(map(8, 0, true, &handle), GRANT_OKAY);
    assert_int_equal(copy_one_grant(mapper, page, ref, 100), GRANT_OKAY);
    assert_true((*entry(granter, 8) & (ENTRY_READING | ENTRY_WRITING)) == ENTRY_READING);
    assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + 2)), 3);
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
    assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + 2)), 1);
}

/* --- memory runs out at every place --- */

static void test_out_of_memory(void **state UNUSED)
{
    uint32_t handle;
    int status;

    offer(8, 0, ENTRY_ACCESS);
    for (unsigned n = 1;; n++) {
        assert_true(n < 100);
        alloc_fail_nth(n);
        status = map(8, 0, false, &handle);
        alloc_fail_nth(0);
        frame_check_all();
        if (status == GRANT_OKAY)
            break;
        assert_true(status == GRANT_NO_SPACE || status == GRANT_GENERAL_ERROR);
        assert_false(*entry(granter, 8) & ENTRY_READING);
        assert_int_equal(frame_count(frame_at(granter, FIRST_GFN)), 1);
        assert_int_equal(mapper->grants.maptrack_used, 0);
    }
    assert_int_equal(unmap(0, handle), GRANT_OKAY);
}

static int attempt_grow(void *arg UNUSED)
{
    return grant_grow(granter, 5);
}

static void expect_one_frame(void *arg UNUSED)
{
    assert_int_equal(granter->grants.frames_used, 1);
}

static void test_grow_out_of_memory(void **state UNUSED)
{
    assert_true(oom_loop(attempt_grow, expect_one_frame, NULL) >= 4);
    assert_int_equal(granter->grants.frames_used, 5);
}

static int attempt_create(void *arg)
{
    struct domain_config c = { .max_vcpus = 2, .max_event_port = 1023 };

    return domain_create(DOMID(0xffff), &c, arg);
}

static void test_create_out_of_memory(void **state UNUSED)
{
    struct domain *d = NULL;

    assert_true(oom_loop(attempt_create, NULL, &d) >= 6);
    kill_domain(d);
}

/* --- several CPUs map, unmap and copy while the granter scribbles --- */

static void storm(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = 0; i < 100; i++) {
        struct grant_copy_side page = by_page(1, 0), ref = by_ref(8, 0);
        uint32_t handle;

        if (cpu == 0) {
            offer(8, (unsigned)host_random_below(2), (uint16_t)(host_random_below(4) ? ENTRY_ACCESS : 0));
            continue;
        }
        if (map(8, cpu, host_random_below(2), &handle) == GRANT_OKAY) {
            int status;

            /* Another CPU may be trying the handle, in vain, at this moment. */
            while ((status = unmap(cpu, handle)) == GRANT_BAD_HANDLE)
                cpu_relax();
            assert_int_equal(status, GRANT_OKAY);
        }
        (void)copy_one_grant(mapper, page, ref, 16);
        (void)unmap_one_grant(mapper, GPA((WINDOW_GFN + cpu) << PAGE_SHIFT), (uint32_t)host_random_below(4));
    }
}

static void test_storm(void **state UNUSED)
{
    host_run_parallel(4, storm, NULL);
    assert_int_equal(mapper->grants.maptrack_used, 0);
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(frame_count(frame_at(granter, FIRST_GFN + i)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_map_and_unmap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_only_and_writable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maps_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_granted_page_is_not_granted_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seen_on_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entry_changes_while_mapped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_granter_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mapper_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_die, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map_own_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seed_and_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maptrack_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies_in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unmap_in_one_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_of_a_mapped_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grow_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_storm, setup_four, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
