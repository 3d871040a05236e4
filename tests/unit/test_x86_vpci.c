/* SPDX-License-Identifier: Apache-2.0 */
/* What dom0 sees of PCI, and what of its writes reaches devices: one function with MSI, MSI-X and registers above 4 GiB, one behind a bridge. */
#include "tests/unit/domains.h"
#include "arch/include/upcall.h"
#include "arch/include/x86_irq.h"
#include "arch/include/pci.h"
#include "mem/heap.h"
#include "vdev/x86_64/host_vector.h"
#include "vdev/x86_64/vlapic.h"
#include "vdev/x86_64/vpci.h"

#define VCPUS 2
#define DISK PCI_ID(0, 2, 0)
#define BRIDGE PCI_ID(0, 3, 0)
#define CARD PCI_ID(1, 0, 0)
#define OWN PCI_ID(0, 31, 7)
/* Registers. */
enum { COMMAND = 4, BAR0 = 0x10, BAR2 = 0x18, ROM = 0x30, MSI = 0x50, MSIX = 0x70, SRIOV = 0x100, RESIZE = 0x140 };
#define MEMORY 2
#define ENTRIES 8
#define TABLE 0x2000
#define HOME UINT64_C(0xfe000000)
#define HIGH UINT64_C(0x4000000000)
#define RAM_END UINT64_C(0x80000000)
#define MESSAGES UINT64_C(0xfee00000)
#define WINDOW UINT64_C(0xb0000000)

static struct domain *d;
static struct host_pci *disk, *bridge, *card;

static void set32(struct host_pci *f, unsigned reg, uint32_t value, uint32_t writable)
{
    memcpy(&f->config[reg], &value, 4);
    memcpy(&f->writable[reg], &writable, 4);
}

/* 16 KiB of registers in a BAR of 64 bits, 4 KiB in another, messages of both kinds. */
static struct host_pci *add_card(uint16_t id, uint64_t at)
{
    struct host_pci *f = host_pci_add(id);

    set32(f, 0, 0x12341af4, 0);
    set32(f, COMMAND, 0x00100000, 0xffff);
    set32(f, BAR0, (uint32_t)at | 4, ~(HOST_PCI_MEMORY - 1u));
    set32(f, BAR0 + 4, (uint32_t)(at >> 32), UINT32_MAX);
    set32(f, BAR2, 0xfd000000, ~0xfffu);
    set32(f, ROM, 0, 0xffff0001);
    set32(f, 0x34, MSI, 0);
    set32(f, MSI, 0x01867005 | MSIX << 8, 0x00710000);
    set32(f, MSI + 4, 0, ~3u);
    set32(f, MSI + 8, 0, UINT32_MAX);
    set32(f, MSI + 12, 0, 0xffff);
    set32(f, MSIX, 0x11 | (ENTRIES - 1) << 16, 0xc0000000);
    set32(f, MSIX + 4, TABLE, 0);
    set32(f, SRIOV, 0x10 | RESIZE << 20, 0);
    set32(f, SRIOV + 8, 0, UINT32_MAX);
    set32(f, RESIZE, 0x15, 0);
    set32(f, RESIZE + 8, 0, UINT32_MAX);
    return f;
}

static void add_board(void)
{
    host_pci_clear();
    disk = add_card(DISK, HOME);
    bridge = host_pci_add(BRIDGE);
    set32(bridge, 0, 0x000c1b36, 0);
    set32(bridge, COMMAND, 0, 0xffff);
    set32(bridge, 0x0c, 0x00010000, 0);
    set32(bridge, 0x18, 0x010100, 0xffffff);
    card = add_card(CARD, HOME + 0x100000);
    set32(host_pci_add(OWN), 0, 0x1022, 0);
    vpci_hide(OWN);
    vpci_keep_out(0, RAM_END);
    vpci_keep_out(MESSAGES, 0x100000);
    vpci_keep_out(WINDOW, 256 << 20);
    vpci_show_window(WINDOW, 0, 255);
}

