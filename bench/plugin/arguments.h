/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments that QEMU hands to a plugin: key=value. */
#ifndef BENCH_PLUGIN_ARGUMENTS_H
#define BENCH_PLUGIN_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The value if the argument is this key's, or NULL. */
static inline const char *value_of(const char *argument, const char *key)
{
    size_t length = strlen(key);

    return !strncmp(argument, key, length) && argument[length] == '=' ? argument + length + 1 : NULL;
}

/* The arguments that all plugins have: the hypervisor's addresses, and the file to write to. False: it is another one. */
static inline bool take_common(const char *argument, uint64_t *hv_start, uint64_t *hv_end, const char **path)
{
    const char *value;

    if ((value = value_of(argument, "hv_start")))
        *hv_start = strtoull(value, NULL, 0);
    else if ((value = value_of(argument, "hv_end")))
        *hv_end = strtoull(value, NULL, 0);
    else if ((value = value_of(argument, "out")))
        *path = value;
    else
        return false;
    return true;
}

/*
 * The number of a mark, or 0: on arm64 a `hint` from FIRST_MARK on, on x86-64 the no-operation 0f 1f 80 nn 4d 43 56 (NOPL, with the number
 * and "MCV" as its displacement), which compilers do not make.
 */
#define FIRST_MARK 0x60
#define HINT_MASK 0xfffff01f
#define HINT_VALUE 0xd503201f
static inline unsigned mark_of(const uint8_t *bytes, size_t size, bool x86)
{
    static const uint8_t nop[] = { 0x0f, 0x1f, 0x80 }, name[] = { 0x4d, 0x43, 0x56 };
    uint32_t word;

    if (x86)
        return size == 7 && !memcmp(bytes, nop, 3) && !memcmp(bytes + 4, name, 3) ? bytes[3] : 0;
    memcpy(&word, bytes, sizeof(word));
    return (word & HINT_MASK) == HINT_VALUE && ((word >> 5) & 0x7f) >= FIRST_MARK ? (word >> 5) & 0x7f : 0;
}

#endif
