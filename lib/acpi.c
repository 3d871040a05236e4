/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/acpi.h"
#include "lib/acpi_bytes.h"
#include "lib/assert.h"
#include "lib/string.h"

/* Offsets and sizes (ACPI Specification 6.4): RSDP 5.2.5.3, header 5.2.6. */
#define RSDP_BYTES 36
#define RSDP_BYTES_V1 20
#define RSDP_REVISION 15
#define RSDP_RSDT 16
#define RSDP_LENGTH 20
#define RSDP_XSDT 24
#define HEADER_BYTES 36
/* "RSD PTR " and "_S5_": words, as the whole of an area is looked through for them. */
#define SIGNATURE_RSDP UINT64_C(0x2052545020445352)
#define NAME_S5 UINT32_C(0x5f35535f)
#define HEADER_LENGTH 4

#define EBDA_POINTER 0x40e
#define BIOS_AREA 0xe0000
#define BIOS_AREA_BYTES 0x20000

uint8_t acpi_sum(const void *p, uint64_t length)
{
    const uint8_t *at = p;
    uint8_t sum = 0;

    while (length--)
        sum = (uint8_t)(sum + *at++);
    return sum;
}

/* -- the root -- */

static bool is_rsdp(const uint8_t *p)
{
    return read64(p) == SIGNATURE_RSDP && acpi_sum(p, RSDP_BYTES_V1) == 0;
}

static hpa_t search(const struct acpi_reader *r, uint64_t base, uint64_t bytes)
{
    uint8_t *area = r->map(HPA(base), bytes);
    hpa_t found = HPA(0);

    for (uint64_t at = 0; area && !found.v && at + RSDP_BYTES <= bytes; at += 16) {
        if (is_rsdp(area + at))
            found = HPA(base + at);
    }
    if (area)
        r->unmap(area, bytes);
    return found;
}

static hpa_t find_rsdp(const struct acpi_reader *r)
{
    uint8_t *bda = r->map(HPA(EBDA_POINTER), 2);
    uint64_t ebda = bda ? (uint64_t)read16(bda) << 4 : 0;
    hpa_t found = HPA(0);

    if (bda)
        r->unmap(bda, 2);
    if (ebda >= 0x80000 && ebda < 0xa0000)
        found = search(r, ebda, 1024);
    return found.v ? found : search(r, BIOS_AREA, BIOS_AREA_BYTES);
}

static const char *read_rsdp(const struct acpi_reader *r, struct acpi_tables *out)
{
    uint8_t *p = r->map(out->rsdp, RSDP_BYTES);
    const char *why = NULL;

    if (!p)
        return "the RSDP is out of reach";
    if (!is_rsdp(p)) {
        why = "the RSDP has a wrong signature or checksum";
    } else if (p[RSDP_REVISION] >= 2 && read32(p + RSDP_LENGTH) >= RSDP_BYTES && acpi_sum(p, RSDP_BYTES) == 0 && read64(p + RSDP_XSDT)) {
        out->root = HPA(read64(p + RSDP_XSDT));
        out->root_is_xsdt = true;
    } else {
        out->root = HPA(read32(p + RSDP_RSDT));
    }
    r->unmap(p, RSDP_BYTES);
    return why ? why : out->root.v ? NULL : "the RSDP names no table";
}

/* -- tables -- */

/* Map a whole table that is right by length and checksum; NULL else. */
static uint8_t *map_table(const struct acpi_reader *r, hpa_t at, uint32_t *length)
{
    uint8_t *p = at.v && at.v < BIT(48) ? r->map(at, HEADER_BYTES) : NULL;

    if (!p)
        return NULL;
    *length = read32(p + HEADER_LENGTH);
    r->unmap(p, HEADER_BYTES);
    if (*length < HEADER_BYTES || *length > ACPI_TABLE_MAX)
        return NULL;
    p = r->map(at, *length);
    if (p && acpi_sum(p, *length) == 0)
        return p;
    if (p)
        r->unmap(p, *length);
    return NULL;
}

static uint8_t *add_table(const struct acpi_reader *r, hpa_t at, struct acpi_tables *out, unsigned *broken)
{
    uint32_t length;
    uint8_t *p = map_table(r, at, &length);
    struct acpi_table *t;

    if (!p || out->count == ACPI_TABLES) {
        if (p)
            r->unmap(p, length);
        ++*broken;
        return NULL;
    }
    t = &out->table[out->count++];
    memcpy(t->signature, p, 4);
    t->at = at;
    t->length = length;
    return p;
}