static int setup(void **state UNUSED)
{
    uint64_t on = 0x1ff;

    host_boot(&(struct host_config){ .cpus = 2 });
    host_start();
    host_stop_ticks();
    add_board();
    d = make_domain(VCPUS, 0);
    for (unsigned i = 0; i < VCPUS; i++) {
        assert_int_equal(vlapic_init(d->vcpus[i]), 0);
        assert_true(vlapic_mmio(d->vcpus[i], 0xf0, 4, true, &on));
    }
    assert_int_equal(stage2_map(&d->stage2, GFN(0xfc000), MFN(0xfc000), 14, S2_DEVICE), 0);
    assert_int_equal(vpci_init(d), 0);
    return 0;
}

static int teardown(void **state UNUSED)
{
    for (unsigned i = 0; i < VCPUS; i++)
        vlapic_destroy(d->vcpus[i]);
    vpci_free(d);
    assert_int_equal(host_vectors_free_count(), X86_VECTOR_END - X86_VECTOR_FIRST);
    kill_domain(d);
    return 0;
}

/* -- dom0's accesses -- */

static void out(uint16_t port, unsigned size, uint32_t value)
{
    (void)vpci_port(d, port, size, false, &value);
}

static uint32_t in(uint16_t port, unsigned size)
{
    uint32_t value = UINT32_MAX;

    (void)vpci_port(d, port, size, true, &value);
    return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

static bool put_at(uint64_t address, unsigned size, uint64_t value)
{
    return upcall_mmio(d->vcpus[0], GPA(address), size, true, &value);
}

static uint64_t get_at(uint64_t address, unsigned size)
{
    uint64_t value = 0;

    assert_true(upcall_mmio(d->vcpus[0], GPA(address), size, false, &value));
    return value;
}

static enum s2_type seen_at(uint64_t address)
{
    return type_at(d, address >> PAGE_SHIFT);
}

static void decode(uint16_t id, bool on)
{
    vpci_write(d, id, COMMAND, 2, on ? MEMORY : 0);
}

static uint32_t memory32(const struct host_pci *f, unsigned at)
{
    uint32_t value;

    memcpy(&value, &f->memory[at], 4);
    return value;
}

static uint32_t config32(const struct host_pci *f, unsigned reg)
{
    uint32_t value;

    memcpy(&value, &f->config[reg], 4);
    return value;
}

static bool has(unsigned vcpu, unsigned vector)
{
    return atomic_test_and_clear_bit(d->vcpus[vcpu]->arch.lapic.irr, vector);
}

/* -- ways to it -- */

static void ports_and_mmconfig_show_the_same(void **state UNUSED)
{
    out(0xcf8, 4, 0x80000000 | DISK << 8);
    assert_int_equal(in(0xcf8, 4), 0x80000000 | DISK << 8);
    assert_int_equal(in(0xcfc, 4), 0x12341af4);
    assert_int_equal(in(0xcfe, 2), 0x1234);
    assert_int_equal(in(0xcff, 1), 0x12);
    assert_int_equal(get_at(WINDOW + (DISK << 12), 4), 0x12341af4);
    assert_int_equal(get_at(WINDOW + (DISK << 12) + 2, 2), 0x1234);
    assert_int_equal(get_at(WINDOW + (CARD << 12) + 1, 1), 0x1a);
    assert_int_equal(get_at(WINDOW + (DISK << 12), 8), UINT64_MAX);
    /* Nobody there, and nobody for dom0. */
    assert_int_equal(get_at(WINDOW + (PCI_ID(0, 9, 0) << 12), 4), UINT32_MAX);
    assert_int_equal(vpci_read(d, OWN, 0, 4), UINT32_MAX);
    assert_int_equal(vpci_read(d, OWN, 2, 2), 0xffff);
    vpci_write(d, OWN, COMMAND, 2, 6);
    /* Not enabled, not aligned, another's. */
    out(0xcf8, 4, DISK << 8);
    assert_int_equal(in(0xcfc, 4), UINT32_MAX);
    assert_int_equal(in(0xcfd, 2), 0xffff);
    assert_int_equal(in(0xcf9, 1), 0xff);
    assert_int_equal(in(0xcf7, 1), 0xff);
    assert_int_equal(in(0xd00, 4), UINT32_MAX);
}

static void what_is_not_looked_at_passes(void **state UNUSED)
{
    set32(disk, 0x40, 0x11223344, UINT32_MAX);
    vpci_write(d, DISK, 0x41, 1, 0x55);
    vpci_write(d, DISK, 0x42, 2, 0x6677);
    assert_int_equal(config32(disk, 0x40), 0x66775544);
    vpci_write(d, DISK, COMMAND, 1, 5);
    assert_int_equal(vpci_read(d, DISK, COMMAND, 2), 5);
    /* No virtual functions, no other sizes. */
    vpci_write(d, DISK, SRIOV + 8, 2, 0x19);
    assert_int_equal(config32(disk, SRIOV + 8), 0x18);
    vpci_write(d, DISK, RESIZE + 8, 4, 0xf00);
    assert_int_equal(config32(disk, RESIZE + 8), 0);
}

/* -- messages -- */

static void program_msi(unsigned vcpu, unsigned vector)
{
    vpci_write(d, DISK, MSI + 4, 4, 0xfee00000 | vcpu * 2 << 12);
    vpci_write(d, DISK, MSI + 8, 4, 0);
    vpci_write(d, DISK, MSI + 12, 2, vector);
}

static void msi_is_the_hosts_for_the_device_and_dom0s_for_dom0(void **state UNUSED)
{
    unsigned free = host_vectors_free_count(), vector;

    program_msi(1, 0x41);
    assert_int_equal(config32(disk, MSI + 4), 0);
    vpci_write(d, DISK, MSI + 2, 2, 0x71);
    vector = config32(disk, MSI + 12);
    assert_true(vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    assert_int_equal(host_vectors_free_count(), free - 1);
    assert_int_equal(config32(disk, MSI + 4), arch_message_address(d->vcpus[1]->unit.cpu));
    assert_int_equal(config32(disk, MSI) >> 16 & 0x71, 1);
    /* One message is offered, and dom0 reads what it wrote. */
    assert_int_equal(vpci_read(d, DISK, MSI + 2, 2), 0x0181);
    assert_int_equal(vpci_read(d, DISK, MSI + 4, 4), 0xfee02000);
    assert_int_equal(vpci_read(d, DISK, MSI + 12, 2), 0x41);
    assert_true(host_vector_deliver(vector));
    assert_true(has(1, 0x41));
    assert_false(has(0, 0x41));
    program_msi(0, 0x52);
    assert_true(host_vector_deliver(vector));
    assert_true(has(0, 0x52));
    vpci_write(d, DISK, MSI + 2, 2, 0);
    assert_int_equal(config32(disk, MSI) >> 16 & 1, 0);
    assert_int_equal(host_vectors_free_count(), free);
    assert_false(host_vector_deliver(vector));
}

static void messages_that_no_apic_takes_reach_nobody(void **state UNUSED)
{
    static const struct { uint32_t address, data; } bad[] = {
        { 0xfee00000, 0x00 }, { 0xfee00000, 0x0f }, { 0xfee00000, 0x441 }, { 0xfee00000, 0x541 }, { 0x1000, 0x41 }, { 0xfee7f000, 0x41 },
    };
    unsigned vector;

    vpci_write(d, DISK, MSI + 2, 2, 1);
    vector = config32(disk, MSI + 12);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        vpci_write(d, DISK, MSI + 4, 4, bad[i].address);
        vpci_write(d, DISK, MSI + 12, 2, bad[i].data);
        assert_int_equal(config32(disk, MSI + 4) >> 20, 0xfee);
        assert_int_equal(config32(disk, MSI + 12), vector);
        assert_true(host_vector_deliver(vector));
    }
    vpci_write(d, DISK, MSI + 8, 4, 1);
    program_msi(0, 0x41);
    vpci_write(d, DISK, MSI + 8, 4, 1);
    assert_int_equal(config32(disk, MSI + 8), 0);
    assert_true(host_vector_deliver(vector));
    for (unsigned i = 0; i < 256; i++)
        assert_false(has(0, i) || has(1, i));
}

static void a_message_follows_its_vcpu(void **state UNUSED)
{
    unsigned cpu = d->vcpus[1]->unit.cpu, vector;

    program_msi(1, 0x41);
    vpci_write(d, DISK, MSI + 2, 2, 1);
    vector = config32(disk, MSI + 12);
    d->vcpus[1]->unit.cpu = 1 - cpu;
    assert_true(host_vector_deliver(vector));
    assert_int_equal(config32(disk, MSI + 4), arch_message_address(1 - cpu));
    d->vcpus[1]->unit.cpu = cpu;
    assert_true(host_vector_deliver(vector));
    assert_int_equal(config32(disk, MSI + 4), arch_message_address(cpu));
}

static void put_entry(unsigned n, uint32_t address, uint32_t data, bool masked)
{
    uint64_t at = HOME + TABLE + n * 16;

    assert_true(put_at(at, 4, address));
    assert_true(put_at(at + 4, 4, 0));
    assert_true(put_at(at + 8, 4, data));
    assert_true(put_at(at + 12, 4, masked));
}

static void a_table_of_messages_is_translated(void **state UNUSED)
{
    unsigned free = host_vectors_free_count(), vector;

    assert_int_equal(seen_at(HOME + TABLE), S2_DEVICE);
    decode(DISK, true);
    assert_int_equal(seen_at(HOME + TABLE), S2_EMPTY);
    assert_int_equal(seen_at(HOME + TABLE - PAGE_SIZE), S2_DEVICE);
    assert_int_equal(seen_at(HOME + TABLE + PAGE_SIZE), S2_DEVICE);
    for (unsigned n = 0; n < ENTRIES; n++)
        assert_int_equal(memory32(disk, TABLE + n * 16 + 12), 1);
    put_entry(3, 0xfee02000, 0x61, false);
    assert_int_equal(memory32(disk, TABLE + 3 * 16 + 12), 1);
    vpci_write(d, DISK, MSIX + 2, 2, 0x8000);
    vector = memory32(disk, TABLE + 3 * 16 + 8);
    assert_true(vector >= X86_VECTOR_FIRST && vector < X86_VECTOR_END);
    assert_int_equal(memory32(disk, TABLE + 3 * 16 + 12), 0);
    assert_int_equal(config32(disk, MSIX) >> 30, 2);
    assert_int_equal(get_at(HOME + TABLE + 3 * 16, 8), 0xfee02000);
    assert_int_equal(get_at(HOME + TABLE + 3 * 16 + 8, 8), 0x61);
    assert_int_equal(get_at(HOME + TABLE + 3 * 16 + 2, 2), 0xfee0);
    assert_true(host_vector_deliver(vector));
    assert_true(has(1, 0x61));
    put_at(HOME + TABLE + 3 * 16 + 12, 4, 1);
    assert_int_equal(memory32(disk, TABLE + 3 * 16 + 12), 1);
    put_at(HOME + TABLE + 3 * 16 + 8, 1, 0xff);
    assert_int_equal(get_at(HOME + TABLE + 3 * 16 + 8, 1), 0x61);
    /* Beside the table in its page: the device's own. */
    assert_true(put_at(HOME + TABLE + ENTRIES * 16, 8, UINT64_C(0x1122334455667788)));
    assert_int_equal(memory32(disk, TABLE + ENTRIES * 16), 0x55667788);
    assert_int_equal(get_at(HOME + TABLE + ENTRIES * 16 + 4, 4), 0x11223344);
    vpci_write(d, DISK, MSIX + 2, 2, 0);
    assert_int_equal(host_vectors_free_count(), free);
    decode(DISK, false);
    assert_int_equal(seen_at(HOME + TABLE), S2_DEVICE);
    assert_false(put_at(HOME + TABLE, 4, 0));
}

static void without_vectors_nothing_is_sent(void **state UNUSED)
{
    while (host_vector_for_line(d, 9) >= 0)
        ;
    decode(DISK, true);
    put_entry(0, 0xfee00000, 0x61, false);
    vpci_write(d, DISK, MSIX + 2, 2, 0x8000);
    assert_int_equal(memory32(disk, TABLE + 12), 1);
    program_msi(0, 0x41);
    vpci_write(d, DISK, MSI + 2, 2, 1);
    assert_int_equal(config32(disk, MSI) >> 16 & 1, 0);
    for (unsigned v = X86_VECTOR_FIRST; v < X86_VECTOR_END; v++)
        host_vector_free(v);
}

/* What firmware, or a life before, has left. */
static void what_was_on_is_off_when_it_is_found(void **state UNUSED)
{
    struct host_pci *f = add_card(PCI_ID(0, 7, 0), HOME + 0x200000);

    set32(f, MSI, config32(f, MSI) | 1 << 16, 0x00710000);
    set32(f, MSIX, config32(f, MSIX) | 1u << 31, 0xc0000000);
    assert_int_equal(vpci_device_add(d, f->id), 0);
    assert_int_equal(config32(f, MSI) >> 16 & 1, 0);
    assert_int_equal(config32(f, MSIX) >> 31, 0);
    assert_int_equal(vpci_device_add(d, PCI_ID(0, 8, 0)), -E_NODEV);
    assert_int_equal(vpci_device_remove(d, f->id), 0);
    assert_int_equal(vpci_device_remove(d, OWN), -E_NODEV);
}

/* -- places -- */

static void move_high(uint64_t to)
{
    vpci_write(d, DISK, BAR0, 4, (uint32_t)to);
    vpci_write(d, DISK, BAR0 + 4, 4, (uint32_t)(to >> 32));
}

static void registers_above_4_gib_are_seen_where_they_are(void **state UNUSED)
{
    move_high(HIGH);
    assert_int_equal(seen_at(HIGH), S2_EMPTY);
    decode(DISK, true);
    assert_int_equal(seen_at(HIGH), S2_DEVICE);
    assert_int_equal(seen_at(HIGH + TABLE), S2_EMPTY);
    assert_int_equal(seen_at(HIGH + TABLE + PAGE_SIZE), S2_DEVICE);
    assert_int_equal(seen_at(HIGH + HOST_PCI_MEMORY), S2_EMPTY);
    assert_true(put_at(HIGH + TABLE, 4, 0xfee00000));
    /* Moved while it is decoded. */
    vpci_write(d, DISK, BAR0, 4, 0x10000);
    assert_int_equal(host_pci_base(disk), HIGH + 0x10000);
    assert_int_equal(seen_at(HIGH), S2_EMPTY);
    assert_int_equal(seen_at(HIGH + 0x10000), S2_DEVICE);
    assert_int_equal(seen_at(HIGH + 0x10000 + TABLE), S2_EMPTY);
    decode(DISK, false);
    assert_int_equal(seen_at(HIGH + 0x10000), S2_EMPTY);
}

static void sizing_is_as_the_device_answers(void **state UNUSED)
{
    vpci_write(d, DISK, BAR0, 4, UINT32_MAX);
    assert_int_equal(vpci_read(d, DISK, BAR0, 4) & ~0xfu, ~(HOST_PCI_MEMORY - 1u));
    vpci_write(d, DISK, BAR0 + 4, 4, UINT32_MAX);
    assert_int_equal(vpci_read(d, DISK, BAR0 + 4, 4), UINT32_MAX);
    move_high(HOME);
    vpci_write(d, DISK, ROM, 4, 0xfffff800);
    assert_int_equal(vpci_read(d, DISK, ROM, 4), 0xffff0000);
}

static void no_registers_come_over_what_is_not_dom0s(void **state UNUSED)
{
    static const uint64_t bad[] = { 0x100000, RAM_END - HOST_PCI_MEMORY, MESSAGES, MESSAGES + 0xfc000, WINDOW, WINDOW + (255 << 20) };

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        move_high(bad[i]);
        decode(DISK, true);
        assert_int_equal(config32(disk, COMMAND) & MEMORY, 0);
        move_high(HOME);
        decode(DISK, true);
        assert_int_equal(config32(disk, COMMAND) & MEMORY, MEMORY);
        vpci_write(d, DISK, BAR0, 4, (uint32_t)bad[i]);
        assert_int_equal(host_pci_base(disk), HOME);
        vpci_write(d, DISK, BAR0 + 3, 1, (uint32_t)bad[i] >> 24);
        assert_int_not_equal(host_pci_base(disk), bad[i]);
        decode(DISK, false);
        move_high(HOME);
    }
    vpci_write(d, DISK, BAR2, 4, 0x200000);
    decode(DISK, true);
    assert_int_equal(config32(disk, COMMAND) & MEMORY, 0);
    vpci_write(d, DISK, BAR2, 4, 0);
    vpci_write(d, DISK, ROM, 4, 0x200001);
    decode(DISK, true);
    assert_int_equal(config32(disk, COMMAND) & MEMORY, 0);
    vpci_write(d, DISK, ROM, 4, 0x200000);
    decode(DISK, true);
    assert_int_equal(config32(disk, COMMAND) & MEMORY, MEMORY);
    vpci_write(d, DISK, ROM, 4, 0x200001);
    assert_int_equal(config32(disk, ROM), 0x200000);
}

