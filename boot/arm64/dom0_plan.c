/* SPDX-License-Identifier: Apache-2.0 */
/* Where dom0's memory and its parts go. */
#include "arch/include/boot.h"
#include "boot/arm64/dom0.h"
#include "core/options.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"

#define BLOCK UINT64_C(0x200000)            /* dom0's memory comes in the stage-2 block size */
#define DEFAULT_MEMORY (UINT64_C(512) << 20)
#define KEEP_FREE (UINT64_C(16) << 20)      /* left for the hypervisor itself */
#define GRANT_FRAMES_SIZE (UINT64_C(64) * PAGE_SIZE)
#define TREE_SIZE BLOCK

/* arm64 Linux boot protocol (Documentation/arm64/booting.rst): the first 64 bytes of an Image. */
struct image_header {
    uint32_t code[2];
    uint64_t text_offset, image_size, flags, reserved[3];
    uint32_t magic, pe_offset;
};
#define IMAGE_MAGIC 0x644d5241u

static uint64_t mib(uint64_t bytes)
{
    return bytes >> 20;
}

/* Shrink every range to whole blocks. */
static void align_ranges(struct range_list *l)
{
    unsigned count = 0;

    for (unsigned i = 0; i < l->count; i++) {
        uint64_t base = ROUND_UP(l->range[i].base, BLOCK);
        uint64_t end = ROUND_DOWN(l->range[i].base + l->range[i].size, BLOCK);

        if (end > base)
            l->range[count++] = (struct memory_range){ base, end - base };
    }
    l->count = count;
}

/* The first stretch of `size` bytes, aligned; 0 when there is none. */
static uint64_t find_place(const struct range_list *l, uint64_t size, uint64_t align)
{
    for (unsigned i = 0; i < l->count; i++) {
        uint64_t base = ROUND_UP(l->range[i].base, align);

        if (range_contains(l, base, size))
            return base;
    }
    return 0;
}

static struct memory_range *largest(struct range_list *l)
{
    struct memory_range *best = NULL;

    for (unsigned i = 0; i < l->count; i++)
        if (!best || l->range[i].size > best->size)
            best = &l->range[i];
    return best;
}

/* The range that holds both modules whole, so that they can stay where they are. */
static struct memory_range *range_around(struct range_list *l, uint64_t low, uint64_t high)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->range[i].base <= low && high <= l->range[i].base + l->range[i].size)
            return &l->range[i];
    return NULL;
}

/* Take `size` bytes as dom0's: first from around the modules, then the largest ranges. */
static void choose_ram(struct dom0_layout *l, const struct boot_info *b, struct range_list *from, uint64_t size)
{
    const struct boot_module *kernel = module_find(&b->modules, MODULE_KERNEL);
    const struct boot_module *ramdisk = module_find(&b->modules, MODULE_RAMDISK);
    uint64_t low = kernel->at.base, high = kernel->at.base + kernel->at.size;

    if (ramdisk) {
        low = MIN(low, ramdisk->at.base);
        high = MAX(high, ramdisk->at.base + ramdisk->at.size);
    }
    low = ROUND_DOWN(low, BLOCK);
    struct memory_range *r = range_around(from, low, ROUND_UP(high, BLOCK));
    while (size) {
        uint64_t base, take;

        if (!r)
            r = largest(from), low = r->base;
        take = MIN(size, r->size);
        base = MIN(low, r->base + r->size - take);
        range_add(&l->ram, base, take);
        range_remove(from, base, take);
        size -= take;
        r = NULL;
    }
}

/* Check that the module is a kernel; *size is what it needs in memory, bss included. */
static int check_kernel(const struct boot_module *m, uint64_t *text_offset, uint64_t *size)
{
    struct image_header h;

    if (m->at.size < sizeof(h)) {
        log_error("dom0: the kernel module has only %llu bytes", (unsigned long long)m->at.size);
        return -E_INVAL;
    }
    void *p = boot_map(HPA(m->at.base), sizeof(h));
    memcpy(&h, p, sizeof(h));
    boot_unmap(p, sizeof(h));
    if (h.magic != IMAGE_MAGIC) {
        log_error("dom0: the module at 0x%llx is no arm64 Linux Image: its magic number is 0x%08x, not 0x%08x",
                  (unsigned long long)m->at.base, h.magic, IMAGE_MAGIC);
        return -E_INVAL;
    }
    *text_offset = h.image_size ? h.text_offset : 0x80000;
    *size = MAX(h.image_size, m->at.size);
    if (h.image_size > (UINT64_C(1) << 30) || *text_offset >= BLOCK) {
        log_error("dom0: the kernel's header asks for %llu MiB at offset 0x%llx", (unsigned long long)mib(h.image_size),
                  (unsigned long long)*text_offset);
        return -E_INVAL;
    }
    return 0;
}

