/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/mmio.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "lib/error.h"

int mmio_add(struct mmio_space *s, const struct mmio_region *r)
{
    ASSERT(r->read && r->write);
    if (r->size == 0 || r->base.v + r->size < r->base.v)
        return -E_INVAL;
    for (unsigned i = 0; i < s->count; i++) {
        const struct mmio_region *o = &s->regions[i];

        if (r->base.v < o->base.v + o->size && o->base.v < r->base.v + r->size)
            return -E_INVAL;
    }
    if (s->count == MMIO_REGIONS)
        return -E_NOSPC;
    s->regions[s->count++] = *r;
    return 0;
}

HOT bool upcall_mmio(struct vcpu *v, gpa_t address, unsigned size, bool is_write, uint64_t *value)
{
    const struct mmio_space *s = &v->domain->arch.mmio;

    ASSERT(size == 1 || size == 2 || size == 4 || size == 8);
    for (const struct mmio_region *r = s->regions, *end = r + s->count; r < end; r++) {
        uint64_t offset = address.v - r->base.v;

        if (offset >= r->size)
            continue;
        if (!IS_ALIGNED(offset, size) || r->size - offset < size)
            return false;
        return is_write ? r->write(v, r, offset, size, *value) : r->read(v, r, offset, size, value);
    }
    if (!s->rest || !IS_ALIGNED(address.v, size))
        return false;
    return is_write ? s->rest->write(v, s->rest, address.v, size, *value) : s->rest->read(v, s->rest, address.v, size, value);
}