static void a_place_that_two_have_is_not_opened_for_one(void **state UNUSED)
{
    decode(CARD, true);
    decode(DISK, true);
    vpci_write(d, CARD, BAR0, 4, (uint32_t)HOME);
    assert_int_equal(seen_at(HOME + TABLE), S2_EMPTY);
    decode(CARD, false);
    assert_int_equal(seen_at(HOME + TABLE), S2_EMPTY);
    decode(DISK, false);
    assert_int_equal(seen_at(HOME + TABLE), S2_DEVICE);
}

static void buses_that_are_numbered_anew_are_looked_at_anew(void **state UNUSED)
{
    decode(CARD, true);
    assert_int_equal(seen_at(HOME + 0x100000 + TABLE), S2_EMPTY);
    card->id = PCI_ID(5, 0, 0);
    vpci_write(d, BRIDGE, 0x18, 4, 0x050500);
    assert_int_equal(vpci_read(d, CARD, 0, 4), UINT32_MAX);
    assert_int_equal(vpci_read(d, card->id, 0, 4), 0x12341af4);
    assert_int_equal(seen_at(HOME + 0x100000 + TABLE), S2_EMPTY);
    vpci_write(d, BRIDGE, 0x19, 1, 0);
    vpci_write(d, BRIDGE, 0x18, 4, 0xffffff);
}

