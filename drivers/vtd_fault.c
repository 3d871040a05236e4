/* SPDX-License-Identifier: Apache-2.0 */
/* VT-d: accesses that were refused. (VT-d 4.1, chapter 7, 11.4.7 to 11.4.14) */
#include "drivers/vtd_internal.h"
#include "arch/include/x86_irq.h"

/* Faults that are taken at once, and of these described; the others are counted. */
#define FAULTS_AT_ONCE 256
#define FAULTS_SHOWN 4

/* 7.1.3: what the hypervisor's tables can make happen; others by their number. */
static const char *const reasons[] = {
    [0x01] = "bus of nobody", [0x02] = "function of nobody", [0x03] = "bad context", [0x04] = "address too large", [0x05] = "not writable",
    [0x06] = "not readable", [0x07] = "table out of reach", [0x08] = "root out of reach", [0x09] = "context out of reach",
    [0x0c] = "reserved bits in a table", [0x0d] = "translated already",
    [0x20] = "reserved bits of a message", [0x21] = "no such entry", [0x22] = "nobody's", [0x23] = "table out of reach",
    [0x24] = "reserved bits of its entry", [0x25] = "not remapped", [0x26] = "not this device's",
};
#define IS_INTERRUPT(reason) ((reason) >= 0x20 && (reason) <= 0x26)

void vtd_faults_init(struct vtd *u, int vector)
{
    mmio_write32(u->base, VTD_FECTL, (uint32_t)FECTL_MASK);
    for (unsigned i = 0; i < CAP_FAULTS(u->cap); i++)
        mmio_write32(u->base, CAP_FAULTS_AT(u->cap) + i * FAULT_BYTES + 12, (uint32_t)FAULT_THERE);
    mmio_write32(u->base, VTD_FSTS, (uint32_t)FSTS_ERRORS);
    if (vector < 0)
        return;
    mmio_write32(u->base, VTD_FEDATA, (uint32_t)vector);
    mmio_write32(u->base, VTD_FEADDR, arch_message_address(0));
    mmio_write32(u->base, VTD_FEUADDR, 0);
    mmio_write32(u->base, VTD_FECTL, 0);
}

static void show_fault(struct vtd *u, uint16_t stream, unsigned reason, bool read, uint64_t address)
{
    const char *what = reason < ARRAY_SIZE(reasons) && reasons[reason] ? reasons[reason] : "fault";
    const struct iommu_space *p;
    unsigned domain;

    spin_lock(&u->lock);
    p = iommu_x86_space(vtd_stream_owner(u, stream));
    domain = p ? p->domain : 0;
    spin_unlock(&u->lock);
    if (IS_INTERRUPT(reason))
        log_guest("VT-d %u: device %02x:%02x.%x: interrupt by entry 0x%llx refused: %s", u->number, stream >> 8, stream >> 3 & 31, stream & 7,
                  (unsigned long long)address >> 48, what);
    else if (p)
        log_guest("VT-d %u: device %02x:%02x.%x of d%u: %s at 0x%llx refused: %s", u->number, stream >> 8, stream >> 3 & 31, stream & 7,
                  domain, read ? "read" : "write", (unsigned long long)address, what);
    else
        log_guest("VT-d %u: device %02x:%02x.%x of nobody: %s at 0x%llx refused: %s", u->number, stream >> 8, stream >> 3 & 31, stream & 7,
                  read ? "read" : "write", (unsigned long long)address, what);
}

/* One register; false: there is no fault in it. */
static bool take_fault(struct vtd *u, unsigned at, bool show)
{
    uint32_t last = mmio_read32(u->base, at + 12), third;
    uint64_t address;

    if (!(last & FAULT_THERE))
        return false;
    third = mmio_read32(u->base, at + 8);
    address = vtd_read64(u, at) & PAGE_MASK;
    mmio_write32(u->base, at + 12, (uint32_t)FAULT_THERE);
    iommu_storm_count(&u->storm, third & 0xffff);
    if (show)
        show_fault(u, (uint16_t)third, last & 0xff, last & BIT(30), address);
    return true;
}

/* They lie in a ring. False: there are more than are taken at once. One that comes behind the last look, which has found none, has a message of
 * its own. */
static bool take_faults(struct vtd *u)
{
    unsigned registers = CAP_FAULTS(u->cap), taken = 0;
    bool lost = false;
    uint32_t status;

    while ((status = mmio_read32(u->base, VTD_FSTS)) & (FSTS_PENDING | FSTS_OVERFLOW) && taken < FAULTS_AT_ONCE) {
        unsigned next = (unsigned)FSTS_FIRST(status), before = taken;

        while (taken < FAULTS_AT_ONCE && take_fault(u, CAP_FAULTS_AT(u->cap) + next % registers * FAULT_BYTES, taken < FAULTS_SHOWN)) {
            taken++;
            next++;
        }
        mmio_write32(u->base, VTD_FSTS, (uint32_t)FSTS_OVERFLOW);
        if (taken == before) {
            lost = status & FSTS_PENDING;
            break;
        }
    }
    if (taken > FAULTS_SHOWN)
        log_guest("VT-d %u: %u more faults", u->number, taken - FAULTS_SHOWN);
    return !lost && (taken < FAULTS_AT_ONCE || !(mmio_read32(u->base, VTD_FSTS) & FSTS_PENDING));
}

/* Handling faults costs time that is somebody else's: who makes too many is not heard any more. */
static bool stop_storm(struct vtd *u)
{
    bool cut;

    spin_lock(&u->lock);
    cut = vtd_stream_cut(u, (uint16_t)u->storm.loudest);
    spin_unlock(&u->lock);
    if (cut)
        log_warning("VT-d %u: device %02x:%02x.%x makes more than %u faults a second: it is cut off until it is given anew", u->number,
                    u->storm.loudest >> 8, u->storm.loudest >> 3 & 31, u->storm.loudest & 7, IOMMU_FAULTS_PER_SECOND);
    return cut;
}

static void go_deaf(struct vtd *u)
{
    u->deaf = true;
    mmio_write32(u->base, VTD_FECTL, (uint32_t)FECTL_MASK);
    log_warning("VT-d %u: more than %u faults a second: they are not reported any more", u->number, IOMMU_FAULTS_PER_SECOND);
}

static void take_unit(struct vtd *u)
{
    bool all = take_faults(u);

    /* What stays in a register keeps the unit from sending another message. */
    if ((iommu_storm_is_on(&u->storm) || !all) && (!stop_storm(u) || !take_faults(u)))
        go_deaf(u);
}

void vtd_take_faults(void *arg UNUSED)
{
    for (unsigned i = 0; i < vtd_count; i++)
        if (!vtd_units[i]->deaf)
            take_unit(vtd_units[i]);
}
