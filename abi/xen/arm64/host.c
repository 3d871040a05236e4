/* SPDX-License-Identifier: Apache-2.0 */
#include "abi/xen/sysctl.h"

/* The words of features are x86's. */
void arm64_physinfo(struct xen_sysctl_physinfo *p UNUSED)
{
}