static void another_device_in_the_same_place_is_another(void **state UNUSED)
{
    decode(DISK, true);
    put_entry(0, 0xfee00000, 0x61, false);
    vpci_write(d, DISK, MSIX + 2, 2, 0x8000);
    assert_int_not_equal(host_vectors_free_count(), X86_VECTOR_END - X86_VECTOR_FIRST);
    set32(disk, 0, 0x56781af4, 0);
    set32(disk, COMMAND, 0x00100000, 0xffff);
    assert_int_equal(vpci_read(d, DISK, 0, 4), 0x56781af4);
    assert_int_equal(host_vectors_free_count(), X86_VECTOR_END - X86_VECTOR_FIRST);
    disk->is_there = false;
    assert_int_equal(vpci_read(d, DISK, 0, 4), UINT32_MAX);
    assert_int_equal(vpci_device_remove(d, DISK), -E_NODEV);
}

/* -- anything -- */

static void check_device(const struct host_pci *f)
{
    uint64_t base = host_pci_base(f);
    uint32_t msi = config32(f, MSI);

    if (msi >> 16 & 1) {
        assert_int_equal(config32(f, MSI + 4) >> 20, 0xfee);
        assert_int_equal(config32(f, MSI + 8), 0);
        assert_true(config32(f, MSI + 12) >= X86_VECTOR_FIRST && config32(f, MSI + 12) < X86_VECTOR_END);
        assert_int_equal(msi >> 20 & 7, 0);
    }
    for (unsigned n = 0; (config32(f, MSIX) >> 31) && n < ENTRIES; n++) {
        if (memory32(f, TABLE + n * 16 + 12) & 1)
            continue;
        assert_int_equal(memory32(f, TABLE + n * 16) >> 20, 0xfee);
        assert_int_equal(memory32(f, TABLE + n * 16 + 4), 0);
        assert_true(memory32(f, TABLE + n * 16 + 8) >= X86_VECTOR_FIRST && memory32(f, TABLE + n * 16 + 8) < X86_VECTOR_END);
    }
    if (!base || base >= BIT(46))
        return;
    assert_true(base >= RAM_END);
    assert_true(base + HOST_PCI_MEMORY <= WINDOW || base >= WINDOW + (256 << 20));
    assert_true(base + HOST_PCI_MEMORY <= MESSAGES || base >= MESSAGES + 0x100000);
    assert_int_not_equal(seen_at(base + TABLE), S2_DEVICE);
}

