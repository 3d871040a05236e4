/* SPDX-License-Identifier: Apache-2.0 */
#include "abi/xen/version.h"
#include "abi/xen/public.h"
#include "arch/include/vcpu.h"

const uint32_t arm64_version_features = 1u << XENFEAT_ARM_SMCCC_supported;

const char *arm64_version_capabilities(void)
{
    return arch_has_narrow_guests() ? "xen-3.0-aarch64 xen-3.0-armv7l " : "xen-3.0-aarch64 ";
}
