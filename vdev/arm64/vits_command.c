/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual ITS: the guest's commands (IHI 0069, 5.3). Each is read once; every value in it is the guest's. One that cannot be done is left
 * out with a line in the log, and the next is looked at.
 */
#include "core/host_device.h"
#include "lib/print.h"
#include "mem/guest_copy.h"
#include "mem/heap.h"
#include "vdev/arm64/vgic_internal.h"
#include "vdev/arm64/vits.h"

#define COMMAND_WORDS 4
#define COMMAND_BYTES (COMMAND_WORDS * sizeof(uint64_t))
#define COMMANDS_PER_LOOK 16
#define LOADS_PER_LOOK 32
#define CBASER_VALID BIT(63)
#define TABLE_ADDRESS UINT64_C(0x000ffffffffff000)
#define COMMAND_VALID BIT(63)
#define CONFIG_ENABLED 1
#define COPY_TRIES 4

struct command {
    struct domain *d;
    struct vits *s;
    uint64_t word[COMMAND_WORDS];
};

static uint32_t device_of(const struct command *c)
{
    return (uint32_t)(c->word[0] >> 32);
}

static uint32_t event_of(const struct command *c)
{
    return (uint32_t)c->word[1];
}

static uint64_t collection_of(const struct command *c)
{
    return c->word[2] & 0xffff;
}

/* Memory that was promised to the guest may have to be given to it first. */
static enum copy_result read_guest(struct domain *d, void *to, gpa_t from, size_t n)
{
    enum copy_result r = COPY_RETRY;

    for (unsigned i = 0; r == COPY_RETRY && i < COPY_TRIES; i++)
        r = copy_from_gpa(&d->stage2, to, from, n);
    return r;
}

/* -- looking up -- */

static struct vits_device *find_device(struct vits *s, uint32_t id)
{
    for (unsigned i = 0; i < VITS_DEVICES; i++)
        if (s->devices[i].itt && s->devices[i].id == id)
            return &s->devices[i];
    return NULL;
}

static struct vits_lpi *find_lpi(const struct command *c)
{
    for (unsigned i = 0; i < VITS_LPIS; i++) {
        struct vits_lpi *l = &c->s->lpis[i];

        if (l->mapped && l->device == device_of(c) && l->event == event_of(c))
            return l;
    }
    return NULL;
}

/*
 * A place for virtual LPI `id`: no number is in two list registers, so what a list register still holds of a former mapping is used again
 * for the same number, and for no other. NULL: the number is in use, or there is no room.
 */
static struct vits_lpi *take_place(const struct command *c, unsigned id)
{
    struct vits_lpi *free = NULL, *same = NULL;
    bool in_use = false;

    spin_lock(&c->d->arch.vgic.lock);
    for (unsigned i = 0; i < VITS_LPIS; i++) {
        struct vits_lpi *l = &c->s->lpis[i];

        in_use |= l->mapped && l->irq.id == id;
        if (!l->mapped && l->irq.in_lr && l->irq.id == id)
            same = l;
        else if (!l->mapped && !l->irq.in_lr && !l->irq.queued && !free)
            free = l;
    }
    spin_unlock(&c->d->arch.vgic.lock);
    return in_use ? NULL : same ? same : free;
}

static struct vcpu *target_of(const struct command *c, uint64_t collection)
{
    unsigned vcpu = collection < VITS_COLLECTIONS ? c->s->collections[array_index_nospec(collection, VITS_COLLECTIONS)] : 0;

    return vcpu ? domain_vcpu(c->d, vcpu - 1) : NULL;
}

/* -- configuration -- */

static void load_config(struct domain *d, struct vits *s, struct vits_lpi *l)
{
    uint64_t table = READ_ONCE(s->config_table);
    uint8_t config = 0;

    ASSERT(l->irq.id >= LPI_FIRST);
    if (l->irq.id >> ((table & 31) + 1) ||
        read_guest(d, &config, GPA((table & TABLE_ADDRESS) + l->irq.id - LPI_FIRST), sizeof(config)) != COPY_OK) {
        log_guest("d%u: the configuration of its LPI %u is not in its memory", d->id.v, l->irq.id);
        config = 0;
    }
    l->allowed = config & CONFIG_ENABLED;
    vits_apply(d, s, l, config & VGIC_PRIORITY_MASK);
}

