/* SPDX-License-Identifier: Apache-2.0 */
/* Event channels: the FIFO ABI, against a simple guest that takes events off its queues. */
#include "tests/unit/domains.h"
#include "core/event_words.h"

#define VCPUS 2
#define PAGES 8
#define CONTROL_GFN FIRST_GFN
#define ARRAY_GFN (FIRST_GFN + 2)
#define PORTS 24

static struct domain *g, *peer;     /* the guest looked at, and one that sends to it */
static uint32_t ports[PORTS], peer_ports[PORTS];

static int setup_machine(unsigned cpus)
{
    machine_start(cpus);
    g = make_domain(VCPUS, PAGES);
    peer = make_domain(1, 0);
    return 0;
}

static int setup(void **state UNUSED)
{
    return setup_machine(1);
}

static int setup_three(void **state UNUSED)
{
    return setup_machine(3);
}

static int teardown(void **state UNUSED)
{
    kill_domain(g);
    kill_domain(peer);
    expect_all_home();
    return 0;
}

static struct guest_fifo_control *control(unsigned vcpu)
{
    return (struct guest_fifo_control *)((char *)page_at(g, CONTROL_GFN + vcpu) + 64);
}

static uint32_t *word(uint32_t port)
{
    return (uint32_t *)page_at(g, ARRAY_GFN + port / 1024) + port % 1024;
}

static void use_fifo(void)
{
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(event_init_control(g, GFN(CONTROL_GFN + i), 64, i), 0);
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN)), 0);
}

static void connect_ports(void)
{
    for (unsigned i = 0; i < PORTS; i++) {
        assert_int_equal(event_alloc_unbound(g, peer->id, &ports[i]), 0);
        assert_int_equal(event_bind_interdomain(peer, g, ports[i], &peer_ports[i]), 0);
    }
}

/* --- the guest: take one port off queue `priority` of a vCPU, 0 when it is empty --- */

static uint32_t consumer_head[VCPUS][FIFO_PRIORITIES];

static uint32_t unlink_word(uint32_t *w)
{
    uint32_t old = atomic_load(w);

    while (!atomic_compare_exchange(w, &old, old & ~(FIFO_LINKED | FIFO_LINK_MASK)))
        continue;
    return old & FIFO_LINK_MASK;
}

static uint32_t take_one(unsigned vcpu, unsigned priority, uint32_t *ready)
{
    uint32_t head = consumer_head[vcpu][priority], next;

    if (head == 0) {
        barrier_read();
        head = atomic_load(&control(vcpu)->head[priority]);
    }
    assert_true(head > 0 && head < 1024);
    next = unlink_word(word(head));
    if (next == 0)
        *ready &= ~(1u << priority);
    consumer_head[vcpu][priority] = next;
    return head;
}

static bool acknowledge(uint32_t port)
{
    uint32_t old = atomic_load(word(port));

    if (!(old & FIFO_PENDING) || old & FIFO_MASKED)
        return false;
    (void)atomic_fetch_and(word(port), ~FIFO_PENDING);
    return true;
}

/* One upcall's work: all that is ready, highest priority first. Calls handle(port) for each event. */
static void handle_upcall(unsigned vcpu, void (*handle)(uint32_t port, unsigned priority))
{
    uint32_t ready;

    if (!atomic_exchange(&info_of(g, vcpu)->upcall_pending, 0))
        return;
    ready = atomic_exchange(&control(vcpu)->ready, 0);
    while (ready) {
        unsigned priority = (unsigned)__builtin_ctz(ready);
        uint32_t port = take_one(vcpu, priority, &ready);

        if (acknowledge(port))
            handle(port, priority);
        ready |= atomic_exchange(&control(vcpu)->ready, 0);
    }
}

static uint32_t handled[64], handled_priority[64];
static unsigned handled_count;

static void note(uint32_t port, unsigned priority)
{
    assert_true(handled_count < ARRAY_SIZE(handled));
    handled_priority[handled_count] = priority;
    handled[handled_count++] = port;
}

static void drain(unsigned vcpu)
{
    handled_count = 0;
    handle_upcall(vcpu, note);
}

static void reset_consumer(void)
{
    memset(consumer_head, 0, sizeof(consumer_head));
}

