/* SPDX-License-Identifier: Apache-2.0 */
/* The same with tables of 4-byte entries: 4 MiB blocks where things are, and pages elsewhere for what a call is given. */
#include "compat.h"

#define CR0_PG 0x80000000u
#define CR0_WP 0x00010000u
#define CR4_PSE 0x10u
#define PRESENT 1u
#define WRITABLE 2u
#define LARGE 0x80u
#define FAR 0xc0000000u

static uint32_t directory[1024] __attribute__((aligned(4096))), table[1024] __attribute__((aligned(4096)));

static void switch_on(void)
{
    uint32_t value;

    for (uint32_t i = 0; i < 1024; i++)
        directory[i] = i << 22 | LARGE | WRITABLE | PRESENT;
    directory[FAR >> 22] = (uint32_t)(uintptr_t)table | WRITABLE | PRESENT;
    table[0] = (uint32_t)(uintptr_t)pages[60] | WRITABLE | PRESENT;
    table[1] = (uint32_t)(uintptr_t)pages[62] | PRESENT;
    __asm__ volatile("movl %%cr4, %0; orl %1, %0; movl %0, %%cr4" : "=&r"(value) : "i"(CR4_PSE));
    __asm__ volatile("movl %0, %%cr3" : : "r"(directory));
    __asm__ volatile("movl %%cr0, %0; orl %1, %0; movl %0, %%cr0; jmp 1f; 1:" : "=&r"(value) : "r"(CR0_PG | CR0_WP) : "memory");
}

void test_paging(void)
{
    char *there = (char *)FAR;
    /* Over the end of one page and into the next, which lie elsewhere. */
    struct xen_feature_info *features = (void *)(there + PAGE - 4);

    switch_on();
    *(uint32_t *)(pages[60] + PAGE - 4) = 0;
    check_equal("a structure in two pages, the second of which is read-only",
                call(__HYPERVISOR_xen_version, XENVER_get_features, features, 0), -14);
    table[1] |= WRITABLE;
    __asm__ volatile("invlpg (%0)" : : "r"(there + PAGE) : "memory");
    check_equal("writable", call(__HYPERVISOR_xen_version, XENVER_get_features, features, 0), 0);
    check("its second half is there", *(uint32_t *)pages[62] >> XENFEAT_auto_translated_physmap & 1);
    check_equal("nothing there", call(__HYPERVISOR_xen_version, XENVER_get_features, there + 2 * PAGE, 0), -14);
    check_equal("version", call_by_page(__HYPERVISOR_xen_version, XENVER_version, 0, 0) >> 16, 4);
}
