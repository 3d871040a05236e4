/* SPDX-License-Identifier: Apache-2.0 */
/* What this build says of itself, by xen_version and in the hypervisor file system. */
#ifndef ABI_XEN_VERSION_H
#define ABI_XEN_VERSION_H

#include "lib/compiler.h"

#define VERSION_MAJOR 4
#define VERSION_MINOR 17
#define VERSION_EXTRA "-vinci"
#define VERSION_CHANGESET ""
#define COMPILER "gcc " __VERSION__
#define COMPILE_BY "vinci"
#define COMPILE_DOMAIN ""
#define COMPILE_DATE "reproducible"

/* What kinds of guest there can be, and the feature bits that are one processor's (version.c in its directory). */
const char *arm64_version_capabilities(void);
const char *x86_version_capabilities(void);
extern const uint32_t arm64_version_features, x86_version_features;

#endif
