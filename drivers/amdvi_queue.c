/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-Vi: the ring of commands and the log of events. (48882, 2.4, 2.5) */
#include "drivers/amdvi_internal.h"
#include "arch/include/cpu.h"

/* A unit that has not answered after so many looks will not. */
#define PATIENCE 10000000
#define COMMAND_WORDS 2
#define EVENT_WORDS 2
#define EVENT_BYTES 16u
/* Events of one message that are described; the others are counted. */
#define EVENTS_SHOWN 4

static void put_command(struct amdvi_unit *u, struct amdvi_command c)
{
    uint64_t *entry = u->commands + u->command_tail / sizeof(uint64_t);

    ASSERT(u->command_tail < RING_BYTES);
    entry[0] = c.word[0];
    entry[1] = c.word[1];
    u->command_tail = (u->command_tail + COMMAND_WORDS * (uint32_t)sizeof(uint64_t)) % RING_BYTES;
}

void amdvi_command(struct amdvi_unit *u, const struct amdvi_command *c, unsigned n)
{
    STATIC_ASSERT((AMDVI_COMMANDS + 1) * sizeof(*c) < RING_BYTES);
    ASSERT(n <= AMDVI_COMMANDS && spin_is_held(&u->lock));
    for (unsigned i = 0; i < n; i++)
        put_command(u, c[i]);
    put_command(u, (struct amdvi_command){ { WAIT | WAIT_STORE | amdvi_address(u->answer), ++u->asked } });
    mmio_barrier();
    mmio_write32(u->base, COMMAND_TAIL, u->command_tail);
    /* Without an answer a device may still reach memory that is about to be somebody else's. */
    for (unsigned i = 0; READ_ONCE(*u->answer) != u->asked; i++) {
        PANIC_IF(i == PATIENCE, "AMD-Vi %u does not answer: head %#x of %#x, status %#x", u->number, mmio_read32(u->base, COMMAND_HEAD),
                 u->command_tail, mmio_read32(u->base, STATUS));
        cpu_relax();
    }
}

/* -- events (2.5): the kind in bits 63:60 of the first word -- */

static const char *const event_names[16] = {
    [1] = "bad entry of the device table", [2] = "not permitted", [3] = "device table out of reach", [4] = "tables out of reach",
    [5] = "command not known", [6] = "commands out of reach", [7] = "a device did not forget in time", [8] = "request not allowed",
    [9] = "request not allowed",
};
enum { EVENT_PAGE_FAULT = 2 };
#define EVENT_WRITE BIT(53)

static void show_event(const struct amdvi_unit *u, const uint64_t *e)
{
    unsigned kind = (unsigned)(e[0] >> 60), device = e[0] & 0xffff;
    const char *what = event_names[kind] ? event_names[kind] : "fault";
    const struct iommu_space *p = device <= u->last_device ? iommu_x86_space(u->devices[device * DEVICE_WORDS + 1] & DEVICE_TAG) : NULL;

    if (kind != EVENT_PAGE_FAULT)
        log_guest("AMD-Vi %u: device %02x:%02x.%x: %s (event 0x%x), 0x%llx", u->number, device >> 8, device >> 3 & 31, device & 7, what, kind,
                  (unsigned long long)e[1]);
    else if (!p)
        log_guest("AMD-Vi %u: device %02x:%02x.%x of nobody: access at 0x%llx refused", u->number, device >> 8, device >> 3 & 31, device & 7,
                  (unsigned long long)e[1]);
    else
        log_guest("AMD-Vi %u: device %02x:%02x.%x of d%u: %s at 0x%llx refused: %s", u->number, device >> 8, device >> 3 & 31, device & 7,
                  p->domain, e[0] & EVENT_WRITE ? "write" : "access", (unsigned long long)e[1], what);
}

/* Who makes too many faults is not heard any more, nor is anybody when it is not known who it is. */
static void stop_storm(struct amdvi_unit *u)
{
    uint32_t device = u->storm.loudest;
    bool cut;

    spin_lock(&u->lock);
    cut = amdvi_cut(u, device);
    spin_unlock(&u->lock);
    if (cut) {
        log_warning("AMD-Vi %u: device %02x:%02x.%x makes more than %u faults a second: it is cut off until it is given anew", u->number,
                    device >> 8, device >> 3 & 31, device & 7, IOMMU_FAULTS_PER_SECOND);
        return;
    }
    u->control &= ~CONTROL_EVENT_INTERRUPT;
    mmio_write64(u->base, CONTROL, u->control);
    log_warning("AMD-Vi %u: more than %u faults a second: they are not reported any more", u->number, IOMMU_FAULTS_PER_SECOND);
}

/* A log that has run over is begun anew: only a change of the bit makes the unit go on (2.5.2). */
static void begin_anew(struct amdvi_unit *u)
{
    log_guest("AMD-Vi %u: faults were lost", u->number);
    mmio_write64(u->base, CONTROL, u->control & ~CONTROL_EVENTS);
    u->event_head = 0;
    mmio_write64(u->base, EVENT_HEAD, 0);
    mmio_write64(u->base, EVENT_TAIL, 0);
    mmio_write64(u->base, STATUS, STATUS_OVERFLOW);
    mmio_write64(u->base, CONTROL, u->control);
}

void amdvi_take_events(void *unit)
{
    struct amdvi_unit *u = unit;
    uint32_t status = mmio_read32(u->base, STATUS), tail, n = 0;

    /* Said before the look: what comes after it sends a new message. */
    mmio_write64(u->base, STATUS, status & STATUS_INTERRUPTS);
    mmio_barrier();
    tail = mmio_read32(u->base, EVENT_TAIL) & (RING_BYTES - EVENT_BYTES);
    for (; u->event_head != tail; u->event_head = (u->event_head + EVENT_BYTES) % RING_BYTES, n++) {
        const uint64_t *e = u->events + u->event_head / sizeof(uint64_t);

        iommu_storm_count(&u->storm, e[0] & 0xffff);
        if (n < EVENTS_SHOWN)
            show_event(u, e);
    }
    ASSERT(u->event_head < RING_BYTES);
    if (n > EVENTS_SHOWN)
        log_guest("AMD-Vi %u: %u more faults", u->number, n - EVENTS_SHOWN);
    mmio_write64(u->base, EVENT_HEAD, u->event_head);
    if (status & STATUS_OVERFLOW)
        begin_anew(u);
    if (iommu_storm_is_on(&u->storm))
        stop_storm(u);
}
