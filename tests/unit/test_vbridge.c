/* SPDX-License-Identifier: Apache-2.0 */
/* Single PCI functions for two domains: what each sees of configuration space, what of its writes reaches the function, and where its registers
 * and accesses come to be. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/abi.h"
#include "arch/include/upcall.h"
#include "drivers/smmuv3.h"
#include "mem/heap.h"
#include "vdev/arm64/vbridge.h"

#define BASE 0u
#define DISK 0x10u              /* 00:02.0 */
#define CARD 0x18u              /* 00:03.0 */
#define PORT 0x20u
#define FULL 0x28u              /* its registers are too large for any window */
#define STREAMS 0x100u
enum { COMMAND = 4, BAR0 = 0x10, BAR2 = 0x18, BAR4 = 0x20, ROM = 0x30, MSI = 0x50, MSIX = 0x70, EXPRESS = 0x80, SRIOV = 0x100 };
#define CONTROL (EXPRESS + 8)
#define RESET 0x8000u
#define MEMORY 2u
#define MASTER 4u
#define NO_LINE 0x400u
/* The host's windows, and the guest's. */
#define HOST_BUS UINT64_C(0x10000000)
#define HOST_CPU UINT64_C(0x910000000)
#define GUEST_BUS UINT64_C(0x20000000)
#define GUEST_AT UINT64_C(0x30000000)
#define WINDOW UINT64_C(0x100000)
#define GUEST_WINDOW (WINDOW - PAGE_SIZE)   /* the last registers of SIZE do not fit */
#define ECAM UINT64_C(0x3f000000)
#define SIZE HOST_PCI_MEMORY

static struct host_device *bridge;
static struct host_pci *disk, *card, *port;

static void set32(struct host_pci *f, unsigned reg, uint32_t value, uint32_t writable)
{
    memcpy(&f->config[reg], &value, 4);
    memcpy(&f->writable[reg], &writable, 4);
}

static uint32_t get32(const struct host_pci *f, unsigned reg)
{
    uint32_t value;

    memcpy(&value, &f->config[reg], 4);
    return value;
}

/* A BAR of 64 bits with 16 KiB, one of 32 bits with 256 bytes, one of ports; MSI, MSI-X, PCI Express with a reset, SR-IOV. */
static struct host_pci *add_card(uint32_t id)
{
    struct host_pci *f = host_pci_add(BASE + id);

    set32(f, 0, 0x10421af4, 0);
    set32(f, COMMAND, 0x00100000, 0x0000ffff);
    set32(f, BAR0, 0xc, ~(SIZE - 1u));
    set32(f, BAR0 + 4, 0, UINT32_MAX);
    set32(f, BAR2, 0, ~0xffu);
    set32(f, BAR4, 1, ~0x1fu);
    set32(f, ROM, 0, 0xffff0001);
    set32(f, 0x34, MSI, 0);
    set32(f, 0x3c, 0x010b, 0xff);
    set32(f, MSI, 0x01807005, 0x00710000);
    set32(f, MSI + 4, 0, ~3u);
    set32(f, MSI + 8, 0, UINT32_MAX);
    set32(f, MSI + 12, 0, 0xffff);
    set32(f, MSIX, 0x8011 | 7 << 16, 0xc0000000);
    set32(f, EXPRESS, 0x0010, 0);
    set32(f, EXPRESS + 4, 0x10000000, 0);
    set32(f, CONTROL, 0x2810, 0xffff);
    set32(f, SRIOV, 0x10, 0);
    set32(f, SRIOV + 8, 0, UINT32_MAX);
    return f;
}

