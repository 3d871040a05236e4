/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor says of the structures shared with guests (xen/arch-x86/xen.h, xen/arch-x86/xen-x86_64.h): see core/shared_info.h. */
#ifndef ARCH_ABI_H
#define ARCH_ABI_H

#define LEGACY_MAX_VCPUS 32      /* places for a vcpu_info in shared_info */
#define ARCH_VCPU_INFO_WORDS 2
#define ARCH_SHARED_INFO_WORDS 6
/* Do some guests see these structures, and make calls, with longs of 4 bytes (xen/arch-x86/xen-x86_32.h)? */
#define ARCH_NARROW_LAYOUT 1

#endif
