/* SPDX-License-Identifier: Apache-2.0 */
#include "vdev/arm64/vpl011.h"
#include "core/console.h"
#include "core/domain.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"

/* Registers by number: offset / 4 (DDI 0183, table 3-1) */
enum { DR = 0x00 / 4, ECR = 0x04 / 4, FR = 0x18 / 4, ILPR = 0x20 / 4, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS, ICR, DMACR,
       PERIPH_ID = 0xfe0 / 4, REGISTERS = VPL011_SIZE / 4 };

#define FR_BUSY BIT(3)
#define FR_RX_EMPTY BIT(4)
#define FR_TX_FULL BIT(5)
#define FR_RX_FULL BIT(6)
#define FR_TX_EMPTY BIT(7)

#define INT_RX BIT(4)
#define INT_TX BIT(5)
#define INT_RX_TIMEOUT BIT(6)
#define INT_ALL 0x7ffu

/* Half of an SBSA UART's FIFO: so much is received, or free, when the interrupts for either are raised. */
#define TRIGGER 16u
#define CR_RESET 0x300

/* Bytes between two indices of a ring. What cannot be so many is none: the other side's mistake. */
static uint32_t fill(uint32_t producer, uint32_t consumer, size_t size)
{
    uint32_t n = producer - consumer;

    return n <= size ? n : 0;
}

static uint32_t received(const struct vpl011 *u)
{
    return u->ring ? fill(READ_ONCE(u->ring->in_prod), READ_ONCE(u->ring->in_cons), sizeof(u->ring->in)) : 0;
}

/* The hypervisor takes every byte at once. */
static uint32_t unsent(const struct vpl011 *u)
{
    if (!u->ring || u->is_local)
        return 0;
    return fill(READ_ONCE(u->ring->out_prod), READ_ONCE(u->ring->out_cons), sizeof(u->ring->out));
}

static uint32_t raw_status(const struct vpl011 *u)
{
    uint32_t n = received(u);

    return (n ? INT_RX_TIMEOUT : 0) | (n >= TRIGGER ? INT_RX : 0) | (u->tx_raised ? INT_TX : 0);
}

static uint32_t flags(const struct vpl011 *u)
{
    uint32_t in = received(u), out = unsent(u), f = 0;

    if (!in)
        f |= FR_RX_EMPTY;
    if (in == sizeof(u->ring->in))
        f |= FR_RX_FULL;
    if (!out)
        f |= FR_TX_EMPTY;
    /* Busy only then: drivers that wait for it before each byte would wait for the backend's turn. */
    if (out == sizeof(u->ring->out))
        f |= FR_TX_FULL | FR_BUSY;
    return f;
}

static void update_line(struct domain *d, struct vpl011 *u)
{
    ASSERT(spin_is_held(&u->lock));
    if (d->vcpus[0])
        vgic_set_line(d->vcpus[0], u->irq, raw_status(u) & u->mask);
}

static void raise_if_room(struct vpl011 *u)
{
    u->tx_raised = unsent(u) <= sizeof(u->ring->out) - TRIGGER;
}

/* As much of what a mirror's backend sends as the UART takes. True: there is room again for more. */
static bool take_input(struct vpl011 *u, struct console_ring *from)
{
    uint32_t waiting = fill(READ_ONCE(from->in_prod), READ_ONCE(from->in_cons), sizeof(from->in));
    uint32_t n = MIN(waiting, (uint32_t)sizeof(u->ring->in) - received(u)), at = READ_ONCE(from->in_cons);

    barrier_read();         /* the index before the bytes */
    for (uint32_t i = 0; i < n; i++)
        u->ring->in[u->ring->in_prod++ % sizeof(u->ring->in)] = READ_ONCE(from->in[(at + i) % sizeof(from->in)]);
    barrier_full();         /* the bytes before their place is free */
    WRITE_ONCE(from->in_cons, at + n);
    return n;
}

