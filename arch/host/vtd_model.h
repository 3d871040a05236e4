/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the simulated VT-d units only. */
#ifndef ARCH_HOST_VTD_MODEL_H
#define ARCH_HOST_VTD_MODEL_H

#include "arch/host/internal.h"

#define VTD_MODEL_BYTES 0x1000
#define VTD_MODEL_TLB 64
#define VTD_MODEL_CONTEXTS 16
#define VTD_MODEL_FAULTS 4
#define VTD_MODEL_FAULTS_AT 0x400

struct vtd_cached {
    bool valid, present, write;
    bool buffered;                      /* absent as long as the write buffer is not emptied */
    uint16_t tag;
    uint64_t page, pages, mfn;
};

struct vtd_cached_context {
    bool valid;
    uint16_t function;
    uint64_t low, high;
};

struct vtd_model {
    uint32_t reg[VTD_MODEL_BYTES / 4];
    struct host_vtd_config is;
    uint64_t root, queue;               /* as they were when they were switched on */
    uint32_t head;
    bool stopped;
    bool late;                          /* a fault comes as soon as none has been seen to be there: */
    uint16_t late_function;
    uint64_t late_address;
    struct vtd_cached tlb[VTD_MODEL_TLB];
    struct vtd_cached_context context[VTD_MODEL_CONTEXTS];
    uint64_t interrupts;                /* IRTA as it was when it was switched on */
    struct { bool valid; uint64_t low, high; } entry[256];
    unsigned next_tlb, next_context, next_fault;
    struct { uint64_t low, high; } pending[64];     /* until the next wait descriptor */
    unsigned pending_count;
};

struct vtd_model *vtd_model(unsigned unit);
/* Memory as the unit sees it: a structure of the hypervisor's. Panics when it is not. */
void *vtd_model_memory(const struct vtd_model *m, uint64_t address);
void vtd_model_fault(struct vtd_model *m, uint16_t function, uint64_t address, bool write, unsigned reason);
/* What is in a frame has been written back. */
void vtd_model_cleaned(mfn_t mfn, unsigned offset, unsigned length);
/* Panic when a frame that is handed out anew can still be reached. */
void vtd_model_check_unused(mfn_t mfn);

#endif