static void test_control_block(void **state UNUSED)
{
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN)), -E_OPNOTSUPP);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 64, VCPUS), -E_NOENT);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 4, 0), -E_INVAL);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), PAGE_SIZE - 64, 0), -E_INVAL);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), UINT32_MAX - 7, 0), -E_INVAL);
    assert_int_equal(event_init_control(g, GFN(FIRST_GFN + PAGES), 0, 0), -E_INVAL);
    assert_int_equal(event_init_control(g, GFN(UINT64_MAX), 0, 0), -E_INVAL);
    assert_null(g->events.fifo);
    assert_int_equal(g->arena.used, 0);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), PAGE_SIZE - 72, 0), 0);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 0, 0), -E_INVAL);
    assert_int_equal(event_expand_array(g, GFN(FIRST_GFN + PAGES)), -E_INVAL);
    assert_int_equal(event_set_priority(g, 1, 16), -E_INVAL);
    assert_int_equal(event_set_priority(g, 1u << 20, 1), -E_INVAL);
    assert_int_equal(g->arena.used, 1);
}

static void test_array_is_complete(void **state UNUSED)
{
    unsigned n;

    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 64, 0), 0);
    g->arena.limit = 1000;
    for (n = 0; event_expand_array(g, GFN(ARRAY_GFN)) == 0; n++)
        assert_true(n < 200);
    assert_int_equal(n, 128);
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN)), -E_NOSPC);
    assert_int_equal(g->arena.used, 129);
}

static void test_pending_before_the_array(void **state UNUSED)
{
    uint32_t port;

    reset_consumer();
    connect_ports();
    shared_of(g)->pending[0] |= BIT(ports[2]);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 64, 0), 0);
    info_of(g, 0)->upcall_pending = 0;
    assert_int_equal(event_send(peer, peer_ports[5]), 0);
    assert_false(event_port_is_pending(g, ports[5]));
    assert_int_equal(info_of(g, 0)->upcall_pending, 0);
    assert_int_equal(event_bind_ipi(g, 1, &port), 0);
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN)), 0);
    drain(0);
    assert_int_equal(handled_count, 2);
    assert_int_equal(handled[0], ports[2]);
    assert_int_equal(handled[1], ports[5]);
    /* vCPU 1 has no control block: its events are dropped. */
    assert_int_equal(event_send(g, port), 0);
    assert_false(event_port_is_pending(g, port));
}

/* With many ports a page of words is dealt with in pieces, and the call comes again; one for another page waits. */
static void test_array_in_pieces(void **state UNUSED)
{
    uint32_t many[700], closed, waiting;
    unsigned calls = 1;
    int r;

    reset_consumer();
    for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
        assert_int_equal(event_bind_ipi(g, 0, &many[i]), 0);
    closed = many[600];
    waiting = many[601];
    atomic_fetch_or(&shared_of(g)->pending[closed / 64], BIT(closed % 64));
    atomic_fetch_or(&shared_of(g)->pending[waiting / 64], BIT(waiting % 64));
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 64, 0), 0);
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN)), -E_RESTART);
    /* What was pending on a port that is closed meanwhile is not the next one's. */
    assert_int_equal(event_close(g, closed), 0);
    assert_int_equal(event_bind_ipi(g, 0, &many[600]), 0);
    assert_int_equal(many[600], closed);
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN + 1)), -E_RESTART);
    while ((r = event_expand_array(g, GFN(ARRAY_GFN))) == -E_RESTART)
        assert_true(++calls < 10);
    assert_int_equal(r, 0);
    assert_int_equal(g->arena.used, 2);
    drain(0);
    assert_int_equal(handled_count, 1);
    assert_int_equal(handled[0], waiting);
}

static void test_order_and_priority(void **state UNUSED)
{
    static const unsigned order[] = { 4, 1, 9, 2, 0, 7 };

    reset_consumer();
    use_fifo();
    connect_ports();
    drain(0);
    assert_int_equal(event_set_priority(g, ports[9], 3), 0);
    assert_int_equal(event_set_priority(g, ports[0], 12), 0);
    info_of(g, 0)->upcall_pending = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
        assert_int_equal(event_send(peer, peer_ports[order[i]]), 0);
    assert_int_equal(event_send(peer, peer_ports[4]), 0);
    drain(0);
    assert_int_equal(handled_count, ARRAY_SIZE(order));
    assert_int_equal(handled[0], ports[9]);
    assert_int_equal(handled_priority[0], 3);
    assert_int_equal(handled[1], ports[4]);
    assert_int_equal(handled[2], ports[1]);
    assert_int_equal(handled[3], ports[2]);
    assert_int_equal(handled[4], ports[7]);
    assert_int_equal(handled[5], ports[0]);
    assert_int_equal(handled_priority[5], 12);
}

