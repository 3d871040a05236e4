/* SPDX-License-Identifier: Apache-2.0 */
/* What building dom0 has in common on all processors. Boot, CPU 0. */
#ifndef BOOT_DOM0_PARTS_H
#define BOOT_DOM0_PARTS_H

#include "boot/ranges.h"

struct domain;

/* Whole pages of host memory that are in no allocator yet become dom0's, one to one, with what is in them. -E_NOMEM. */
int dom0_add_memory(struct domain *d, const struct memory_range *r) MUST_CHECK;
/* Frames [first, end) of devices' registers, one to one. -E_NOMEM. */
int dom0_map_registers(struct domain *d, uint64_t first, uint64_t end) MUST_CHECK;
/* All its vCPUs, down; pinned if the command line says so. -E_NOMEM. */
int dom0_add_vcpus(struct domain *d) MUST_CHECK;
/* Lines in the log. */
void dom0_report_memory(const struct range_list *ram);

#endif
