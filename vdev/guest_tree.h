/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that the device trees of dom0 and of partitions have alike. (Linux' devicetree/bindings: arm/cpus, arm/psci, timer/arm,arch_timer) */
#ifndef VDEV_GUEST_TREE_H
#define VDEV_GUEST_TREE_H

#include "lib/devicetree.h"

/* /cpus with so many, which PSCI starts. */
void guest_tree_cpus(struct dt_writer *out, unsigned count);
void guest_tree_psci(struct dt_writer *out);
/* /timer; `gic`: the phandle of its interrupt controller, 0: the root says which. */
void guest_tree_timer(struct dt_writer *out, uint32_t gic);

#endif
