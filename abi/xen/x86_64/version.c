/* SPDX-License-Identifier: Apache-2.0 */
#define ABI_X86_64 1
#include "abi/xen/version.h"
#include "abi/xen/public.h"

/* The upcall is a vector, and the paravirtual clock may be read without comparing CPUs' numbers. */
const uint32_t x86_version_features = 1u << XENFEAT_hvm_callback_vector | 1u << XENFEAT_hvm_safe_pvclock;

const char *x86_version_capabilities(void)
{
    return "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ";
}
