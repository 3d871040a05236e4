/* SPDX-License-Identifier: Apache-2.0 */
/* List registers and the virtual CPU interface (Arm IHI 0069, 12.4). ERET synchronises what is written here. A GICv2 has
 * them in memory: gicv2_lr.c. */
#include "gic_internal.h"
#include "lib/assert.h"
#include "sysreg.h"
#include "vdev/arm64/vgic.h"

#define ICH_HCR_EL2 S3_4_C12_C11_0
#define ICH_VTR_EL2 S3_4_C12_C11_1
#define ICH_ELRSR_EL2 S3_4_C12_C11_5
#define ICH_VMCR_EL2 S3_4_C12_C11_7
#define ICH_AP0R0_EL2 S3_4_C12_C8_0
#define ICH_AP0R1_EL2 S3_4_C12_C8_1
#define ICH_AP0R2_EL2 S3_4_C12_C8_2
#define ICH_AP0R3_EL2 S3_4_C12_C8_3
#define ICH_AP1R0_EL2 S3_4_C12_C9_0
#define ICH_AP1R1_EL2 S3_4_C12_C9_1
#define ICH_AP1R2_EL2 S3_4_C12_C9_2
#define ICH_AP1R3_EL2 S3_4_C12_C9_3

#define HCR_ENABLE BIT(0)
#define HCR_UNDERFLOW BIT(1)
#define HCR_NONE_PENDING BIT(3)

/* ICH_LR<n>_EL2: CRm 12 for the first eight, 13 for the others. */
#define EACH_LR(do)                                                                     \
    do(0, C12_0) do(1, C12_1) do(2, C12_2) do(3, C12_3) do(4, C12_4) do(5, C12_5)       \
    do(6, C12_6) do(7, C12_7) do(8, C13_0) do(9, C13_1) do(10, C13_2) do(11, C13_3)     \
    do(12, C13_4) do(13, C13_5) do(14, C13_6) do(15, C13_7)

unsigned arch_lr_count(void)
{
    if (gic_is_v2())
        return gicv2_lr_count();
    return (unsigned)(read_sysreg_s(ICH_VTR_EL2) & 0x1f) + 1;
}

static NOINLINE uint64_t read_any(unsigned n)
{
#define READ_LR(number, encoding) case number: return read_sysreg(S3_4_C12_##encoding);
    switch (n) {
    EACH_LR(READ_LR)
    default:
        panic("list register %u read", n);
    }
}

static NOINLINE void write_any(unsigned n, uint64_t value)
{
#define WRITE_LR(number, encoding) case number: write_sysreg(S3_4_C12_##encoding, value); break;
    switch (n) {
    EACH_LR(WRITE_LR)
    default:
        panic("list register %u written", n);
    }
}

/* The first one is in use far more often than the others. */
HOT uint64_t arch_lr_read(unsigned n)
{
    if (gic_is_v2())
        return gicv2_lr_read(n);
    return likely(n == 0) ? read_sysreg(S3_4_C12_C12_0) : read_any(n);
}

HOT void arch_lr_write(unsigned n, uint64_t value)
{
    if (gic_is_v2())
        gicv2_lr_write(n, value);
    else if (likely(n == 0))
        write_sysreg(S3_4_C12_C12_0, value);
    else
        write_any(n, value);
}

uint64_t arch_lr_empty_mask(void)
{
    if (gic_is_v2())
        return gicv2_lr_empty_mask();
    return read_sysreg_s(ICH_ELRSR_EL2);
}

void arch_vgic_refill_interrupts(bool underflow, bool none_pending)
{
    uint64_t hcr;

    if (gic_is_v2()) {
        gicv2_refill_interrupts(underflow, none_pending);
        return;
    }
    hcr = read_sysreg_s(ICH_HCR_EL2) & ~(HCR_UNDERFLOW | HCR_NONE_PENDING);
    write_sysreg_s(ICH_HCR_EL2, hcr | (underflow ? HCR_UNDERFLOW : 0) | (none_pending ? HCR_NONE_PENDING : 0));
}

/* How many pairs of active-priority registers there are: ICH_VTR_EL2.PREbits + 1 bits of group priority. */
static unsigned active_registers(void)
{
    unsigned bits = (unsigned)(read_sysreg_s(ICH_VTR_EL2) >> 26 & 7) + 1;

    return bits <= 5 ? 1 : bits == 6 ? 2 : 4;
}

void arch_vgic_save(struct vgic_vcpu *s)
{
    unsigned n;

    if (gic_is_v2()) {
        gicv2_save(s);
        return;
    }
    n = active_registers();
    s->hcr = (uint32_t)read_sysreg_s(ICH_HCR_EL2);
    s->vmcr = (uint32_t)read_sysreg_s(ICH_VMCR_EL2);
    s->ap0r[0] = (uint32_t)read_sysreg_s(ICH_AP0R0_EL2);
    s->ap1r[0] = (uint32_t)read_sysreg_s(ICH_AP1R0_EL2);
    if (n >= 2) {
        s->ap0r[1] = (uint32_t)read_sysreg_s(ICH_AP0R1_EL2);
        s->ap1r[1] = (uint32_t)read_sysreg_s(ICH_AP1R1_EL2);
    }
    if (n == 4) {
        s->ap0r[2] = (uint32_t)read_sysreg_s(ICH_AP0R2_EL2);
        s->ap0r[3] = (uint32_t)read_sysreg_s(ICH_AP0R3_EL2);
        s->ap1r[2] = (uint32_t)read_sysreg_s(ICH_AP1R2_EL2);
        s->ap1r[3] = (uint32_t)read_sysreg_s(ICH_AP1R3_EL2);
    }
}

void arch_vgic_load(const struct vgic_vcpu *s)
{
    unsigned n;

    if (gic_is_v2()) {
        gicv2_load(s);
        return;
    }
    n = active_registers();
    ASSERT(s->hcr & HCR_ENABLE);
    write_sysreg_s(ICH_VMCR_EL2, s->vmcr);
    write_sysreg_s(ICH_AP0R0_EL2, s->ap0r[0]);
    write_sysreg_s(ICH_AP1R0_EL2, s->ap1r[0]);
    if (n >= 2) {
        write_sysreg_s(ICH_AP0R1_EL2, s->ap0r[1]);
        write_sysreg_s(ICH_AP1R1_EL2, s->ap1r[1]);
    }
    if (n == 4) {
        write_sysreg_s(ICH_AP0R2_EL2, s->ap0r[2]);
        write_sysreg_s(ICH_AP0R3_EL2, s->ap0r[3]);
        write_sysreg_s(ICH_AP1R2_EL2, s->ap1r[2]);
        write_sysreg_s(ICH_AP1R3_EL2, s->ap1r[3]);
    }
    write_sysreg_s(ICH_HCR_EL2, s->hcr);
}

/* All masked, both groups off, as a CPU interface is after reset. */
void arch_vgic_reset(struct vgic_vcpu *s)
{
    s->hcr = HCR_ENABLE;
    s->vmcr = 0;
    for (unsigned n = 0; n < ARRAY_SIZE(s->ap0r); n++)
        s->ap0r[n] = s->ap1r[n] = 0;
}