static const uint16_t likely_registers[] = { COMMAND, BAR0, BAR0 + 4, BAR2, ROM, MSI, MSI + 4, MSI + 8, MSI + 12, MSIX, SRIOV + 8, RESIZE + 8 };

static void any_access(void)
{
    unsigned size = 1u << host_random_below(3);
    unsigned reg = host_random() & 1 ? (unsigned)host_random_below(4096) :
                   likely_registers[host_random_below(ARRAY_SIZE(likely_registers))] + (unsigned)host_random_below(4);
    uint16_t id = (uint16_t[]){ DISK, CARD, BRIDGE, OWN, PCI_ID(0, 8, 0) }[host_random_below(5)];
    uint32_t value = (uint32_t)(host_random() >> host_random_below(64));

    /* In the simulation a bridge's registers do not say where its devices are. */
    if (id == BRIDGE && reg >= 0x18 && reg < 0x1c)
        return;
    reg &= ~(size - 1);
    if (host_random_below(4) == 0)
        (void)vpci_read(d, id, reg, size);
    else if (host_random_below(4) == 0)
        (void)put_at(host_pci_base(disk) + TABLE + (host_random_below(PAGE_SIZE) & ~7u), 4u << host_random_below(2), value);
    else if (host_random_below(8) == 0)
        (void)host_vector_deliver(X86_VECTOR_FIRST + (unsigned)host_random_below(X86_VECTOR_END - X86_VECTOR_FIRST));
    else
        vpci_write(d, id, reg, size, value);
}

