/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI Specification 6.4: RSDP 5.2.5.3, headers 5.2.6, XSDT 5.2.8, MADT 5.2.12. */
#include "boot/x86_64/pvh.h"
#include "config.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "vdev/x86_64/vlapic.h"

struct PACKED root_pointer {
    char signature[8];
    uint8_t sum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
    uint8_t whole_sum, reserved[3];
};
#define OLD_POINTER_SIZE 20

struct PACKED header {
    char signature[4];
    uint32_t length;
    uint8_t revision, sum;
    char oem[6], oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
};

struct PACKED madt {
    struct header h;
    uint32_t local_apic, flags;
};
struct PACKED local_apic {
    uint8_t type, length, uid, id;
    uint32_t flags;
};
struct PACKED io_apic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi_base;
};
struct PACKED override {
    uint8_t type, length, bus, irq;
    uint32_t gsi;
    uint16_t flags;
};
enum { TYPE_LOCAL_APIC = 0, TYPE_IO_APIC = 1, TYPE_OVERRIDE = 2, ENABLED = 1 };
#define LOCAL_APIC_AT 0xfee00000u

/* What is written so far, behind `at` of dom0's memory. */
struct writer {
    uint8_t *buffer;
    uint32_t size, used;
    uint64_t at;
    bool full;
};

static void *put(struct writer *w, const void *what, uint32_t n)
{
    uint8_t *place = w->buffer + w->used;

    if (w->full || n > w->size - w->used) {
        w->full = true;
        return NULL;
    }
    memcpy(place, what, n);
    w->used += n;
    return place;
}

/* A table begins; 8 bytes aligned. */
static struct header *begin(struct writer *w, const char signature[4], uint8_t revision)
{
    static const uint8_t zeros[8];
    struct header h = { .revision = revision, .oem = { 'V', 'i', 'n', 'c', 'i' }, .oem_table = { 'd', 'o', 'm', '0' }, .oem_revision = 1,
                        .creator = { 'V', 'N', 'C', 'I' }, .creator_revision = 1 };

    memcpy(h.signature, signature, sizeof(h.signature));
    put(w, zeros, ROUND_UP(w->used, 8u) - w->used);
    return put(w, &h, sizeof(h));
}

static uint64_t end(struct writer *w, struct header *h)
{
    if (w->full)
        return 0;
    h->length = (uint32_t)(w->buffer + w->used - (uint8_t *)h);
    h->sum = (uint8_t)-acpi_sum(h, h->length);
    return w->at + (uint64_t)((uint8_t *)h - w->buffer);
}

/* The host's processors, interrupts, NUMA nodes and IOMMUs are not dom0's, nor is the HPET; DSDT and
 * FACS are the FADT's. */
static bool is_passed_on(const char signature[4])
{
    static const char own[][5] = { "APIC", "SRAT", "SLIT", "HMAT", "MPST", "PMTT", "HPET", "DMAR", "IVRS", "DSDT", "FACS", "XSDT", "RSDT" };

    for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
        if (memcmp(own[i], signature, 4) == 0)
            return false;
    return true;
}

static uint64_t write_madt(struct writer *w, const struct acpi_madt *host, unsigned vcpus)
{
    struct header *h = begin(w, "APIC", 4);
    const uint32_t fields[] = { LOCAL_APIC_AT, 0 };

    put(w, fields, sizeof(fields));
    for (unsigned i = 0; i < vcpus; i++) {
        const struct local_apic a = { TYPE_LOCAL_APIC, sizeof(a), (uint8_t)i, (uint8_t)VLAPIC_ID(i), ENABLED };
        put(w, &a, sizeof(a));
    }
    for (unsigned i = 0; i < host->io_apics; i++) {
        const struct io_apic a = { TYPE_IO_APIC, sizeof(a), host->io_apic[i].id, 0, (uint32_t)host->io_apic[i].at.v, host->io_apic[i].gsi_base };
        put(w, &a, sizeof(a));
    }
    for (unsigned i = 0; i < host->overrides; i++) {
        const struct override o = { TYPE_OVERRIDE, sizeof(o), 0, host->override[i].irq, host->override[i].gsi, host->override[i].flags };
        put(w, &o, sizeof(o));
    }
    return end(w, h);
}

static uint64_t write_xsdt(struct writer *w, const struct acpi_tables *host, uint64_t madt)
{
    struct header *h = begin(w, "XSDT", 1);

    put(w, &madt, sizeof(madt));
    for (unsigned i = 0; i < host->count; i++) {
        uint64_t at = host->table[i].at.v;

        if (is_passed_on(host->table[i].signature))
            put(w, &at, sizeof(at));
    }
    return end(w, h);
}

uint32_t pvh_write_acpi(void *buffer, uint32_t size, uint64_t at, const struct acpi_tables *host, const struct acpi_madt *madt,
                         unsigned vcpus)
{
    struct writer w = { .buffer = buffer, .size = size, .used = sizeof(struct root_pointer), .at = at };
    struct root_pointer r = { .signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' }, .oem = { 'V', 'i', 'n', 'c', 'i' }, .revision = 2,
                              .length = sizeof(r) };

    STATIC_ASSERT(VLAPIC_ID(MAX_VCPUS - 1) < 255);
    ASSERT(vcpus <= MAX_VCPUS);
    if (size < sizeof(r))
        return 0;
    r.xsdt = write_xsdt(&w, host, write_madt(&w, madt, vcpus));
    if (w.full)
        return 0;
    r.sum = (uint8_t)-acpi_sum(&r, OLD_POINTER_SIZE);
    r.whole_sum = (uint8_t)-acpi_sum(&r, sizeof(r));
    memcpy(buffer, &r, sizeof(r));
    return w.used;
}