static void add_bridge(void)
{
    struct pci_bridge *b = heap_new(struct pci_bridge);
    const struct host_device d = { .path = "/pcie@0", .offered = true, .streams = { { 0, STREAMS, 256 } }, .stream_count = 1, .bridge = b,
        .messages = { { STREAMS, 256 } }, .message_count = 1 };

    assert_non_null(b);
    b->windows[0].bus = HOST_BUS;
    b->windows[0].cpu = HOST_CPU;
    b->windows[0].size = WINDOW;
    b->window_count = 1;
    b->streams[0] = b->messages[0] = (struct pci_map){ 0, 0, STREAMS, 256 };
    b->stream_count = b->message_count = 1;
    b->stream_mask = b->message_mask = UINT32_MAX;
    assert_int_equal(host_device_add(&d), 0);
    bridge = host_device_find("/pcie@0");
}

static struct domain *create(void)
{
    const struct domain_config c = { .iommu = true, .max_vcpus = 1, .max_event_port = 1023 };
    struct domain_locked l;
    struct domain *d;
    struct vcpu *v;

    assert_int_equal(domain_create(DOMID(0xffff), &c, &d), 0);
    d->owner.limit = UINT64_MAX;
    l = domain_lock(d);
    assert_int_equal(vcpu_create(l, 0, &v), 0);
    domain_unlock(l);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(domain_populate(d, GFN(FIRST_GFN + i), 0), 0);
    return d;
}

static const struct vbridge_place place = { ECAM, WINDOW, { { GUEST_BUS, GUEST_AT, GUEST_WINDOW } }, 1 };

static int give(struct domain *d, unsigned number)
{
    struct host_device *h;
    int r = vbridge_host_function(bridge, number, &h);

    if (!r)
        r = host_device_assign(d, h, false);
    return r ? r : vbridge_add(d, h, number == CARD);
}

static struct domain *one, *two;

static int setup(void **state UNUSED)
{
    const struct smmuv3_place smmu = { .base = HOST_SMMU_BASE(0) };

    host_boot(NULL);
    host_smmu_boot(1, true);
    assert_int_equal(smmuv3_start(&smmu), 0);
    host_pci_clear();
    disk = add_card(DISK);
    card = add_card(CARD);
    port = host_pci_add(PORT);
    set32(port, 0, 0x000c1b36, 0);
    set32(port, 0x0c, 0x00010000, 0);
    add_bridge();
    host_console_clear();
    host_start();
    one = create();
    two = create();
    assert_int_equal(vbridge_create(one, &place), 0);
    assert_int_equal(vbridge_create(two, &place), 0);
    assert_int_equal(give(one, DISK), 0);
    assert_int_equal(give(two, CARD), 0);
    return 0;
}

/* -- as a guest -- */

static uint32_t in(struct domain *d, unsigned number, unsigned reg, unsigned size)
{
    uint64_t value = 0;

    assert_true(host_mmio(d->vcpus[0], ECAM + (number << 12) + reg, size, false, &value));
    return (uint32_t)value;
}

static void out(struct domain *d, unsigned number, unsigned reg, unsigned size, uint32_t value)
{
    uint64_t wide = value;

    assert_true(host_mmio(d->vcpus[0], ECAM + (number << 12) + reg, size, true, &wide));
}

static uint64_t seen_at(struct domain *d, uint64_t address)
{
    struct stage2_locked l = stage2_lock(&d->stage2);
    mfn_t mfn = MFN_NONE;
    enum s2_type type = stage2_lookup(l, GFN(address >> PAGE_SHIFT), &mfn, NULL);

    stage2_unlock(l);
    assert_true(type == S2_EMPTY || type == S2_DEVICE || type == S2_RAM);
    return type == S2_DEVICE ? mfn.v << PAGE_SHIFT : 0;
}

static uint64_t bar_of(const struct host_pci *f, unsigned reg)
{
    return HOST_CPU + ((get32(f, reg) & ~0xfu) - HOST_BUS);
}

static void place_bars(struct domain *d, unsigned number, uint64_t at)
{
    out(d, number, BAR0, 4, (uint32_t)at);
    out(d, number, BAR0 + 4, 4, 0);
    out(d, number, BAR2, 4, (uint32_t)at + SIZE);
    out(d, number, COMMAND, 2, MEMORY | MASTER);
}

