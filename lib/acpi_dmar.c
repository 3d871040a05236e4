/* SPDX-License-Identifier: Apache-2.0 */
/* Intel Virtualization Technology for Directed I/O 4.1, chapter 8: the table 8.1, DRHD 8.3, scopes 8.3.1, RMRR 8.4. */
#include "lib/acpi.h"
#include "lib/acpi_bytes.h"

#define DMAR_FLAGS 37
#define DMAR_REMAPS 1
#define DMAR_FIRST 48
#define DRHD_BYTES 16                   /* where scopes begin */
#define RMRR_BYTES 24
#define SCOPE_BYTES 8                   /* with a path of one step */
#define SCOPE_LEAST 6

enum { DRHD = 0, RMRR = 1 };
enum { SCOPE_IO_APIC = 3 };

/* One behind a bridge is as one that is not named. */
static void read_scope(struct acpi_dmar *d, const uint8_t *p, uint32_t length)
{
    if (p[0] != SCOPE_IO_APIC || length != SCOPE_BYTES || d->io_apics == ACPI_IO_APICS)
        return;
    d->io_apic[d->io_apics].id = p[4];
    d->io_apic[d->io_apics++].source = (uint16_t)(p[5] << 8 | (p[6] & 31) << 3 | (p[7] & 7));
}

static const char *read_unit(struct acpi_dmar *d, const uint8_t *p, uint32_t length)
{
    uint32_t bytes;

    if (length < DRHD_BYTES || !read64(p + 8) || read64(p + 8) & ~PAGE_MASK)
        return "a DRHD of the DMAR has no unit";
    if (read16(p + 6))
        return NULL;
    if (d->units == ACPI_VTD_UNITS)
        return "the DMAR has too many units";
    d->unit[d->units++] = HPA(read64(p + 8));
    for (uint32_t at = DRHD_BYTES; at + SCOPE_LEAST <= length; at += bytes) {
        bytes = p[at + 1];
        if (bytes < SCOPE_LEAST || bytes > length - at)
            return "a device of the DMAR is longer than its unit's part, or has no length";
        read_scope(d, p + at, bytes);
    }
    return NULL;
}

/* Whichever device's it is: all may reach it. */
static void read_range(struct acpi_dmar *d, const uint8_t *p, uint32_t length)
{
    uint64_t base, last;

    if (length < RMRR_BYTES || read16(p + 6))
        return;
    base = read64(p + 8);
    last = read64(p + 16);
    if (last < base || last == UINT64_MAX || d->ranges == ACPI_VTD_RANGES) {
        d->left_out++;
        return;
    }
    d->range[d->ranges].base = base;
    d->range[d->ranges++].size = last - base + 1;
}

static const char *read_structure(void *dmar, const uint8_t *p, uint32_t length)
{
    if (read16(p) == DRHD)
        return read_unit(dmar, p, length);
    if (read16(p) == RMRR)
        read_range(dmar, p, length);
    return NULL;
}

const char *acpi_read_dmar(const void *table, uint32_t length, struct acpi_dmar *out)
{
    const uint8_t *p = table;
    const char *why;

    *out = (struct acpi_dmar){ .remaps = length > DMAR_FLAGS && p[DMAR_FLAGS] & DMAR_REMAPS };
    why = acpi_read_parts(p, DMAR_FIRST, length, out, "a structure of the DMAR is longer than the table, or has no length", read_structure);
    return why ? why : out->units ? NULL : "the DMAR has no unit";
}