static void add_with_dsdt(const struct acpi_reader *r, hpa_t at, struct acpi_tables *out, unsigned *broken)
{
    struct acpi_power power = { 0 };
    uint8_t *p = add_table(r, at, out, broken);
    uint32_t length;

    if (!p)
        return;
    length = out->table[out->count - 1].length;
    if (memcmp(p, "FACP", 4) != 0 || acpi_read_fadt(p, length, &power))
        power.dsdt = HPA(0);
    r->unmap(p, length);
    if (!power.dsdt.v)
        return;
    p = add_table(r, power.dsdt, out, broken);
    if (p)
        r->unmap(p, out->table[out->count - 1].length);
}

const char *acpi_scan(const struct acpi_reader *r, hpa_t rsdp, struct acpi_tables *out, unsigned *broken)
{
    uint32_t length, step;
    const char *why;
    uint8_t *root;

    *out = (struct acpi_tables){ .rsdp = rsdp.v ? rsdp : find_rsdp(r) };
    *broken = 0;
    if (!out->rsdp.v)
        return "no RSDP in the BIOS's memory";
    why = read_rsdp(r, out);
    if (why)
        return why;
    root = map_table(r, out->root, &length);
    if (!root)
        return "the root table has a wrong length or checksum";
    step = out->root_is_xsdt ? 8 : 4;
    for (uint32_t at = HEADER_BYTES; at + step <= length; at += step)
        add_with_dsdt(r, HPA(step == 8 ? read64(root + at) : read32(root + at)), out, broken);
    r->unmap(root, length);
    return NULL;
}

const struct acpi_table *acpi_find(const struct acpi_tables *t, const char signature[4], unsigned n)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (memcmp(t->table[i].signature, signature, 4) == 0 && n-- == 0)
            return &t->table[i];
    }
    return NULL;
}

/* -- MADT -- */

enum { MADT_LOCAL_APIC = 0, MADT_IO_APIC = 1, MADT_OVERRIDE = 2, MADT_LOCAL_APIC_ADDRESS = 5, MADT_X2APIC = 9 };
#define MADT_FIRST 44
#define MADT_CPU_ENABLED BIT(0)

static void add_cpu(struct acpi_madt *m, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    if (!(flags & MADT_CPU_ENABLED))
        return;
    for (unsigned i = 0; i < m->cpus; i++) {
        if (m->cpu[i].apic_id == apic_id)
            return;
    }
    if (m->cpus == MAX_CPUS) {
        m->cpus_left_out++;
        return;
    }
    m->cpu[m->cpus].apic_id = apic_id;
    m->cpu[m->cpus++].uid = uid;
}

static void add_local_apic(struct acpi_madt *m, const uint8_t *p)
{
    if (p[3] != 0xff)
        add_cpu(m, p[3], p[2], read32(p + 4));
}

static void add_x2apic(struct acpi_madt *m, const uint8_t *p)
{
    if (read32(p + 4) != UINT32_MAX)
        add_cpu(m, read32(p + 4), read32(p + 12), read32(p + 8));
}

static void add_io_apic(struct acpi_madt *m, const uint8_t *p)
{
    if (m->io_apics == ACPI_IO_APICS || !read32(p + 4))
        return;
    m->io_apic[m->io_apics].id = p[2];
    m->io_apic[m->io_apics].at = HPA(read32(p + 4));
    m->io_apic[m->io_apics++].gsi_base = read32(p + 8);
}

static void add_override(struct acpi_madt *m, const uint8_t *p)
{
    if (m->overrides == ACPI_OVERRIDES || p[2] != 0 || p[3] > 15)
        return;
    m->override[m->overrides].irq = p[3];
    m->override[m->overrides].gsi = read32(p + 4);
    m->override[m->overrides++].flags = read16(p + 8);
}

static void set_address(struct acpi_madt *m, const uint8_t *p)
{
    m->local_apic = HPA(read64(p + 4));
}

/* 5.2.12.1: kinds of entries, each with the fewest bytes that it has. */
static const struct {
    uint8_t kind, bytes;
    void (*add)(struct acpi_madt *m, const uint8_t *p);
} entries[] = {
    { MADT_LOCAL_APIC, 8, add_local_apic }, { MADT_IO_APIC, 12, add_io_apic }, { MADT_OVERRIDE, 10, add_override },
    { MADT_LOCAL_APIC_ADDRESS, 12, set_address }, { MADT_X2APIC, 16, add_x2apic },
};

