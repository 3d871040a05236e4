/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From xen,domain nodes to plans (partition/partition.h). Nothing here knows a hypervisor: trees go in, plans and lines of text come out,
 * so that a tool on the host links the same files (static_*.c but static_start.c, boot_info.c, ranges.c, lib/devicetree.c).
 *
 *   boot_info_scan, then for each node in the order of start (static_next):
 *   static_vcpus -> static_parse -> static_parse_devices if it has a tree module -> static_check
 *
 * Of two plans that want the same thing the one that starts first has it: so the first of all can be started before the others are read.
 * Whatever is wrong with a plan makes it `broken` after one line each that names node, property and value; the others go on.
 */
#ifndef BOOT_ARM64_STATIC_PLAN_H
#define BOOT_ARM64_STATIC_PLAN_H

#include "boot/arm64/boot_info.h"
#include "partition/partition.h"

/* Where lines go. `broken`: the plan is not usable; else a warning. */
struct static_report {
    void (*line)(void *context, bool broken, const char *text);
    void *context;
};

/* How many nodes are read; they are numbered in the tree's order. */
unsigned static_count(const struct boot_info *b);
/* Says so when there are more. */
void static_check_count(const struct boot_info *b, const struct static_report *report);
/* The node that starts after that one (STATIC_NONE: the first of all), by priority, then in the tree's order; STATIC_NONE: none. */
#define STATIC_NONE UINT32_MAX
unsigned static_next(const struct boot_info *b, unsigned after);
/* How many vCPUs the node asks for; 0: the number makes no sense. */
uint32_t static_vcpus(const struct boot_info *b, unsigned node);
/* Fill *plan and `vcpus` (as many as static_vcpus says, which the plan keeps), both all zeros. */
void static_parse(const struct boot_info *b, unsigned node, struct partition_plan *plan, struct partition_vcpu *vcpus,
                  const struct static_report *report);

/* What the partial device tree in plan->partial gives: registers, interrupts, devices of the host's tree `b`. */
void static_parse_devices(const struct boot_info *b, struct partition_plan *plan, const struct static_report *report);

/* Compare *plans[i] with the board and with what the plans before it, in the order of start, have: memory, modules, devices, names. `taken`: where the hypervisor
 * and the board's tree lie, if known. `irqs`: the first interrupt that the controller does not have; 0: not known. */
void static_check(const struct boot_info *b, struct partition_plan *const plans[], unsigned i, const struct range_list *taken, unsigned irqs,
                  const struct static_report *report);

/* What dom0 shares: only the shares and channels of its plan are filled. */
void static_parse_dom0(const struct boot_info *b, struct partition_plan *dom0, const struct static_report *report);

/* ---- between the files ---- */

/* A node that may be one of shared memory or of an event channel. */
void static_read_links(const struct dt_walk *w, const struct dt_node *n, struct partition_plan *plan, const struct static_report *report);
/* A node of the partial tree, whose xen,path is `host` of the board: functions of PCI (vinci,pci), if it has them. */
void static_read_pci(const struct boot_info *b, struct partition_plan *plan, const struct dt_walk *w, const struct dt_node *n,
                     const struct dt_node *host, const struct static_report *report);
/* Part of static_check: with one that is started before. */
void static_check_pci(struct partition_plan *plan, const struct partition_plan *other, const struct static_report *report);
/* Part of static_check. */
void static_check_links(const struct boot_info *b, struct partition_plan *const plans[], unsigned i, const struct static_report *report);

/* "NODE: NAME = VALUE: expects ..." and the like; the plan is broken. `property` NULL: NAME is missing. */
void static_problem(const struct static_report *report, struct partition_plan *plan, const struct dt_property *property, const char *name,
                    const char *text);
/* The same of another node below /chosen. */
void static_problem_at(const struct static_report *report, const char *node, const struct dt_property *property, const char *name,
                       const char *text);
/* A line about a plan: "NODE: text". */
void static_say(const struct static_report *report, struct partition_plan *plan, bool broken, const char *format, ...) PRINTF(4, 5);

#endif
