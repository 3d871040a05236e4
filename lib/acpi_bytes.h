/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in ACPI's tables: little-endian, at any place. Between the files of the tables' readers only. */
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

#endif
