/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VT-d units as the driver's hardware: registers, the queue, the registers of faults, and caches that keep what they once saw until a
 * descriptor takes it out, which takes effect with the wait descriptor behind it and not before. The walk is vtd_walk.c's.
 * (Intel Virtualization Technology for Directed I/O 4.1)
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "arch/host/device_model.h"
#include "arch/host/vtd_model.h"
#include "lib/assert.h"
#include "mem/frame.h"

#define GCMD_KEPT 0x96800000u
#define LINE 64u

static struct vtd_model models[HOST_VTDS];
static unsigned count;
/* What units that do not look into caches see: what has been written back; anything before. */
static uint8_t *written_back;
static uint64_t written_back_bytes;

struct vtd_model *vtd_model(unsigned unit)
{
    PANIC_IF(unit >= count, "there is no VT-d unit %u", unit);
    return &models[unit];
}

/* -- memory -- */

void *vtd_model_memory(const struct vtd_model *m, uint64_t address)
{
    mfn_t mfn = MFN(address >> PAGE_SHIFT);

    PANIC_IF(frame_owner(mfn) != OWNER_HYPERVISOR, "VT-d: a structure lies in frame %#llx, which is not the hypervisor's",
             (unsigned long long)mfn.v);
    if (m->is.incoherent)
        return written_back + address - mfn_to_hpa(HOST_RAM_BASE).v;
    return (uint8_t *)host_ram(mfn) + (address & ~PAGE_MASK);
}

void vtd_model_cleaned(mfn_t mfn, unsigned offset, unsigned length)
{
    unsigned first = ROUND_DOWN(offset, LINE), end = (unsigned)ROUND_UP(offset + length, LINE);

    if (written_back)
        memcpy(written_back + ((mfn.v - HOST_RAM_BASE.v) << PAGE_SHIFT) + first, (uint8_t *)host_ram(mfn) + first, end - first);
}