static void no_write_makes_a_device_send_or_lie_elsewhere(void **state UNUSED)
{
    for (unsigned i = 0; i < 100000; i++) {
        any_access();
        check_device(disk);
        check_device(card);
        if (host_random_below(100) == 0) {
            decode(DISK, false);
            move_high(HOME);
            vpci_write(d, DISK, BAR2, 4, 0xfd000000);
            vpci_write(d, DISK, ROM, 4, 0);
            decode(DISK, true);
        }
    }
}

static void no_memory_is_no_way_in(void **state UNUSED)
{
    move_high(HIGH);
    for (unsigned n = 1; n < 12; n++) {
        alloc_fail_nth(n);
        decode(DISK, true);
        alloc_fail_nth(0);
        check_device(disk);
        if (config32(disk, COMMAND) & MEMORY)
            assert_int_equal(seen_at(HIGH), S2_DEVICE);
        else
            assert_int_equal(seen_at(HIGH), S2_EMPTY);
        decode(DISK, false);
    }
}

static void no_memory_at_the_start_leaves_nothing(void **state UNUSED)
{
    uint64_t objects;

    vpci_free(d);
    objects = heap_objects_used();
    d->arch.mmio.count = 0;
    for (unsigned n = 1; n < 12; n++) {
        int r;

        d->arch.mmio.count = 0;
        alloc_fail_nth(n);
        r = vpci_init(d);
        alloc_fail_nth(0);
        assert_true(r == 0 || (r == -E_NOMEM && !d->arch.vpci));
        assert_true(n > 1 || r);
        if (!r)
            assert_int_equal(vpci_read(d, DISK, 0, 4), 0x12341af4);
        vpci_free(d);
        assert_int_equal(heap_objects_used(), objects);
    }
    d->arch.mmio.count = 0;
    assert_int_equal(vpci_init(d), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ports_and_mmconfig_show_the_same), TEST(what_is_not_looked_at_passes), TEST(msi_is_the_hosts_for_the_device_and_dom0s_for_dom0),
        TEST(messages_that_no_apic_takes_reach_nobody), TEST(a_message_follows_its_vcpu), TEST(a_table_of_messages_is_translated),
        TEST(without_vectors_nothing_is_sent), TEST(what_was_on_is_off_when_it_is_found), TEST(registers_above_4_gib_are_seen_where_they_are),
        TEST(sizing_is_as_the_device_answers), TEST(no_registers_come_over_what_is_not_dom0s), TEST(a_place_that_two_have_is_not_opened_for_one),
        TEST(buses_that_are_numbered_anew_are_looked_at_anew), TEST(another_device_in_the_same_place_is_another),
        TEST(no_write_makes_a_device_send_or_lie_elsewhere), TEST(no_memory_is_no_way_in), TEST(no_memory_at_the_start_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
