/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual ITS: a guest's commands, good and bad, and what its devices' messages become. */
#include <string.h>

#include "tests/unit/vgic.h"
#include "arch/host/its_model.h"
#include "core/host_device.h"
#include "core/quiesce.h"
#include "core/time.h"
#include "lib/cpu_work.h"
#include "vdev/arm64/vits.h"

#define ITS UINT64_C(0x08080000)
#define DEVICE 0x10u            /* the first of those that are d's: 40 */
#define OWN_DEVICES 40u
#define FOREIGN 0x100u
#define QUEUE (FIRST_GFN << 12)
#define CONFIG_TABLE ((FIRST_GFN + 1) << 12)
#define NOWHERE UINT64_C(0x7000000000)
#define LPI(n) (LPI_FIRST + (n))
#define VALID BIT(63)
#define LPIS_ON 1

static unsigned at;             /* next command's place in the queue */
static uint64_t seed;           /* of the machine; 0: the usual one */

static void *memory(uint64_t gpa)
{
    return (uint8_t *)host_ram(frame_at(d, gpa >> 12)) + (gpa & 0xfff);
}

static int setup_its(void **state UNUSED)
{
    struct host_device mine = { .path = "/pci@1", .messages = { { DEVICE, OWN_DEVICES } }, .message_count = 1 };
    struct host_device other = { .path = "/pci@2", .messages = { { FOREIGN, 16 } }, .message_count = 1 };
    struct vcpu_start start = { .pc = 0x40000000 };

    host_boot(&(struct host_config){ .cpus = 2, .seed = seed });
    assert_int_equal(host_device_add(&mine), 0);
    assert_int_equal(host_device_add(&other), 0);
    arch_boot_its(HPA(ITS));
    host_start();
    d = make_domain(3, 4);
    d->direct_mapped = true;
    assert_int_equal(host_device_assign(d, host_device_find(mine.path), true), 0);
    assert_int_equal(vits_create(d), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(vcpu_up(d->vcpus[i], &start), 0);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    memset(memory(CONFIG_TABLE), 0xa1, 256);
    failed_line = at = 0;
    return 0;
}

static int teardown_its(void **state UNUSED)
{
    kill_domain(d);
    assert_int_equal(host_its_devices(), 0);
    return 0;
}

/* -- in the guest -- */

static void command(struct vcpu *v, uint64_t w0, uint64_t w1, uint64_t w2)
{
    const uint64_t words[4] = { w0, w1, w2, 0 };

    memcpy(memory(QUEUE + at), words, sizeof(words));
    at = (at + 32) % 4096;
    put(v, ITS + 0x88, 8, at);
    for (unsigned i = 0; get(v, ITS + 0x90, 8) != at; i++)
        CHECK(i < 100);
}

static void map_device(struct vcpu *v, uint32_t device, unsigned bits)
{
    command(v, 0x08 | (uint64_t)device << 32, bits - 1, VALID | 0x1000);
}

static void map_event(struct vcpu *v, uint32_t device, uint32_t event, uint32_t lpi, unsigned collection)
{
    command(v, 0x0a | (uint64_t)device << 32, event | (uint64_t)lpi << 32, collection);
}

static void of_event(struct vcpu *v, unsigned opcode, uint32_t device, uint32_t event)
{
    command(v, opcode | (uint64_t)device << 32, event, 0);
}

static void start_its(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    CHECK(get(v, DIST + 4, 4) & BIT(17));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(get(v, REDIST(i) + 8, 8) & 1);
        put(v, REDIST(i) + 0x70, 4, CONFIG_TABLE | 13);   /* the halves go together */
        put(v, REDIST(i) + 0x74, 4, CONFIG_TABLE >> 32);
        CHECK(get(v, REDIST(i) + 0x70, 8) == (CONFIG_TABLE | 13));
        put(v, REDIST(i), 4, LPIS_ON);
        CHECK(get(v, REDIST(i), 4) == LPIS_ON);
    }
    put(v, ITS + 0x80, 8, VALID | QUEUE);
    put(v, ITS, 4, 1);
    for (unsigned i = 0; i < 3; i++)
        command(v, 0x09, 0, VALID | (uint64_t)i << 16 | i);
}

