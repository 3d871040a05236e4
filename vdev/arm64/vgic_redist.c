/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual GICv3: redistributors (IHI 0069, 12.11), one per vCPU, 128 KiB each, one after the other: a frame of its
 * own registers, then a frame of its private interrupts. LPIs are those of the ITS (vits.c). */
#include "vdev/arm64/vgic_internal.h"
#include "vdev/arm64/vits.h"

#define FRAME 0x10000
#define WAKER_PROCESSOR_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)

static uint64_t read_typer(struct vcpu *v)
{
    bool is_last = v->id + 1u == v->domain->max_vcpus;

    return vgic_affinity(v->id) << 32 | (uint64_t)v->id << 8 | (is_last ? BIT(4) : 0) |
           (vgic_of(v)->its ? BIT(0) : 0);
}

static uint64_t read_waker(struct vcpu *v)
{
    return v->arch.vgic.redist_awake ? 0 : WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP;
}

static void write_waker(struct vcpu *v, uint64_t value)
{
    v->arch.vgic.redist_awake = !(value & WAKER_PROCESSOR_SLEEP);
}

static const struct vgic_register registers[] = {
    { 0x0000, 4, vits_read_lpis_on, vits_write_lpis_on, 0 },    /* CTLR */
    { 0x0004, 4, NULL, NULL, 0x43b },       /* IIDR: Arm */
    { 0x0008, 8, read_typer, NULL, 0 },
    { 0x0014, 4, read_waker, write_waker, 0 },
    { 0x0010, 4, NULL, NULL, 0 },           /* STATUSR */
    { 0x0070, 8, vits_read_config_table, vits_write_config_table, 0 },      /* PROPBASER */
    { 0x0078, 8, vits_read_pending_table, vits_write_pending_table, 0 },    /* PENDBASER */
    VGIC_V3_IDS(0x93),
};

/* The vCPU whose redistributor it is, and the offset in it. */
static struct vcpu *bank_at(struct vcpu *v, uint64_t *offset)
{
    struct vcpu *bank = domain_vcpu(v->domain, *offset / VGIC_REDIST_SIZE);

    *offset %= VGIC_REDIST_SIZE;
    return bank;
}

bool vgic_redist_read(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value)
{
    struct vcpu *bank = bank_at(v, &offset);

    (void)r;
    if (!bank)
        return false;
    if (offset < FRAME)
        return vgic_register_read(registers, ARRAY_SIZE(registers), bank, offset, size, value);
    offset -= FRAME;
    if (vgic_is_irq_register(offset))
        return vgic_irq_read(v, bank, offset, size, value);
    *value = 0;
    return size >= 4;
}

bool vgic_redist_write(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value)
{
    struct vcpu *bank = bank_at(v, &offset);

    (void)r;
    if (!bank)
        return false;
    if (offset < FRAME)
        return vgic_register_write(registers, ARRAY_SIZE(registers), bank, offset, size, value);
    offset -= FRAME;
    if (vgic_is_irq_register(offset))
        return vgic_irq_write(v, bank, offset, size, value);
    return size >= 4;
}
