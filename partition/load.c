/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a partition's memory ready to run: kernel, device tree and ramdisk, one after the other from the start of its RAM.
 *
 *   | kernel (2 MiB aligned, up to the end of its bss) | device tree | ramdisk | free ...
 *
 * Steps that each do a bounded piece; partition->progress says where they are.
 */
#include "arch/include/mapping.h"
#include "arch/include/vcpu.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "partition/partition.h"

#define KERNEL_ALIGN UINT64_C(0x200000)
/* Pages that one piece zeroes: below 20,000 instructions. */
#define WIPE_PAGES 48

/* arm64 Linux boot protocol (Documentation/arm64/booting.rst): the first 64 bytes of an Image. */
struct image_header {
    uint32_t code[2];
    uint64_t text_offset, image_size, flags, reserved[3];
    uint32_t magic, pe_offset;
};
#define IMAGE_MAGIC 0x644d5241u
#define IMAGE_SIZE_MAX (UINT64_C(1) << 30)
#define OLD_TEXT_OFFSET 0x80000         /* of kernels that do not say how large they are */

static void read_host(void *to, uint64_t from, size_t n)
{
    const char *page;

    ASSERT((from & ~PAGE_MASK) + n <= PAGE_SIZE);
    page = arch_window_map(MFN(from >> PAGE_SHIFT));
    memcpy(to, page + (from & ~PAGE_MASK), n);
    arch_window_unmap((void *)(uintptr_t)page);
}

static int refuse(const struct partition *p, const char *text, uint64_t value)
{
    log_error("partition %s: kernel at 0x%llx: %s (0x%llx)", p->plan->name, (unsigned long long)p->plan->kernel.base, text,
              (unsigned long long)value);
    return -E_INVAL;
}

/* The header may lie across the end of a page. */
static void read_header(struct image_header *h, uint64_t from)
{
    size_t first = MIN(sizeof(*h), PAGE_SIZE - (from & ~PAGE_MASK));

    read_host(h, from, first);
    if (first < sizeof(*h))
        read_host((char *)h + first, from + first, sizeof(*h) - first);
}

/* Where the parts go. */
static int plan_places(struct partition *p)
{
    const struct partition_plan *plan = p->plan;
    struct partition_piece ram[PARTITION_PIECES];
    struct image_header h;
    uint64_t size, end;

    if (plan->kernel.size < sizeof(h))
        return refuse(p, "it is too short for a kernel: size", plan->kernel.size);
    read_header(&h, plan->kernel.base);
    if (h.magic != IMAGE_MAGIC)
        return refuse(p, "it is no arm64 Linux Image: magic number", h.magic);
    if (h.image_size > IMAGE_SIZE_MAX || h.text_offset >= KERNEL_ALIGN)
        return refuse(p, "its header asks for too much: image_size", h.image_size);
    (void)partition_ram(plan, ram);
    p->entry = ROUND_UP(ram[0].guest, KERNEL_ALIGN) + (h.image_size ? h.text_offset : OLD_TEXT_OFFSET);
    size = MAX(h.image_size, plan->kernel.size);
    p->tree = (struct partition_range){ ROUND_UP(p->entry + size, PAGE_SIZE), partition_tree_room(plan) };
    p->ramdisk = (struct partition_range){ p->tree.base + p->tree.size, plan->ramdisk.size };
    end = p->ramdisk.base + p->ramdisk.size;
    if (end <= ram[0].guest + ram[0].size)
        return 0;
    log_error("partition %s: memory of %llu KiB is too little: kernel, device tree and ramdisk need %llu KiB", plan->name,
              (unsigned long long)(ram[0].size >> 10), (unsigned long long)((end - ram[0].guest + 1023) >> 10));
    return -E_NOMEM;
}

static bool is_whole_page_of(uint64_t page, uint64_t base, uint64_t size)
{
    return page >= base && page + PAGE_SIZE <= base + size;
}

/* Whatever its former life has left; but not where the modules lie again in a moment, and pages that it has given away are not there. */
static void wipe_page(struct partition *p, uint64_t page)
{
    mfn_t mfn;

    if (is_whole_page_of(page, p->entry, p->plan->kernel.size) || is_whole_page_of(page, p->ramdisk.base, p->ramdisk.size))
        return;
    if (stage2_get_own(&p->domain->stage2, GFN(page >> PAGE_SHIFT), true, &mfn))
        return;
    arch_frame_wipe(mfn);
    frame_put(mfn);
}

static int wipe(struct partition *p)
{
    struct partition_piece ram[PARTITION_PIECES];
    uint64_t *done = &p->progress.done, before = 0;
    unsigned count = partition_ram(p->plan, ram), left = WIPE_PAGES;

    for (unsigned i = 0; i < count && left; before += ram[i++].size)
        for (; *done - before < ram[i].size && left; left--, *done += PAGE_SIZE)
            wipe_page(p, ram[i].guest + *done - before);
    return *done < p->plan->memory ? -E_RESTART : 0;
}

static int load_kernel(struct partition *p)
{
    return partition_copy_module(p, &p->plan->kernel, p->entry);
}

static int load_ramdisk(struct partition *p)
{
    return partition_copy_module(p, &p->plan->ramdisk, p->ramdisk.base);
}

static int load_tree(struct partition *p)
{
    uint32_t room = (uint32_t)p->tree.size, size, done, n;
    char *buffer = heap_alloc(room);
    int error = buffer ? 0 : -E_NOMEM;

    if (error)
        return error;
    size = partition_write_tree(p, buffer, room);
    if (size == 0) {
        log_error("partition %s: its device tree does not fit into %u KiB", p->plan->name, room >> 10);
        error = -E_NOMEM;
    }
    for (done = 0; !error && done < size; done += n) {
        n = MIN(size - done, (uint32_t)PAGE_SIZE);
        error = partition_write(p->domain, p->tree.base + done, buffer + done, n);
    }
    heap_free(buffer, room);
    return error;
}

static int start_vcpu(struct partition *p)
{
    const struct vcpu_start start = { .pc = p->entry, .context = p->tree.base };

    arch_icache_invalidate_all();
    return vcpu_up(p->domain->vcpus[0], &start);
}

static int restore_links(struct partition *p)
{
    int error = partition_share(p->domain, p->plan, &p->progress.done);

    return error ? error : partition_set_params(p);
}

static int (*const steps[])(struct partition *p) = {
    wipe, plan_places, restore_links, load_kernel, load_ramdisk, load_tree, start_vcpu,
};

int partition_load(struct partition *p, bool wipe_first)
{
    struct partition_progress *at = &p->progress;
    int error;

    ASSERT(p->domain && at->step < ARRAY_SIZE(steps));
    at->again = wipe_first;
    if (!wipe_first && at->step == 0)
        at->step = 1;
    error = steps[at->step](p);
    if (!error && ++at->step < ARRAY_SIZE(steps)) {
        at->done = 0;
        error = -E_RESTART;
    }
    if (error == -E_RESTART)
        return error;
    if (error)
        log_error("partition %s: it could not be loaded (error %d)", p->plan->name, error);
    partition_drop_block(p);
    *at = (struct partition_progress){ 0 };
    return error;
}
