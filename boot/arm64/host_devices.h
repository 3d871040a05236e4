/* SPDX-License-Identifier: Apache-2.0 */
/* IOMMUs, and the devices that the board's tree has behind them or offers to other domains than dom0. Boot, CPU 0. */
#ifndef BOOT_ARM64_HOST_DEVICES_H
#define BOOT_ARM64_HOST_DEVICES_H

#include "boot/arm64/boot_info.h"

/* Start every SMMUv3 of the tree (unless iommu=off) and fill the list of core/host_device.h. After arch_boot_interrupts, before any
 * domain is made. What cannot be used gets a line in the log. */
void boot_host_devices(const struct boot_info *b);
/* Where nothing but the ITS makes the list worth while it is filled for dom0 alone: the first partition does not wait for it. */
void boot_dom0_devices(const struct boot_info *b);

#endif
