/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/domains.h"
#include "mem/guest_copy.h"

#define PAGES 4
#define START ((uint64_t)FIRST_GFN << PAGE_SHIFT)

static struct domain *d;
static struct vcpu *v;

static int setup(void **state UNUSED)
{
    struct vcpu_start start = { .pc = 0 };

    host_boot(&(struct host_config){ .cpus = 2 });
    host_start();
    frames_at_start = frame_free_count();
    d = make_domain(1, PAGES);
    v = d->vcpus[0];
    assert_int_equal(vcpu_up(v, &start), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    return 0;
}

static int teardown(void **state UNUSED)
{
    while (domain_destroy(d) == -E_RESTART)
        (void)host_run(0);
    (void)host_run(0);
    (void)host_run(0);
    frame_check_all();
    assert_int_equal(frame_free_count(), frames_at_start);
    return 0;
}

static void test_by_physical_address(void **state UNUSED)
{
    uint8_t out[600], in[600];

    for (unsigned round = 0; round < 500; round++) {
        uint64_t at = START + host_random_below(PAGES * PAGE_SIZE - sizeof(out));
        size_t n = host_random_below(sizeof(out)) + 1;

        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)host_random();
        assert_int_equal(copy_to_gpa(&d->stage2, GPA(at), out, n), COPY_OK);
        assert_true(host_guest_read(d, at, in, n));
        assert_memory_equal(in, out, n);
        memset(in, 0, n);
        assert_int_equal(copy_from_gpa(&d->stage2, in, GPA(at), n), COPY_OK);
        assert_memory_equal(in, out, n);
    }
    assert_int_equal(d->owner.frames, PAGES);
}

static void test_faults(void **state UNUSED)
{
    uint8_t b[16];
    mfn_t mfn;

    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(START + PAGES * PAGE_SIZE - 8), 16), COPY_FAULT);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(UINT64_MAX - 4), 16), COPY_FAULT);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(START - 1), 1), COPY_FAULT);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(START - 1), 0), COPY_OK);
    assert_int_equal(frame_alloc(&d->owner, 0, FRAME_ANY, &mfn), 0);
    assert_int_equal(stage2_map(&d->stage2, GFN(FIRST_GFN), mfn, 0, S2_RAM_RO), 0);
    assert_int_equal(copy_to_gpa(&d->stage2, GPA(START), b, 1), COPY_FAULT);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(START), 1), COPY_OK);
    assert_int_equal(copy_error(COPY_FAULT), -E_FAULT);
    assert_int_equal(copy_error(COPY_RETRY), -E_RESTART);
    assert_int_equal(copy_error(COPY_OK), 0);
}

static void test_work_first(void **state UNUSED)
{
    uint64_t at = START + (PAGES << PAGE_SHIFT);
    uint8_t b[8] = { 1 };

    assert_int_equal(stage2_map(&d->stage2, gpa_to_gfn(GPA(at)), MFN(0), 0, S2_NEEDS_WORK), 0);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(at), 8), COPY_RETRY);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(at), 8), COPY_OK);
    assert_int_equal(b[0], 0);
    /* No frame to be had: an error, or the call would be made for ever. */
    assert_int_equal(stage2_map(&d->stage2, gpa_to_gfn(GPA(at)), MFN(0), 0, S2_NEEDS_WORK), 0);
    alloc_fail_nth(1);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(at), 8), COPY_FAULT);
    alloc_fail_nth(0);
    /* What was promised comes, whatever the limit is by now. */
    d->owner.limit = d->owner.frames;
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(at), 8), COPY_RETRY);
    assert_int_equal(copy_from_gpa(&d->stage2, b, GPA(at), 8), COPY_OK);
}

/* In the guest: virtual addresses are off by a constant, and the upper half is not mapped. */
static void by_virtual_address(struct vcpu *w, void *arg)
{
    uint64_t offset = d->arch.virtual_offset, x = 0x1122334455667788, y = 0;

    assert_int_equal(copy_to_guest(w, GVA(START + offset + PAGE_SIZE - 3), &x, 8), COPY_OK);
    assert_int_equal(copy_from_guest(w, &y, GVA(START + offset + PAGE_SIZE - 3), 8), COPY_OK);
    assert_true(x == y);
    assert_int_equal(copy_from_guest(w, &y, GVA(START + offset - 1), 8), COPY_FAULT);
    assert_int_equal(copy_from_guest(w, &y, GVA(offset - PAGE_SIZE), 8), COPY_FAULT);
    assert_int_equal(copy_to_guest(w, GVA(START + offset + PAGES * PAGE_SIZE - 4), &x, 8), COPY_FAULT);
    *(bool *)arg = true;
}

static void test_by_virtual_address(void **state UNUSED)
{
    bool ran = false;

    d->arch.virtual_offset = UINT64_C(0xfff0000000000000);
    assert_true(host_guest_call(v, by_virtual_address, &ran));
    assert_true(ran);
}

/* One CPU copies while another takes the page away and puts it back. */
static void copy_or_remap(unsigned cpu, void *arg UNUSED)
{
    for (unsigned i = 0; i < 200; i++) {
        uint64_t x = 0;
        mfn_t mfn;

        if (cpu == 1) {
            enum copy_result r = copy_from_gpa(&d->stage2, &x, GPA(START), 8);

            assert_true(r == COPY_FAULT || (r == COPY_OK && x == 0));
            continue;
        }
        assert_int_equal(stage2_unmap(&d->stage2, GFN(FIRST_GFN), 0), 0);
        assert_int_equal(frame_alloc(&d->owner, 0, FRAME_ANY, &mfn), 0);
        assert_int_equal(stage2_map(&d->stage2, GFN(FIRST_GFN), mfn, 0, S2_RAM), 0);
    }
}

static void test_copy_races_with_unmap(void **state UNUSED)
{
    host_run_parallel(2, copy_or_remap, NULL);
    assert_int_equal(d->owner.frames, PAGES);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_by_physical_address), TEST(test_faults), TEST(test_work_first), TEST(test_by_virtual_address),
        TEST(test_copy_races_with_unmap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
