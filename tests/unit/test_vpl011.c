/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated UART: its registers, the ring with a backend in a domain, the hypervisor as backend, hostile rings, and its end. */
#include "tests/unit/abi.h"
#include "core/console.h"
#include "vdev/arm64/vpl011.h"

#define RING_GFN (FIRST_GFN + 7)
#define UART UINT64_C(0x22000000)
#define DR 0x00
#define FR 0x18
#define IBRD 0x24
#define CR 0x30
#define IMSC 0x38
#define RIS 0x3c
#define MIS 0x40
#define ICR 0x44
#define TX_EMPTY BIT(7)
#define RX_FULL BIT(6)
#define TX_FULL BIT(5)
#define RX_EMPTY BIT(4)
#define BUSY BIT(3)
#define INT_RX BIT(4)
#define INT_TX BIT(5)
#define INT_TIMEOUT BIT(6)

static struct domain *d;        /* has the UART, does not run */
static uint32_t port;           /* d's */
static uint32_t far;            /* dom0's */

static int64_t vuart_op(struct domain *of, uint32_t cmd, uint32_t type, uint64_t gfn, uint8_t pad)
{
    struct xen_domctl op = { 0 };
    int64_t r;

    op.u.vuart_op = (struct xen_domctl_vuart_op){ .cmd = cmd, .type = type, .gfn = gfn, .console_domid = 0, .pad = { 0, pad } };
    r = domctl(&op, XEN_DOMCTL_vuart_op, of->id.v);
    port = op.u.vuart_op.evtchn;
    return r;
}

/* Has dom0 been told since it last asked? */
static bool told(void)
{
    bool yes = bit_of(shared_of(dom0)->pending, far);

    shared_of(dom0)->pending[far / 64] &= ~BIT(far % 64);
    return yes;
}

static int setup(void **state UNUSED)
{
    abi_machine(1);
    d = make_domain(1, ARGUMENT_PAGES);
    return 0;
}

static int setup_ring(void **state)
{
    setup(state);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN, 0), 0);
    assert_int_equal(event_bind_interdomain(dom0, d, port, &far), 0);
    assert_true(told());    /* as by every new connection */
    return 0;
}

static int setup_local(void **state)
{
    setup(state);
    host_console_echo(false);
    assert_int_equal(vpl011_create(d, VPL011_BASE, VPL011_IRQ), 0);
    host_console_clear();
    return 0;
}

static struct console_ring *ring(void)
{
    return page_at(d, RING_GFN);
}

static void wr(uint64_t offset, uint64_t value)
{
    assert_true(host_mmio(d->vcpus[0], UART + offset, 4, true, &value));
}

static uint64_t rd_size(uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    assert_true(host_mmio(d->vcpus[0], UART + offset, size, false, &value));
    return value;
}

static uint64_t rd(uint64_t offset)
{
    return rd_size(offset, 4);
}

static bool line(void)
{
    return d->arch.vgic.spis[VPL011_IRQ - 32].line;
}

static void type(const char *text)
{
    for (; *text; text++)
        ring()->in[ring()->in_prod++ % sizeof(ring()->in)] = *text;
    assert_int_equal(event_send(dom0, far), 0);
}

static void test_arguments(void **state UNUSED)
{
    assert_int_equal(vuart_op(d, 1, 0, RING_GFN, 0), -E_INVAL);
    assert_int_equal(vuart_op(d, 0, 1, RING_GFN, 0), -E_OPNOTSUPP);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN, 1), -E_INVAL);
    assert_int_equal(vuart_op(d, 0, 0, UINT64_MAX, 0), -E_INVAL);
    assert_int_equal(vuart_op(d, 0, 0, HOLE_GFN, 0), -E_INVAL);
    assert_int_equal(vuart_op(guest, 0, 0, RING_GFN, 0), -E_PERM);
    assert_null(d->arch.vuart);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN, 0), 0);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN, 0), -E_EXIST);
}

static int attempt(void *arg UNUSED)
{
    return (int)vuart_op(d, 0, 0, RING_GFN, 0);
}

static void nothing_left(void *arg UNUSED)
{
    assert_null(d->arch.vuart);
    assert_int_equal(d->arena.used, 0);
    assert_int_equal(d->events.active, 0);
}

static void test_out_of_memory(void **state UNUSED)
{
    assert_true(oom_loop(attempt, nothing_left, NULL) > 0);
    assert_non_null(d->arch.vuart);
}

static void test_no_room_for_registers(void **state UNUSED)
{
    assert_int_equal(vpl011_create(d, GPA(0x03001000), VPL011_IRQ), -E_INVAL);
    assert_int_equal(vpl011_create(d, VPL011_BASE, 31), -E_INVAL);
    assert_int_equal(vpl011_create(d, VPL011_BASE, 64), -E_INVAL);
    assert_null(d->arch.vuart);
}

