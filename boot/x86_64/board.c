/* SPDX-License-Identifier: Apache-2.0 */
#include "boot/x86_64/board.h"
#include "arch/include/boot.h"
#include "arch/include/x86_boot.h"
#include "arch/include/pci.h"
#include "lib/print.h"

struct board board;

static const struct acpi_reader reader = { boot_map, boot_unmap };

/* The table's bytes, to be unmapped; NULL: there is none. */
static void *open_table(const char signature[4], uint32_t *length)
{
    const struct acpi_table *t = acpi_find(&board.acpi, signature, 0);

    *length = t ? t->length : 0;
    return t ? boot_map(t->at, t->length) : NULL;
}

static const char *read_madt(void)
{
    uint32_t length;
    void *p = open_table("APIC", &length);
    const char *why = p ? acpi_read_madt(p, length, &board.madt) : "there is no MADT";

    if (p)
        boot_unmap(p, length);
    return why;
}

/* A board without it has its configuration space by ports. */
static void read_mcfg(void)
{
    uint32_t length;
    void *p = open_table("MCFG", &length);
    const char *why = p ? acpi_read_mcfg(p, length, &board.mcfg) : NULL;

    if (p)
        boot_unmap(p, length);
    if (why)
        log_warning("ACPI: %s", why);
    if (board.mcfg.left_out)
        log_warning("ACPI: %u places of PCI's configuration space are not used", board.mcfg.left_out);
    if (board.mcfg.windows)
        arch_boot_pci_window(HPA(board.mcfg.window[0].base), board.mcfg.window[0].first_bus, board.mcfg.window[0].last_bus);
}

static const char *read_power(void)
{
    uint32_t length;
    void *p = open_table("FACP", &length);
    const char *why = p ? acpi_read_fadt(p, length, &board.power) : "there is no FADT";

    if (p)
        boot_unmap(p, length);
    if (why)
        return why;
    p = open_table("DSDT", &length);
    if (p) {
        acpi_read_s5(p, length, &board.power);
        boot_unmap(p, length);
    }
    return board.power.has_s5 ? NULL : "the DSDT has no \\_S5 that can be read";
}

void board_read(hpa_t rsdp)
{
    unsigned broken;
    const char *why = acpi_scan(&reader, rsdp, &board.acpi, &broken);

    if (why) {
        log_warning("ACPI: %s; one CPU only, and no power-off", why);
        return;
    }
    if (broken)
        log_warning("ACPI: %u tables have a wrong length or checksum and are not used", broken);
    why = read_madt();
    if (why)
        log_warning("ACPI: %s; one CPU only", why);
    read_mcfg();
    why = read_power();
    if (why)
        log_warning("ACPI: %s; no power-off", why);
    else
        arch_boot_power(board.power.pm1a_control, ACPI_SLEEP(board.power.s5_a), board.power.pm1b_control, ACPI_SLEEP(board.power.s5_b));
    log_info("ACPI: %u tables, %u CPUs, %u IO-APICs", board.acpi.count, board.madt.cpus, board.madt.io_apics);
}

/* Flags of an override (ACPI Specification 6.4, 5.2.12.5): 1:0 polarity, 3:2 trigger; 3 is low, and level. */
void board_start_interrupts(unsigned com_irq)
{
    const struct acpi_madt *m = &board.madt;
    uint32_t gsi = com_irq;
    uint16_t flags = 0;

    for (unsigned i = 0; i < m->io_apics; i++)
        arch_boot_io_apic(m->io_apic[i].at, m->io_apic[i].gsi_base);
    for (unsigned i = 0; i < m->overrides; i++) {
        if (m->override[i].irq != com_irq)
            continue;
        gsi = m->override[i].gsi;
        flags = m->override[i].flags;
    }
    if (m->io_apics)
        arch_boot_com_interrupt(gsi, (flags >> 2 & 3) == 3, (flags & 3) == 3);
}

void board_start_cpus(unsigned wanted)
{
    uint64_t ids[MAX_CPUS];
    unsigned n = board.madt.cpus, up = 1;

    if (wanted && wanted < n)
        n = wanted;
    for (unsigned i = 0; i < n; i++)
        ids[i] = board.madt.cpu[i].apic_id;
    if (n > 1)
        up = arch_boot_secondaries(ids, n);
    if (board.madt.cpus_left_out)
        log_warning("%u CPUs are more than this build can have (%u)", board.madt.cpus_left_out, MAX_CPUS);
    log_info("%u CPU%s up", up, up == 1 ? "" : "s");
}