static void read_entry(struct acpi_madt *m, const uint8_t *p)
{
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        if (p[0] == entries[i].kind && p[1] >= entries[i].bytes)
            entries[i].add(m, p);
    }
}

const char *acpi_read_madt(const void *table, uint32_t length, struct acpi_madt *out)
{
    const uint8_t *p = table;

    *out = (struct acpi_madt){ .cpus = 0 };
    if (length < MADT_FIRST)
        return "the MADT is too short";
    out->local_apic = HPA(read32(p + 36));
    out->has_pics = read32(p + 40) & 1;
    for (uint32_t at = MADT_FIRST; at + 2 <= length; at += p[at + 1]) {
        if (p[at + 1] < 2 || p[at + 1] > length - at)
            return "an entry of the MADT is longer than the table or has no length";
        read_entry(out, p + at);
    }
    return out->cpus ? NULL : "the MADT has no processor";
}

/* -- MCFG -- */

#define MCFG_FIRST 44
#define MCFG_BYTES 16

const char *acpi_read_mcfg(const void *table, uint32_t length, struct acpi_mcfg *out)
{
    *out = (struct acpi_mcfg){ .windows = 0 };
    if (length < MCFG_FIRST)
        return "the MCFG is too short";
    for (const uint8_t *p = (const uint8_t *)table + MCFG_FIRST, *end = (const uint8_t *)table + length; end - p >= MCFG_BYTES; p += MCFG_BYTES) {
        uint64_t base = read64(p);

        if (read16(p + 8) || out->windows == ACPI_PCI_WINDOWS || !base || base >= BIT(46) || base & 0xfffff || p[10] > p[11]) {
            out->left_out++;
            continue;
        }
        out->window[out->windows].base = base;
        out->window[out->windows].first_bus = p[10];
        out->window[out->windows++].last_bus = p[11];
    }
    return NULL;
}

/* -- FADT -- */

#define FADT_DSDT 40
#define FADT_SCI 46
#define FADT_PM1A_CONTROL 64
#define FADT_PM1B_CONTROL 68
#define FADT_PM_TIMER 76
#define FADT_BYTES_V1 116
#define FADT_X_DSDT 140

const char *acpi_read_fadt(const void *table, uint32_t length, struct acpi_power *out)
{
    const uint8_t *p = table;

    *out = (struct acpi_power){ .has_s5 = false };
    if (length < FADT_BYTES_V1)
        return "the FADT is too short";
    out->sci = read16(p + FADT_SCI);
    out->pm1a_control = read16(p + FADT_PM1A_CONTROL);
    out->pm1b_control = read16(p + FADT_PM1B_CONTROL);
    out->pm_timer = read16(p + FADT_PM_TIMER);
    out->dsdt = HPA(read32(p + FADT_DSDT));
    if (length >= FADT_X_DSDT + 8 && read64(p + FADT_X_DSDT))
        out->dsdt = HPA(read64(p + FADT_X_DSDT));
    return NULL;
}

/* An integer of AML's data (20.2.3) at *at, which moves behind it. */
static bool read_integer(const uint8_t *p, uint32_t end, uint32_t *at, uint8_t *value)
{
    uint8_t op = *at < end ? p[(*at)++] : 0xff;

    *value = op == 0x01;
    if (op == 0x00 || op == 0x01)
        return true;
    if (op != 0x0a || *at >= end)
        return false;
    *value = p[(*at)++];
    return true;
}

/* Name (\_S5, Package { type a, type b, ... }): 08 [5c] "_S5_" 12 PkgLength NumElements (20.2.5). */
static bool read_s5_at(const uint8_t *p, uint32_t end, uint32_t at, struct acpi_power *out)
{
    if (!(p[at - 1] == 0x08 || (at >= 2 && p[at - 1] == 0x5c && p[at - 2] == 0x08)) || at + 7 > end || p[at + 4] != 0x12)
        return false;
    at += 5;
    at += 1 + (p[at] >> 6);     /* the package's length; 20.2.4 */
    at++;                       /* the number of elements */
    if (!read_integer(p, end, &at, &out->s5_a))
        return false;
    if (!read_integer(p, end, &at, &out->s5_b))
        out->s5_b = out->s5_a;
    return true;
}

void acpi_read_s5(const void *dsdt, uint32_t length, struct acpi_power *out)
{
    const uint8_t *p = dsdt;

    for (uint32_t at = HEADER_BYTES + 1; !out->has_s5 && at + 8 <= length; at++) {
        if (read32(p + at) == NAME_S5)
            out->has_s5 = read_s5_at(p, length, at, out);
    }
}
