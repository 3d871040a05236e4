/* SPDX-License-Identifier: Apache-2.0 */
/* Machines with VT-d units (arch/host/vtd.c), and a space whose devices they are to be. */
#ifndef TESTS_UNIT_VTD_H
#define TESTS_UNIT_VTD_H

#include "tests/unit/iommu.h"
#include "drivers/iommu_x86.h"
#include "drivers/vtd.h"

static uint64_t heap_before;

static inline struct acpi_dmar table_of(const struct host_vtd_config *c)
{
    struct acpi_dmar dmar = { .units = c->units };

    for (unsigned i = 0; i < c->units; i++)
        dmar.unit[i] = HOST_VTD_BASE(i);
    return dmar;
}

static inline void boot_without_start(const struct host_vtd_config *c)
{
    host_boot(&(struct host_config){ .memory_mib = 64, .root_level = 0, .root_order = 0, .address_bits = 48 });
    host_vtd_boot(c);
    register_owners();
}

static inline void boot_machine(const struct host_vtd_config *c)
{
    struct acpi_dmar dmar = table_of(c);

    boot_without_start(c);
    assert_int_equal(vtd_start(&dmar), 0);
    assert_true(iommu_is_present());
    host_console_clear();
    heap_before = heap_pages_used();
}

static inline void end_space_whole(void)
{
    end_space();
    assert_int_equal(heap_pages_used(), heap_before);
}

#endif
