/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzzer of device trees (libFuzzer): a byte string is the tree that a loader hands over, and the partial tree of each static domain
 * in it. Whatever it is, reading it ends, stays within its bytes, and says what it thinks of it in lines of bounded length.
 */
#include <stdlib.h>

#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/string.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIRST_BAD_IRQ 288

static void note(void *context, bool broken, const char *text)
{
    unsigned *lines = context;

    lines[broken]++;
    ASSERT(strlen(text) < 512 && !strchr(text, '\n'));
}

/* What a plan that is not broken promises to those who build it. */
static void check_plan(const struct partition_plan *plan)
{
    uint64_t sum = 0;

    ASSERT(plan->vcpu_count >= 1 && plan->vcpu_count <= MAX_VCPUS);
    ASSERT(plan->memory && IS_ALIGNED(plan->memory, PAGE_SIZE) && plan->kernel.size);
    ASSERT(plan->name[0] || !plan->node[0]);
    ASSERT(strnlen(plan->name, sizeof(plan->name)) < sizeof(plan->name));
    for (unsigned i = 0; i < plan->bank_count; i++)
        sum += plan->banks[i].size;
    ASSERT(plan->bank_count <= PARTITION_BANKS && (!plan->bank_count || sum == plan->memory));
    ASSERT(plan->register_count <= PARTITION_REGISTERS && plan->irq_count <= PARTITION_IRQS);
    for (unsigned i = 0; i < plan->irq_count; i++)
        ASSERT(plan->irqs[i] >= 32 && plan->irqs[i] < FIRST_BAD_IRQ);
}

/* What a domain's plan says of memory was set aside before the plan was read. */
static void check_memory_is_spoken_for(const struct boot_info *b, const struct partition_plan *plan)
{
    const struct partition_module *const modules[] = { &plan->kernel, &plan->ramdisk, &plan->tree };

    for (unsigned i = 0; i < ARRAY_SIZE(modules); i++)
        ASSERT(!modules[i]->size || range_contains(&b->partition_modules, modules[i]->base, modules[i]->size));
    for (unsigned i = 0; i < plan->bank_count && !plan->broken; i++)
        ASSERT(range_contains(&b->static_memory, plan->banks[i].base, plan->banks[i].size));
}

static void read_plans(const struct boot_info *b, const struct devicetree *partial)
{
    static const struct range_list taken = { .count = 1, .range = { { 0x40200000, 0x200000 } } };
    struct partition_plan *plans[MAX_PARTITIONS];
    unsigned lines[2] = { 0 }, n = 0;
    const struct static_report report = { .line = note, .context = lines };

    for (unsigned node = static_next(b, STATIC_NONE); node != STATIC_NONE; node = static_next(b, node), n++) {
        struct partition_plan *plan = calloc(1, sizeof(*plan));

        plans[n] = plan;
        plan->vcpus = calloc(static_vcpus(b, node), sizeof(*plan->vcpus));
        static_parse(b, node, plan, plan->vcpus, &report);
        plan->partial = *partial;
        if (!plan->broken)
            static_parse_devices(b, plan, &report);
        static_check(b, plans, n, &taken, FIRST_BAD_IRQ, &report);
        if (!plan->broken)
            check_plan(plan);
        ASSERT(!plan->broken || lines[true]);
    }
    ASSERT(n == static_count(b));
    for (unsigned i = 0; i < n; i++)
        check_memory_is_spoken_for(b, plans[i]);
    while (n--) {
        free(plans[n]->vcpus);
        free(plans[n]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    uint8_t *blob = malloc(size ? size : 1);
    struct devicetree tree;
    const char *why;

    memcpy(blob, data, size);
    if (dt_open(&tree, blob, (uint32_t)size, &why) == 0 && boot_info_scan(&info, &tree, NULL, &why) == 0)
        read_plans(&info, &tree);
    free(blob);
    return 0;
}
