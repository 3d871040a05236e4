/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables as firmware left them in memory (ACPI Specification 6.4, 5.2): found, checked by length and checksum, and the few fields
 * read that a hypervisor needs itself. No byte of a table is trusted further than its own checked length.
 */
#ifndef LIB_ACPI_H
#define LIB_ACPI_H

#include "config.h"
#include "lib/types.h"

/* How memory is looked at: NULL when it cannot be. Each map is unmapped before the function that made it returns. */
struct acpi_reader {
    void *(*map)(hpa_t at, uint64_t size);
    void (*unmap)(void *address, uint64_t size);
};

#define ACPI_TABLES 48
#define ACPI_TABLE_MAX (UINT32_C(4) << 20)      /* longer ones are not believed */
struct acpi_tables {
    hpa_t rsdp, root;           /* root: XSDT, or RSDT where there is none */
    bool root_is_xsdt;
    unsigned count;             /* checked tables; DSDT among them, behind the FADT that names it */
    struct acpi_table {
        char signature[4];
        hpa_t at;
        uint32_t length;
    } table[ACPI_TABLES];
};

/* Find all; rsdp 0: look for it where a BIOS leaves it (5.2.5.1). NULL, or why there are none. Tables with a wrong checksum or length are
 * left out and counted in *broken. */
const char *acpi_scan(const struct acpi_reader *r, hpa_t rsdp, struct acpi_tables *out, unsigned *broken) MUST_CHECK;
/* The nth (from 0) with this signature, or NULL. */
const struct acpi_table *acpi_find(const struct acpi_tables *t, const char signature[4], unsigned n);

/* Sum of all bytes modulo 256: 0 in a table that is right. */
uint8_t acpi_sum(const void *p, uint64_t length);

/* MADT (5.2.12). Processors in the order of the table, those that can be used. */
#define ACPI_IO_APICS 8
#define ACPI_OVERRIDES 16
struct acpi_madt {
    hpa_t local_apic;
    bool has_pics;
    unsigned cpus, cpus_left_out;       /* the latter: beyond MAX_CPUS */
    struct { uint32_t apic_id, uid; } cpu[MAX_CPUS];
    unsigned io_apics;
    struct { hpa_t at; uint32_t gsi_base; uint8_t id; } io_apic[ACPI_IO_APICS];
    unsigned overrides;
    struct { uint32_t gsi; uint16_t flags; uint8_t irq; } override[ACPI_OVERRIDES];
};
/* From the table's bytes; NULL, or what is wrong with it. */
const char *acpi_read_madt(const void *table, uint32_t length, struct acpi_madt *out) MUST_CHECK;

/* MCFG (PCI Firmware Specification 3.0, 4.1.2): where configuration space is shown. */
#define ACPI_PCI_WINDOWS 2
struct acpi_mcfg {
    unsigned windows, left_out;         /* the latter: of other segments, or one too many */
    struct { uint64_t base; uint8_t first_bus, last_bus; } window[ACPI_PCI_WINDOWS];
};
const char *acpi_read_mcfg(const void *table, uint32_t length, struct acpi_mcfg *out) MUST_CHECK;

/* What the lines of an IO-APIC, by its number in the MADT, go by for the board's IOMMUs. */
struct acpi_io_apic_source { uint8_t id; uint16_t source; };

/*
 * IVRS (AMD I/O Virtualization Technology Specification 3.05, 5.2): AMD's IOMMUs, of segment 0. What is said of a unit twice, by blocks of
 * several types, is merged.
 */
#define ACPI_IOMMUS 8
#define ACPI_IOMMU_QUIRKS 16
#define ACPI_IOMMU_RANGES 16
struct acpi_ivrs {
    unsigned units, left_out;           /* the latter: of other segments, or too many */
    struct acpi_amd_iommu {
        hpa_t base;                     /* its registers */
        uint16_t function;              /* of PCI, which it is itself */
        uint16_t last_device;           /* the highest number of a device that is named */
        uint8_t flags;                  /* of the IVHD */
        unsigned quirks;                /* devices whose entries of the device table are to have more than nothing set (DTE setting) */
        struct { uint16_t first, last; uint8_t setting; } quirk[ACPI_IOMMU_QUIRKS];
    } unit[ACPI_IOMMUS];
    unsigned io_apics;
    struct acpi_io_apic_source io_apic[ACPI_IO_APICS];
    unsigned ranges;                    /* memory that devices need at its own address (IVMD) */
    struct { uint64_t base, size; } range[ACPI_IOMMU_RANGES];
};
/* NULL, or what is wrong with it. */
const char *acpi_read_ivrs(const void *table, uint32_t length, struct acpi_ivrs *out) MUST_CHECK;

/*
 * DMAR (Intel Virtualization Technology for Directed I/O 4.1, chapter 8): units of VT-d, of segment 0. Which devices are behind which is not
 * asked for: each unit knows those that it sees. IO-APICs are named by ACPI's numbers of them, and by the number that their messages carry.
 */
#define ACPI_VTD_UNITS 8
#define ACPI_VTD_RANGES 16
struct acpi_dmar {
    unsigned units, ranges;
    unsigned left_out;                  /* ranges that are none, or too many */
    bool remaps;                        /* firmware lets interrupts be remapped */
    unsigned io_apics;
    struct acpi_io_apic_source io_apic[ACPI_IO_APICS];
    hpa_t unit[ACPI_VTD_UNITS];         /* their registers */
    struct { uint64_t base, size; } range[ACPI_VTD_RANGES];     /* memory that devices need at its own address (RMRR) */
};
/* NULL, or what is wrong with it; more units than there is room for are wrong. */
const char *acpi_read_dmar(const void *table, uint32_t length, struct acpi_dmar *out) MUST_CHECK;

/* How the machine is switched off: FADT (5.2.9) and the DSDT's \_S5 (7.4.2.5). Ports, 0: not there. */
struct acpi_power {
    uint16_t pm1a_control, pm1b_control, pm_timer;
    uint16_t sci;
    bool has_s5;
    uint8_t s5_a, s5_b;         /* SLP_TYP */
    hpa_t dsdt;
};
const char *acpi_read_fadt(const void *table, uint32_t length, struct acpi_power *out) MUST_CHECK;
void acpi_read_s5(const void *dsdt, uint32_t length, struct acpi_power *out);
/* What to write to a PM1 control register to enter S5. */
#define ACPI_SLEEP(type) ((uint16_t)((type) << 10 | 1 << 13))

#endif