static bool reaches(unsigned number, uint64_t address)
{
    uint64_t x;

    return host_smmu_access(0, STREAMS + number, address, &x, sizeof(x), false);
}

/* Whatever guests do: the functions' registers are where they were placed and decode, no line, no reset, no virtual functions; of a guest's stage
 * 2 no frame but its own functions' is a device's. */
static void check_all(void)
{
    struct { struct domain *d; struct host_pci *own; } all[] = { { one, disk }, { two, card } };

    for (unsigned i = 0; i < 2; i++) {
        uint64_t bar0 = bar_of(all[i].own, BAR0), bar2 = bar_of(all[i].own, BAR2);

        assert_int_equal(get32(all[i].own, BAR0) & ~0xfu, HOST_BUS + 2 * i * SIZE);
        assert_int_equal(get32(all[i].own, COMMAND) & (MEMORY | 1), MEMORY);
        assert_true(i == 1 || (get32(all[i].own, COMMAND) & NO_LINE));
        assert_int_equal(get32(all[i].own, CONTROL) & RESET, 0);
        assert_int_equal(get32(all[i].own, SRIOV + 8), 0);
        assert_int_equal(get32(all[i].own, ROM), 0);
        for (uint64_t at = GUEST_AT - SIZE; at < GUEST_AT + WINDOW + SIZE; at += PAGE_SIZE) {
            uint64_t host = seen_at(all[i].d, at);

            assert_true(!host || (at >= GUEST_AT && at < GUEST_AT + GUEST_WINDOW));
            assert_true(!host || (host >= bar0 && host < bar0 + SIZE) || host == (bar2 & PAGE_MASK));
        }
    }
}

static void each_sees_its_own(void **state UNUSED)
{
    assert_int_equal(in(one, DISK, 0, 4), 0x10421af4);
    assert_int_equal(in(one, DISK, 2, 2), 0x1042);
    assert_int_equal(in(one, CARD, 0, 4), UINT32_MAX);
    assert_int_equal(in(two, DISK, 0, 4), UINT32_MAX);
    assert_int_equal(in(two, CARD, 3, 1), 0x10);
    assert_int_equal(in(one, PORT, 0, 4), UINT32_MAX);
    assert_int_equal(in(one, DISK, 0x3d, 1), 0);
    /* The other one has the line of its pin. */
    assert_int_equal(in(two, CARD, 0x3d, 1), 1);
    out(two, CARD, COMMAND, 2, MASTER);
    assert_int_equal(get32(card, COMMAND) & NO_LINE, 0);
    out(two, CARD, COMMAND, 2, NO_LINE);
    assert_int_equal(get32(card, COMMAND) & NO_LINE, NO_LINE);
    assert_int_equal(in(one, DISK, SRIOV, 4), 0);
    assert_int_equal(in(one, DISK, 0, 8), UINT32_MAX);
    out(two, DISK, COMMAND, 2, 0);
    assert_int_equal(get32(disk, COMMAND) & MEMORY, MEMORY);
    assert_true(reaches(DISK, FIRST_GFN << PAGE_SHIFT));
    assert_false(reaches(DISK, (FIRST_GFN + 2) << PAGE_SHIFT));
    assert_true(host_device_sends_as(one, STREAMS + DISK) && !host_device_sends_as(two, STREAMS + DISK));
    assert_true(host_device_sends_as(two, STREAMS + CARD) && !host_device_sends_as(two, STREAMS + PORT));
}

