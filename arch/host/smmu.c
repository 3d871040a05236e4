/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMMUv3s as the driver's hardware: registers, queues, the walk from a stream to a frame (smmu_walk.c), and caches that keep what they
 * once saw until a command takes it out, which takes effect with the CMD_SYNC behind it and not before. (IHI 0070)
 */
#include <string.h>

#include "arch/host/device_model.h"
#include "arch/host/smmu_model.h"
#include "lib/assert.h"
#include "lib/error.h"

#define OWN_IRQS 16

static struct smmu_model models[HOST_SMMUS];
static unsigned count;
static struct { unsigned irq; void (*handle)(void *arg); void *arg; } own[OWN_IRQS];
static unsigned own_count;

struct smmu_model *smmu_model(unsigned unit)
{
    PANIC_IF(unit >= count, "there is no SMMU %u", unit);
    return &models[unit];
}

/* -- interrupts -- */

int arch_boot_device_interrupt(unsigned irq, bool edge, void (*handle)(void *arg), void *arg)
{
    (void)edge;
    if (own_count == OWN_IRQS || arch_irq_is_own(irq))
        return -E_BUSY;
    own[own_count].irq = irq;
    own[own_count].handle = handle;
    own[own_count++].arg = arg;
    return 0;
}

bool arch_irq_is_own(unsigned irq)
{
    for (unsigned i = 0; i < own_count; i++)
        if (own[i].irq == irq)
            return true;
    return false;
}

void smmu_model_interrupt(unsigned irq)
{
    for (unsigned i = 0; i < own_count; i++)
        if (own[i].irq == irq)
            own[i].handle(own[i].arg);
}

/* -- caches -- */

static void drop_pages(struct smmu_model *m, const struct smmu_pending *p)
{
    for (unsigned i = 0; i < HOST_SMMU_TLB; i++) {
        struct smmu_cached *t = &m->tlb[i];
        uint64_t first = p->address >> PAGE_SHIFT;

        if (t->valid && (p->all_tags || (t->tag == p->tag && t->stage2 == p->stage2)) &&
            (p->all_pages || (t->page <= first && first < t->page + t->pages)))
            t->valid = false;
    }
}

static void sync(struct smmu_model *m)
{
    for (unsigned i = 0; i < m->pending_count; i++) {
        if (m->pending[i].configuration)
            memset(m->config, 0, sizeof(m->config));
        else
            drop_pages(m, &m->pending[i]);
    }
    m->pending_count = 0;
}

static void put(struct smmu_model *m, struct smmu_pending p)
{
    PANIC_IF(m->pending_count == ARRAY_SIZE(m->pending), "SMMU: too many commands before a CMD_SYNC");
    m->pending[m->pending_count++] = p;
}

static void execute(struct smmu_model *m, const uint64_t *c)
{
    uint16_t vmid = (uint16_t)(c[0] >> 32), asid = (uint16_t)(c[0] >> 48);
    uint64_t address = c[1] & PAGE_MASK;

    switch (c[0] & 0xff) {
    case 0x03: case 0x04:
        put(m, (struct smmu_pending){ .configuration = true });
        break;
    case 0x11:
        put(m, (struct smmu_pending){ .tag = asid, .all_pages = true });
        break;
    case 0x12:
        put(m, (struct smmu_pending){ .tag = asid, .address = address });
        break;
    case 0x28:
        put(m, (struct smmu_pending){ .tag = vmid, .stage2 = true, .all_pages = true });
        break;
    case 0x2a:
        put(m, (struct smmu_pending){ .tag = vmid, .stage2 = true, .address = address });
        break;
    case 0x30:
        put(m, (struct smmu_pending){ .all_tags = true, .all_pages = true });
        break;
    case 0x46:
        sync(m);
        break;
    default:
        panic("SMMU: command %#llx is none", (unsigned long long)c[0]);
    }
}

/* -- registers -- */

uint64_t smmu_model_reg64(const struct smmu_model *m, unsigned offset)
{
    return m->reg[offset / 4] | (uint64_t)m->reg[offset / 4 + 1] << 32;
}

static void run_commands(struct smmu_model *m)
{
    uint64_t base = smmu_model_reg64(m, 0x090);
    uint32_t bits = base & 31, wrap = (2u << bits) - 1, *consumer = &m->reg[0x09c / 4], producer = m->reg[0x098 / 4];

    PANIC_IF(!(m->reg[0x020 / 4] & 8) && producer != *consumer, "SMMU: commands while the queue is off");
    PANIC_IF(((producer - *consumer) & wrap) > 1u << bits, "SMMU: the command queue overflows");
    for (; *consumer != producer; *consumer = (*consumer + 1) & wrap)
        execute(m, (uint64_t *)smmu_model_memory(base & 0xfffffffffffe0) + 2 * (*consumer & (wrap >> 1)));
}

static uint32_t read_register(void *device, unsigned offset)
{
    const struct smmu_model *m = device;

    return m->reg[offset / 4];
}

static void write_register(void *device, unsigned offset, uint32_t value)
{
    struct smmu_model *m = device;

    PANIC_IF(offset < 0x20, "SMMU: register %#x is written", offset);
    /* GBPA: a change without UPDATE is none, and it is over at once. */
    if (offset == 0x044)
        value = value >> 31 ? value & INT32_MAX : m->reg[offset / 4];
    m->reg[offset / 4] = value;
    if (offset == 0x020 || offset == 0x050)
        m->reg[offset / 4 + 1] = value;
    else if (offset == 0x098)
        run_commands(m);
}

static void write_wide(void *device, unsigned offset, uint64_t value)
{
    struct smmu_model *m = device;

    PANIC_IF(offset != 0x080 && offset != 0x090 && offset != 0x0a0, "SMMU: register %#x is written as 64 bits", offset);
    m->reg[offset / 4] = (uint32_t)value;
    m->reg[offset / 4 + 1] = (uint32_t)(value >> 32);
}

/* -- from outside -- */

void host_smmu_boot(unsigned units, bool stage2)
{
    memset(models, 0, sizeof(models));
    device_models_clear();
    own_count = 0;
    count = units;
    for (unsigned i = 0; i < units; i++) {
        struct smmu_model *m = &models[i];

        /* stage 1 (and 2), AArch64, coherent, 16-bit ASIDs, little-endian, two-level stream table */
        m->reg[0x000 / 4] = 0x2 | (stage2 ? 1 : 0) | 2 << 2 | 1 << 4 | 1 << 12 | 2 << 21 | 1 << 27;
        m->reg[0x004 / 4] = 12 | 7 << 16 | 6 << 21;     /* 12-bit streams, 128 events, 64 commands */
        m->reg[0x014 / 4] = 1 << 4 | 4;                 /* 4 KiB, 44 bits */
        device_model_add(&(struct device_model){ HOST_SMMU_BASE(i), HOST_SMMU_BYTES, m, read_register, write_register, write_wide });
    }
}

void smmu_model_check_unused(mfn_t mfn)
{
    for (unsigned unit = 0; unit < count; unit++)
        for (unsigned i = 0; i < HOST_SMMU_TLB; i++) {
            const struct smmu_cached *t = &models[unit].tlb[i];

            device_model_check_unused(mfn, t->valid, t->mfn, t->pages);
        }
}
