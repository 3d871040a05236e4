/* SPDX-License-Identifier: Apache-2.0 */
/* The board's IOMMUs, by ACPI: found, started, and kept from dom0. */
#ifndef BOOT_X86_64_IOMMU_H
#define BOOT_X86_64_IOMMU_H

#include "boot/ranges.h"

/* Start those there are, unless iommu=off: devices are refused everything from then on. After arch_boot_local_interrupts and before dom0 is
 * made. One line in the log when there are some that cannot be used. */
void board_start_iommus(void);
/* They are not dom0's: their registers are not in `rest` any more, no device's come to lie over them, PCI does not show them. Before vpci_init. */
void board_hide_iommus(struct range_list *rest);
/* Memory that firmware has told devices to use; dom0 has it as registers, each range in pieces of its own. */
const struct range_list *board_iommu_ranges(void);
/* dom0's devices are all that the units know. Before host_devices_assign_rest. -E_NOMEM. */
int board_add_iommu_devices(void) MUST_CHECK;

#endif