static void forget_written_back(bool wanted)
{
    if (written_back)
        munmap(written_back, written_back_bytes);
    written_back = NULL;
    written_back_bytes = host_ram_frames() << PAGE_SHIFT;
    if (!wanted)
        return;
    written_back = mmap(NULL, written_back_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    PANIC_IF(written_back == MAP_FAILED, "no address space");
    memset(written_back, 0xa5, written_back_bytes);
}

void vtd_model_check_unused(mfn_t mfn)
{
    for (unsigned unit = 0; unit < count; unit++)
        for (unsigned i = 0; i < VTD_MODEL_TLB; i++) {
            const struct vtd_cached *t = &models[unit].tlb[i];

            device_model_check_unused(mfn, t->valid && t->present, t->mfn, t->pages);
        }
}

/* -- the queue (6.5.2) -- */

static void forget_pages(struct vtd_model *m, uint64_t low, uint64_t high)
{
    unsigned granularity = low >> 4 & 3, order = high & 63;
    uint64_t first = high >> PAGE_SHIFT;

    PANIC_IF(!granularity || (granularity == 3 && (m->is.no_page_selective || order > 18 || !IS_ALIGNED(first, BIT(order)))),
             "VT-d: descriptor %#llx %#llx", (unsigned long long)low, (unsigned long long)high);
    for (unsigned i = 0; i < VTD_MODEL_TLB; i++) {
        struct vtd_cached *t = &m->tlb[i];

        if (!t->buffered && (granularity == 1 || t->tag == (uint16_t)(low >> 16)) &&
            (granularity < 3 || (t->page < first + BIT(order) && first < t->page + t->pages)))
            t->valid = false;
    }
}

static void finish(struct vtd_model *m, uint64_t low, uint64_t address)
{
    for (unsigned i = 0; i < m->pending_count; i++) {
        if ((m->pending[i].low & 15) == 1)
            memset(m->context, 0, sizeof(m->context));
        else if ((m->pending[i].low & 31) == 4)
            memset(m->entry, 0, sizeof(m->entry));
        else if ((m->pending[i].low & 15) == 4)
            m->entry[m->pending[i].low >> 32 & 255].valid = false;
        else
            forget_pages(m, m->pending[i].low, m->pending[i].high);
    }
    m->pending_count = 0;
    PANIC_IF(!(low & BIT(5)) || address & 3, "VT-d: a wait that nobody waits for");
    /* The answer passes by no cache, whatever the tables do. */
    memcpy((uint8_t *)host_ram(MFN(address >> PAGE_SHIFT)) + (address & ~PAGE_MASK), (uint8_t *)&low + 4, 4);
}

static void run_queue(struct vtd_model *m)
{
    uint32_t tail = m->reg[0x88 / 4];

    PANIC_IF(!(m->reg[0x1c / 4] >> 26 & 1) && tail != m->head, "VT-d: descriptors while the queue is off");
    PANIC_IF(tail & 15 || tail >= PAGE_SIZE, "VT-d: tail %#x", tail);
    if (m->stopped)
        m->reg[0x34 / 4] |= 1u << 4;
    for (; m->head != tail && !m->stopped; m->head = (m->head + 16) % (uint32_t)PAGE_SIZE) {
        const uint64_t *d = vtd_model_memory(m, m->queue + m->head);

        if ((d[0] & 15) == 5) {
            finish(m, d[0], d[1]);
            continue;
        }
        PANIC_IF((d[0] & 15) != 1 && (d[0] & 15) != 2 && (d[0] & 15) != 4, "VT-d: descriptor %#llx is none", (unsigned long long)d[0]);
        PANIC_IF((d[0] & 15) == 1 && (d[0] >> 4 & 3) != 1, "VT-d: not all contexts are forgotten");
        PANIC_IF(m->pending_count == ARRAY_SIZE(m->pending), "VT-d: too many descriptors before a wait");
        m->pending[m->pending_count].low = d[0];
        m->pending[m->pending_count++].high = d[1];
    }
}

/* -- faults (7.2) -- */

static uint32_t *fault_register(struct vtd_model *m, unsigned n)
{
    return &m->reg[(VTD_MODEL_FAULTS_AT + n * 16) / 4];
}

static void count_faults(struct vtd_model *m)
{
    bool any = false;

    for (unsigned i = 0; i < VTD_MODEL_FAULTS; i++)
        any = any || fault_register(m, i)[3] >> 31;
    m->reg[0x34 / 4] = (m->reg[0x34 / 4] & ~2u) | (any ? 2 : 0);
}

void vtd_model_fault(struct vtd_model *m, uint16_t function, uint64_t address, bool write, unsigned reason)
{
    uint32_t *status = &m->reg[0x34 / 4], *r = fault_register(m, m->next_fault), before = *status;

    if (before & 1)
        return;
    if (r[3] >> 31) {
        *status |= 1;
        return;
    }
    r[0] = (uint32_t)(address & PAGE_MASK);
    r[1] = (uint32_t)(address >> 32);
    r[2] = function;
    r[3] = 1u << 31 | (write ? 0 : 1u << 30) | reason;
    *status |= 2;
    if (!(before & 2))
        *status = (*status & ~0xff00u) | m->next_fault << 8;
    m->next_fault = (m->next_fault + 1) % VTD_MODEL_FAULTS;
    if (!(before & 2) && !(m->reg[0x38 / 4] >> 31))
        host_own_message(m->reg[0x40 / 4], m->reg[0x3c / 4]);
}

/* -- registers (11.4) -- */

static void command(struct vtd_model *m, uint32_t value)
{
    uint32_t *status = &m->reg[0x1c / 4];

    if (value >> 26 & ~*status >> 26 & 1) {
        m->queue = m->reg[0x90 / 4] | (uint64_t)m->reg[0x94 / 4] << 32;
        PANIC_IF(m->queue & ~PAGE_MASK, "VT-d: a queue of another size");
        m->head = 0;
    }
    if (value >> 30 & 1)
        m->root = m->reg[0x20 / 4] | (uint64_t)m->reg[0x24 / 4] << 32;
    if (value >> 24 & 1)
        m->interrupts = m->reg[0xb8 / 4] | (uint64_t)m->reg[0xbc / 4] << 32;
    /* What was written while it was in the buffer is seen from here on. */
    for (unsigned i = 0; value >> 27 & 1 && i < VTD_MODEL_TLB; i++)
        if (m->tlb[i].buffered)
            m->tlb[i].valid = false;
    *status = (value & GCMD_KEPT) | ((*status | value) & (1u << 30 | 1u << 24));
}

static uint32_t read_register(void *device, unsigned offset)
{
    struct vtd_model *m = device;
    uint32_t value = m->reg[offset / 4];

    if (offset == 0x34 && m->late && !(value & 2)) {
        m->late = false;
        vtd_model_fault(m, m->late_function, m->late_address, false, 6);
    }
    return value;
}

static void write_register(void *device, unsigned offset, uint32_t value)
{
    struct vtd_model *m = device;

    switch (offset) {
    case 0x18:
        command(m, value);
        break;
    case 0x34:
        m->reg[offset / 4] &= ~(value & 1);
        break;
    case 0x38: case 0x3c: case 0x40: case 0x44:
        m->reg[offset / 4] = value;
        break;
    case 0x64:
        m->reg[offset / 4] = value >> 31 ? 0x80000001 : 0;
        break;
    default:
        PANIC_IF(offset < VTD_MODEL_FAULTS_AT || offset >= VTD_MODEL_FAULTS_AT + 16 * VTD_MODEL_FAULTS || (offset & 15) != 12,
                 "VT-d: register %#x is written", offset);
        m->reg[offset / 4] &= ~(value & (1u << 31));
        count_faults(m);
    }
}

static void write_wide(void *device, unsigned offset, uint64_t value)
{
    struct vtd_model *m = device;

    PANIC_IF(offset != 0x20 && offset != 0x88 && offset != 0x90 && offset != 0xb8, "VT-d: register %#x is written as 64 bits", offset);
    m->reg[offset / 4] = (uint32_t)value;
    m->reg[offset / 4 + 1] = (uint32_t)(value >> 32);
    if (offset == 0x88)
        run_queue(m);
}

static void set_wide(struct vtd_model *m, unsigned offset, uint64_t value)
{
    m->reg[offset / 4] = (uint32_t)value;
    m->reg[offset / 4 + 1] = (uint32_t)(value >> 32);
}

void host_vtd_boot(const struct host_vtd_config *c)
{
    uint64_t cap = 6 | (c->write_buffer ? BIT(4) : 0) | BIT(5) | (c->caching_mode ? BIT(7) : 0) | (c->levels == 4 ? 6u : 2u) << 8 | UINT64_C(47) << 16 |
                   (uint64_t)VTD_MODEL_FAULTS_AT / 16 << 24 | UINT64_C(3) << 34 | (c->no_page_selective ? 0 : BIT(39)) |
                   (VTD_MODEL_FAULTS - UINT64_C(1)) << 40 | UINT64_C(18) << 48 | UINT64_C(3) << 54;
    uint64_t ecap = (c->incoherent ? 0 : BIT(0)) | BIT(1) | BIT(3) | BIT(4) | BIT(7) | UINT64_C(0xf0) / 16 << 8;

    memset(models, 0, sizeof(models));
    device_models_clear();
    host_messages_clear();
    count = c->units;
    forget_written_back(c->incoherent);
    for (unsigned i = 0; i < count; i++) {
        struct vtd_model *m = &models[i];

        m->is = *c;
        m->reg[0] = 0x10;
        set_wide(m, 0x08, cap & ~c->lacks_cap);
        set_wide(m, 0x10, ecap & ~c->lacks_ecap);
        m->reg[0x38 / 4] = 1u << 31;
        m->reg[0x64 / 4] = 0x80000001;
        device_model_add(&(struct device_model){ HOST_VTD_BASE(i), VTD_MODEL_BYTES, m, read_register, write_register, write_wide });
    }
}

void host_vtd_fault_late(unsigned unit, uint16_t function, uint64_t address)
{
    struct vtd_model *m = vtd_model(unit);

    m->late = true;
    m->late_function = function;
    m->late_address = address;
}

void host_vtd_stop(unsigned unit)
{
    vtd_model(unit)->stopped = true;
}
