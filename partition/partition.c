/* SPDX-License-Identifier: Apache-2.0 */
/* The list of partitions. */
#include "partition/partition.h"
#include "lib/assert.h"
#include "mem/heap.h"

struct list partitions = LIST_INIT(partitions);

struct partition *partition_add(const struct partition_plan *plan)
{
    struct partition *p = heap_new(struct partition), *other;
    struct list *before = &partitions;

    ASSERT(!plan->broken && plan->vcpu_count);
    if (!p)
        return NULL;
    p->plan = plan;
    timer_init(&p->life, partition_live);
    /* Behind those of the same priority. */
    list_for_each(other, &partitions, link) {
        if (other->plan->priority >= plan->priority)
            continue;
        before = &other->link;
        break;
    }
    list_push_back(before, &p->link);
    return p;
}