static void test_registers(void **state UNUSED)
{
    assert_int_equal(rd(FR), TX_EMPTY | RX_EMPTY);
    assert_int_equal(rd(RIS), INT_TX);
    assert_int_equal(rd(MIS), 0);
    wr(IMSC, UINT64_MAX);
    assert_int_equal(rd(IMSC), 0x7ff);
    assert_int_equal(rd(CR), 0x300);
    wr(IBRD, 0x12345);
    assert_int_equal(rd(IBRD), 0x2345);
    assert_int_equal(rd_size(IBRD + 1, 1), 0x23);
    assert_int_equal(rd(0xfe0), 0x11);
    assert_int_equal(rd(0xffc), 0xb1);
    /* Nothing is there; nothing happens. */
    wr(0x4c, 1);
    wr(0xfe0, 1);
    wr(FR, 0);
    assert_int_equal(rd(0x4c), 0);
    assert_int_equal(rd(0x800), 0);
    assert_false(host_mmio(d->vcpus[0], UART + DR, 8, true, &(uint64_t){ 'x' }));
    assert_false(host_mmio(d->vcpus[0], UART + DR, 8, false, &(uint64_t){ 0 }));
}

static void test_output(void **state UNUSED)
{
    wr(DR, 'h');
    assert_true(told());
    /* It has something to do already. */
    wr(DR, 'i');
    assert_false(told());
    assert_int_equal(ring()->out_prod, 2);
    assert_memory_equal(ring()->out, "hi", 2);
    assert_int_equal(rd(FR), RX_EMPTY);
    /* It took one only, and does not know of the other: told again. */
    ring()->out_cons = 1;
    assert_int_equal(event_send(dom0, far), 0);
    assert_true(told());
    ring()->out_cons = 2;
    assert_int_equal(event_send(dom0, far), 0);
    assert_false(told());
    assert_int_equal(rd(FR), RX_EMPTY | TX_EMPTY);
}

static void test_output_full(void **state UNUSED)
{
    wr(IMSC, INT_TX);
    for (unsigned i = 0; i < 2048; i++) {
        assert_int_equal(rd(FR) & (TX_FULL | BUSY), 0);
        wr(DR, 'a' + i % 26);
        assert_int_equal(line(), i < 2048 - 16);
    }
    assert_int_equal(rd(FR), RX_EMPTY | TX_FULL | BUSY);
    wr(DR, 'X');
    assert_int_equal(ring()->out_prod, 2048);
    assert_int_equal(ring()->out[0], 'a');
    ring()->out_cons = 16;
    assert_int_equal(event_send(dom0, far), 0);
    assert_true(line());
    assert_int_equal(rd(FR), RX_EMPTY);
    wr(ICR, INT_TX);
    assert_false(line());
}

static void test_input(void **state UNUSED)
{
    type("ab");
    assert_int_equal(rd(FR), TX_EMPTY);
    assert_int_equal(rd(RIS), INT_TX | INT_TIMEOUT);
    assert_false(line());
    wr(IMSC, INT_RX | INT_TIMEOUT);
    assert_true(line());
    assert_int_equal(rd(MIS), INT_TIMEOUT);
    assert_int_equal(rd(DR), 'a');
    assert_true(line());
    assert_int_equal(rd_size(DR, 1), 'b');
    assert_false(line());
    assert_int_equal(rd(DR), 0);
    assert_int_equal(ring()->in_cons, 2);
    type("0123456789abcdef");
    assert_int_equal(rd(MIS), INT_TIMEOUT | INT_RX);
    assert_false(told());
    vpl011_reset(d);
    assert_int_equal(rd(FR), TX_EMPTY | RX_EMPTY);
    assert_false(line());
}

static void test_input_full(void **state UNUSED)
{
    ring()->in_prod = sizeof(ring()->in);
    assert_int_equal(rd(FR), TX_EMPTY | RX_FULL);
    (void)rd(DR);
    assert_true(told());
    (void)rd(DR);
    assert_false(told());
}

/* Whatever is in the page, the UART works on, and within the page (ASan sees to that). */
static void test_hostile_ring(void **state UNUSED)
{
    uint64_t x = 88172645463325252u;

    wr(IMSC, 0x7ff);
    for (unsigned i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if (x & 1)
            ring()->in_prod = (uint32_t)(x >> 8);
        if (x & 2)
            ring()->out_cons = (uint32_t)(x >> 16);
        if (x & 4)
            ring()->in_cons = ring()->in_prod - (uint32_t)(x >> 32) % 1100;
        if (x & 8)
            ring()->out_prod = ring()->out_cons + (uint32_t)(x >> 32) % 2100;
        if (x & 16)
            assert_int_equal(event_send(dom0, far), 0);
        wr((x >> 40) % 1024 * 4, x >> 20);
        (void)rd((x >> 50) % 1024 * 4);
    }
    frame_check_all();
}