static void map_some(struct vcpu *v, void *arg UNUSED)
{
    start_its(v, NULL);
    map_device(v, DEVICE, 5);
    for (unsigned i = 0; i < 4; i++)
        map_event(v, DEVICE, i, LPI(i), i % 3);
}

static void take(struct vcpu *v, unsigned want)
{
    unsigned irq = acknowledge(v);

    CHECK(irq == want);
    if (irq != NONE)
        end(v, irq);
}

static void take_lpi(struct vcpu *v, void *arg)
{
    take(v, *(const unsigned *)arg);
    take(v, NONE);
}

static void ring_and_take(struct vcpu *v, void *arg)
{
    CHECK(host_its_ring(DEVICE, *(const unsigned *)arg - LPI_FIRST));
    take_lpi(v, arg);
}

static void test_messages_become_lpis(void **state UNUSED)
{
    unsigned lpi = LPI(0), other = LPI(1);

    run(0, map_some, NULL);
    run(0, ring_and_take, &lpi);
    run(0, ring_and_take, &lpi);
    assert_true(host_its_ring(DEVICE, 1));
    run(1, take_lpi, &other);
    assert_false(host_its_ring(DEVICE, 4));
    assert_false(host_its_ring(FOREIGN, 0));
    assert_false(vits_deliver(LPI_FIRST + LPI_COUNT - 1));
    assert_false(vits_deliver(UINT32_MAX));
}

static void mask(struct vcpu *v, void *arg)
{
    *(uint8_t *)memory(CONFIG_TABLE) = *(const uint8_t *)arg;
    of_event(v, 0x0c, DEVICE, 0);
}

static void nothing_then_all(struct vcpu *v, void *arg UNUSED)
{
    mask(v, &(uint8_t){ 0xa0 });
    CHECK(host_its_ring(DEVICE, 0));
    take(v, NONE);
    *(uint8_t *)memory(CONFIG_TABLE) = 0xa1;
    take(v, NONE);                                  /* not read before it is said */
    command(v, 0x0d, 0, 0);
    take(v, LPI(0));
    of_event(v, 0x03, DEVICE, 0);                   /* INT, CLEAR */
    of_event(v, 0x04, DEVICE, 0);
    take(v, NONE);
    of_event(v, 0x03, DEVICE, 0);
    take(v, LPI(0));
}

/* The one of higher priority first. */
static void by_priority(struct vcpu *v, void *arg UNUSED)
{
    *(uint8_t *)memory(CONFIG_TABLE + 3) = 0x41;
    of_event(v, 0x0c, DEVICE, 3);
    CHECK(host_its_ring(DEVICE, 0) && host_its_ring(DEVICE, 3));
    take(v, LPI(3));
    take(v, LPI(0));
}

static void test_configuration(void **state UNUSED)
{
    run(0, map_some, NULL);
    run(0, nothing_then_all, NULL);
    run(0, by_priority, NULL);
}

static void move(struct vcpu *v, void *arg UNUSED)
{
    command(v, 0x01 | (uint64_t)DEVICE << 32, 0, 2);
    take(v, NONE);
}

static void discard(struct vcpu *v, void *arg UNUSED)
{
    of_event(v, 0x0f, DEVICE, 0);
    CHECK(!host_its_ring(DEVICE, 0));
    CHECK(host_its_lpi(DEVICE, 0) == 0);
    take(v, NONE);
}

static void test_move_and_discard(void **state UNUSED)
{
    unsigned lpi = LPI(0);

    run(0, map_some, NULL);
    run(0, move, NULL);
    assert_true(host_its_ring(DEVICE, 0));
    run(2, take_lpi, &lpi);
    run(0, discard, NULL);
}

/* What is in a list register goes when its event does, and its number may be another event's at once. */
static void remap_while_lent(struct vcpu *v, void *arg UNUSED)
{
    CHECK(host_its_ring(DEVICE, 0));
    trap(v);
    of_event(v, 0x0f, DEVICE, 0);
    map_event(v, DEVICE, 9, LPI(0), 0);
    take(v, NONE);
    CHECK(host_its_ring(DEVICE, 9));
    take(v, LPI(0));
}