static bool place_kernel(struct dom0_layout *l, struct range_list *room, const struct boot_module *m,
                         const struct boot_module *ramdisk, uint64_t text_offset, uint64_t size)
{
    struct range_list around = { .count = 0 };
    uint64_t base = m->at.base;

    if (ramdisk)
        range_add(&around, ramdisk->at.base, ramdisk->at.size);
    if (base % BLOCK != text_offset || !range_contains(room, base, size) || range_overlaps(&around, base, size)) {
        l->copy_kernel = true;
        struct range_list free = *room;
        range_remove(&free, m->at.base, m->at.size);
        if (ramdisk)
            range_remove(&free, ramdisk->at.base, ramdisk->at.size);
        base = find_place(&free, text_offset + size, BLOCK) + text_offset;
        if (base == text_offset)
            return false;
    }
    l->kernel = (struct memory_range){ base, size };
    l->entry = base;
    range_remove(room, base, size);
    return true;
}

static bool place_ramdisk(struct dom0_layout *l, struct range_list *room, const struct boot_module *m)
{
    uint64_t base;

    if (!m)
        return true;
    base = m->at.base;
    if (!range_contains(room, base, m->at.size)) {
        l->copy_ramdisk = true;
        base = find_place(room, m->at.size, BLOCK);
        if (!base)
            return false;
    }
    l->ramdisk = (struct memory_range){ base, m->at.size };
    range_remove(room, ROUND_DOWN(base, PAGE_SIZE), ROUND_UP(base % PAGE_SIZE + m->at.size, PAGE_SIZE));
    return true;
}

static int place_parts(struct dom0_layout *l, const struct boot_info *b)
{
    const struct boot_module *kernel = module_find(&b->modules, MODULE_KERNEL);
    const struct boot_module *ramdisk = module_find(&b->modules, MODULE_RAMDISK);
    struct range_list room = l->ram;
    uint64_t text_offset, size;
    int error = check_kernel(kernel, &text_offset, &size);

    if (error)
        return error;
    if (place_kernel(l, &room, kernel, ramdisk, text_offset, size) && place_ramdisk(l, &room, ramdisk)) {
        uint64_t tree = find_place(&room, TREE_SIZE, BLOCK);

        l->tree = (struct memory_range){ tree, TREE_SIZE };
        if (tree)
            return 0;
    }
    log_error("dom0: %llu MiB of memory are too little for a kernel of %llu MiB and a ramdisk of %llu MiB: raise dom0_mem",
              (unsigned long long)mib(range_total(&l->ram)), (unsigned long long)mib(size) + 1,
              (unsigned long long)(ramdisk ? mib(ramdisk->at.size) + 1 : 0));
    return -E_NOMEM;
}

int dom0_plan(struct dom0_layout *l, const struct boot_info *b, const struct range_list *usable, struct memory_range image)
{
    struct range_list from = *usable;
    uint64_t size = boot_options.dom0_memory;

    memset(l, 0, sizeof(*l));
    if (!module_find(&b->modules, MODULE_KERNEL)) {
        log_error("dom0: no kernel: the loader must add a node \"multiboot,module\" with \"multiboot,kernel\" to /chosen");
        return -E_INVAL;
    }
    if (size == 0) {
        size = DEFAULT_MEMORY;
        log_warning("command line: no dom0_mem, dom0 gets %llu MiB", (unsigned long long)mib(size));
    }
    size = ROUND_UP(size, BLOCK);
    align_ranges(&from);
    if (range_total(&from) < KEEP_FREE || size > range_total(&from) - KEEP_FREE) {
        log_error("dom0: dom0_mem=%lluM is more than the %llu MiB that this board has free", (unsigned long long)mib(size),
                  (unsigned long long)mib(range_total(&from) < KEEP_FREE ? 0 : range_total(&from) - KEEP_FREE));
        return -E_NOMEM;
    }
    choose_ram(l, b, &from, size);
    ASSERT(range_total(&l->ram) == size);
    ASSERT(image.size >= GRANT_FRAMES_SIZE);
    l->grant_frames = (struct memory_range){ image.base, GRANT_FRAMES_SIZE };
    return place_parts(l, b);
}
