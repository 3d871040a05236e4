/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/x86_64/platform.h"
#include "core/domain.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"

/* Read without a lock: the entries first, then how many of them there are. */
int x86_map_set(struct domain *d, const struct x86_map_entry *entry, uint32_t count)
{
    struct x86_map *m = d->arch.x86.map;

    if (count > X86_MAP_ENTRIES)
        return -E_INVAL;
    if (!m)
        m = heap_new(struct x86_map);
    if (!m)
        return -E_NOMEM;
    atomic_store_release(&m->count, 0);
    memcpy(m->entry, entry, count * sizeof(*entry));
    atomic_store_release(&m->count, count);
    atomic_store_release(&d->arch.x86.map, m);
    return 0;
}

void x86_platform_free(struct domain *d)
{
    if (d->arch.x86.map)
        heap_delete(d->arch.x86.map);
    d->arch.x86.map = NULL;
}
