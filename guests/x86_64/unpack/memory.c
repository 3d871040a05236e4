/* SPDX-License-Identifier: Apache-2.0 */
/* Memory below 4 GiB, as the start_info's map says; and what the compiler and the libraries expect of a C library. */
#include "unpack.h"
#include <stdlib.h>

#define FOUR_GIB UINT64_C(0x100000000)
#define PAGE UINT64_C(4096)
#define KEPT_MAX 64
#define MAP_MAX 256
#define LARGE (64 * KIB)
#define CHUNK (512 * KIB)

static struct range ram[MAP_MAX], kept[KEPT_MAX];
static unsigned ram_count, kept_count;
static uint8_t *chunk;
static uint64_t chunk_left;

void memory_keep(struct range r)
{
    if (kept_count == KEPT_MAX)
        stop("too many things are in memory");
    kept[kept_count++] = r;
}

void memory_start(const struct hvm_start_info *s)
{
    const struct hvm_memmap_table_entry *map = (void *)s->memmap_paddr;

    if (s->version < 1 || s->memmap_entries == 0 || s->memmap_entries > MAP_MAX || s->memmap_paddr >= FOUR_GIB)
        stop("the start_info has no map of memory");
    for (uint32_t i = 0; i < s->memmap_entries; i++)
        if (map[i].type == XEN_HVM_MEMMAP_TYPE_RAM && map[i].addr < FOUR_GIB)
            ram[ram_count++] = (struct range){ map[i].addr, map[i].size < FOUR_GIB - map[i].addr ? map[i].size : FOUR_GIB - map[i].addr };
    memory_keep((struct range){ 0, MIB });
}

bool memory_is_ram(struct range r)
{
    for (unsigned i = 0; i < ram_count; i++)
        if (r.base >= ram[i].base && r.size <= ram[i].size && r.base - ram[i].base <= ram[i].size - r.size)
            return true;
    return false;
}

static const struct range *in_the_way(struct range r)
{
    for (unsigned i = 0; i < kept_count; i++)
        if (overlaps(kept[i], r))
            return &kept[i];
    return NULL;
}

/* The highest place in this piece of RAM that ends at `limit` or lower; 0: there is none. */
static uint64_t place_in(struct range r, uint64_t size, uint64_t limit)
{
    uint64_t end = (r.base + r.size < limit ? r.base + r.size : limit) & -PAGE;

    while (end >= size && end - size >= r.base) {
        const struct range *other = in_the_way((struct range){ end - size, size });

        if (!other)
            return end - size;
        end = other->base & -PAGE;
    }
    return 0;
}

static void *take(uint64_t size, uint64_t limit)
{
    uint64_t best = 0;

    if (size == 0 || size > FOUR_GIB)
        stop_with("this is no size for a piece of memory:", size);
    size = (size + PAGE - 1) & -PAGE;
    for (unsigned i = 0; i < ram_count; i++) {
        uint64_t place = place_in(ram[i], size, limit);

        best = place > best ? place : best;
    }
    if (best == 0)
        stop_with("not enough memory; MiB that were to be had in one piece:", (size + MIB - 1) / MIB);
    memory_keep((struct range){ best, size });
    return (void *)best;
}

void *memory_take(uint64_t size)
{
    return take(size, FOUR_GIB);
}

void *memory_take_low(uint64_t size)
{
    return take(size, LOW_END);
}

/* ---- the C library's part; nothing is given back, this program is short ---- */

void *malloc(size_t size)
{
    size = (size + 15) & -(size_t)16;
    if (size >= LARGE)
        return memory_take(size);
    if (size > chunk_left) {
        chunk = memory_take(CHUNK);
        chunk_left = CHUNK;
    }
    void *result = chunk;

    chunk += size;
    chunk_left -= size;
    return result;
}

void free(void *p)
{
    (void)p;
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return memset(malloc(bytes), 0, bytes);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
}

void *memset(void *to, int byte, size_t n)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to - (uintptr_t)from >= n)
        return memcpy(to, from, n);
    for (size_t i = n; i-- > 0; )
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const volatile uint8_t *)a)[i] != ((const volatile uint8_t *)b)[i])
            return ((const uint8_t *)a)[i] - ((const uint8_t *)b)[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (((const volatile char *)s)[n])
        n++;
    return n;
}

_Noreturn void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
    stop("a decompressor wrote over its stack");
}

/* What calls of the C library become when the compiler knows how much room there is. */
#define CHECKED(name, type)                                                         \
    void *__##name##_chk(void *to, type what, size_t n, size_t room);               \
    void *__##name##_chk(void *to, type what, size_t n, size_t room)                \
    {                                                                               \
        if (n > room)                                                               \
            stop("a decompressor wrote over the end of its buffer");                \
        return name(to, what, n);                                                   \
    }
CHECKED(memcpy, const void *)
CHECKED(memmove, const void *)
CHECKED(memset, int)
