/* SPDX-License-Identifier: Apache-2.0 */
/* What this build says of itself, by xen_version and in the hypervisor file system. */
#ifndef ABI_XEN_VERSION_H
#define ABI_XEN_VERSION_H

#define VERSION_MAJOR 4
#define VERSION_MINOR 17
#define VERSION_EXTRA "-vinci"
#define VERSION_CHANGESET ""
#define COMPILER "gcc " __VERSION__
#define COMPILE_BY "vinci"
#define COMPILE_DOMAIN ""
#define COMPILE_DATE "reproducible"

#endif