static void registers_are_where_the_guest_puts_them(void **state UNUSED)
{
    out(one, DISK, BAR0, 4, UINT32_MAX);
    out(one, DISK, BAR2, 4, UINT32_MAX);
    assert_int_equal(in(one, DISK, BAR0, 4), (uint32_t)~(SIZE - 1u) | 0xc);
    assert_int_equal(in(one, DISK, BAR2, 4), 0xfffff000);       /* no two in a page */
    assert_int_equal(in(one, DISK, BAR4, 4), 0);                /* ports: none */
    place_bars(one, DISK, GUEST_BUS + 2 * SIZE);
    assert_int_equal(seen_at(one, GUEST_AT + 2 * SIZE), bar_of(disk, BAR0));
    assert_int_equal(seen_at(one, GUEST_AT + 3 * SIZE), bar_of(disk, BAR2));
    assert_int_equal(seen_at(two, GUEST_AT + 2 * SIZE), 0);
    out(one, DISK, BAR0, 4, (uint32_t)GUEST_BUS);
    assert_int_equal(seen_at(one, GUEST_AT), bar_of(disk, BAR0));
    assert_int_equal(seen_at(one, GUEST_AT + 2 * SIZE), 0);
    out(one, DISK, BAR0, 4, (uint32_t)(GUEST_BUS + WINDOW - SIZE));
    assert_int_equal(seen_at(one, GUEST_AT + WINDOW - SIZE), 0);
    check_all();
    out(one, DISK, BAR0, 4, (uint32_t)(GUEST_BUS + WINDOW));
    assert_int_equal(seen_at(one, GUEST_AT), 0);
    check_all();
    out(one, DISK, BAR2, 4, (uint32_t)GUEST_BUS + PAGE_SIZE);
    out(one, DISK, BAR0, 4, (uint32_t)GUEST_BUS);               /* over the other one */
    assert_int_equal(seen_at(one, GUEST_AT + PAGE_SIZE), bar_of(disk, BAR2));
    check_all();
    out(one, DISK, COMMAND, 2, 0);
    assert_int_equal(seen_at(one, GUEST_AT + PAGE_SIZE), 0);
    check_all();
}

static void registers_do_not_come_over_memory(void **state UNUSED)
{
    assert_int_equal(domain_populate(one, GFN(GUEST_AT >> PAGE_SHIFT), 0), 0);
    place_bars(one, DISK, GUEST_BUS);
    assert_int_equal(seen_at(one, GUEST_AT), 0);
    assert_int_equal(seen_at(one, GUEST_AT + PAGE_SIZE), 0);
    assert_non_null(strstr(host_console_text(), "registers of PCI 00:02.0 cannot be at 0x30000000"));
    check_all();
}

static void messages_and_reports_are_the_guests(void **state UNUSED)
{
    out(one, DISK, MSI + 4, 4, 0x04110040);
    out(one, DISK, MSI + 12, 2, 5);
    out(one, DISK, MSI + 2, 2, 1);
    assert_int_equal(get32(disk, MSI + 4), 0x04110040);
    assert_int_equal(get32(disk, MSI) >> 16 & 1, 1);
    out(one, DISK, MSIX + 2, 2, 0x8000);
    assert_int_equal(get32(disk, MSIX) >> 31, 1);
    out(one, DISK, CONTROL, 2, 0xffff);
    assert_int_equal(get32(disk, CONTROL), 0x281f | 0x2810);
    out(one, DISK, CONTROL + 1, 1, 0xff);
    check_all();
}

static void a_new_life_begins_with_nothing(void **state UNUSED)
{
    place_bars(one, DISK, GUEST_BUS);
    out(one, DISK, MSI + 2, 2, 1);
    host_devices_block(one);
    vbridge_reset(one);
    assert_int_equal(get32(disk, COMMAND) & 0xffff, NO_LINE);
    assert_int_equal(get32(disk, CONTROL) & RESET, RESET);
    assert_int_equal(get32(disk, MSI) >> 16 & 1, 0);
    assert_int_equal(seen_at(one, GUEST_AT), 0);
    assert_false(reaches(DISK, FIRST_GFN << PAGE_SHIFT));
    assert_true(reaches(CARD, FIRST_GFN << PAGE_SHIFT));
    /* What a reset does to it. */
    set32(disk, BAR0, 0xc, ~(SIZE - 1u));
    set32(disk, CONTROL, 0x2810, 0xffff);
    assert_int_equal(host_devices_unblock(one), -E_RESTART);
    assert_false(reaches(DISK, FIRST_GFN << PAGE_SHIFT));
    host_time_advance(MSEC(101));
    assert_int_equal(host_devices_unblock(one), 0);
    assert_true(reaches(DISK, FIRST_GFN << PAGE_SHIFT));
    assert_int_equal(in(one, DISK, BAR0, 4), 0xc);
    assert_int_equal(in(one, DISK, COMMAND, 2), 0);
    check_all();
}

