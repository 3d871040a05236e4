/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BOOT_STOP_H
#define BOOT_STOP_H

#include "lib/types.h"

/* The machine cannot go on: the reason is on the console already, `what` closes it. It powers off, or halts with `noreboot`. Boot, CPU 0. */
void NORETURN boot_stop(const char *what);

#endif