static void test_remap(void **state UNUSED)
{
    run(0, map_some, NULL);
    run(0, remap_while_lent, NULL);
}

/* One each 10 ms: what is early is held back, masked in the host's ITS; what comes meanwhile is there too. */
static void limited(struct vcpu *v, void *arg UNUSED)
{
    CHECK(host_its_ring(DEVICE, 0));
    take(v, LPI(0));
    CHECK(host_its_ring(DEVICE, 0) && host_its_is_masked(DEVICE, 0) && !host_its_is_masked(DEVICE, 3));
    CHECK(host_its_ring(DEVICE, 0) && host_its_ring(DEVICE, 3) && host_its_is_masked(DEVICE, 3));
    take(v, NONE);
    host_time_advance(MSEC(10));
    timer_run_due();
    CHECK(!host_its_is_masked(DEVICE, 0) && !host_its_is_masked(DEVICE, 3));
    take(v, LPI(0));
    take(v, LPI(3));
    CHECK(host_its_send_pending(DEVICE, 0) && host_its_is_masked(DEVICE, 0));
    take(v, NONE);
}

/* While one is held back its event is cleared, discarded and mapped anew, or its device goes. */
static void held_and_gone(struct vcpu *v, void *arg UNUSED)
{
    of_event(v, 0x04, DEVICE, 0);
    host_time_advance(MSEC(100));
    timer_run_due();
    take(v, NONE);
    CHECK(!host_its_is_masked(DEVICE, 0));
    CHECK(host_its_ring(DEVICE, 0));
    take(v, LPI(0));
    CHECK(host_its_ring(DEVICE, 0) && host_its_is_masked(DEVICE, 0));
    of_event(v, 0x0f, DEVICE, 0);
    map_event(v, DEVICE, 0, LPI(0), 0);
    CHECK(!host_its_is_masked(DEVICE, 0));
    host_time_advance(MSEC(100));
    timer_run_due();
    take(v, NONE);
    CHECK(host_its_ring(DEVICE, 0) && host_its_ring(DEVICE, 0) && host_its_is_masked(DEVICE, 0));
    map_device(v, DEVICE, 5);
    host_time_advance(MSEC(100));
    timer_run_due();
    take(v, NONE);
}

static void test_limit(void **state UNUSED)
{
    assert_int_equal(vgic_limit_rate(d, 100), 0);
    host_stop_ticks();
    run(0, map_some, NULL);
    run(0, limited, NULL);
    run(0, held_and_gone, NULL);
    run(0, map_some, NULL);
    assert_true(host_its_ring(DEVICE, 0) && host_its_ring(DEVICE, 0));
}

static void hostile(struct vcpu *v, void *arg UNUSED)
{
    map_device(v, FOREIGN, 5);                      /* another's, nobody's */
    map_device(v, 0xffffffff, 5);
    map_event(v, FOREIGN, 0, LPI(20), 0);
    map_event(v, DEVICE, 32, LPI(20), 0);           /* beyond what was mapped */
    map_event(v, DEVICE, UINT32_MAX, LPI(20), 0);
    map_event(v, DEVICE, 5, LPI(0), 0);             /* in use */
    map_event(v, DEVICE, 5, 5, 0);                  /* no LPI */
    map_event(v, DEVICE, 5, BIT(VITS_LPI_BITS), 0);
    map_event(v, DEVICE, 5, LPI(20), VITS_COLLECTIONS);
    map_event(v, DEVICE, 5, LPI(20), 0xffff);
    map_event(v, DEVICE, 5, LPI(20), 7);            /* not mapped */
    command(v, 0x0b | (uint64_t)DEVICE << 32, 5, 0);
    command(v, 0x09, 0, VALID | UINT64_C(3) << 16 | 9);     /* no such vCPU */
    command(v, 0x09, 0, VALID | UINT64_C(0xffffffff) << 16 | 9);
    command(v, 0x09, 0, VALID | 0xffff);
    command(v, 0x01 | (uint64_t)DEVICE << 32, 0, 9);
    for (unsigned opcode = 0; opcode < 256; opcode++)
        if (opcode > 0x0f || opcode < 1 || opcode == 2 || opcode == 6 || opcode == 7)
            command(v, opcode | (uint64_t)DEVICE << 32, 0, VALID);
    for (unsigned i = 0; i < OWN_DEVICES; i++)
        map_device(v, DEVICE + i, 32);              /* as many bits as it likes */
}

