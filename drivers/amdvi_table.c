/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-Vi: the device table, entries of twins, and forgetting. (48882, 2.2.2, 2.2.3, 2.4) */
#include "drivers/amdvi_internal.h"

#define SETTING_MESSAGES(s) ((uint64_t)(s) & 7)             /* INIT, ExtInt, NMI pass: bits 58:56 of word 2 */
#define SETTING_MANAGEMENT(s) ((uint64_t)(s) >> 4 & 3)      /* bits 41:40 of word 1 */
#define SETTING_LINES(s) ((uint64_t)(s) >> 6 & 3)           /* LINT0, LINT1 pass: bits 63:62 of word 2 */
#define EVERYTHING UINT64_C(0x7ffffffffffff000)

static uint64_t *entry_of(const struct amdvi_unit *u, uint32_t device)
{
    ASSERT(device <= u->last_device);
    return &u->devices[(size_t)device * DEVICE_WORDS];
}

void amdvi_fill_table(struct amdvi_unit *u, const struct acpi_amd_iommu *from)
{
    for (uint64_t device = 0; device < (PAGE_SIZE << u->device_order) / DEVICE_BYTES; device++)
        u->devices[device * DEVICE_WORDS] = DEVICE_REFUSED;
    for (unsigned i = 0; i < from->quirks; i++) {
        uint8_t setting = from->quirk[i].setting;

        for (uint32_t device = from->quirk[i].first; device <= MIN((uint32_t)from->quirk[i].last, u->last_device); device++) {
            entry_of(u, device)[1] |= SETTING_MANAGEMENT(setting) << 40;
            entry_of(u, device)[2] |= SETTING_MESSAGES(setting) << 56 | SETTING_LINES(setting) << 62;
        }
    }
}

/* -- entries of twins: levels are counted from 1, of pages, to 4 -- */

static uint64_t leaf(mfn_t mfn, bool write, unsigned level UNUSED)
{
    return ENTRY_PRESENT | ENTRY_COHERENT | ENTRY_READ | (write ? ENTRY_WRITE : 0) | mfn_to_hpa(mfn).v;
}

static uint64_t table(mfn_t mfn, unsigned level)
{
    return ENTRY_PRESENT | ENTRY_LEVEL(3 - level) | ENTRY_READ | ENTRY_WRITE | mfn_to_hpa(mfn).v;
}

/* -- forgetting -- */

static struct amdvi_command forget_space(uint16_t tag)
{
    return (struct amdvi_command){ { FORGET_PAGES | (uint64_t)tag << 32, EVERYTHING | PAGES_MANY | PAGES_TABLES_TOO } };
}

void amdvi_forget_everything(struct amdvi_unit *u)
{
    const struct amdvi_command all = { { FORGET_ALL, 0 } };

    if (u->forgets_all) {
        amdvi_command(u, &all, 1);
        return;
    }
    for (uint32_t device = 0; device <= u->last_device; device++)
        amdvi_command(u, &(struct amdvi_command){ { FORGET_DEVICE | device, 0 } }, 1);
    for (unsigned tag = 0; tag < X86_IOMMU_SPACES; tag++) {
        const struct amdvi_command c = forget_space((uint16_t)tag);

        amdvi_command(u, &c, 1);
    }
}

/*
 * One command for as many pages as a power of two, at least two: the ones below the lowest zero of the page's number say how many (2.4.3).
 * It is never one page alone: QEMU takes the space's number for a device's then.
 */
static void forget(unsigned unit, const struct iommu_space *p, uint64_t gfn, uint64_t count)
{
    struct amdvi_unit *u = &amdvi_units[unit];
    unsigned order = MAX(iommu_x86_order(gfn, count), 1u);
    struct amdvi_command c = forget_space(p->tag);

    ASSERT(count);
    if (order < 40)
        c.word[1] = ((gfn & ~(BIT(order) - 1)) | (BIT(order - 1) - 1)) << PAGE_SHIFT | PAGES_MANY | PAGES_TABLES_TOO;
    spin_lock(&u->lock);
    amdvi_command(u, &c, 1);
    spin_unlock(&u->lock);
}

