/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/arm64/guest_tree.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/print.h"

void guest_tree_cpus(struct dt_writer *out, unsigned count)
{
    char name[32];

    ASSERT(count >= 1 && count <= MAX_VCPUS);
    dt_write_begin(out, "cpus");
    dt_write_u32(out, "#address-cells", 1);
    dt_write_u32(out, "#size-cells", 0);
    for (unsigned i = 0; i < count; i++) {
        uint32_t affinity = (uint32_t)vgic_affinity(i);

        format_string(name, sizeof(name), "cpu@%x", affinity);
        dt_write_begin(out, name);
        dt_write_string(out, "compatible", "arm,armv8");
        dt_write_string(out, "device_type", "cpu");
        dt_write_string(out, "enable-method", "psci");
        dt_write_u32(out, "reg", affinity);
        dt_write_end(out);
    }
    dt_write_end(out);
}

void guest_tree_psci(struct dt_writer *out)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2\0arm,psci";

    dt_write_begin(out, "psci");
    dt_write_property(out, "compatible", compatible, sizeof(compatible));
    dt_write_string(out, "method", "hvc");
    dt_write_u32(out, "cpu_off", 1);
    dt_write_u32(out, "cpu_on", 2);
    dt_write_end(out);
}

/* PPIs: secure, non-secure physical, virtual (Arm BSA); level, low as their wires are. */
void guest_tree_timer(struct dt_writer *out, uint32_t gic)
{
    static const uint32_t interrupts[] = { 1, 13, 0xf08, 1, 14, 0xf08, 1, 11, 0xf08 };

    dt_write_begin(out, "timer");
    dt_write_string(out, "compatible", "arm,armv8-timer");
    dt_write_cells(out, "interrupts", interrupts, ARRAY_SIZE(interrupts));
    if (gic)
        dt_write_u32(out, "interrupt-parent", gic);
    dt_write_end(out);
}

void guest_tree_its_begin(struct dt_writer *out, uint64_t base, uint32_t phandle)
{
    char name[40];

    ASSERT(base);
    format_string(name, sizeof(name), "msi-controller@%llx", (unsigned long long)base);
    dt_write_begin(out, name);
    dt_write_string(out, "compatible", "arm,gic-v3-its");
    dt_write_property(out, "msi-controller", "", 0);
    dt_write_u32(out, "#msi-cells", 1);
    dt_write_u32(out, "phandle", phandle);
}