static bool mirror_called(struct vpl011 *u)
{
    struct console_ring *m = u->mirror;
    bool took = m && take_input(u, m);

    return m && (fill(READ_ONCE(m->out_prod), READ_ONCE(m->out_cons), sizeof(m->out)) || took);
}

/* Something happened behind the ring: bytes came, or were taken. The port's other end sends it once more than needed rather than
 * once less, and so does this one: a backend that looks before the last byte was there is told again. */
static void backend_called(struct domain *d)
{
    struct vpl011 *u = atomic_load_acquire(&d->arch.vuart);
    uint32_t port;
    bool more;

    if (!u)
        return;     /* it is being made, and somebody guessed the port */
    spin_lock(&u->lock);
    more = u->is_local ? mirror_called(u) : unsent(u);
    raise_if_room(u);
    update_line(d, u);
    port = u->port;
    spin_unlock(&u->lock);
    if (more)
        event_send_consumed(d, port);
}

/* True when the backend is to be told: it waits for something to send. A byte that finds no room is lost. */
static bool put_in_ring(struct console_ring *r, char c)
{
    uint32_t at, n = r ? fill(READ_ONCE(r->out_prod), READ_ONCE(r->out_cons), sizeof(r->out)) : 0;

    if (!r || n == sizeof(r->out))
        return false;
    at = READ_ONCE(r->out_prod);
    r->out[at % sizeof(r->out)] = c;
    barrier_write();        /* the byte before the index, for the backend */
    WRITE_ONCE(r->out_prod, at + 1);
    return n == 0;
}

static void write_data(struct domain *d, struct vpl011 *u, uint32_t value)
{
    char c = (char)value;
    uint32_t port;
    bool tell;

    spin_lock(&u->lock);
    tell = put_in_ring(u->is_local ? u->mirror : u->ring, c);
    raise_if_room(u);
    update_line(d, u);
    port = u->port;
    spin_unlock(&u->lock);
    if (u->is_local)
        console_write_guest(d, &c, 1);
    if (tell)
        event_send_consumed(d, port);
}

static uint32_t read_data(struct domain *d, struct vpl011 *u)
{
    uint32_t n, at;
    uint8_t c = 0;

    spin_lock(&u->lock);
    n = received(u);
    if (n) {
        at = READ_ONCE(u->ring->in_cons);
        barrier_read();     /* the index before the byte */
        c = (uint8_t)u->ring->in[at % sizeof(u->ring->in)];
        barrier_full();     /* the byte before its place is free */
        WRITE_ONCE(u->ring->in_cons, at + 1);
        update_line(d, u);
    }
    spin_unlock(&u->lock);
    /* The backend of a full ring waits for room. */
    if (n == sizeof(u->ring->in) && !u->is_local)
        event_send_consumed(d, u->port);
    return c;
}

static uint32_t read_flags(struct domain *d UNUSED, struct vpl011 *u)
{
    return flags(u);
}

static uint32_t read_mask(struct domain *d UNUSED, struct vpl011 *u)
{
    return u->mask;
}

static uint32_t read_raw(struct domain *d UNUSED, struct vpl011 *u)
{
    return raw_status(u);
}

static uint32_t read_masked(struct domain *d UNUSED, struct vpl011 *u)
{
    return raw_status(u) & u->mask;
}

static void write_mask(struct domain *d, struct vpl011 *u, uint32_t value)
{
    spin_lock(&u->lock);
    u->mask = value & INT_ALL;
    update_line(d, u);
    spin_unlock(&u->lock);
}

/* What is received stays received: only the transmit interrupt can be cleared without its cause. */
static void write_clear(struct domain *d, struct vpl011 *u, uint32_t value)
{
    spin_lock(&u->lock);
    if (value & INT_TX)
        u->tx_raised = false;
    update_line(d, u);
    spin_unlock(&u->lock);
}

/* What is not here reads as 0 and ignores writes. */
struct uart_register {
    uint32_t (*read)(struct domain *d, struct vpl011 *u);
    void (*write)(struct domain *d, struct vpl011 *u, uint32_t value);
    uint8_t setting;            /* enum vpl011_setting + 1 */
};

