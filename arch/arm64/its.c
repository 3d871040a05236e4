/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's ITS and its CPUs' LPIs (IHI 0069, chapters 5 and 6; registers 12.11, 12.19). Tables are the hypervisor's own:
 *
 *   device table --> one page per mapped device (its events) --> LPI, collection = CPU
 *   configuration: one byte for each LPI, enabled unless it is masked, at the hypervisor's priority; pending: 64 KiB for each CPU
 */
#include "arch/include/arm64_its.h"
#include "arch/include/mapping.h"
#include "arch/include/mmio.h"
#include "gic_internal.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "mem/heap.h"

#define GITS_CTLR 0x0000
#define GITS_TYPER 0x0008
#define GITS_CBASER 0x0080
#define GITS_CWRITER 0x0088
#define GITS_CREADR 0x0090
#define GITS_BASER(n) (0x0100 + 8 * (n))
#define GITS_BASERS 8
#define CTLR_ENABLED BIT(0)
#define CTLR_QUIESCENT BIT(31)
#define TYPER_PHYSICAL_TARGETS BIT(19)
#define BASER_DEVICES 1
#define BASER_COLLECTIONS 4
/* Tables, queue: valid; inner shareable, write-back. */
#define BASE_VALID BIT(63)
#define BASE_CACHED (UINT64_C(7) << 59 | UINT64_C(1) << 10)
#define BASE_SHAREABLE (UINT64_C(3) << 10)
#define BASER_TWO_LEVELS BIT(62)
#define BASER_PAGE_SIZE (UINT64_C(3) << 8)          /* 0: 4 KiB */
#define BASER_PAGES UINT64_C(0xff)

#define GICR_CTLR 0x0000
#define GICR_TYPER 0x0008
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078
#define GICR_CTLR_LPIS BIT(0)
#define GICR_TYPER_LPIS BIT(0)
#define LPI_TABLE_CACHED (UINT64_C(7) << 7 | UINT64_C(1) << 10)
#define PENDBASER_ALL_CLEAR BIT(62)
#define LPI_BITS 14                                 /* of interrupt numbers: LPI_FIRST and as many again */
#define PENDING_ORDER 4                             /* aligned to 64 KiB */
#define CONFIG_ORDER 1
#define CONFIG_ENABLED 1
#define GICD_TYPER_LPIS BIT(17)

#define CMD_MOVI 0x01
#define CMD_SYNC 0x05
#define CMD_MAPD 0x08
#define CMD_MAPC 0x09
#define CMD_MAPTI 0x0a
#define CMD_INV 0x0c
#define CMD_DISCARD 0x0f
#define COMMANDS (PAGE_SIZE / sizeof(struct command))
#define LEVEL1_ENTRIES (PAGE_SIZE / sizeof(uint64_t))
#define PATIENCE 1000000

struct command { uint64_t word[4]; };

STATIC_ASSERT(LPI_FIRST + LPI_COUNT == BIT(LPI_BITS) && LPI_COUNT == PAGE_SIZE << CONFIG_ORDER);

static struct {
    spinlock_t lock;                    /* LOCK_ITS: queue and device table */
    hpa_t address;
    volatile void *base;
    bool tried, ready;
    bool physical_targets;              /* CPUs are named by their redistributor's address, else by its number */
    unsigned device_bits;
    struct command *queue;
    unsigned next;
    uint64_t *devices;                  /* level 1 of the device table */
    unsigned devices_per_page;
    uint8_t *config;
    uint64_t target[MAX_CPUS];          /* how commands name a CPU's redistributor */
    bool takes[MAX_CPUS];               /* its LPIs are on */
} its = { .lock = SPINLOCK(LOCK_ITS) };

static uint64_t read64(volatile void *base, unsigned offset)
{
    return mmio_read32(base, offset) | (uint64_t)mmio_read32(base, offset + 4) << 32;
}

static uint64_t address_of(const void *p)
{
    return mfn_to_hpa(arch_heap_frame(p)).v;
}

/* -- commands -- */

static void put(uint64_t w0, uint64_t w1, uint64_t w2)
{
    ASSERT(spin_is_held(&its.lock) && its.next < COMMANDS);
    its.queue[its.next] = (struct command){ { w0, w1, w2, 0 } };
    its.next = (its.next + 1) % COMMANDS;
}

/* All that was put takes effect, for this CPU's interrupts too. */
static void finish(unsigned cpu)
{
    uint32_t end;

    put(CMD_SYNC, 0, its.target[cpu]);
    end = (uint32_t)(its.next * sizeof(struct command));
    mmio_barrier();
    mmio_write64(its.base, GITS_CWRITER, end);
    for (unsigned i = 0; (mmio_read32(its.base, GITS_CREADR) & ~UINT32_C(31)) != end; i++)
        PANIC_IF(i > PATIENCE, "ITS: it does not take commands (CREADR %#x)", mmio_read32(its.base, GITS_CREADR));
}

