/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line chose; filled by boot/ before anything else runs, read-only afterwards. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "lib/types.h"

struct boot_options {
    bool noreboot;              /* after a crash of the host or dom0: stop, do not reset */
    uint64_t dom0_memory;       /* bytes; 0: not given */
    unsigned dom0_vcpus;        /* 0: as many as CPUs */
    bool dom0_vcpus_pin;
    unsigned max_cpus;          /* CPUs to use; 0: all */
    char scheduler[16];         /* sched=; "" = default */
    bool scrub_at_boot;
    unsigned serial_baud;       /* com1=; 0: as firmware left it */
    bool no_iommu;              /* iommu=off: IOMMUs are left as they are */
    bool unsafe_dma;            /* gnttab=unsafe-dma: grant maps where devices do not follow them */
    char text[1024];            /* the command line as given (XENVER_commandline) */
};
extern struct boot_options boot_options;

#endif
