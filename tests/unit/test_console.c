/* SPDX-License-Identifier: Apache-2.0 */
/* The console: levels, the ring, lines of guests, input and who gets it, debug keys. */
#include "tests/unit/unit.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/shared_info.h"
#include "lib/string.h"

static struct domain *dom0, *guest, *neighbour;

static struct domain *make(bool control)
{
    struct domain_config c = { .is_control = control, .max_vcpus = 1, .max_event_port = 63 };
    struct domain_locked l;
    struct domain *d;
    struct vcpu *v;

    assert_int_equal(domain_create(DOMID(control ? 0 : 0xffff), &c, &d), 0);
    l = domain_lock(d);
    assert_int_equal(vcpu_create(l, 0, &v), 0);
    domain_unlock(l);
    return d;
}

static int setup(void **state UNUSED)
{
    host_boot(&(struct host_config){ .cpus = 1 });
    host_start();
    host_console_echo(false);
    dom0 = make(true);
    guest = make(false);
    neighbour = make(false);
    assert_true(console_set_level("info"));
    console_ring_clear();
    host_console_clear();
    return 0;
}

static void expect(const char *text)
{
    assert_string_equal(host_console_text(), text);
    host_console_clear();
}

static size_t ring(uint64_t *index, char *out, size_t n)
{
    size_t got = console_ring_read(index, out, n - 1);

    out[got] = 0;
    return got;
}

static void test_levels(void **state UNUSED)
{
    uint64_t index = 0;
    char text[200];

    log_info("one %d", 1);
    log_debug("two");
    expect("(Vinci) one 1\n");
    assert_true(console_set_level("debug"));
    log_debug("three");
    expect("(Vinci) three\n");
    assert_int_equal(ring(&index, text, sizeof(text)), 40);
    assert_string_equal(text, "(Vinci) one 1\n(Vinci) two\n(Vinci) three\n");
    assert_int_equal(ring(&index, text, sizeof(text)), 0);
}

