/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List registers and the virtual CPU interface of a GICv2: GICH, memory, banked by CPU (Arm IHI 0048, 5.3). The rest of the house
 * knows list registers in the GICv3 layout; GICH_VMCR and GICH_HCR have that already in the fields that are used.
 *
 *   GICH_LR   31 HW | 30 group 1 | 29:28 state | 27:23 priority | 19:10 physical interrupt, or 19 EOI and 12:10 CPU | 9:0 interrupt
 */
#include "gic_internal.h"
#include "layout.h"
#include "lib/assert.h"
#include "vdev/arm64/vgic.h"

#define GICH_HCR 0x00
#define GICH_VTR 0x04
#define GICH_VMCR 0x08
#define GICH_ELRSR0 0x30
#define GICH_ELRSR1 0x34
#define GICH_APR 0xf0
#define GICH_LR 0x100
#define GICH_BYTES 0x200
#define HCR_ENABLE UINT32_C(1)
#define HCR_UNDERFLOW UINT32_C(2)
#define HCR_NONE_PENDING UINT32_C(8)

#define LR2_INTERRUPT UINT32_C(0x3ff)
#define LR2_CPU (UINT32_C(7) << LR_SOURCE_SHIFT)
#define LR2_PHYSICAL_SHIFT 10
#define LR2_EOI BIT(19)
#define LR2_PRIORITY_SHIFT 23
#define LR2_STATE_SHIFT 28
#define LR2_GROUP1 BIT(30)
#define LR2_HW BIT(31)

static volatile uint8_t *gich;

static uint32_t read32(unsigned offset)
{
    return *(volatile uint32_t *)(gich + offset);
}

static void write32(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(gich + offset) = value;
}

unsigned gicv2_lr_count(void)
{
    return (read32(GICH_VTR) & 0x3f) + 1;
}

uint64_t gicv2_lr_read(unsigned n)
{
    uint32_t lr = read32(GICH_LR + 4 * n);
    uint64_t out = (uint64_t)(lr >> LR2_STATE_SHIFT & 3) << 62 |
                   (uint64_t)(lr >> LR2_PRIORITY_SHIFT & 31) << (LR_PRIORITY_SHIFT + 3);

    if (lr & LR2_GROUP1)
        out |= LR_GROUP1;
    if (lr & LR2_HW)
        return out | LR_HW | (uint64_t)(lr >> LR2_PHYSICAL_SHIFT & LR2_INTERRUPT) << LR_PINTID_SHIFT | (lr & LR2_INTERRUPT);
    return out | (lr & LR2_EOI ? LR_EOI_NOTIFY : 0) | (lr & (LR2_INTERRUPT | LR2_CPU));
}

void gicv2_lr_write(unsigned n, uint64_t value)
{
    uint32_t lr = (uint32_t)(value >> 62) << LR2_STATE_SHIFT |
                  (uint32_t)(value >> (LR_PRIORITY_SHIFT + 3) & 31) << LR2_PRIORITY_SHIFT;

    if (value & LR_GROUP1)
        lr |= LR2_GROUP1;
    if (value & LR_HW)
        lr |= LR2_HW | (uint32_t)(value >> LR_PINTID_SHIFT & LR2_INTERRUPT) << LR2_PHYSICAL_SHIFT | (value & LR2_INTERRUPT);
    else
        lr |= (value & LR_EOI_NOTIFY ? LR2_EOI : 0) | (value & (LR2_INTERRUPT | LR2_CPU));
    write32(GICH_LR + 4 * n, lr);
}

uint64_t gicv2_lr_empty_mask(void)
{
    return read32(GICH_ELRSR0) | (uint64_t)read32(GICH_ELRSR1) << 32;
}

void gicv2_refill_interrupts(bool underflow, bool none_pending)
{
    uint32_t hcr = read32(GICH_HCR) & ~(uint32_t)(HCR_UNDERFLOW | HCR_NONE_PENDING);

    write32(GICH_HCR, (uint32_t)(hcr | (underflow ? HCR_UNDERFLOW : 0) | (none_pending ? HCR_NONE_PENDING : 0)));
}

/* One register of active priorities, for both groups. */
void gicv2_save(struct vgic_vcpu *s)
{
    s->hcr = read32(GICH_HCR);
    s->vmcr = read32(GICH_VMCR);
    s->ap0r[0] = read32(GICH_APR);
}

void gicv2_load(const struct vgic_vcpu *s)
{
    ASSERT(s->hcr & HCR_ENABLE);
    write32(GICH_VMCR, s->vmcr);
    write32(GICH_APR, s->ap0r[0]);
    write32(GICH_HCR, s->hcr);
}

void gicv2_lr_init(const struct boot_gic *g)
{
    gich = map_device(g->hyp_interface, GICH_BYTES);
    PANIC_IF(!gich, "GIC: no room to map its virtualization registers");
}