static void test_upcall_is_an_edge(void **state UNUSED)
{
    reset_consumer();
    use_fifo();
    connect_ports();
    drain(0);
    assert_int_equal(event_send(peer, peer_ports[0]), 0);
    assert_int_equal(info_of(g, 0)->upcall_pending, 1);
    assert_int_equal(control(0)->ready, BIT(FIFO_DEFAULT_PRIORITY));
    info_of(g, 0)->upcall_pending = 0;
    assert_int_equal(event_send(peer, peer_ports[1]), 0);   /* appended: no new upcall */
    assert_int_equal(info_of(g, 0)->upcall_pending, 0);
    info_of(g, 0)->upcall_pending = 1;
    drain(0);
    assert_int_equal(handled_count, 2);
}

static void test_mask_and_unmask(void **state UNUSED)
{
    reset_consumer();
    use_fifo();
    connect_ports();
    drain(0);
    *word(ports[3]) |= FIFO_MASKED;
    assert_int_equal(event_send(peer, peer_ports[3]), 0);
    assert_true(event_port_is_pending(g, ports[3]));
    assert_false(*word(ports[3]) & FIFO_LINKED);
    assert_int_equal(info_of(g, 0)->upcall_pending, 0);
    assert_int_equal(event_unmask(g, ports[3]), 0);
    drain(0);
    assert_int_equal(handled_count, 1);
    assert_int_equal(handled[0], ports[3]);
    /* Closed while linked: not given out again before the guest has taken it off. */
    assert_int_equal(event_send(peer, peer_ports[0]), 0);
    assert_int_equal(event_close(g, ports[0]), 0);
    {
        uint32_t port;

        assert_int_equal(event_bind_ipi(g, 1, &port), 0);
        assert_int_not_equal(port, ports[0]);
        drain(0);
        assert_int_equal(handled_count, 0);
        assert_int_equal(event_bind_ipi(g, 1, &port), 0);
        assert_int_equal(port, ports[0]);
    }
}

static void test_tail_moves_to_another_queue(void **state UNUSED)
{
    reset_consumer();
    use_fifo();
    connect_ports();
    drain(0);
    assert_int_equal(event_send(peer, peer_ports[0]), 0);
    drain(0);
    /* ports[0] still is the tail of vCPU 0's queue. */
    assert_int_equal(event_bind_vcpu(g, ports[0], 1), 0);
    assert_int_equal(event_send(peer, peer_ports[0]), 0);
    assert_int_equal(event_send(peer, peer_ports[1]), 0);
    drain(1);
    assert_int_equal(handled_count, 1);
    assert_int_equal(handled[0], ports[0]);
    drain(0);
    assert_int_equal(handled_count, 1);
    assert_int_equal(handled[0], ports[1]);
}

static void test_reset_goes_back(void **state UNUSED)
{
    uint32_t port;

    reset_consumer();
    use_fifo();
    connect_ports();
    assert_int_equal(g->arena.used, VCPUS + 1);
    while (event_reset(g) == -E_RESTART)
        continue;
    assert_null(g->events.fifo);
    settle();
    assert_int_equal(g->arena.used, 0);
    assert_int_equal(event_bind_ipi(g, 0, &port), 0);
    info_of(g, 0)->upcall_pending = 0;
    info_of(g, 0)->pending_selector = 0;
    assert_int_equal(event_send(g, port), 0);
    assert_true(bit_of(shared_of(g)->pending, port));
    use_fifo();
}

/* A guest that scribbles over its words: nothing of the hypervisor's breaks, and no call hangs. */
static void test_hostile_words(void **state UNUSED)
{
    reset_consumer();
    use_fifo();
    connect_ports();
    for (unsigned i = 0; i < 5000; i++) {
        unsigned n = (unsigned)host_random_below(PORTS);

        *word(ports[host_random_below(PORTS)]) = (uint32_t)host_random();
        control(host_random_below(VCPUS))->head[host_random_below(FIFO_PRIORITIES)] = (uint32_t)host_random();
        assert_int_equal(event_send(peer, peer_ports[n]), 0);
        assert_int_equal(event_unmask(g, ports[n]), 0);
        assert_int_equal(event_bind_vcpu(g, ports[n], (uint32_t)host_random_below(VCPUS)), 0);
        assert_int_equal(event_set_priority(g, ports[n], (uint32_t)host_random_below(FIFO_PRIORITIES)), 0);
    }
}

