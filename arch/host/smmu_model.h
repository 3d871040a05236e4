/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the simulated SMMUv3 only. */
#ifndef ARCH_HOST_SMMU_MODEL_H
#define ARCH_HOST_SMMU_MODEL_H

#include "arch/host/internal.h"
#include "arch/include/mmio.h"

#define HOST_SMMU_BYTES 0x20000
#define HOST_SMMU_TLB 64
#define HOST_SMMU_CONFIGS 16

struct smmu_cached {
    bool valid, stage2, write;
    uint16_t tag;
    uint64_t page, pages, mfn;
};

/* What a command asked for, until the next CMD_SYNC. */
struct smmu_pending {
    bool configuration, stage2, all_tags, all_pages;
    uint16_t tag;
    uint64_t address;
};

struct smmu_config {
    bool valid;
    uint32_t stream;
    uint64_t ste[8], context[4];
};

struct smmu_model {
    uint32_t reg[HOST_SMMU_BYTES / 4];
    struct smmu_cached tlb[HOST_SMMU_TLB];
    struct smmu_config config[HOST_SMMU_CONFIGS];
    unsigned next_tlb, next_config;
    struct smmu_pending pending[64];
    unsigned pending_count;
};

struct smmu_model *smmu_model(unsigned unit);
uint64_t smmu_model_reg64(const struct smmu_model *m, unsigned offset);
/* Memory as a device sees it: a structure of the hypervisor's. Panics when it is not. */
void *smmu_model_memory(uint64_t address);
void smmu_model_interrupt(unsigned irq);
/* Panic when a frame that is handed out anew is still in a cache. */
void smmu_model_check_unused(mfn_t mfn);

#endif
