/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/dma_attack/disk.h"
#include "guests/lib/hypercall.h"

#define PCI_BAR0 0x10
#define PCI_CAPABILITIES 0x34
#define CAPABILITY_VENDOR 9

/* Kinds of register blocks (4.1.4). */
enum { COMMON = 1, NOTIFY = 2, KINDS = 5 };

/* 4.1.4.3 */
#define DEVICE_FEATURE_SELECT 0
#define DEVICE_FEATURE 4
#define DRIVER_FEATURE_SELECT 8
#define DRIVER_FEATURE 12
#define STATUS 20
#define QUEUE_SELECT 22
#define QUEUE_SIZE 24
#define QUEUE_ENABLE 28
#define QUEUE_NOTIFY_OFF 30
#define QUEUE_DESC 32
#define QUEUE_DRIVER 40
#define QUEUE_DEVICE 48
#define STATUS_STEPS 0xf
/* Bits 32 and 33: version 1, and accesses go the platform's way, which is the IOMMU. */
#define FEATURES_HIGH 3

#define ENTRIES 8
#define NEXT 1
#define DEVICE_WRITES 2

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static struct {
    struct descriptor descriptors[ENTRIES];
    struct { uint16_t flags, index, ring[ENTRIES]; } available;
    uint8_t pad[PAGE_SIZE / 2];
    struct { uint16_t flags, index; struct { uint32_t id, length; } ring[ENTRIES]; } used;
    struct { uint32_t type, reserved; uint64_t sector; } header;
    uint8_t status;
} queue PAGE_ALIGNED;

static volatile uint8_t *block[KINDS];
static uint32_t notify_step;

static uint32_t get32(volatile uint8_t *base, unsigned offset)
{
    return *(volatile uint32_t *)(base + offset);
}

static void put32(volatile uint8_t *base, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(base + offset) = value;
}

static void put16(volatile uint8_t *base, unsigned offset, uint16_t value)
{
    *(volatile uint16_t *)(base + offset) = value;
}

static void put64(volatile uint8_t *base, unsigned offset, const void *memory)
{
    put32(base, offset, (uint32_t)(uint64_t)memory);
    put32(base, offset + 4, (uint32_t)((uint64_t)memory >> 32));
}

/* The blocks of registers: in BARs that lie one after the other, or where each BAR says. */
bool disk_use(volatile uint8_t *config, uint64_t at, uint32_t space)
{
    for (unsigned c = config[PCI_CAPABILITIES]; c; c = config[c + 1]) {
        unsigned kind = config[c + 3], bar = config[c + 4];
        uint64_t base = space ? at + (uint64_t)bar * space : get32(config, PCI_BAR0 + 4 * bar) & ~15u;

        if (config[c] != CAPABILITY_VENDOR || kind >= KINDS)
            continue;
        block[kind] = (volatile uint8_t *)base + get32(config, c + 8);
        if (kind == NOTIFY)
            notify_step = get32(config, c + 16);
    }
    return block[COMMON] && block[NOTIFY];
}

bool disk_start(void)
{
    volatile uint8_t *common = block[COMMON];

    common[STATUS] = 0;
    while (common[STATUS])
        continue;
    memset(&queue, 0, sizeof(queue));
    common[STATUS] = 3;
    put32(common, DRIVER_FEATURE_SELECT, 0);
    put32(common, DRIVER_FEATURE, 0);
    put32(common, DEVICE_FEATURE_SELECT, 1);
    if ((get32(common, DEVICE_FEATURE) & FEATURES_HIGH) != FEATURES_HIGH)
        return false;
    put32(common, DRIVER_FEATURE_SELECT, 1);
    put32(common, DRIVER_FEATURE, FEATURES_HIGH);
    common[STATUS] = 11;
    put16(common, QUEUE_SELECT, 0);
    put16(common, QUEUE_SIZE, ENTRIES);
    put64(common, QUEUE_DESC, queue.descriptors);
    put64(common, QUEUE_DRIVER, &queue.available);
    put64(common, QUEUE_DEVICE, &queue.used);
    put16(common, QUEUE_ENABLE, 1);
    common[STATUS] = STATUS_STEPS;
    return common[STATUS] == STATUS_STEPS;
}

bool disk_move(uint64_t at, uint64_t sector, bool to_memory)
{
    uint64_t end = counter_now() + 300 * TICKS_PER_MS;
    volatile uint16_t *used = &queue.used.index;
    uint16_t before = *used;

    queue.header.type = to_memory ? 0 : 1;
    queue.header.sector = sector;
    queue.status = 0xff;
    queue.descriptors[0] = (struct descriptor){ (uint64_t)&queue.header, sizeof(queue.header), NEXT, 1 };
    queue.descriptors[1] = (struct descriptor){ at, SECTOR, NEXT | (to_memory ? DEVICE_WRITES : 0), 2 };
    queue.descriptors[2] = (struct descriptor){ (uint64_t)&queue.status, 1, DEVICE_WRITES, 0 };
    queue.available.ring[queue.available.index % ENTRIES] = 0;
    dsb();
    queue.available.index++;
    dsb();
    put16(block[NOTIFY], *(volatile uint16_t *)(block[COMMON] + QUEUE_NOTIFY_OFF) * notify_step, 0);
    while (*used == before && counter_now() < end)
        continue;
    dsb();
    return *used != before && *(volatile uint8_t *)&queue.status == 0;
}