/* The port is the hypervisor's: the guest cannot use, see or close it, nor does it stand in the way of a reset. */
static void test_guest_and_port(void **state UNUSED)
{
    struct event_status s;
    uint32_t own;

    assert_int_equal(event_send(d, port), -E_INVAL);
    assert_int_equal(event_close(d, port), -E_INVAL);
    assert_int_equal(event_status(d, port, &s), -E_ACCES);
    assert_int_equal(event_bind_vcpu(d, port, 0), -E_INVAL);
    assert_int_equal(event_alloc_unbound(d, DOMID(0), &own), 0);
    while (event_reset(d) == -E_RESTART)
        continue;
    assert_int_equal(event_status(d, own, &s), 0);
    assert_int_equal(s.state, CHANNEL_FREE);
    assert_int_equal(d->events.active, 1);
    wr(DR, 'x');
    assert_true(told());
    assert_false(event_port_is_pending(d, port));
}

static void test_backend_comes_again(void **state UNUSED)
{
    assert_int_equal(event_close(dom0, far), 0);
    wr(DR, 'x');
    assert_int_equal(event_bind_interdomain(dom0, d, port, &far), 0);
    assert_true(told());
    assert_false(told());
    assert_int_equal(event_send(dom0, far), 0);
    assert_true(told());
}

static void test_destroy(void **state UNUSED)
{
    struct event_status s;
    uint64_t id = d->id.v;

    wr(DR, 'x');
    while (domctl_on(XEN_DOMCTL_destroydomain, (uint16_t)id) == -E_RESTART)
        calm();
    assert_int_equal(event_send(dom0, far), 0);
    assert_int_equal(event_status(dom0, far, &s), 0);
    assert_int_equal(s.state, CHANNEL_UNBOUND);
    calm();
    assert_null(domain_find(DOMID(id)));
    frame_check_all();
}

static void test_local(void **state UNUSED)
{
    for (const char *p = "hello\n"; *p; p++)
        wr(DR, (uint64_t)*p);
    assert_int_equal(strlen(host_console_text()) >= 6, true);
    assert_string_equal(host_console_text() + strlen(host_console_text()) - 6, "hello\n");
    wr(IMSC, INT_TIMEOUT);
    vpl011_receive(d, 'k');
    assert_true(line());
    assert_int_equal(rd(DR), 'k');
    assert_false(line());
    for (unsigned i = 0; i < 3000; i++)
        vpl011_receive(d, 'a');
    assert_int_equal(rd(FR), TX_EMPTY | RX_FULL);
    vpl011_reset(d);
    assert_int_equal(rd(FR), TX_EMPTY | RX_EMPTY);
    kill_domain(d);
    frame_check_all();
}

/* dom0 sees what the hypervisor's console sees, and types too; nothing waits for it. */
static void test_mirror(void **state)
{
    struct event_status s;

    assert_int_equal(vuart_op(d, 0, 0, RING_GFN, 0), 0);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN - 1, 0), -E_EXIST);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN, 1), -E_INVAL);
    port = d->arch.vuart->port;
    assert_int_equal(event_bind_interdomain(dom0, d, port, &far), 0);
    assert_true(told());
    wr(DR, 'h');
    assert_true(told());
    wr(DR, '\n');
    assert_false(told());
    assert_memory_equal(ring()->out, "h\n", 2);
    assert_string_equal(host_console_text() + strlen(host_console_text()) - 2, "h\n");
    for (unsigned i = 0; i < 3000; i++) {
        wr(DR, 'x');
        assert_int_equal(rd(FR), TX_EMPTY | RX_EMPTY);
    }
    assert_int_equal(ring()->out_prod, 2048);
    type("ab");
    vpl011_receive(d, 'c');
    assert_int_equal(rd(DR) << 16 | rd(DR) << 8 | rd(DR), 'a' << 16 | 'b' << 8 | 'c');
    assert_int_equal(ring()->in_cons, 2);
    test_hostile_ring(state);
    /* Its next life has none until dom0 gives it one. */
    vpl011_reset(d);
    memset(ring(), 0, sizeof(*ring()));
    wr(DR, 'y');
    assert_int_equal(ring()->out_prod, 0);
    assert_int_equal(event_status(dom0, far, &s), 0);
    assert_int_equal(s.state, CHANNEL_UNBOUND);
    assert_int_equal(d->events.active, 0);
    assert_int_equal(vuart_op(d, 0, 0, RING_GFN - 1, 0), 0);
    kill_domain(d);
    frame_check_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_arguments, setup),
        cmocka_unit_test_setup(test_out_of_memory, setup),
        cmocka_unit_test_setup(test_no_room_for_registers, setup),
        cmocka_unit_test_setup(test_registers, setup_ring),
        cmocka_unit_test_setup(test_output, setup_ring),
        cmocka_unit_test_setup(test_output_full, setup_ring),
        cmocka_unit_test_setup(test_input, setup_ring),
        cmocka_unit_test_setup(test_input_full, setup_ring),
        cmocka_unit_test_setup(test_hostile_ring, setup_ring),
        cmocka_unit_test_setup(test_guest_and_port, setup_ring),
        cmocka_unit_test_setup(test_backend_comes_again, setup_ring),
        cmocka_unit_test_setup(test_destroy, setup_ring),
        cmocka_unit_test_setup(test_local, setup_local),
        cmocka_unit_test_setup(test_mirror, setup_local),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
