/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD's IOMMUs as the driver's hardware: registers, ring and log, the walk from a device to a frame, and caches that keep what they once saw
 * until a command takes it out, which takes effect with the wait behind it and not before. (48882, 3.05)
 */
#include <string.h>

#include "arch/host/amdvi_model.h"
#include "arch/host/device_model.h"
#include "arch/host/internal.h"
#include "arch/include/pci.h"
#include "lib/assert.h"
#include "mem/frame.h"

#define BYTES 0x4000
#define TLB 64
#define DEVICES 16
#define ROUTES 16
#define SUPPRESSED BIT(34)
#define FRAME UINT64_C(0x000ffffffffff000)
#define ENTRY_USED (FRAME | UINT64_C(7) << 60 | 0xe01)       /* bits that an entry of a table may have */

enum { DEVICE_TABLE = 0, COMMAND_BASE = 8, EVENT_BASE = 0x10, CONTROL = 0x18, FEATURES = 0x30, COMMAND_HEAD = 0x2000, COMMAND_TAIL = 0x2008,
       EVENT_HEAD = 0x2010, EVENT_TAIL = 0x2018, STATUS = 0x2020 };
enum { ENABLE = 1 << 0, EVENTS = 1 << 2, EVENT_INTERRUPT = 1 << 3, COMMANDS = 1 << 12 };

struct cached {
    bool valid, present, write;
    uint16_t tag;
    uint64_t page, pages, mfn;
};

static struct amdvi_model {
    uint64_t reg[BYTES / 8];
    bool keeps_absent;
    uint16_t function;
    struct cached tlb[TLB];
    struct { bool valid; uint16_t device; uint64_t entry[4]; } config[DEVICES];
    struct { bool valid; uint16_t device, index; uint32_t route; } routes[ROUTES];
    unsigned next_tlb, next_config, next_route;
    uint64_t pending[256][2];           /* commands since the last wait */
    unsigned pending_count;
} models[HOST_AMDVIS];

static struct amdvi_model *model(unsigned unit)
{
    PANIC_IF(unit >= HOST_AMDVIS || !models[unit].function, "there is no AMD-Vi %u", unit);
    return &models[unit];
}

static void *memory_at(uint64_t address)
{
    mfn_t mfn = MFN(address >> PAGE_SHIFT);

    PANIC_IF(frame_owner(mfn) != OWNER_HYPERVISOR, "AMD-Vi: a structure lies in frame %#llx, which is not the hypervisor's",
             (unsigned long long)mfn.v);
    return (uint8_t *)host_ram(mfn) + (address & ~PAGE_MASK);
}

/* -- caches -- */

/* The pages that a command names: as many as the ones below the lowest zero of the number say. */
static void drop_pages(struct amdvi_model *m, const uint64_t c[2])
{
    uint64_t number = c[1] >> PAGE_SHIFT, size = c[1] & 1 ? UINT64_C(2) << __builtin_ctzll(~number) : 1;
    uint64_t first = number & ~(size - 1);
    uint16_t tag = (uint16_t)(c[0] >> 32);

    PANIC_IF(c[0] & 0x0fff0000fff00000 || c[1] & 0xff8, "AMD-Vi: command %#llx %#llx", (unsigned long long)c[0], (unsigned long long)c[1]);
    for (unsigned i = 0; i < TLB; i++) {
        struct cached *t = &m->tlb[i];

        if (t->tag == tag && t->page < first + size && first < t->page + t->pages)
            t->valid = false;
    }
}

static void execute(struct amdvi_model *m, const uint64_t c[2])
{
    switch (c[0] >> 60) {
    case 2:
        for (unsigned i = 0; i < DEVICES; i++)
            if (m->config[i].device == (uint16_t)c[0])
                m->config[i].valid = false;
        break;
    case 3:
        drop_pages(m, c);
        break;
    case 5:
        for (unsigned i = 0; i < ROUTES; i++)
            if (m->routes[i].device == (uint16_t)c[0])
                m->routes[i].valid = false;
        break;
    case 8:
        memset(m->config, 0, sizeof(m->config));
        memset(m->routes, 0, sizeof(m->routes));
        memset(m->tlb, 0, sizeof(m->tlb));
        break;
    default:
        panic("AMD-Vi: command %#llx is none", (unsigned long long)c[0]);
    }
}

static void run_commands(struct amdvi_model *m)
{
    uint64_t *head = &m->reg[COMMAND_HEAD / 8], tail = m->reg[COMMAND_TAIL / 8], base = m->reg[COMMAND_BASE / 8];

    PANIC_IF((m->reg[CONTROL / 8] & (ENABLE | COMMANDS)) != (ENABLE | COMMANDS), "AMD-Vi: commands while it is off");
    PANIC_IF(base >> 56 != 8 || tail >= 4096 || tail & 15, "AMD-Vi: not the expected ring");
    for (; *head != tail; *head = (*head + 16) % 4096) {
        const uint64_t *c = memory_at((base & FRAME) + *head);

        if (c[0] >> 60 != 1) {
            PANIC_IF(m->pending_count == ARRAY_SIZE(m->pending), "AMD-Vi: too many commands before a wait");
            memcpy(m->pending[m->pending_count++], c, sizeof(m->pending[0]));
            continue;
        }
        for (unsigned i = 0; i < m->pending_count; i++)
            execute(m, m->pending[i]);
        m->pending_count = 0;
        if (c[0] & 1)
            *(uint64_t *)memory_at(c[0] & 0x000ffffffffffff8) = c[1];
    }
}