static void test_bad_commands(void **state UNUSED)
{
    run(0, map_some, NULL);
    host_console_clear();
    run(0, hostile, NULL);
    assert_non_null(strstr(host_console_text(), "device 0x100 refused: the device is not its own"));
    assert_false(host_its_ring(FOREIGN, 0));
    assert_int_equal(host_its_devices(), VITS_DEVICES);
    assert_int_equal(host_its_lpi(DEVICE, 0), 0);   /* mapping the device again has unmapped its events */
}

static void many_events(struct vcpu *v, void *arg UNUSED)
{
    unsigned mapped = 0;

    start_its(v, NULL);
    for (unsigned i = 0; i < 3; i++) {
        map_device(v, DEVICE + i, 8);
        for (unsigned event = 0; event < 128; event++) {
            map_event(v, DEVICE + i, event, LPI(i * 128 + event), 0);
            mapped += host_its_lpi(DEVICE + i, event) != 0;
        }
    }
    CHECK(mapped == VITS_LPIS);
    command(v, 0x08 | (uint64_t)DEVICE << 32, 0, 0);
    map_event(v, DEVICE + 2, 0, LPI(300), 0);
    CHECK(host_its_lpi(DEVICE + 2, 0));
}

/* In pieces; every one of them is read again. */
static void reload_many(struct vcpu *v, void *arg UNUSED)
{
    memset(memory(CONFIG_TABLE), 0x80, 512);
    command(v, 0x0d, 0, 0);
    for (unsigned i = 0; i < VITS_LPIS; i++)
        CHECK(!d->arch.vgic.its->lpis[i].irq.enabled);
}

static void test_places_run_out(void **state UNUSED)
{
    run(0, many_events, NULL);
    run(0, reload_many, NULL);
}

static void tables_outside(struct vcpu *v, void *arg UNUSED)
{
    start_its(v, NULL);
    map_device(v, DEVICE, 5);
    put(v, ITS, 4, 0);
    put(v, ITS + 0x80, 8, VALID | NOWHERE);
    put(v, ITS, 4, 1);
    put(v, ITS + 0x88, 8, 0x40);
    CHECK(get(v, ITS + 0x90, 8) == 0x40);           /* passed over */
    put(v, ITS + 0x88, 8, 0x1000);                  /* beyond the queue */
    CHECK(get(v, ITS + 0x88, 8) == 0x40);
    put(v, ITS + 0x80, 8, VALID | QUEUE);           /* not while it is on */
    CHECK(get(v, ITS + 0x80, 8) == (VALID | NOWHERE));
    put(v, ITS + 0x10040, 4, 0);                    /* a processor rings */
    CHECK(get(v, ITS + 0x10040, 4) == 0);
}

static void config_outside(struct vcpu *v, void *arg UNUSED)
{
    put(v, DIST, 4, 2);
    put(v, REDIST(0) + 0x70, 8, NOWHERE | 13);
    put(v, REDIST(0), 4, LPIS_ON);
    put(v, REDIST(0) + 0x70, 8, CONFIG_TABLE | 13);       /* too late */
    CHECK(get(v, REDIST(0) + 0x70, 8) == (NOWHERE | 13));
    put(v, ITS + 0x80, 8, VALID | QUEUE);
    put(v, ITS, 4, 1);
    command(v, 0x09, 0, VALID);
    map_device(v, DEVICE, 5);
    map_event(v, DEVICE, 0, LPI(0), 0);
    CHECK(host_its_ring(DEVICE, 0));
    take(v, NONE);
}

static void test_tables_outside(void **state UNUSED)
{
    run(0, tables_outside, NULL);
}

static void test_config_outside(void **state UNUSED)
{
    run(0, config_outside, NULL);
}