static void test_long_line(void **state UNUSED)
{
    char text[1000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    log_info("%s", text);
    assert_true(strlen(host_console_text()) < 500);
    assert_int_equal(host_console_text()[strlen(host_console_text()) - 1], '\n');
    host_console_clear();
}

static void test_dom0_shares_the_line(void **state UNUSED)
{
    console_write_guest(dom0, "login: ", 7);
    log_info("news");
    console_write_guest(dom0, "root\n", 5);
    log_info("more");
    expect("login: \n(Vinci) news\nroot\n(Vinci) more\n");
}

static void test_guest_lines(void **state UNUSED)
{
    char text[300];

    console_write_guest(guest, "hel", 3);
    expect("");
    console_write_guest(guest, "lo\r\n\33[2\2332x\nrest", 15);
    assert_non_null(strchr(host_console_text(), '('));
    assert_null(strchr(host_console_text(), '\33'));
    assert_null(strchr(host_console_text(), '\233'));
    host_console_clear();
    console_write_guest(guest, "\n", 1);
    memset(text, 'y', sizeof(text));
    host_console_clear();
    console_write_guest(guest, text, sizeof(text));
    assert_true(strlen(host_console_text()) > 256);
    host_console_clear();
    console_write_guest(guest, "\n", 1);
}

/* A guest that floods is cut off, the ring keeps what others said. */
static void test_guest_flood(void **state UNUSED)
{
    size_t length;

    host_time_advance(SEC(2));
    for (unsigned i = 0; i < 2000; i++)
        console_write_guest(guest, "flood\n", 6);
    length = strlen(host_console_text());
    assert_in_range(length, 500, 3000);
    /* Another guest's line and a second one of it come through all the same. */
    host_console_clear();
    console_write_guest(neighbour, "hello\n", 6);
    assert_non_null(strchr(host_console_text(), 'o'));
    length = strlen(host_console_text());
    host_time_advance(SEC(2));
    console_write_guest(guest, "later\n", 6);
    assert_true(strlen(host_console_text()) > length);
}

static void test_ring_wraps(void **state UNUSED)
{
    uint64_t index = 0, start;
    char text[100];

    for (unsigned i = 0; i < 5000; i++)
        log_debug("line %u", i);
    start = console_ring_start();
    assert_true(start > 0);
    assert_true(ring(&index, text, sizeof(text)) > 0);
    assert_int_equal(index, start + 99);
    while (ring(&index, text, sizeof(text)) == 99)
        continue;
    assert_string_equal(text + strlen(text) - 10, "line 4999\n");
    console_ring_clear();
    assert_int_equal(console_ring_start(), index);
    index = 0;
    assert_int_equal(ring(&index, text, sizeof(text)), 0);
    log_debug("new");
    assert_int_equal(ring(&index, text, sizeof(text)), 12);
}

static void type(const char *text)
{
    host_console_type(text);
    console_input_pending();
}

static void test_input(void **state UNUSED)
{
    static char got[6000];
    uint32_t port;

    assert_int_equal(event_bind_virq(dom0, CORE_VIRQ_CONSOLE, 0, &port), 0);
    type("ab\1c");
    assert_true(event_port_is_pending(dom0, port));
    assert_int_equal(console_read_input(dom0, got, sizeof(got)), 4);
    assert_memory_equal(got, "ab\1c", 4);
    assert_int_equal(console_read_input(dom0, got, sizeof(got)), 0);
    for (unsigned i = 0; i < 5000; i++)
        type("z");
    assert_int_equal(console_read_input(dom0, got, 100), 100);
    assert_int_equal(console_read_input(dom0, got, sizeof(got)), 3996);
}

static unsigned pressed;

static void press(void)
{
    pressed++;
}

static void test_debug_keys(void **state UNUSED)
{
    char got[10];

    debug_key_register('x', "a test's", press);
    type("\1\1\1x");
    assert_int_equal(pressed, 1);
    assert_non_null(strchr(host_console_text(), '*'));
    type("xx");
    assert_int_equal(pressed, 3);
    type("\1\1\1q");
    assert_int_equal(pressed, 3);
    assert_int_equal(console_read_input(dom0, got, sizeof(got)), 1);
    assert_int_equal(got[0], 'q');
    assert_true(debug_key_press('x'));
    assert_false(debug_key_press('\2'));
    assert_false(debug_key_press((char)0xe4));
    /* All of them work on a machine with two domains. */
    for (const char *k = "hd0qmegra"; *k; k++)
        assert_true(debug_key_press(*k));
}

static void test_rate_limit(void **state UNUSED)
{
    struct rate_limit limit = { 0 };
    unsigned ok = 0;

    for (unsigned i = 0; i < 100; i++)
        ok += rate_limit_ok(&limit);
    assert_int_equal(ok, 10);
    assert_int_equal(limit.dropped, 90);
    host_time_advance(SEC(1));
    assert_true(rate_limit_ok(&limit));
}

static char typed[64];
static unsigned typed_count;

static void receive(struct domain *d UNUSED, char c)
{
    assert_true(typed_count < sizeof(typed));
    typed[typed_count++] = c;
}

static void say(struct domain *d, const char *text)
{
    for (; *text; text++)
        console_write_guest(d, text, 1);
}

#define SWITCH "\1\1\1"

static void attach_both(void)
{
    assert_int_equal(console_attach(guest, "rear", receive, 0), 0);
    assert_int_equal(console_attach(neighbour, "ivi", NULL, 0), 0);
    typed_count = 0;
}

/* One has the line, the others' lines come whole between its own. */
static void test_shared_line(void **state UNUSED)
{
    attach_both();
    say(dom0, "login: ");
    say(guest, "up\r\n");
    say(neighbour, "par");
    say(dom0, "root\n");
    say(neighbour, "tial\n");
    expect("login: \n(rear) up\nroot\n(ivi) partial\n");
    /* Neither colours nor a title nor a broken sequence: the line's end ends it. */
    say(guest, "\33[0;32m OK \33[0m \33]0;title\7done\33[\nnext\n");
    expect("(rear)  OK  done\n(rear) next\n");
}

static void test_input_moves(void **state UNUSED)
{
    char got[8];

    attach_both();
    say(guest, "rear# ");
    say(dom0, "dom");
    host_console_clear();
    type(SWITCH);
    expect("\n(Vinci) *** input goes to rear (Ctrl-A three times to switch)\nrear# ");
    say(dom0, "0\n");
    say(guest, "\33[1mls\33[0m\n");
    expect("\n(dom0) 0\n\33[1mls\33[0m\n");
    type("a\1b");
    assert_int_equal(typed_count, 3);
    assert_memory_equal(typed, "a\1b", 3);
    assert_int_equal(console_read_input(guest, got, sizeof(got)), -E_PERM);
    type(SWITCH);
    expect("(Vinci) *** input goes to ivi (Ctrl-A three times to switch)\n");
    type("xyz");
    assert_int_equal(console_read_input(neighbour, got, 2), 2);
    assert_int_equal(console_read_input(neighbour, got, sizeof(got)), 1);
    assert_int_equal(got[0], 'z');
    /* At the debug keys who had the line has it still. */
    type(SWITCH);
    expect("(Vinci) *** input goes to the debug keys, h for help (Ctrl-A three times to switch)\n");
    say(neighbour, "log\n");
    expect("(ivi) log\n");
    say(dom0, "still between\n");
    expect("(dom0) still between\n");
    type(SWITCH);
    expect("(Vinci) *** input goes to dom0 (Ctrl-A three times to switch)\n");
    type("k");
    assert_int_equal(console_read_input(dom0, got, sizeof(got)), 1);
    assert_int_equal(typed_count, 3);
}

static void test_holder_goes(void **state UNUSED)
{
    attach_both();
    type(SWITCH);
    host_console_clear();
    console_detach(guest);
    expect("(Vinci) *** input goes to dom0 (Ctrl-A three times to switch)\n");
    type(SWITCH "q");
    assert_int_equal(typed_count, 0);
    host_console_clear();
    console_detach(neighbour);
    console_detach(neighbour);
    expect("(Vinci) *** input goes to dom0 (Ctrl-A three times to switch)\n");
}

static void test_without_dom0(void **state UNUSED)
{
    console_without_dom0();
    control_domain = NULL;
    attach_both();
    say(guest, "raw");
    say(neighbour, "line\n");
    expect("raw\n(ivi) line\n");
    type("a" SWITCH SWITCH SWITCH "b");
    assert_int_equal(typed_count, 2);
}

/* No limit on memory or time is passed by one who writes on and on: he is held. */
static void flood(struct vcpu *v, void *arg UNUSED)
{
    console_write_guest(v->domain, "x\n", 2);
}

static void test_rate(void **state UNUSED)
{
    const struct vcpu_start start = { .pc = 0x40000000 };
    nsec_t begin;
    unsigned n;

    assert_int_equal(console_attach(guest, "rear", receive, 10), 0);
    assert_int_equal(vcpu_up(guest->vcpus[0], &start), 0);
    assert_int_equal(domain_unpause_by_controller(guest), 0);
    begin = arch_time_now();
    for (n = 0; n < 40; n++) {
        while (guest->vcpus[0]->pause_flags & VCPU_HELD) {
            host_time_advance(MSEC(10));
            (void)host_run(0);
        }
        assert_true(host_guest_call(guest->vcpus[0], flood, NULL));
    }
    /* Ten at once, then ten a second. */
    assert_in_range(arch_time_now() - begin, MSEC(2800), MSEC(3300));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_levels, setup), cmocka_unit_test_setup(test_long_line, setup),
        cmocka_unit_test_setup(test_dom0_shares_the_line, setup), cmocka_unit_test_setup(test_guest_lines, setup),
        cmocka_unit_test_setup(test_guest_flood, setup), cmocka_unit_test_setup(test_ring_wraps, setup),
        cmocka_unit_test_setup(test_input, setup), cmocka_unit_test_setup(test_debug_keys, setup),
        cmocka_unit_test_setup(test_rate_limit, setup),
        cmocka_unit_test_setup(test_shared_line, setup),
        cmocka_unit_test_setup(test_input_moves, setup),
        cmocka_unit_test_setup(test_holder_goes, setup),
        cmocka_unit_test_setup(test_without_dom0, setup),
        cmocka_unit_test_setup(test_rate, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