/* -- registers -- */

static uint32_t read_register(void *device, unsigned offset)
{
    const struct amdvi_model *m = device;

    return (uint32_t)(m->reg[offset / 8] >> (offset & 4 ? 32 : 0));
}

static void write_wide(void *device, unsigned offset, uint64_t value)
{
    struct amdvi_model *m = device;

    PANIC_IF(offset >= BYTES || offset & 7, "AMD-Vi: register %#x is written", offset);
    PANIC_IF(offset <= EVENT_BASE && m->reg[CONTROL / 8] & ENABLE, "AMD-Vi: register %#x is written while it is on", offset);
    m->reg[offset / 8] = offset == STATUS ? m->reg[offset / 8] & ~value : value;
    if (offset == COMMAND_TAIL && value != m->reg[COMMAND_HEAD / 8])
        run_commands(m);
}

static void write_register(void *device, unsigned offset, uint32_t value)
{
    PANIC_IF(offset != COMMAND_TAIL, "AMD-Vi: register %#x is written as 32 bits", offset);
    write_wide(device, offset, value);
}

void amdvi_model_check_unused(mfn_t mfn)
{
    for (unsigned unit = 0; unit < HOST_AMDVIS; unit++)
        for (unsigned i = 0; i < TLB; i++) {
            const struct cached *t = &models[unit].tlb[i];

            device_model_check_unused(mfn, t->valid && t->present, t->mfn, t->pages);
        }
}

/* -- the walk -- */

static const uint64_t *entry_of(struct amdvi_model *m, uint16_t device)
{
    uint64_t table = m->reg[DEVICE_TABLE / 8];
    unsigned i;

    for (i = 0; i < DEVICES; i++)
        if (m->config[i].valid && m->config[i].device == device)
            return m->config[i].entry;
    if (device * 32u >= ((table & 0x1ff) + 1) * PAGE_SIZE)
        return NULL;
    i = m->next_config++ % DEVICES;
    memcpy(m->config[i].entry, memory_at((table & FRAME) + device * 32u), 32);
    PANIC_IF(!(m->config[i].entry[0] & 1), "AMD-Vi: device %#x reaches everything", device);
    m->config[i].valid = true;
    m->config[i].device = device;
    return m->config[i].entry;
}

/* From the root of as many levels as `e` says; the rights of all entries count together. False: nothing is mapped. */
static bool walk(uint64_t e, uint64_t address, struct cached *t)
{
    unsigned level = e >> 9 & 7;
    uint64_t rights = e;

    PANIC_IF(level && level != 4, "AMD-Vi: tables of %u levels", level);
    if (address >> 48 || !level)
        return false;
    while (level) {
        unsigned next;

        e = *(uint64_t *)memory_at((e & FRAME) + (address >> (3 + 9 * level) & 511) * 8);
        rights &= e;
        if (!(e & 1))
            return false;
        next = e >> 9 & 7;
        PANIC_IF(e & ~ENTRY_USED || (next && next != level - 1), "AMD-Vi: %#llx is no entry of level %u", (unsigned long long)e, level);
        if (!next)
            break;
        level = next;
    }
    t->pages = UINT64_C(1) << 9 * (level - 1);
    t->present = rights >> 61 & 1;
    t->write = rights >> 62 & 1;
    t->mfn = (e & FRAME) >> PAGE_SHIFT;
    return true;
}

static const struct cached *translate(struct amdvi_model *m, const uint64_t *entry, uint64_t address)
{
    uint64_t page = address >> PAGE_SHIFT;
    struct cached t = { .valid = true, .tag = (uint16_t)entry[1], .pages = 1 };

    for (unsigned i = 0; i < TLB; i++) {
        const struct cached *k = &m->tlb[i];

        if (k->valid && k->tag == t.tag && k->page <= page && page < k->page + k->pages)
            return k;
    }
    if (!walk(entry[0], address, &t) && !m->keeps_absent)
        return NULL;
    t.page = ROUND_DOWN(page, t.pages);
    m->tlb[m->next_tlb % TLB] = t;
    return &m->tlb[m->next_tlb++ % TLB];
}

/* -- the log -- */

static void send_message(const struct amdvi_model *m)
{
    uint32_t control = arch_pci_read(m->function, 0x52, 2), address = arch_pci_read(m->function, 0x54, 4);

    if (control & 1)
        host_own_message(address, arch_pci_read(m->function, 0x5c, 2));
}

