/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/host/host.h"
#include "core/domain.h"

bool host_guest_read(struct domain *d, uint64_t gpa, void *buffer, size_t n)
{
    return host_access(&d->stage2, gpa, buffer, n, false);
}

bool host_guest_write(struct domain *d, uint64_t gpa, const void *buffer, size_t n)
{
    return host_access(&d->stage2, gpa, (void *)(uintptr_t)buffer, n, true);
}