static uint64_t random_word(unsigned n)
{
    static const uint64_t opcodes[] = { 1, 3, 4, 5, 8, 8, 9, 10, 10, 10, 11, 12, 13, 14, 15 };

    switch (n) {
    case 0:
        return opcodes[host_random() % ARRAY_SIZE(opcodes)] | (uint64_t)(DEVICE - 1 + host_random() % 5) << 32;
    case 1:
        return host_random() % 40 | (uint64_t)(LPI(0) - 2 + host_random() % 40) << 32;
    default:
        return host_random() % 5 | (host_random() % 5) << 16 | (host_random() & 1) << 63;
    }
}

static void random_commands(struct vcpu *v, void *arg UNUSED)
{
    for (unsigned i = 0; i < 3000; i++) {
        command(v, random_word(0), random_word(1), random_word(2));
        (void)host_its_ring(DEVICE + (uint32_t)(host_random() % 3), (uint32_t)(host_random() % 32));
        if (host_random() % 4 == 0) {
            unsigned irq = acknowledge(v);

            if (irq != NONE)
                end(v, irq);
        }
    }
}

/* No wrong use of the host's ITS (its model would panic), and all is given back at the end. */
static void test_random(void **state UNUSED)
{
    uint64_t pages;

    run(0, map_some, NULL);
    run(0, random_commands, NULL);
    domain_pause(d);
    settle();
    vits_reset(d);
    pages = heap_pages_used();
    assert_int_equal(host_its_devices(), 0);
    vits_reset(d);
    assert_int_equal(heap_pages_used(), pages);
    for (unsigned i = 0; i < VITS_LPIS; i++)
        assert_false(d->arch.vgic.its->lpis[i].mapped || d->arch.vgic.its->lpis[i].irq.queued);
    domain_unpause(d);
}

static void map_or_not(struct vcpu *v, void *arg UNUSED)
{
    map_device(v, DEVICE + 1, 5);
}

static void test_no_memory(void **state UNUSED)
{
    uint64_t pages;

    run(0, map_some, NULL);
    pages = heap_pages_used();
    for (unsigned n = 1; n < 3; n++) {
        alloc_fail_nth(n);
        run(0, map_or_not, NULL);
        alloc_fail_nth(0);
        assert_int_equal(host_its_devices(), 1);
        assert_int_equal(heap_pages_used(), pages);
    }
    run(0, map_or_not, NULL);
    assert_int_equal(host_its_devices(), 2);
}

static bool is_freed;

static void free_its(struct quiesce_call *c UNUSED)
{
    vits_free(d);
    atomic_store(&is_freed, true);
}

/* One CPU ends the domain's ITS as the domain's end does, the other takes LPIs that were on their way. */
static void end_or_deliver(unsigned cpu, void *arg UNUSED)
{
    static struct quiesce_call end;

    if (cpu == 0) {
        vits_reset(d);
        quiesce_defer(&end, free_its);
    }
    while (!atomic_load(&is_freed)) {
        if (cpu == 1)
            for (unsigned i = 0; i < VITS_LPIS; i += 64)
                (void)vits_deliver(LPI_FIRST + i);
        if (cpu_work_take() & CPU_WORK_QUIESCE)
            quiesce_point();
    }
}

/* An LPI that comes while the domain ends. Catches one that still finds what is being freed. */
static void test_late_messages(void **state UNUSED)
{
    for (seed = 1; seed <= 100; seed++) {
        (void)setup_its(NULL);
        run(0, map_some, NULL);
        domain_pause(d);
        settle();
        is_freed = false;
        atomic_store(&d->life, DOMAIN_DYING);
        host_run_parallel(2, end_or_deliver, NULL);
        atomic_store(&d->life, DOMAIN_ALIVE);
        domain_unpause(d);
        kill_domain(d);
    }
    seed = 0;
}

#define ITS_TEST(f) cmocka_unit_test_setup_teardown(f, setup_its, teardown_its)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ITS_TEST(test_messages_become_lpis), ITS_TEST(test_configuration), ITS_TEST(test_move_and_discard), ITS_TEST(test_remap), ITS_TEST(test_limit),
        ITS_TEST(test_bad_commands), ITS_TEST(test_places_run_out), ITS_TEST(test_tables_outside), ITS_TEST(test_config_outside),
        ITS_TEST(test_random), ITS_TEST(test_no_memory), cmocka_unit_test(test_late_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
