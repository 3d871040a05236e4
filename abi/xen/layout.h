/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing our declaration of a structure with the ABI's, at compile time. */
#ifndef ABI_XEN_LAYOUT_H
#define ABI_XEN_LAYOUT_H

#include "abi/xen/public.h"
#include "lib/assert.h"

#define SAME_OFFSET(abi, member, ours, our_member) STATIC_ASSERT(offsetof(abi, member) == offsetof(ours, our_member))
#define SAME_SIZE(abi, ours) STATIC_ASSERT(sizeof(abi) == sizeof(ours))

#endif