static void report(struct amdvi_model *m, uint16_t device, uint64_t address, bool write)
{
    uint64_t *tail = &m->reg[EVENT_TAIL / 8], next = (*tail + 16) % 4096, *e;

    if (!(m->reg[CONTROL / 8] & EVENTS) || m->reg[STATUS / 8] & 1)
        return;
    if (next == m->reg[EVENT_HEAD / 8]) {
        m->reg[STATUS / 8] |= 1;
    } else {
        e = memory_at((m->reg[EVENT_BASE / 8] & FRAME) + *tail);
        e[0] = device | UINT64_C(2) << 60 | (write ? BIT(53) : 0);
        e[1] = address;
        *tail = next;
    }
    /* A message when the bit rises. */
    if (!(m->reg[STATUS / 8] & 2) && m->reg[CONTROL / 8] & EVENT_INTERRUPT) {
        m->reg[STATUS / 8] |= 2;
        send_message(m);
    }
}

bool host_amdvi_access(unsigned unit, uint16_t device, uint64_t address, void *buffer, size_t n, bool write)
{
    struct amdvi_model *m = model(unit);
    const uint64_t *entry = entry_of(m, device);
    const struct cached *t;
    uint8_t *memory;

    PANIC_IF((address & ~PAGE_MASK) + n > PAGE_SIZE, "a device's access across pages");
    PANIC_IF(!(m->reg[CONTROL / 8] & ENABLE), "AMD-Vi: it is off, a device's access goes through");
    t = entry ? translate(m, entry, address) : NULL;
    if (!t || !t->present || (write && !t->write)) {
        if (!entry || !(entry[1] & SUPPRESSED))
            report(m, device, address, write);
        return false;
    }
    memory = (uint8_t *)host_ram(MFN(t->mfn + (address >> PAGE_SHIFT) - t->page)) + (address & ~PAGE_MASK);
    memcpy(write ? memory : buffer, write ? buffer : memory, n);
    return true;
}

/* -- messages of devices -- */

static uint32_t route_of(struct amdvi_model *m, uint16_t device, const uint64_t *entry, uint16_t index)
{
    for (unsigned i = 0; i < ROUTES; i++)
        if (m->routes[i].valid && m->routes[i].device == device && m->routes[i].index == index)
            return m->routes[i].route;
    m->routes[m->next_route % ROUTES].valid = true;
    m->routes[m->next_route % ROUTES].device = device;
    m->routes[m->next_route % ROUTES].index = index;
    return m->routes[m->next_route++ % ROUTES].route = *(uint32_t *)memory_at((entry[2] & UINT64_C(0x000fffffffffffc0)) + index * 4u);
}

bool host_amdvi_message(unsigned unit, uint16_t device, uint32_t data, unsigned *vector, unsigned *apic)
{
    struct amdvi_model *m = model(unit);
    const uint64_t *entry = entry_of(m, device);
    uint16_t index = data & 0x7ff;
    uint32_t route;

    if (!entry)
        return false;
    PANIC_IF(!(entry[2] & 1) || entry[2] >> 60 != 2, "AMD-Vi: messages of device %#x are not remapped", device);
    if (index >= 1u << (entry[2] >> 1 & 15))
        return false;
    route = route_of(m, device, entry, index);
    PANIC_IF(route & 0xff0000fe, "AMD-Vi: route %#x", route);
    *vector = route >> 16 & 0xff;
    *apic = route >> 8 & 0xff;
    return route & 1;
}

const uint64_t *host_amdvi_entry(unsigned unit, uint16_t device)
{
    return memory_at((model(unit)->reg[DEVICE_TABLE / 8] & FRAME) + device * 32u);
}

/* -- the machine -- */

static void add_function(const struct amdvi_model *m)
{
    struct host_pci *f = host_pci_add(m->function);

    f->config[0x06] = 0x10;                                 /* there is a list of capabilities */
    f->config[0x34] = 0x40;
    f->config[0x40] = 0x0f, f->config[0x41] = 0x50;         /* an IOMMU's */
    f->config[0x43] = m->keeps_absent ? 4 : 0;
    f->config[0x50] = 0x05, f->config[0x52] = 0x80;         /* messages, of 64 bits */
    f->writable[0x52] = 0x71;
    memset(&f->writable[0x54], 0xff, 10);
}

void host_amdvi_boot(unsigned units, bool keeps_absent)
{
    memset(models, 0, sizeof(models));
    device_models_clear();
    host_messages_clear();
    host_pci_clear();
    for (unsigned i = 0; i < units; i++) {
        struct amdvi_model *m = &models[i];
        m->keeps_absent = keeps_absent;
        m->function = HOST_AMDVI_FUNCTION(i);
        m->reg[FEATURES / 8] = i == 0 ? BIT(6) : 0;         /* the first forgets all by one command */
        device_model_add(&(struct device_model){ HOST_AMDVI_BASE(i), BYTES, m, read_register, write_register, write_wide });
        add_function(m);
    }
}
