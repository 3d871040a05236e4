/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/modules.h"
#include "lib/assert.h"

const struct boot_module *module_find(const struct module_list *l, enum module_kind kind)
{
    ASSERT(l->count <= MAX_MODULES);
    for (unsigned i = 0; i < l->count; i++)
        if (l->module[i].kind == kind)
            return &l->module[i];
    return NULL;
}

void modules_remove(const struct module_list *l, struct range_list *from)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct memory_range *m = &l->module[i].at;

        range_remove(from, ROUND_DOWN(m->base, PAGE_SIZE), ROUND_UP(m->base % PAGE_SIZE + m->size, PAGE_SIZE));
    }
}
