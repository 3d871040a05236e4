/* SPDX-License-Identifier: Apache-2.0 */
/* The hypervisor's command line: Xen's options that people use, as a table. */
#ifndef BOOT_COMMAND_LINE_H
#define BOOT_COMMAND_LINE_H

#include "lib/types.h"

/* Parse into `options` (core/options.h). Words that are not known, and values that make no sense, are named in the log and
 * otherwise ignored. */
void command_line_parse(const char *line);

#endif
