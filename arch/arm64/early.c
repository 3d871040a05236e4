/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before the MMU: this file's code runs at its physical address. It is built without stack protector and without unaligned
 * accesses, uses addresses of symbols only as the code computes them (relative to itself), and no tables of pointers.
 */
#include "arch_cpu.h"
#include "layout.h"
#include "lib/types.h"
#include "sysreg.h"

#define IN_TABLES SECTION(".bss.tables")
hyp_table hyp_root IN_TABLES, hyp_boot_root IN_TABLES, hyp_high IN_TABLES, hyp_percpu_l2 IN_TABLES, hyp_percpu_l3 IN_TABLES,
    hyp_device_l2 IN_TABLES, hyp_arena_l2 IN_TABLES, hyp_boot_map IN_TABLES, hyp_window_l3 IN_TABLES, hyp_copy_l3 IN_TABLES;
static hyp_table image_l2 IN_TABLES, image_l3[IMAGE_TABLES] IN_TABLES, entry_l1 IN_TABLES, entry_l2 IN_TABLES, entry_l3 IN_TABLES;

void early_build_tables(void);
void early_wrong_level(uint64_t fdt, uint64_t current_el) NORETURN;

/* Branch targets are checked where the processor can (D8.4.6). */
static uint64_t text_page(void)
{
    return (read_sysreg(id_aa64pfr1_el1) & 0xf) ? PTE_PAGE_TEXT | PTE_GUARDED : PTE_PAGE_TEXT;
}

static void map_image(uint64_t pa)
{
    uint64_t text_kind = text_page();
    uint64_t text = (uint64_t)(text_end - image_start), constants = (uint64_t)(constants_end - image_start);
    uint64_t end = (uint64_t)(bss_end - image_start);
    uint64_t *page = &image_l3[0][0];

    for (uint64_t i = 0; i < IMAGE_TABLES; i++)
        image_l2[i] = (uint64_t)image_l3[i] | PTE_NEXT_TABLE;
    for (uint64_t at = 0; at < end; at += PAGE_SIZE) {
        uint64_t kind = at < text ? text_kind : at < constants ? PTE_PAGE_CONST : PTE_PAGE_DATA;

        *page++ = (pa + at) | kind;
    }
}

/* CPU 0's stacks, with nothing below each. */
static void map_stacks(uint64_t pa)
{
    for (unsigned i = 0; i < PERCPU_EMERGENCY_PAGES; i++, pa += PAGE_SIZE)
        hyp_percpu_l3[PERCPU_EMERGENCY_PAGE + i] = pa | PTE_PAGE_DATA;
    for (unsigned i = 0; i < PERCPU_STACK_PAGES; i++, pa += PAGE_SIZE)
        hyp_percpu_l3[PERCPU_STACK_PAGE + i] = pa | PTE_PAGE_DATA;
}

/* Both roots: what is for good, and that with the entry code's page at its physical address. */
void early_build_tables(void)
{
    uint64_t pa = (uint64_t)image_start;

    map_image(pa);
    map_stacks((uint64_t)boot_stacks);
    hyp_percpu_l2[0] = (uint64_t)hyp_percpu_l3 | PTE_NEXT_TABLE;
    hyp_percpu_l2[WINDOW_TABLE_SLOT] = (uint64_t)hyp_window_l3 | PTE_NEXT_TABLE;
    hyp_percpu_l2[COPY_TABLE_SLOT] = (uint64_t)hyp_copy_l3 | PTE_NEXT_TABLE;
    hyp_high[0] = (uint64_t)image_l2 | PTE_NEXT_TABLE;
    hyp_high[1] = (uint64_t)hyp_percpu_l2 | PTE_NEXT_TABLE;
    hyp_high[2] = (uint64_t)hyp_arena_l2 | PTE_NEXT_TABLE;
    hyp_high[3] = (uint64_t)hyp_device_l2 | PTE_NEXT_TABLE;
    hyp_high[4] = (uint64_t)hyp_boot_map | PTE_NEXT_TABLE;
    hyp_root[SELF_SLOT] = (uint64_t)hyp_root | PTE_NEXT_TABLE;
    hyp_root[SELF_SLOT + 1] = (uint64_t)hyp_high | PTE_NEXT_TABLE;

    pa = (uint64_t)entry_start;
    entry_l3[pa >> 12 & 511] = pa | text_page();
    entry_l2[pa >> 21 & 511] = (uint64_t)entry_l3 | PTE_NEXT_TABLE;
    entry_l1[pa >> 30 & 511] = (uint64_t)entry_l2 | PTE_NEXT_TABLE;
    hyp_boot_root[pa >> 39 & 511] = (uint64_t)entry_l1 | PTE_NEXT_TABLE;
    hyp_boot_root[SELF_SLOT + 1] = (uint64_t)hyp_high | PTE_NEXT_TABLE;
}

/* What follows is for a machine that cannot go on; it finds a PL011 in the tree as simply as possible. */

static uint32_t read_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool text_at(const uint8_t *p, const char *what)
{
    while (*what && *p == (uint8_t)*what)
        p++, what++;
    return *what == 0;
}

/* The first cell pair of the reg of the first node named "pl011@...": enough to say one sentence. 0 when there is none. */
static uint64_t find_uart(const uint8_t *fdt)
{
    uint32_t structs, strings, end;
    bool inside = false;

    if (!fdt || read_be(fdt) != 0xd00dfeed)
        return 0;
    structs = read_be(fdt + 8);
    strings = read_be(fdt + 12);
    end = structs + read_be(fdt + 36);
    for (uint32_t at = structs; at + 12 <= end; at += 4) {
        uint32_t token = read_be(fdt + at);

        if (token == 1)
            inside = text_at(fdt + at + 4, "pl011@");
        if (token != 3)
            continue;
        if (inside && text_at(fdt + strings + read_be(fdt + at + 8), "reg"))
            return (uint64_t)read_be(fdt + at + 12) << 32 | read_be(fdt + at + 16);
        at += 8 + ROUND_UP(read_be(fdt + at + 4), 4);
    }
    return 0;
}

/* At EL1 or EL3, MMU off: one sentence and the end. */
void early_wrong_level(uint64_t fdt, uint64_t current_el)
{
    static const char message[] = "Vinci: started at EL?; a hypervisor needs EL2 (QEMU: -machine virt,virtualization=on)\r\n";
    uint64_t uart = find_uart((const uint8_t *)fdt);

    for (unsigned i = 0; uart && message[i]; i++) {
        while (*(volatile uint32_t *)(uart + 0x18) & BIT(5))
            ;
        *(volatile uint32_t *)uart = message[i] == '?' ? '0' + (uint32_t)(current_el >> 2 & 3) : (uint8_t)message[i];
    }
    for (;;)
        wfi();
}