static uint64_t of_device(unsigned opcode, uint32_t device)
{
    return opcode | (uint64_t)device << 32;
}

static unsigned collection_of(unsigned cpu)
{
    return cpu < MAX_CPUS && its.takes[cpu] ? cpu : 0;
}

/* -- devices and events -- */

/* There is a page of the device table for it. */
static int make_room(uint32_t device)
{
    uint64_t *slot;
    void *page;

    if (device >> its.device_bits || device / its.devices_per_page >= LEVEL1_ENTRIES)
        return -E_INVAL;
    slot = &its.devices[array_index_nospec(device / its.devices_per_page, LEVEL1_ENTRIES)];
    if (*slot)
        return 0;
    page = heap_alloc_pages(0);
    if (!page)
        return -E_NOMEM;
    mmio_barrier();
    WRITE_ONCE(*slot, BASE_VALID | address_of(page));
    return 0;
}

int arch_its_map_device(uint32_t device, const void *itt, unsigned event_bits)
{
    int error;

    ASSERT(its.ready && event_bits >= 1 && event_bits <= ITS_EVENT_BITS);
    spin_lock(&its.lock);
    error = make_room(device);
    if (!error) {
        put(of_device(CMD_MAPD, device), event_bits - 1, BASE_VALID | address_of(itt));
        finish(0);
    }
    spin_unlock(&its.lock);
    return error;
}

void arch_its_unmap_device(uint32_t device)
{
    spin_lock(&its.lock);
    put(of_device(CMD_MAPD, device), 0, 0);
    finish(0);
    spin_unlock(&its.lock);
}

/* The configuration of an LPI, which redistributors keep a copy of until they are told. True: it is not as it was. */
static bool configure(unsigned lpi, bool masked)
{
    uint8_t *config, value = (GIC_PRIORITY & 0xfc) | (masked ? 0 : CONFIG_ENABLED);
    bool is_new;

    ASSERT(lpi >= LPI_FIRST && lpi < LPI_FIRST + LPI_COUNT && spin_is_held(&its.lock));
    config = &its.config[lpi - LPI_FIRST];
    is_new = *config != value;
    WRITE_ONCE(*config, value);
    return is_new;
}

void arch_its_map_event(uint32_t device, uint32_t event, unsigned lpi, unsigned cpu)
{
    cpu = collection_of(cpu);
    spin_lock(&its.lock);
    put(of_device(CMD_MAPTI, device), event | (uint64_t)lpi << 32, cpu);
    if (configure(lpi, false))
        put(of_device(CMD_INV, device), event, 0);
    finish(cpu);
    spin_unlock(&its.lock);
}

void arch_its_move_event(uint32_t device, uint32_t event, unsigned cpu)
{
    cpu = collection_of(cpu);
    spin_lock(&its.lock);
    put(of_device(CMD_MOVI, device), event, cpu);
    finish(cpu);
    spin_unlock(&its.lock);
}

/* A SYNC waits for one CPU's redistributor, which is not known here to be the event's: it may be masked a moment later. */
void arch_its_mask_event(uint32_t device, uint32_t event, unsigned lpi, bool masked)
{
    spin_lock(&its.lock);
    if (configure(lpi, masked)) {
        put(of_device(CMD_INV, device), event, 0);
        finish(collection_of(cpu_id()));
    }
    spin_unlock(&its.lock);
}

void arch_its_unmap_event(uint32_t device, uint32_t event)
{
    spin_lock(&its.lock);
    put(of_device(CMD_DISCARD, device), event, 0);
    finish(0);
    spin_unlock(&its.lock);
}

/* -- CPUs -- */

static int enable_lpis(unsigned cpu, volatile uint8_t *r)
{
    void *pending;

    if (!(read64(r, GICR_TYPER) & GICR_TYPER_LPIS) || mmio_read32(r, GICR_CTLR) & GICR_CTLR_LPIS)
        return -E_NODEV;        /* none, or firmware has set them up, which cannot be undone */
    pending = heap_alloc_pages(PENDING_ORDER);
    if (!pending)
        return -E_NOMEM;
    mmio_barrier();
    mmio_write64(r, GICR_PROPBASER, address_of(its.config) | LPI_TABLE_CACHED | (LPI_BITS - 1));
    mmio_write64(r, GICR_PENDBASER, address_of(pending) | LPI_TABLE_CACHED | PENDBASER_ALL_CLEAR);
    if (!(read64(r, GICR_PROPBASER) & read64(r, GICR_PENDBASER) & BASE_SHAREABLE)) {
        heap_free_pages(pending, PENDING_ORDER);
        return -E_NODEV;
    }
    mmio_write32(r, GICR_CTLR, mmio_read32(r, GICR_CTLR) | (uint32_t)GICR_CTLR_LPIS);
    mmio_barrier();
    its.target[cpu] = its.physical_targets ? gic_redistributor_address(cpu).v : (read64(r, GICR_TYPER) >> 8 & 0xffff) << 16;
    return 0;
}

