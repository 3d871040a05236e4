/* SPDX-License-Identifier: Apache-2.0 */
/* What ACPI's tables are made of: numbers, little-endian, at any place, and parts that say how long they are. Between the files of the tables'
 * readers only. */
#ifndef LIB_ACPI_BYTES_H
#define LIB_ACPI_BYTES_H

#include "lib/types.h"

static inline uint16_t read16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t read32(const uint8_t *p)
{
    return read16(p) | (uint32_t)read16(p + 2) << 16;
}

static inline uint64_t read64(const uint8_t *p)
{
    return read32(p) | (uint64_t)read32(p + 4) << 32;
}

/* The parts from `first` on to the end of a table, each with its length in its bytes 2 and 3: what is wrong with one of them, in the words of `read`,
 * or `too_long`; NULL: nothing. */
static inline const char *acpi_read_parts(const uint8_t *table, uint32_t first, uint32_t length, void *out, const char *too_long,
                                          const char *(*read)(void *out, const uint8_t *part, uint32_t bytes))
{
    const char *why = NULL;
    uint32_t bytes;

    for (uint32_t at = first; !why && at + 4 <= length; at += bytes) {
        bytes = read16(table + at + 2);
        if (bytes < 4 || bytes > length - at)
            return too_long;
        why = read(out, table + at, bytes);
    }
    return why;
}

#endif
