/* SPDX-License-Identifier: Apache-2.0 */
/* SMMUv3: finding out what a unit can do, and switching it on with every stream refused. (IHI 0070, 6.3.1 to 6.3.14) */
#include "drivers/smmuv3_internal.h"

struct smmu smmu_units[SMMU_UNITS];
unsigned smmu_count;

bool iommu_is_present(void)
{
    return smmu_count != 0;
}

/* Why a unit cannot be used; NULL: it can. */
static const char *shortcoming(uint32_t idr0, uint32_t idr1, uint32_t idr5)
{
    if (!(idr0 & IDR0_STAGE1))
        return "has no stage 1";
    if (!(idr0 & IDR0_AARCH64) || !(idr5 & IDR5_GRANULE_4K))
        return "does not know 64-bit tables of 4 KiB pages";
    if (!(idr0 & IDR0_COHERENT))
        return "does not look into caches";
    if ((idr0 >> 21 & 3) == IDR0_BIG_ENDIAN_ONLY)
        return "is big-endian";
    if (idr1 & IDR1_PRESET)
        return "has its queues or tables at fixed places";
    return NULL;
}

/* IDR5.OAS: physical address bits. */
static unsigned output_bits(uint32_t idr5)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48, 48, 48 };

    return bits[idr5 & 7];
}

/* While it is off accesses are refused too, where the unit can do that. It takes one change at a time, and says when it has (6.3.14). */
static int refuse_while_off(struct smmu *u)
{
    int r = smmu_wait(u, GBPA, GBPA_UPDATE, 0);

    if (r)
        return r;
    mmio_write32(u->base, GBPA, GBPA_ABORT | GBPA_UPDATE);
    return smmu_wait(u, GBPA, GBPA_UPDATE, 0);
}

static int switch_on(struct smmu *u)
{
    /* Nothing that was cached before a reset of the hypervisor alone counts. */
    static const struct smmu_command forget[] = {
        { { CMD_CFGI_ALL, 31 } }, { { CMD_TLBI_NSNH_ALL, 0 } },
    };
    uint32_t cr0 = CR0_CMDQEN;
    int r = smmu_control(u, CR0, CR0ACK, cr0);

    ASSERT(u->commands.entry && u->events.entry && u->group);
    if (r)
        return r;
    spin_lock(&u->lock);
    smmu_command(u, forget, ARRAY_SIZE(forget));
    spin_unlock(&u->lock);
    cr0 |= CR0_EVENTQEN;
    r = smmu_control(u, CR0, CR0ACK, cr0);
    if (!r)
        r = smmu_control(u, IRQ_CTRL, IRQ_CTRLACK, u->irqs);
    if (!r)
        r = smmu_control(u, CR0, CR0ACK, cr0 | CR0_SMMUEN);
    return r;
}

static int connect(struct smmu *u, const struct smmuv3_place *place)
{
    int r = 0;

    if (place->event_irq)
        r = arch_boot_device_interrupt(place->event_irq, true, smmu_take_events, u);
    if (!r && place->event_irq)
        u->irqs |= IRQ_EVENTQ;
    if (!r && place->error_irq)
        r = arch_boot_device_interrupt(place->error_irq, true, smmu_take_error, u);
    if (!r && place->error_irq)
        u->irqs |= IRQ_GERROR;
    return r;
}

static int set_up(struct smmu *u, const struct smmuv3_place *place)
{
    uint32_t idr0 = mmio_read32(u->base, IDR0), idr1 = mmio_read32(u->base, IDR1), idr5 = mmio_read32(u->base, IDR5);
    const char *why = shortcoming(idr0, idr1, idr5);
    int r;

    if (why) {
        log_warning("SMMUv3 at 0x%llx %s: it is not used", (unsigned long long)place->base.v, why);
        return -E_NODEV;
    }
    u->has_stage2 = idr0 & IDR0_STAGE2;
    u->output_bits = output_bits(idr5);
    r = refuse_while_off(u);
    if (!r)
        r = smmu_control(u, CR0, CR0ACK, 0);
    if (!r)
        r = smmu_control(u, IRQ_CTRL, IRQ_CTRLACK, 0);
    if (!r)
        r = smmu_queues_init(u, idr1);
    if (!r)
        r = smmu_streams_init(u, idr0, idr1);
    if (!r)
        r = connect(u, place);
    if (r)
        return r;
    mmio_write32(u->base, CR1, CR1_CACHED);
    mmio_write32(u->base, CR2, CR2_REPORT_UNKNOWN | CR2_PRIVATE_TLB);
    return switch_on(u);
}

int smmuv3_start(const struct smmuv3_place *place)
{
    struct smmu *u = &smmu_units[smmu_count];
    int r = -E_NOMEM;

    if (smmu_count == SMMU_UNITS) {
        log_warning("SMMUv3 at 0x%llx: more than %u are not used", (unsigned long long)place->base.v, SMMU_UNITS);
        return -E_BUSY;
    }
    *u = (struct smmu){ .number = smmu_count };
    spin_lock_init(&u->lock, LOCK_IOMMU);
    u->base = arch_boot_device(place->base, SMMU_BYTES);
    if (u->base)
        r = set_up(u, place);
    if (r) {
        if (r != -E_NODEV)
            log_warning("SMMUv3 at 0x%llx does not start (error %d): it is not used", (unsigned long long)place->base.v, r);
        return r;
    }
    ASSERT(u->stream_bits && u->stream_bits <= SMMU_STREAM_BITS && u->output_bits <= 48);
    smmu_count++;
    log_info("SMMUv3 at 0x%llx: %s, %u bits of stream number, %u of address", (unsigned long long)place->base.v,
             u->has_stage2 ? "stages 1 and 2" : "stage 1", u->stream_bits, u->output_bits);
    return 0;
}