/* -- commands: why it cannot be done, NULL: it is -- */

static void forget_device(const struct command *c, struct vits_device *device)
{
    for (unsigned i = 0; i < VITS_LPIS; i++)
        if (c->s->lpis[i].mapped && c->s->lpis[i].device == device->id)
            vits_forget(c->d, &c->s->lpis[i]);
    vits_drop_device(device);
}

static const char *map_device(const struct command *c)
{
    struct vits_device *device = find_device(c->s, device_of(c)), *place = NULL;
    unsigned bits = MIN((unsigned)(c->word[1] & 31) + 1, (unsigned)ITS_EVENT_BITS);

    if (!host_device_sends_as(c->d, device_of(c)))
        return "the device is not its own";
    if (device)
        forget_device(c, device);
    if (!(c->word[2] & COMMAND_VALID))
        return NULL;
    for (unsigned i = 0; i < VITS_DEVICES && !place; i++)
        if (!c->s->devices[i].itt)
            place = &c->s->devices[i];
    if (!place)
        return "too many devices";
    place->itt = heap_alloc_pages(0);
    if (!place->itt)
        return "no memory";
    place->id = device_of(c);
    place->event_bits = bits;
    if (!arch_its_map_device(place->id, place->itt, bits))
        return NULL;
    heap_free_pages(place->itt, 0);
    place->itt = NULL;
    return "the host's ITS has no room for the device";
}

static const char *map_collection(const struct command *c)
{
    uint64_t collection = collection_of(c), vcpu = c->word[2] >> 16 & 0xffffffff;
    bool valid = c->word[2] & COMMAND_VALID;

    if (collection >= VITS_COLLECTIONS)
        return "no such collection";
    if (valid && (vcpu >= MAX_VCPUS || !domain_vcpu(c->d, vcpu)))
        return "no such vCPU";
    collection = array_index_nospec(collection, VITS_COLLECTIONS);
    c->s->collections[collection] = valid ? (uint8_t)(vcpu + 1) : 0;
    for (unsigned i = 0; i < VITS_LPIS; i++)
        if (c->s->lpis[i].mapped && c->s->lpis[i].collection == collection)
            vits_apply(c->d, c->s, &c->s->lpis[i], c->s->lpis[i].irq.priority);
    return NULL;
}

static void unmap(const struct command *c, struct vits_lpi *l)
{
    vits_forget(c->d, l);
    arch_its_unmap_event(l->device, l->event);
}

static const char *map_event_to(const struct command *c, uint64_t lpi)
{
    const struct vits_device *device = find_device(c->s, device_of(c));
    struct vcpu *target = target_of(c, collection_of(c));
    struct vits_lpi *l;

    if (!device || event_of(c) >> device->event_bits)
        return "no such event";
    if (!target)
        return "no such collection";
    if (lpi < LPI_FIRST || lpi >> VITS_LPI_BITS)
        return "no such LPI";
    l = find_lpi(c);
    if (l)
        unmap(c, l);
    l = take_place(c, (unsigned)lpi);
    if (!l)
        return "the LPI is in use, or there are too many";
    l->device = device_of(c);
    l->event = event_of(c);
    l->collection = (uint16_t)collection_of(c);
    spin_lock(&c->d->arch.vgic.lock);
    l->irq.id = (uint16_t)lpi;
    l->irq.edge = l->irq.group1 = true;
    l->mapped = true;
    spin_unlock(&c->d->arch.vgic.lock);
    load_config(c->d, c->s, l);
    arch_its_map_event(l->device, l->event, vits_physical(c->s, l), atomic_load(&target->unit.cpu));
    return NULL;
}

static const char *map_event(const struct command *c)
{
    return map_event_to(c, c->word[1] >> 32);
}

static const char *map_event_as_is(const struct command *c)
{
    return map_event_to(c, event_of(c));
}

static const char *move_event(const struct command *c)
{
    struct vits_lpi *l = find_lpi(c);
    struct vcpu *target = target_of(c, collection_of(c));

    if (!l)
        return "no such event";
    if (!target)
        return "no such collection";
    l->collection = (uint16_t)collection_of(c);
    vits_apply(c->d, c->s, l, l->irq.priority);
    arch_its_move_event(l->device, l->event, atomic_load(&target->unit.cpu));
    return NULL;
}