static void what_cannot_be_given(void **state UNUSED)
{
    struct host_pci *full = add_card(FULL);
    struct host_device *h;

    assert_int_equal(give(two, DISK), -E_BUSY);
    assert_int_equal(give(two, 0x30), -E_NOENT);
    assert_int_equal(give(two, PORT), -E_INVAL);
    set32(full, BAR2, 0, ~(uint32_t)(2 * WINDOW - 1));
    assert_int_equal(give(two, FULL), -E_NOSPC);
    assert_int_equal(host_device_assign(two, bridge, false), -E_BUSY);
    bridge->bridge = NULL;
    assert_int_equal(vbridge_host_function(bridge, CARD, &h), -E_NODEV);
}

/* Another's BARs stay; registers of the functions stay where they are, whatever one writes where and with how much memory. */
static void no_write_breaks_out(void **state UNUSED)
{
    static const uint32_t words[] = { 0, UINT32_MAX, MEMORY, MEMORY | MASTER, (uint32_t)GUEST_BUS, (uint32_t)GUEST_BUS + PAGE_SIZE, (uint32_t)HOST_BUS,
                                      (uint32_t)(GUEST_BUS + WINDOW - SIZE), (uint32_t)(FIRST_GFN << PAGE_SHIFT), RESET };

    srand((unsigned)host_seed());
    place_bars(two, CARD, GUEST_BUS);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned size = 1u << rand() % 3, reg = ((unsigned)rand() % (rand() % 4 ? 0xa0 : 4096)) & ~(size - 1);
        uint32_t value = rand() % 3 ? words[(unsigned)rand() % ARRAY_SIZE(words)] : (uint32_t)rand() << 1;

        if (rand() % 8 == 0)
            alloc_fail_nth(1 + (unsigned)rand() % 4);
        out(one, rand() % 8 ? DISK : (unsigned)rand() & 0xff, reg, size, value);
        alloc_fail_nth(0);
        (void)in(one, DISK, reg, size);
        if (i % 16 == 0)
            check_all();
    }
    assert_int_equal(seen_at(two, GUEST_AT), bar_of(card, BAR0));
    assert_true(reaches(CARD, FIRST_GFN << PAGE_SHIFT));
}

static void no_memory_leaves_nothing_half_made(void **state UNUSED)
{
    uint64_t objects;
    struct domain *d;

    add_card(FULL);
    d = create();
    objects = heap_objects_used();
    for (unsigned n = 1;; n++) {
        int r;

        alloc_fail_nth(n);
        r = vbridge_create(d, &place);
        if (!r)
            r = give(d, FULL);
        alloc_fail_nth(0);
        if (!r) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(r, -E_NOMEM);
        if (!host_device_find("/pcie@0 00:05.0"))
            assert_int_equal(heap_objects_used(), objects + (d->arch.vbridge != NULL));
        vbridge_free(d);
        d->arch.mmio.count--;
        assert_true(n < 30);
    }
    assert_true(reaches(FULL, FIRST_GFN << PAGE_SHIFT));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_sees_its_own), TEST(registers_are_where_the_guest_puts_them), TEST(registers_do_not_come_over_memory),
        TEST(messages_and_reports_are_the_guests), TEST(a_new_life_begins_with_nothing), TEST(what_cannot_be_given),
        TEST(no_write_breaks_out), TEST(no_memory_leaves_nothing_half_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
