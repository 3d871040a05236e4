/* SPDX-License-Identifier: Apache-2.0 */
#include "mem/vmid.h"
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/spinlock.h"

static spinlock_t vmid_lock = SPINLOCK(LOCK_VMID);
uint64_t vmid_generation = 1;
static unsigned vmids, next_vmid;
static uint64_t used[BITMAP_WORDS(BIT(VMID_BITS))];     /* in this generation */
static PER_CPU(struct arch_stage2 *, loaded);

void vmid_init(unsigned count)
{
    ASSERT(count > 1 && count <= BIT(VMID_BITS));
    vmids = count;
    next_vmid = 1;
    bitmap_set(used, 0);
}

/* The spaces in use keep their VMIDs; every other is free again, and forgotten by all TLBs. */
static void begin_generation(void)
{
    ASSERT(spin_is_held(&vmid_lock));
    for (unsigned i = 0; i < BITMAP_WORDS(vmids); i++)
        used[i] = 0;
    bitmap_set(used, 0);
    atomic_store(&vmid_generation, vmid_generation + 1);
    barrier_full();     /* meets that in vmid_load */
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct arch_stage2 *s = atomic_load(&loaded[cpu]);
        uint64_t old = s ? atomic_load(&s->vmid_generation) : 0;

        /* From an older generation: not in use, its CPU waits for our lock to get a new one. */
        if (old && old >> VMID_BITS == vmid_generation - 1) {
            bitmap_set(used, old & (BIT(VMID_BITS) - 1));
            atomic_store(&s->vmid_generation, vmid_generation << VMID_BITS | (old & (BIT(VMID_BITS) - 1)));
        }
    }
    arch_stage2_invalidate_all();
    next_vmid = 1;
}

static void assign(struct arch_stage2 *s)
{
    unsigned vmid;

    spin_lock(&vmid_lock);
    if (!vmid_is_current(s)) {
        vmid = bitmap_next_clear(used, vmids, next_vmid);
        if (vmid == vmids) {
            begin_generation();
            vmid = bitmap_next_clear(used, vmids, next_vmid);
        }
        PANIC_IF(vmid >= vmids, "more CPUs than VMIDs");
        /* s itself may have been kept just now: it was in loaded[]. */
        if (!vmid_is_current(s)) {
            bitmap_set(used, vmid);
            next_vmid = vmid + 1;
            atomic_store(&s->vmid_generation, vmid_generation << VMID_BITS | vmid);
        }
    }
    spin_unlock(&vmid_lock);
}

bool vmid_load(struct arch_stage2 *s)
{
    atomic_store(&THIS_CPU(loaded), s);
    if (!s)
        return false;
    barrier_full();     /* meets that in begin_generation */
    if (likely(vmid_is_current(s)))
        return false;
    assign(s);
    return true;
}

/* A beginning generation counts before the TLBs have forgotten the old one's VMIDs, and s may get its back: under the lock neither is so. */
bool vmid_is_current_now(const struct arch_stage2 *s)
{
    bool current = vmid_is_current(s);

    if (unlikely(!current)) {
        spin_lock(&vmid_lock);
        current = vmid_is_current(s);
        spin_unlock(&vmid_lock);
    }
    return current;
}

struct arch_stage2 *vmid_loaded(void)
{
    return atomic_load(&THIS_CPU(loaded));
}

void vmid_unload(const struct arch_stage2 *s)
{
    ASSERT(s);
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        if (atomic_load(&loaded[cpu]) == s)
            atomic_store(&loaded[cpu], NULL);
}

void vmid_release(struct arch_stage2 *s)
{
    for (unsigned cpu = 0; CONFIG(ASSERT) && cpu < cpu_count(); cpu++)
        ASSERT(atomic_load(&loaded[cpu]) != s);
    spin_lock(&vmid_lock);
    if (vmid_is_current(s)) {
        unsigned vmid = vmid_of(s);

        ASSERT(bitmap_test(used, vmid));
        bitmap_clear(used, vmid);
        next_vmid = MIN(next_vmid, vmid);
    }
    atomic_store(&s->vmid_generation, 0);
    spin_unlock(&vmid_lock);
}