void its_cpu_up(unsigned cpu)
{
    volatile uint8_t *r = gic_redistributor(cpu);

    if (!its.config || !r || enable_lpis(cpu, r))
        return;
    spin_lock(&its.lock);
    put(CMD_MAPC, 0, BASE_VALID | its.target[cpu] | cpu);
    finish(cpu);
    its.takes[cpu] = true;
    spin_unlock(&its.lock);
}

/* -- start -- */

/* A table of one page; more: it is the first of two levels. */
static int set_table(unsigned n, const void *page, bool two_levels)
{
    uint64_t want = BASE_VALID | BASE_CACHED | address_of(page) | (two_levels ? BASER_TWO_LEVELS : 0), got;
    uint64_t same = BASE_VALID | BASE_SHAREABLE | BASER_TWO_LEVELS | BASER_PAGE_SIZE | BASER_PAGES;

    mmio_write64(its.base, GITS_BASER(n), want);
    got = read64(its.base, GITS_BASER(n));
    return (got & same) == (want & same) ? 0 : -E_NODEV;
}

static int set_tables(void)
{
    for (unsigned n = 0; n < GITS_BASERS; n++) {
        uint64_t baser = read64(its.base, GITS_BASER(n));
        unsigned type = baser >> 56 & 7, entry = (unsigned)(baser >> 48 & 31) + 1;
        bool is_devices = type == BASER_DEVICES;
        void *page;

        if (!is_devices && type != BASER_COLLECTIONS)
            continue;
        page = heap_alloc_pages(0);
        if (!page)
            return -E_NOMEM;
        if (set_table(n, page, is_devices) || PAGE_SIZE / entry < MAX_CPUS)
            return -E_NODEV;
        if (is_devices) {
            its.devices = page;
            its.devices_per_page = (unsigned)(PAGE_SIZE / entry);
        }
    }
    return its.devices ? 0 : -E_NODEV;
}

static int set_queue(void)
{
    its.queue = heap_alloc_pages(0);
    if (!its.queue)
        return -E_NOMEM;
    mmio_write64(its.base, GITS_CBASER, BASE_VALID | BASE_CACHED | address_of(its.queue));
    if (!(read64(its.base, GITS_CBASER) & BASE_SHAREABLE))
        return -E_NODEV;
    mmio_write64(its.base, GITS_CWRITER, 0);
    return 0;
}

/* Room for events of a page: entries of at most 16 bytes. */
static bool is_suitable(uint64_t type)
{
    uint32_t gicd = gic_read32(gic.distributor, GICD_TYPER);

    return (type & 1) && (type >> 4 & 15) + 1 <= PAGE_SIZE >> ITS_EVENT_BITS && (type >> 8 & 31) + 1 >= ITS_EVENT_BITS &&
           (gicd & GICD_TYPER_LPIS) && (gicd >> 19 & 31) + 1 >= LPI_BITS;
}

static int set_up(void)
{
    uint64_t type;
    int error;

    its.base = arch_boot_device(its.address, ITS_BYTES);
    if (!its.base)
        return -E_NOMEM;
    type = read64(its.base, GITS_TYPER);
    its.physical_targets = type & TYPER_PHYSICAL_TARGETS;
    its.device_bits = MIN((unsigned)(type >> 13 & 31) + 1, 31u);
    if (!is_suitable(type))
        return -E_NODEV;
    mmio_write32(its.base, GITS_CTLR, 0);
    for (unsigned i = 0; !(mmio_read32(its.base, GITS_CTLR) & CTLR_QUIESCENT); i++)
        if (i > PATIENCE)
            return -E_NODEV;
    error = set_tables();
    if (!error)
        error = set_queue();
    if (error)
        return error;
    its.config = heap_alloc_pages(CONFIG_ORDER);
    if (!its.config)
        return -E_NOMEM;
    memset(its.config, (GIC_PRIORITY & 0xfc) | CONFIG_ENABLED, LPI_COUNT);
    mmio_write32(its.base, GITS_CTLR, (uint32_t)CTLR_ENABLED);
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        its_cpu_up(cpu);
    return its.takes[0] ? 0 : -E_NODEV;
}

void arch_boot_its(hpa_t base)
{
    ASSERT(cpu_id() == 0 && !its.address.v);
    if (!gic_is_v2())
        its.address = base;
}

hpa_t arch_its_base(void)
{
    return its.address;
}

/* What does not come to be used keeps its few pages. */
bool arch_its_start(void)
{
    int error;

    if (its.tried || !its.address.v)
        return its.ready;
    its.tried = true;
    error = set_up();
    its.ready = !error;
    if (error) {
        its.config = NULL;
        log_warning("ITS at 0x%llx cannot be used (error %d): devices have their interrupt lines only",
                    (unsigned long long)its.address.v, error);
        return false;
    }
    log_info("ITS at 0x%llx: %u bits of device number", (unsigned long long)its.address.v, its.device_bits);
    return true;
}
