/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of vinci-check. */
#ifndef TOOLS_VINCI_CHECK_H
#define TOOLS_VINCI_CHECK_H

#include <stdbool.h>
#include <string.h>
#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/print.h"

/* One line of the report. */
void check_say(bool broken, const char *format, ...) PRINTF(2, 3);

/* Every device that the plan names has an IOMMU before it, or says that it needs none. */
void check_iommus(const struct boot_info *b, struct partition_plan *plan);
/* vCPUs are pinned to CPUs that the board has. */
void check_pins(const struct boot_info *b, const struct partition_plan *plan);
/* Nodes below /chosen that are nearly something. */
void check_spelling(const struct boot_info *b);
/* What all of them want is there. */
void check_memory(const struct boot_info *b, struct partition_plan *const plans[], unsigned count);

#endif
