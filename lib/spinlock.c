/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks keep, per CPU, two bits for each class of lock: how many of it are held. A class may be taken
 * when neither it nor any later one is held; a try-lock cannot deadlock and may be taken in any order.
 */
#include "lib/spinlock.h"
#include "arch/include/cpu.h"

STATIC_ASSERT(LOCK_CLASSES <= 32 && MAX_CPUS < UINT16_MAX);

static struct {
    uint64_t counts;
} ALIGNED(64) held[MAX_CPUS];

static uint64_t class_one(const spinlock_t *lock)
{
    return UINT64_C(1) << (2 * lock->class);
}

/* Panics when taking `lock` now could deadlock against a CPU that follows the order. */
static void check_order(const spinlock_t *lock)
{
    uint64_t counts = held[cpu_id()].counts;

    if (unlikely(counts >> (2 * lock->class)))
        panic("lock order: class %u taken while CPU %u holds %#llx", lock->class, cpu_id(),
              (unsigned long long)counts);
}

static void note_taken(spinlock_t *lock)
{
    unsigned cpu = cpu_id();
    uint64_t one = class_one(lock);

    ASSERT((held[cpu].counts & 3 * one) != 3 * one);
    held[cpu].counts += one;
    lock->held_by = (uint16_t)(cpu + 1);
}

static void note_released(spinlock_t *lock)
{
    unsigned cpu = cpu_id();
    uint64_t one = class_one(lock);

    ASSERT(lock->held_by == cpu + 1);
    ASSERT(held[cpu].counts & 3 * one);
    held[cpu].counts -= one;
    lock->held_by = 0;
}

void spin_lock_init(spinlock_t *lock, enum lock_class class)
{
    *lock = SPINLOCK((uint8_t)class);
}

/* The exchange acquires, after any read-modify-write before it, and meets the release below; the loads between keep the line shared while it is held. */
static void take(spinlock_t *lock)
{
    while (unlikely(atomic_exchange(&lock->taken, 1u)))
        while (atomic_load(&lock->taken))
            cpu_relax();
    if (CONFIG(ASSERT))
        note_taken(lock);
}

static void release(spinlock_t *lock)
{
    ASSERT(lock->taken);
    if (CONFIG(ASSERT))
        note_released(lock);
    atomic_store_release(&lock->taken, 0u);
}

void spin_lock(spinlock_t *lock)
{
    if (CONFIG(ASSERT))
        check_order(lock);
    take(lock);
}

void spin_unlock(spinlock_t *lock)
{
    release(lock);
}

bool spin_trylock(spinlock_t *lock)
{
    if (atomic_load(&lock->taken) || atomic_exchange(&lock->taken, 1u))
        return false;
    if (CONFIG(ASSERT))
        note_taken(lock);
    return true;
}

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
    ASSERT(a->class == b->class);
    if (CONFIG(ASSERT))
        check_order(a);
    take(a <= b ? a : b);
    if (a != b)
        take(a <= b ? b : a);
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
    release(a);
    if (a != b)
        release(b);
}

bool spin_is_held(const spinlock_t *lock)
{
    return !CONFIG(ASSERT) || lock->held_by == cpu_id() + 1;
}

void spin_assert_none_held(void)
{
    if (CONFIG(ASSERT) && unlikely(held[cpu_id()].counts))
        panic("CPU %u leaves with locks held: %#llx", cpu_id(), (unsigned long long)held[cpu_id()].counts);
}
