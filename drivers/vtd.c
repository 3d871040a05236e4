/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d: finding out what units can do, and switching them on with every stream refused. (VT-d 4.1, 6.6, 11.4) */
#include "drivers/vtd_internal.h"
#include "arch/include/x86_irq.h"

struct vtd *vtd_units[X86_IOMMU_UNITS];
unsigned vtd_count;
static struct iommu_kind kind = {
    .name = "VT-d", .leaf = vtd_leaf, .table = vtd_table, .attach = vtd_attach, .detach = vtd_detach, .forget = vtd_forget,
};

STATIC_ASSERT(ACPI_VTD_UNITS <= X86_IOMMU_UNITS);

/* Why a unit cannot be used; NULL: it can. */
static const char *shortcoming(const struct vtd *u)
{
    if (u->ecap == UINT64_MAX || !u->cap)
        return "is not there";
    if (!(u->ecap & ECAP_QUEUE))
        return "has no invalidation queue";
    if (!(u->cap & (CAP_LEVELS_3 | CAP_LEVELS_4)))
        return "knows tables of neither three nor four levels";
    if (CAP_DOMAINS(u->cap) < X86_IOMMU_SPACES)
        return "knows too few domains";
    return NULL;
}

/* Registers of faults may lie beyond the first page. */
static bool map_registers(struct vtd *u)
{
    u->base = arch_boot_device(u->at, PAGE_SIZE);
    if (!u->base)
        return false;
    u->cap = vtd_read64(u, VTD_CAP);
    u->ecap = vtd_read64(u, VTD_ECAP);
    u->bytes = ROUND_UP(CAP_FAULTS_AT(u->cap) + CAP_FAULTS(u->cap) * FAULT_BYTES, PAGE_SIZE);
    if (u->bytes > PAGE_SIZE)
        u->base = arch_boot_device(u->at, u->bytes);
    return u->base;
}

/* Until its tables and its queue are in place; it translates as before. */
static int prepare(struct vtd *u, int vector)
{
    const char *why;
    int r;

    if (!map_registers(u))
        return -E_NOMEM;
    why = shortcoming(u);
    if (why) {
        log_warning("VT-d at 0x%llx %s: no unit is used", (unsigned long long)u->at.v, why);
        return -E_NODEV;
    }
    u->levels = u->cap & CAP_LEVELS_4 ? 4 : 3;
    vtd_faults_init(u, vector);
    r = vtd_global(u, (uint32_t)GCMD_REMAP_INTERRUPTS, false);
    if (!r)
        r = vtd_queue_init(u);
    if (!r)
        r = vtd_streams_init(u);
    return r;
}

/* Nothing that was cached before counts. Memory that firmware protected from devices is theirs again when tables say so. */
static int switch_on(struct vtd *u)
{
    int r;

    ASSERT(u->root && u->queue);
    vtd_empty_write_buffer(u);
    r = vtd_global(u, (uint32_t)GCMD_ROOT, true);
    spin_lock(&u->lock);
    if (!r)
        r = vtd_try_command(u, (struct vtd_descriptor){ DESCRIPTOR_CONTEXT_ALL, 0 });
    if (!r)
        r = vtd_try_command(u, (struct vtd_descriptor){ DESCRIPTOR_TLB_ALL | CAP_DRAINS(u->cap) << 6, 0 });
    spin_unlock(&u->lock);
    if (!r)
        r = vtd_global(u, (uint32_t)GCMD_TRANSLATE, true);
    if (!r && u->cap & CAP_PROTECTED) {
        mmio_write32(u->base, VTD_PMEN, mmio_read32(u->base, VTD_PMEN) & ~(uint32_t)PMEN_ENABLE);
        r = vtd_wait(u, VTD_PMEN, PMEN_STATUS, 0);
    }
    return r;
}

static void free_unit(struct vtd *u)
{
    void *const pages[] = { u->queue, u->root, u->nothing };

    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
        if (pages[i])
            heap_free_pages(pages[i], 0);
    heap_free(u->answer, sizeof(*u->answer));
    heap_delete(u);
}

/* None is driven: those that are ready stop looking at memory that is somebody else's from now on. One that does not keeps what it has. */
static void give_up(void)
{
    while (vtd_count > 0) {
        struct vtd *u = vtd_units[--vtd_count];

        vtd_units[vtd_count] = NULL;
        if (!u->queue || (!vtd_global(u, (uint32_t)GCMD_TRANSLATE, false) && !vtd_global(u, (uint32_t)GCMD_QUEUE, false)))
            free_unit(u);
    }
}

static int add_unit(hpa_t at, int vector)
{
    struct vtd *u = heap_new(struct vtd);

    if (!u)
        return -E_NOMEM;
    u->at = at;
    u->number = vtd_count;
    spin_lock_init(&u->lock, LOCK_IOMMU);
    vtd_units[vtd_count++] = u;
    return prepare(u, vector);
}

static void describe(const struct vtd *u)
{
    unsigned leaf_level = !(u->cap & CAP_BLOCKS_2M) ? 3 : !(u->cap & CAP_BLOCKS_1G) ? 2 : 1;

    log_info("VT-d at 0x%llx: %u levels, pages up to %s%s%s%s", (unsigned long long)u->at.v, u->levels,
             leaf_level == 1 ? "1 GiB" : leaf_level == 2 ? "2 MiB" : "4 KiB",
             u->ecap & ECAP_COHERENT ? "" : ", looks into no caches", u->cap & CAP_CACHING_MODE ? ", keeps what is absent" : "",
             u->cap & CAP_WRITE_BUFFER ? ", write buffer" : "");
    /* All that makes what is new worth telling. */
    if (!(u->ecap & ECAP_COHERENT) || u->levels == 3 || u->cap & (CAP_CACHING_MODE | CAP_WRITE_BUFFER))
        kind.keeps_absent = true;
    kind.leaf_level = (uint8_t)MAX(leaf_level, (unsigned)kind.leaf_level);
}

uint64_t vtd_bytes(unsigned unit)
{
    ASSERT(unit < vtd_count);
    return vtd_units[unit]->bytes;
}

int vtd_start(const struct acpi_dmar *dmar)
{
    int vector = arch_boot_own_message(vtd_take_faults, NULL), r = 0;

    ASSERT(dmar->units && dmar->units <= X86_IOMMU_UNITS);
    vtd_count = 0;
    kind.keeps_absent = false;
    kind.leaf_level = 0;
    for (unsigned i = 0; !r && i < dmar->units; i++)
        r = add_unit(dmar->unit[i], vector);
    vtd_space_init();
    for (unsigned i = 0; !r && i < vtd_count; i++)
        r = switch_on(vtd_units[i]);
    if (r) {
        if (r != -E_NODEV)
            log_warning("VT-d does not start (error %d): no unit is used", r);
        give_up();
        return r;
    }
    for (unsigned i = 0; i < vtd_count; i++)
        describe(vtd_units[i]);
    iommu_x86_use(&kind, vtd_count);
    return 0;
}