/* -- whose a device is -- */

static void forget_devices(struct amdvi_unit *u, uint32_t first, uint32_t count)
{
    struct amdvi_command c[AMDVI_COMMANDS];

    if (count > AMDVI_COMMANDS) {
        amdvi_forget_everything(u);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        c[i] = (struct amdvi_command){ { FORGET_DEVICE | (first + i), 0 } };
    amdvi_command(u, c, count);
}

static bool is_free(const struct amdvi_unit *u, const struct iommu_streams *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (entry_of(u, s->first + i)[1] & DEVICE_TAG)
            return false;
    return true;
}

/* The tag before the table: an access in between is refused. */
static void give(struct amdvi_unit *u, const struct iommu_space *p, uint32_t device)
{
    uint64_t *e = entry_of(u, device);

    WRITE_ONCE(e[1], (e[1] & ~(DEVICE_TAG | DEVICE_QUIET)) | p->tag);
    barrier_write();
    WRITE_ONCE(e[0], DEVICE_REFUSED | DEVICE_LEVELS(4) | p->root.v | ENTRY_READ | ENTRY_WRITE);
}

static int attach(struct iommu_space *p, const struct iommu_streams *s)
{
    struct amdvi_unit *u = &amdvi_units[s->unit];
    int r = 0;

    if (s->first > u->last_device || s->count > u->last_device - s->first + 1)
        return -E_INVAL;
    spin_lock(&u->lock);
    if (is_free(u, s)) {
        const struct amdvi_command c = forget_space(p->tag);

        /* The unit is counted, and forgets, before the first device: iommu_forget, which looks without the lock. */
        p->streams[s->unit] += s->count;
        (void)atomic_fetch_or(&p->units, (uint32_t)BIT(s->unit));
        barrier_full();
        amdvi_command(u, &c, 1);
        for (uint32_t i = 0; i < s->count; i++)
            give(u, p, s->first + i);
        forget_devices(u, s->first, s->count);
    } else {
        r = -E_BUSY;
    }
    spin_unlock(&u->lock);
    return r;
}

static void take(struct amdvi_unit *u, uint32_t device)
{
    uint64_t *e = entry_of(u, device);

    WRITE_ONCE(e[0], DEVICE_REFUSED);
    barrier_write();
    WRITE_ONCE(e[1], e[1] & ~DEVICE_TAG);
}

bool amdvi_cut(struct amdvi_unit *u, uint32_t device)
{
    uint64_t *e;

    ASSERT(spin_is_held(&u->lock));
    if (device > u->last_device)
        return false;
    e = entry_of(u, device);
    WRITE_ONCE(e[0], DEVICE_REFUSED);
    WRITE_ONCE(e[1], e[1] | DEVICE_QUIET);
    forget_devices(u, device, 1);
    return true;
}

static void detach(struct iommu_space *p, const struct iommu_streams *s)
{
    struct amdvi_unit *u = &amdvi_units[s->unit];
    const struct amdvi_command c = forget_space(p->tag);

    spin_lock(&u->lock);
    for (uint64_t device = s->first; device < (uint64_t)s->first + s->count && device <= u->last_device; device++) {
        if ((entry_of(u, (uint32_t)device)[1] & DEVICE_TAG) != p->tag)
            continue;
        take(u, (uint32_t)device);
        ASSERT(p->streams[s->unit]);
        p->streams[s->unit]--;
    }
    forget_devices(u, s->first, MIN(s->count, (uint32_t)AMDVI_COMMANDS + 1));
    amdvi_command(u, &c, 1);
    if (!p->streams[s->unit])
        (void)atomic_fetch_and(&p->units, ~(uint32_t)BIT(s->unit));
    spin_unlock(&u->lock);
}

#define KIND(keeps) { .name = "AMD-Vi", .leaf = leaf, .table = table, .keeps_absent = keeps, .attach = attach, \
                      .detach = detach, .forget = forget }
const struct iommu_kind amdvi_kind = KIND(false), amdvi_kind_keeps_absent = KIND(true);