static const char *discard(const struct command *c)
{
    struct vits_lpi *l = find_lpi(c);

    if (!l)
        return "no such event";
    unmap(c, l);
    return NULL;
}

static const char *set_pending(const struct command *c, bool pending)
{
    struct vits_lpi *l = find_lpi(c);
    vgic_targets t;

    if (!l)
        return "no such event";
    spin_lock(&c->d->arch.vgic.lock);
    l->irq.pending_latch = pending;
    l->irq.held_by = 0;
    l->irq.drop_pending = !pending && l->irq.in_lr;
    t = vgic_update(c->d, &l->irq);
    vgic_unlock_notify(c->d, t);
    return NULL;
}

static const char *interrupt(const struct command *c)
{
    return set_pending(c, true);
}

static const char *clear(const struct command *c)
{
    return set_pending(c, false);
}

static const char *reload(const struct command *c)
{
    struct vits_lpi *l = find_lpi(c);

    if (!l)
        return "no such event";
    load_config(c->d, c->s, l);
    return NULL;
}

/* In pieces: the command is there still as long as `next` is not 0. */
static const char *reload_all(const struct command *c)
{
    unsigned loads = 0;

    if (!target_of(c, collection_of(c))) {
        c->s->next = 0;
        return "no such collection";
    }
    for (; c->s->next < VITS_LPIS && loads < LOADS_PER_LOOK; c->s->next++) {
        struct vits_lpi *l = &c->s->lpis[c->s->next];

        if (l->mapped && l->collection == collection_of(c)) {
            load_config(c->d, c->s, l);
            loads++;
        }
    }
    c->s->next %= VITS_LPIS;
    return NULL;
}

/* All that was done is seen; what is pending follows its collection. */
static const char *nothing(const struct command *c UNUSED)
{
    return NULL;
}

static const struct {
    const char *(*act)(const struct command *c);
    uint8_t cost;               /* of COMMANDS_PER_LOOK */
} commands[] = {
    [0x01] = { move_event, 2 },
    [0x03] = { interrupt, 2 },
    [0x04] = { clear, 2 },
    [0x05] = { nothing, 1 },            /* SYNC */
    [0x08] = { map_device, 8 },
    [0x09] = { map_collection, 16 },
    [0x0a] = { map_event, 4 },
    [0x0b] = { map_event_as_is, 4 },
    [0x0c] = { reload, 2 },
    [0x0d] = { reload_all, 16 },
    [0x0e] = { nothing, 1 },            /* MOVALL */
    [0x0f] = { discard, 2 },
};

/* What it costs. */
static unsigned run_one(const struct command *c)
{
    unsigned opcode = c->word[0] & 0xff;
    const char *why = "there is no such command";
    unsigned cost = 1;

    if (opcode >= ARRAY_SIZE(commands) || !commands[opcode].act) {
        c->s->next = 0;
    } else {
        opcode = (unsigned)array_index_nospec(opcode, ARRAY_SIZE(commands));
        if (commands[opcode].act != reload_all)
            c->s->next = 0;
        why = commands[opcode].act(c);
        cost = commands[opcode].cost;
    }
    if (why)
        log_guest("d%u: ITS command 0x%x for device 0x%x refused: %s", c->d->id.v, opcode, device_of(c), why);
    return cost;
}

void vits_run(struct domain *d, struct vits *s)
{
    uint64_t size = vits_queue_bytes(s);
    struct command c = { .d = d, .s = s };
    unsigned spent = 0;

    ASSERT(spin_is_held(&s->lock) && s->read < size && s->write < size && s->next < VITS_LPIS);
    while (s->on && s->commands & CBASER_VALID && s->read != s->write && spent < COMMANDS_PER_LOOK) {
        if (read_guest(d, c.word, GPA((s->commands & TABLE_ADDRESS) + s->read), COMMAND_BYTES) != COPY_OK) {
            log_guest("d%u: its ITS's commands are not in its memory", d->id.v);
            s->read = s->write;
            return;
        }
        spent += run_one(&c);
        if (!s->next)
            s->read = (s->read + COMMAND_BYTES) % size;
    }
}
