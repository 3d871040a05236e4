/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-Vi (AMD I/O Virtualization Technology Specification, 48882, 3.05), one of the drivers behind drivers/iommu_x86.h. */
#ifndef DRIVERS_AMDVI_H
#define DRIVERS_AMDVI_H

#include "arch/include/x86_irq.h"
#include "lib/acpi.h"

/* Bytes of a unit's registers, from its base. */
#define AMDVI_BYTES 0x4000

/*
 * Start the units that ACPI names: every access of a device is refused from then on. Boot, CPU 0, after the local interrupts, before any
 * space is made. 0, or, after one line in the log, an error: then none is driven: -E_NODEV (one cannot do what is needed), -E_NOMEM.
 */
int amdvi_start(const struct acpi_ivrs *ivrs) MUST_CHECK;
/*
 * Have all units remap interrupts: out->route and end are theirs (arch_boot_remapping), and what devices send by them alone comes to a CPU. Boot,
 * after amdvi_start, before a device's interrupt is opened. -E_NOMEM: none does.
 */
int amdvi_remap_start(struct x86_remapping *out) MUST_CHECK;
/* The devices of a unit are 0 to this. */
uint32_t amdvi_last_device(unsigned unit);

#endif