static const struct uart_register registers[DMACR + 1] = {
    [DR] = { .read = read_data, .write = write_data },
    [FR] = { .read = read_flags },
    [ILPR] = { .setting = VPL011_ILPR + 1 },
    [IBRD] = { .setting = VPL011_IBRD + 1 },
    [FBRD] = { .setting = VPL011_FBRD + 1 },
    [LCR_H] = { .setting = VPL011_LCR_H + 1 },
    [CR] = { .setting = VPL011_CR + 1 },
    [IFLS] = { .setting = VPL011_IFLS + 1 },
    [IMSC] = { .read = read_mask, .write = write_mask },
    [RIS] = { .read = read_raw },
    [MIS] = { .read = read_masked },
    [ICR] = { .write = write_clear },
    [DMACR] = { .setting = VPL011_DMACR + 1 },
};
STATIC_ASSERT(ICR == 0x44 / 4 && DMACR == 0x48 / 4);

/* UARTPeriphID0..3, UARTPCellID0..3: a PL011 r1p5 (3.3.14) */
static const uint8_t identity[REGISTERS - PERIPH_ID] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static const struct uart_register *find_register(unsigned n)
{
    static const struct uart_register none;

    return n < ARRAY_SIZE(registers) ? &registers[array_index_nospec(n, ARRAY_SIZE(registers))] : &none;
}

static uint32_t read_register(struct domain *d, struct vpl011 *u, unsigned n)
{
    const struct uart_register *r = find_register(n);

    if (n >= PERIPH_ID)
        return identity[array_index_nospec(n - PERIPH_ID, ARRAY_SIZE(identity))];
    if (r->setting)
        return READ_ONCE(u->settings[r->setting - 1]);
    return r->read ? r->read(d, u) : 0;
}

static bool vpl011_read(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t *value)
{
    ASSERT(offset < VPL011_SIZE && v->domain->arch.vuart);
    if (size > 4)
        return false;
    *value = read_register(v->domain, v->domain->arch.vuart, (unsigned)offset / 4) >> offset % 4 * 8 & (UINT64_MAX >> (64 - 8 * size));
    return true;
}

/* A narrow access to the low end writes the register with zeros above, as its bus would; to the rest, nothing. */
static bool vpl011_write(struct vcpu *v, const struct mmio_region *r UNUSED, uint64_t offset, unsigned size, uint64_t value)
{
    const struct uart_register *reg = find_register((unsigned)offset / 4);
    struct vpl011 *u = v->domain->arch.vuart;

    ASSERT(offset < VPL011_SIZE && u);
    if (size > 4)
        return false;
    if (offset % 4)
        return true;
    if (reg->setting)
        WRITE_ONCE(u->settings[reg->setting - 1], (uint16_t)value);
    else if (reg->write)
        reg->write(v->domain, u, (uint32_t)value);
    return true;
}

/* Registers as after power-on. */
static void reset_registers(struct vpl011 *u)
{
    memset(u->settings, 0, sizeof(u->settings));
    u->settings[VPL011_CR] = CR_RESET;
    u->mask = 0;
    u->tx_raised = true;
}

static struct vpl011 *make(struct domain *d, unsigned irq, int *error)
{
    struct vpl011 *u;

    *error = d->arch.vuart ? -E_EXIST : irq >= VGIC_PRIVATE && irq < VGIC_PRIVATE + d->arch.vgic.spi_count ? 0 : -E_INVAL;
    if (*error)
        return NULL;
    u = heap_new(struct vpl011);
    if (!u) {
        *error = -E_NOMEM;
        return NULL;
    }
    spin_lock_init(&u->lock, LOCK_VUART);
    u->irq = (uint16_t)irq;
    reset_registers(u);
    return u;
}

/* The guest will see it. */
static int attach(struct domain *d, struct vpl011 *u, gpa_t base)
{
    const struct mmio_region region = { .base = base, .size = VPL011_SIZE, .read = vpl011_read, .write = vpl011_write };
    int error = mmio_add(&d->arch.mmio, &region);

    if (!error)
        atomic_store_release(&d->arch.vuart, u);
    return error;
}

