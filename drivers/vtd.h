/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's IOMMU, VT-d (Intel Virtualization Technology for Directed I/O 4.1), one of the drivers behind drivers/iommu_x86.h. */
#ifndef DRIVERS_VTD_H
#define DRIVERS_VTD_H

#include "arch/include/x86_irq.h"
#include "lib/acpi.h"

/* Streams of a unit are functions of PCI: 0 to this. */
#define VTD_LAST_STREAM UINT32_C(0xffff)

/*
 * Start every unit of the table: every access of a device behind them is refused from then on. All or none, as a device behind one that is
 * not driven would reach all memory. Boot, CPU 0, after the local interrupts, before any space is made. 0, or, after one line in the log, an
 * error: -E_NODEV (one cannot do what is needed), -E_NOMEM, -E_IO (one does not answer).
 */
int vtd_start(const struct acpi_dmar *dmar) MUST_CHECK;
/*
 * Have all units remap interrupts: out->route and end are theirs (arch_boot_remapping), and what devices send by them alone comes to a CPU. Boot, after
 * vtd_start, before a device's interrupt is opened. -E_NODEV: a unit cannot do that, -E_NOMEM, -E_IO; then none does.
 */
int vtd_remap_start(struct x86_remapping *out) MUST_CHECK;
/* Bytes of a unit's registers, from its base. */
uint64_t vtd_bytes(unsigned unit);

#endif
