/* SPDX-License-Identifier: Apache-2.0 */
/* AMD I/O Virtualization Technology (IOMMU) Specification 3.05, 5.2: IVHD 5.2.2.1, device entries 5.2.2.6 and 5.2.2.7, IVMD 5.2.2.8. */
#include "lib/acpi.h"
#include "lib/acpi_bytes.h"

#define IVRS_FIRST 48
#define IVHD_SHORT 24                   /* where entries begin, type 0x10 */
#define IVHD_LONG 40                    /* types 0x11 and 0x40 */
#define IVMD_BYTES 32
#define IVMD_UNITY_OR_EXCLUDED 0x9

enum { IVHD_10 = 0x10, IVHD_11 = 0x11, IVHD_40 = 0x40, IVMD_ALL = 0x20, IVMD_ONE = 0x21, IVMD_RANGE = 0x22 };
enum { ENTRY_ALL = 1, ENTRY_SELECT = 2, ENTRY_START = 3, ENTRY_END = 4, ENTRY_ALIAS = 66, ENTRY_ALIAS_START = 67,
       ENTRY_EXTENDED = 70, ENTRY_EXTENDED_START = 71, ENTRY_SPECIAL = 72, ENTRY_NAMED = 240 };

static void reaches(struct acpi_amd_iommu *u, uint16_t device)
{
    u->last_device = MAX(u->last_device, device);
}

static void add_quirk(struct acpi_amd_iommu *u, uint16_t first, uint16_t last, uint8_t setting)
{
    if (!setting || u->quirks == ACPI_IOMMU_QUIRKS)
        return;
    u->quirk[u->quirks].first = first;
    u->quirk[u->quirks].last = last;
    u->quirk[u->quirks++].setting = setting;
}

/* Bytes of an entry; 0: not known. Named devices' length is their own. */
static uint32_t entry_bytes(const uint8_t *p, uint32_t left)
{
    uint32_t bytes;

    if (p[0] == ENTRY_NAMED)
        return left >= 22 ? 22 + p[21] : 0;
    bytes = UINT32_C(4) << (p[0] >> 6);
    return p[0] < 192 && bytes <= left ? bytes : 0;
}

#define SPECIAL_IO_APIC 1

static void add_io_apic(struct acpi_ivrs *v, const uint8_t *p, uint16_t source)
{
    if (p[7] != SPECIAL_IO_APIC || v->io_apics == ACPI_IO_APICS)
        return;
    v->io_apic[v->io_apics].id = p[4];
    v->io_apic[v->io_apics++].source = source;
}

/* A range is begun by one entry and ended by the next; `start` keeps the first between them. */
static void read_entry(struct acpi_ivrs *v, struct acpi_amd_iommu *u, const uint8_t *p, const uint8_t **start)
{
    uint16_t device = read16(p + 1);

    switch (p[0]) {
    case ENTRY_ALL:
        reaches(u, UINT16_MAX);
        add_quirk(u, 0, UINT16_MAX, p[3]);
        break;
    case ENTRY_START:
    case ENTRY_ALIAS_START:
    case ENTRY_EXTENDED_START:
        *start = p;
        reaches(u, device);
        break;
    case ENTRY_END:
        reaches(u, device);
        if (*start)
            add_quirk(u, read16(*start + 1), device, (*start)[3]);
        *start = NULL;
        break;
    case ENTRY_SPECIAL:
        device = read16(p + 5);
        reaches(u, device);
        add_io_apic(v, p, device);
        add_quirk(u, device, device, p[3]);
        break;
    case ENTRY_SELECT:
    case ENTRY_ALIAS:
    case ENTRY_EXTENDED:
    case ENTRY_NAMED:
        reaches(u, device);
        add_quirk(u, device, device, p[3]);
        break;
    default:
        break;
    }
    /* An alias is the number that the device's accesses carry. */
    if (p[0] == ENTRY_ALIAS || p[0] == ENTRY_ALIAS_START)
        reaches(u, read16(p + 5));
}

static struct acpi_amd_iommu *unit_of(struct acpi_ivrs *v, uint16_t function)
{
    for (unsigned i = 0; i < v->units; i++)
        if (v->unit[i].function == function)
            return &v->unit[i];
    return v->units < ACPI_IOMMUS ? &v->unit[v->units++] : NULL;
}

static const char *read_ivhd(struct acpi_ivrs *v, const uint8_t *p, uint32_t length)
{
    uint32_t first = p[0] == IVHD_10 ? IVHD_SHORT : IVHD_LONG, bytes;
    struct acpi_amd_iommu *u;
    const uint8_t *start = NULL;

    if (length < first)
        return "an IVHD of the IVRS is too short";
    u = read16(p + 16) || !read64(p + 8) ? NULL : unit_of(v, read16(p + 4));
    if (!u) {
        v->left_out++;
        return NULL;
    }
    u->base = HPA(read64(p + 8));
    u->function = read16(p + 4);
    u->flags |= p[1];
    for (uint32_t at = first; at + 4 <= length; at += bytes) {
        bytes = entry_bytes(p + at, length - at);
        if (!bytes || bytes > length - at)
            return "an entry of an IVHD is longer than it, or not known";
        read_entry(v, u, p + at, &start);
    }
    return NULL;
}

/* Whichever device's it is: all may reach it. */
static void read_ivmd(struct acpi_ivrs *v, const uint8_t *p, uint32_t length)
{
    if (length < IVMD_BYTES || !(p[1] & IVMD_UNITY_OR_EXCLUDED))
        return;
    if (v->ranges == ACPI_IOMMU_RANGES) {
        v->left_out++;
        return;
    }
    v->range[v->ranges].base = read64(p + 16);
    v->range[v->ranges++].size = read64(p + 24);
}

static const char *read_block(void *ivrs, const uint8_t *p, uint32_t length)
{
    if (p[0] == IVHD_10 || p[0] == IVHD_11 || p[0] == IVHD_40)
        return read_ivhd(ivrs, p, length);
    if (p[0] >= IVMD_ALL && p[0] <= IVMD_RANGE)
        read_ivmd(ivrs, p, length);
    return NULL;
}

const char *acpi_read_ivrs(const void *table, uint32_t length, struct acpi_ivrs *out)
{
    const char *why;

    *out = (struct acpi_ivrs){ .units = 0 };
    why = acpi_read_parts(table, IVRS_FIRST, length, out, "a block of the IVRS is longer than the table or has no length", read_block);
    return why ? why : out->units ? NULL : "the IVRS has no IOMMU";
}
