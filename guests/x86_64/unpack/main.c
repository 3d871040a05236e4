/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#define MODULES_MAX 16

/* Everything that the kernel gets, built anew out of the kernel's way. */
struct handed_over {
    struct hvm_start_info info;
    struct hvm_modlist_entry modules[MODULES_MAX];
};

extern char image_start[], image_end[];
extern void (*const constructors_start[])(void), (*const constructors_end[])(void);

static struct range self(void)
{
    return (struct range){ (uint64_t)image_start, (uint64_t)(image_end - image_start) };
}

static struct range module_range(const struct hvm_modlist_entry *m)
{
    if (m->size == 0 || m->paddr > UINT32_MAX - m->size)
        stop("a module is empty or goes over 4 GiB");
    return (struct range){ m->paddr, m->size };
}

static struct range text_range(uint64_t address)
{
    return (struct range){ address, address ? strlen((const char *)address) + 1 : 0 };
}

/* A copy out of everybody's way where it is in the way of the kernel, else where it is. */
static uint64_t out_of_the_way(struct range what, struct range kernel)
{
    if (!overlaps(what, kernel))
        return what.base;
    return (uint64_t)memcpy(memory_take(what.size), (void *)what.base, what.size);
}

/* The same for what the kernel reads first. */
static uint64_t low_and_out_of_the_way(struct range what, struct range kernel)
{
    if (what.base + what.size <= LOW_END && !overlaps(what, kernel))
        return what.base;
    return (uint64_t)memcpy(memory_take_low(what.size), (void *)what.base, what.size);
}

static void keep_all(const struct hvm_start_info *s)
{
    const struct hvm_modlist_entry *m = (void *)s->modlist_paddr;

    memory_keep(self());
    memory_keep((struct range){ (uint64_t)s, sizeof(*s) });
    memory_keep((struct range){ s->modlist_paddr, s->nr_modules * sizeof(*m) });
    memory_keep((struct range){ s->memmap_paddr, s->memmap_entries * sizeof(struct hvm_memmap_table_entry) });
    memory_keep(text_range(s->cmdline_paddr));
    for (uint32_t i = 0; i < s->nr_modules; i++) {
        memory_keep(module_range(&m[i]));
        memory_keep(text_range(m[i].cmdline_paddr));
    }
}

/* The kernel's modules: those behind the first, or what is behind the kernel in the first. */
static uint32_t hand_modules_over(struct hvm_modlist_entry *to, const struct hvm_start_info *s, struct range rest, struct range kernel)
{
    const struct hvm_modlist_entry *from = (void *)s->modlist_paddr;
    uint32_t count = 0;

    if (s->nr_modules == 1 && rest.size)
        to[count++] = (struct hvm_modlist_entry){ .paddr = out_of_the_way(rest, kernel), .size = rest.size };
    for (uint32_t i = 1; i < s->nr_modules; i++) {
        to[count] = from[i];
        to[count].paddr = out_of_the_way(module_range(&from[i]), kernel);
        to[count++].cmdline_paddr = out_of_the_way(text_range(from[i].cmdline_paddr), kernel);
    }
    return count;
}

static struct handed_over *hand_over(const struct hvm_start_info *s, struct range rest, struct range kernel)
{
    struct handed_over *h = memory_take_low(sizeof(*h));
    struct range map = { s->memmap_paddr, s->memmap_entries * sizeof(struct hvm_memmap_table_entry) };

    h->info = *s;
    h->info.nr_modules = hand_modules_over(h->modules, s, rest, kernel);
    h->info.modlist_paddr = h->info.nr_modules ? (uint64_t)h->modules : 0;
    h->info.cmdline_paddr = out_of_the_way(text_range(s->cmdline_paddr), kernel);
    h->info.memmap_paddr = low_and_out_of_the_way(map, kernel);
    return h;
}

_Noreturn void unpack(struct hvm_start_info *s);
void unpack(struct hvm_start_info *s)
{
    const struct hvm_modlist_entry *modules = (void *)s->modlist_paddr;
    struct range rest;

    console_start();
    if (s->nr_modules == 0 || s->nr_modules > MODULES_MAX)
        stop("the start_info names no kernel, or too many modules");
    memory_start(s);
    keep_all(s);
    for (void (*const *f)(void) = constructors_start; f < constructors_end; f++)
        (*f)();
    struct range file = payload_find(module_range(&modules[0]), &rest);
    struct kernel k = kernel_read(file);

    memory_keep(k.place);
    if (!memory_is_ram(k.place))
        stop_with("the kernel wants memory that is none; it begins at MiB", k.place.base / MIB);
    if (overlaps(k.place, self()))
        stop("the kernel wants the memory of its unpacker");
    file.base = out_of_the_way(file, k.place);
    struct handed_over *h = hand_over(s, rest, k.place);

    kernel_place(file);
    start_kernel(k.entry, (uint64_t)&h->info);
}
