/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that the device trees of dom0 and of partitions have alike. (Linux' devicetree/bindings: arm/cpus, arm/psci, timer/arm,arch_timer,
 * interrupt-controller/arm,gic-v3) */
#ifndef VDEV_ARM64_GUEST_TREE_H
#define VDEV_ARM64_GUEST_TREE_H

#include "lib/devicetree.h"

/* /cpus with so many, which PSCI starts. */
void guest_tree_cpus(struct dt_writer *out, unsigned count);
void guest_tree_psci(struct dt_writer *out);
/* /timer; `gic`: the phandle of its interrupt controller, 0: the root says which. */
void guest_tree_timer(struct dt_writer *out, uint32_t gic);
/* Begins the node of the ITS at `base`, to be referred to by `phandle`; its reg, in cells of the root, and its end are the caller's. */
void guest_tree_its_begin(struct dt_writer *out, uint64_t base, uint32_t phandle);

#endif