static int attempt_fifo(void *arg UNUSED)
{
    int r = g->events.fifo ? 0 : event_init_control(g, GFN(CONTROL_GFN), 64, 0);

    return r ? r : event_expand_array(g, GFN(ARRAY_GFN));
}

static void test_out_of_memory(void **state UNUSED)
{
    assert_true(oom_loop(attempt_fifo, NULL, NULL) >= 1);
    assert_int_equal(g->arena.used, 2);
}

static void test_arena_is_full(void **state UNUSED)
{
    g->arena.limit = 1;
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN), 64, 0), 0);
    assert_int_equal(event_init_control(g, GFN(CONTROL_GFN + 1), 64, 1), -E_NOMEM);
    assert_int_equal(event_expand_array(g, GFN(ARRAY_GFN)), -E_NOMEM);
}

/* --- the model: every event sent and not masked is handled, at the latest once all is quiet --- */

static unsigned outstanding[1024];

static void account(uint32_t port, unsigned priority UNUSED)
{
    outstanding[port] = 0;
}

static void random_step(void)
{
    unsigned n = (unsigned)host_random_below(PORTS);
    uint32_t port = ports[n];

    switch (host_random_below(8)) {
    case 0:
        (void)atomic_fetch_or(word(port), FIFO_MASKED);
        break;
    case 1:
        assert_int_equal(event_unmask(g, port), 0);
        break;
    case 2:
        assert_int_equal(event_set_priority(g, port, (uint32_t)host_random_below(FIFO_PRIORITIES)), 0);
        break;
    case 3:
        assert_int_equal(event_bind_vcpu(g, port, (uint32_t)host_random_below(VCPUS)), 0);
        break;
    case 4:
        handle_upcall((unsigned)host_random_below(VCPUS), account);
        break;
    default:
        outstanding[port] = 1;
        assert_int_equal(event_send(peer, peer_ports[n]), 0);
    }
}

static void drain_all(void)
{
    for (unsigned i = 0; i < PORTS; i++)
        assert_int_equal(event_unmask(g, ports[i]), 0);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < VCPUS; i++)
            handle_upcall(i, account);
}

static void test_against_model(void **state UNUSED)
{
    reset_consumer();
    use_fifo();
    connect_ports();
    memset(outstanding, 0, sizeof(outstanding));
    for (unsigned i = 0; i < 20000; i++) {
        random_step();
        if (i % 100)
            continue;
        drain_all();
        for (unsigned n = 0; n < PORTS; n++) {
            assert_int_equal(outstanding[ports[n]], 0);
            assert_false(*word(ports[n]) & FIFO_PENDING);
            assert_false(*word(ports[n]) & FIFO_LINKED);
        }
    }
}

/* Two CPUs send, the third is the guest. */
static unsigned senders_left;

static void race(unsigned cpu, void *arg UNUSED)
{
    if (cpu == 0) {
        while (atomic_load(&senders_left)) {
            for (unsigned i = 0; i < VCPUS; i++)
                handle_upcall(i, account);
            assert_int_equal(event_unmask(g, ports[host_random_below(PORTS)]), 0);
            (void)!event_bind_vcpu(g, ports[host_random_below(PORTS)], (uint32_t)host_random_below(VCPUS));
            (void)!event_set_priority(g, ports[host_random_below(PORTS)], (uint32_t)host_random_below(3));
        }
        return;
    }
    for (unsigned i = 0; i < 400; i++) {
        unsigned n = (unsigned)host_random_below(PORTS / 2) * 2 + (cpu - 1);

        atomic_store(&outstanding[ports[n]], 1);
        (void)!event_send(peer, peer_ports[n]);
        if (host_random_below(8) == 0)
            (void)atomic_fetch_or(word(ports[n]), FIFO_MASKED);
    }
    (void)atomic_fetch_sub(&senders_left, 1);
}

static void test_race(void **state UNUSED)
{
    reset_consumer();
    use_fifo();
    connect_ports();
    memset(outstanding, 0, sizeof(outstanding));
    senders_left = 2;
    host_run_parallel(3, race, NULL);
    drain_all();
    for (unsigned n = 0; n < PORTS; n++) {
        assert_int_equal(outstanding[ports[n]], 0);
        assert_false(*word(ports[n]) & FIFO_LINKED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_control_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_array_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pending_before_the_array, setup, teardown),
        cmocka_unit_test_setup_teardown(test_array_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_and_priority, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upcall_is_an_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mask_and_unmask, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tail_moves_to_another_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arena_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup_three, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
