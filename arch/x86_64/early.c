/* SPDX-License-Identifier: Apache-2.0 */
/* Before the hypervisor's own tables are in use: builds them. Runs at the address linked at, by head.S's tables. */
#include "cpu_setup.h"
#include "layout.h"

#define IN_TABLES SECTION(".bss.tables")
hyp_table hyp_root IN_TABLES, hyp_high IN_TABLES, hyp_percpu_l2 IN_TABLES, hyp_percpu_l3 IN_TABLES, hyp_device_l2 IN_TABLES,
    hyp_arena_l2 IN_TABLES, hyp_boot_map IN_TABLES, hyp_window_l3 IN_TABLES;
static hyp_table image_l2 IN_TABLES, image_l3[IMAGE_TABLES] IN_TABLES;

static uint64_t table(const void *t)
{
    return physical_of(t) | PTE_NEXT_TABLE;
}

static void map_image(void)
{
    uint64_t *page = &image_l3[0][0];

    for (uint64_t i = 0; i < IMAGE_TABLES; i++)
        image_l2[i] = table(image_l3[i]);
    for (const char *at = image_start; at < bss_end; at += PAGE_SIZE) {
        uint64_t kind = at < text_end ? PTE_PAGE_TEXT : at < constants_end ? PTE_PAGE_CONST : PTE_PAGE_DATA;

        page[physical_of(at) >> PAGE_SHIFT] = physical_of(at) | kind;
    }
}

/* CPU 0's stacks, with nothing below each. */
static void map_stacks(void)
{
    static const uint8_t pages[BOOT_STACK_PAGES] = { PERCPU_STACK_PAGES_ALL };
    uint64_t pa = physical_of(boot_stacks);

    for (unsigned i = 0; i < BOOT_STACK_PAGES; i++, pa += PAGE_SIZE)
        hyp_percpu_l3[pages[i]] = pa | PTE_PAGE_DATA;
}

void x86_early(void)
{
    map_image();
    map_stacks();
    hyp_percpu_l2[0] = table(hyp_percpu_l3);
    hyp_percpu_l2[WINDOW_TABLE_SLOT] = table(hyp_window_l3);
    hyp_high[0] = table(hyp_boot_map);
    hyp_high[1] = table(hyp_device_l2);
    hyp_high[2] = table(hyp_arena_l2);
    hyp_high[3] = table(hyp_percpu_l2);
    hyp_high[IMAGE_SLOT] = table(image_l2);
    /* Everything that is not the image is data, the tables themselves too. */
    hyp_root[SELF_SLOT] = table(hyp_root) | PTE_NEVER_EXECUTE;
    hyp_root[SELF_SLOT + 1] = table(hyp_high);
}