int vpl011_create(struct domain *d, gpa_t base, unsigned irq)
{
    struct vpl011 *u;
    int error;

    u = make(d, irq, &error);
    if (!u)
        return error;
    u->is_local = true;
    u->ring = heap_new(struct console_ring);
    error = u->ring ? attach(d, u, base) : -E_NOMEM;
    if (error) {
        heap_free(u->ring, sizeof(*u->ring));
        heap_delete(u);
    }
    return error;
}

bool vpl011_is_local(const struct domain *d)
{
    return d->arch.vuart && d->arch.vuart->is_local;
}

static int add_mirror(struct domain *d, gfn_t ring, domid backend, uint32_t *port)
{
    struct vpl011 *u = d->arch.vuart;
    struct console_ring *mirror;
    int error;

    if (u->mirror)
        return -E_EXIST;
    mirror = domain_map_shared(d, ring, &error);
    if (!mirror)
        return error;
    error = event_alloc_consumed(d, backend, backend_called, port);
    if (error) {
        arena_unmap(&d->arena, mirror);
        return error;
    }
    spin_lock(&u->lock);
    u->mirror = mirror;
    u->port = *port;
    spin_unlock(&u->lock);
    return 0;
}

int vpl011_create_ring(struct domain *d, gfn_t ring, domid backend, uint32_t *port)
{
    struct vpl011 *u;
    int error;

    if (vpl011_is_local(d))
        return add_mirror(d, ring, backend, port);
    u = make(d, VPL011_IRQ, &error);
    if (!u)
        return error;
    u->ring = domain_map_shared(d, ring, &error);
    if (!u->ring)
        goto no_ring;
    error = event_alloc_consumed(d, backend, backend_called, &u->port);
    if (error)
        goto no_port;
    error = attach(d, u, VPL011_BASE);
    if (error)
        goto no_place;
    *port = u->port;
    return 0;

no_place:
    event_close_consumed(d, u->port);
no_port:
    arena_unmap(&d->arena, u->ring);
no_ring:
    heap_delete(u);
    return error;
}

/* The backend's page; true: there was one. Who was told of the port before it was closed may still be in backend_called. */
static bool let_go(struct domain *d, struct vpl011 *u)
{
    struct console_ring **held = u->is_local ? &u->mirror : &u->ring, *page;

    spin_lock(&u->lock);
    page = *held;
    *held = NULL;
    spin_unlock(&u->lock);
    if (page)
        arena_unmap(&d->arena, page);
    return page;
}

void vpl011_reset(struct domain *d)
{
    struct vpl011 *u = d->arch.vuart;

    if (!u)
        return;
    if (u->is_local && let_go(d, u))
        event_close_consumed(d, u->port);
    spin_lock(&u->lock);
    reset_registers(u);
    if (u->ring)
        WRITE_ONCE(u->ring->in_cons, READ_ONCE(u->ring->in_prod));
    update_line(d, u);
    spin_unlock(&u->lock);
}

void vpl011_receive(struct domain *d, char c)
{
    struct vpl011 *u = d->arch.vuart;

    ASSERT(u && u->is_local);
    spin_lock(&u->lock);
    if (received(u) < sizeof(u->ring->in)) {
        u->ring->in[u->ring->in_prod++ % sizeof(u->ring->in)] = c;
        update_line(d, u);
    }
    spin_unlock(&u->lock);
}

void vpl011_retire(struct domain *d)
{
    if (d->arch.vuart)
        (void)let_go(d, d->arch.vuart);
}

void vpl011_free(struct domain *d)
{
    struct vpl011 *u = d->arch.vuart;

    if (!u)
        return;
    ASSERT(u->is_local ? !u->mirror : !u->ring);
    heap_free(u->ring, sizeof(*u->ring));
    heap_delete(u);
    d->arch.vuart = NULL;
}
