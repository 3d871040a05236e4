/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual local APIC. Other CPUs set bits of the request register only, with what came as a level; everything else is the vCPU's own,
 * looked at where it runs.
 */
#include "vdev/x86_64/vlapic_internal.h"
#include "arch/include/x86_vcpu.h"
#include "core/domain.h"
#include "lib/atomic.h"
#include "lib/bitmap.h"
#include "lib/error.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "vdev/x86_64/vioapic.h"

#define VERSION (5u << 16 | 0x14)       /* six entries of the local vector table */
#define LVT_MASKED BIT(16)
#define LVT_PERIODIC BIT(17)
#define LVT_BITS 0x100ff
#define LVT_TIMER_BITS 0x300ff
#define ICR_VECTOR(icr) ((unsigned)(icr) & 0xff)
#define ICR_MODE(icr) ((unsigned)(icr) >> 8 & 7)
#define ICR_LOGICAL BIT(11)
#define ICR_SHORTHAND(icr) ((unsigned)(icr) >> 18 & 3)
#define ICR_BITS 0xccfff                /* without the delivery status */
#define MODE_FIXED 0
#define MODE_LOWEST 1
#define MODE_NMI 4
#define MODE_INIT 5
#define MODE_STARTUP 6
#define ICR_ASSERTED BIT(14)
#define BROADCAST UINT32_C(0xffffffff)
#define BUS_CYCLE 10                    /* nanoseconds */
#define SHORTEST_PERIOD 100000          /* of the periodic timer, in nanoseconds: what a guest may take of its CPU */

static struct vlapic *of(struct vcpu *v)
{
    return &v->arch.lapic;
}

static bool is_x2(const struct vlapic *l)
{
    return l->base & APIC_BASE_X2APIC;
}

bool vlapic_is_x2(const struct vcpu *v)
{
    return is_x2(&v->arch.lapic);
}

uint32_t vlapic_id(const struct vcpu *v)
{
    return VLAPIC_ID(v->id);
}

/* -- what is taken next -- */

static int highest(const uint64_t words[4])
{
    for (int i = 3; i >= 0; i--) {
        uint64_t word = atomic_load(&words[i]);

        if (word)
            return i * 64 + 63 - __builtin_clzll(word);
    }
    return -1;
}

static unsigned processor_priority(const struct vlapic *l)
{
    int in_service = highest(l->isr);
    unsigned service_class = in_service < 0 ? 0 : (unsigned)in_service & 0xf0;

    return (l->tpr & 0xf0) >= service_class ? l->tpr : service_class;
}

static bool is_anything(const uint64_t words[4])
{
    return atomic_load(&words[0]) | atomic_load(&words[1]) | atomic_load(&words[2]) | atomic_load(&words[3]);
}

/* Who raises sets the bit of irr first: one that is not seen here brings its own. */
static void stop_waiting(struct vcpu *v)
{
    if (is_anything(of(v)->irr))
        return;
    (void)atomic_fetch_and(&v->arch.event_waits, ~(uint32_t)WAITS_APIC);
    if (is_anything(of(v)->irr))
        (void)atomic_fetch_or(&v->arch.event_waits, (uint32_t)WAITS_APIC);
}

int vlapic_highest(struct vcpu *v)
{
    struct vlapic *l = of(v);
    int vector;

    if (unlikely(l->page))
        return vlapic_page_highest(v);
    if (!(atomic_load(&v->arch.event_waits) & WAITS_APIC))
        return -1;
    vector = highest(l->irr);
    if (vector < 0 || unlikely(!(l->spurious & SPURIOUS_ENABLE)))
        return -1;
    return ((unsigned)vector & 0xf0) > (processor_priority(l) & 0xf0) ? vector : -1;
}

void vlapic_accept(struct vcpu *v, unsigned vector)
{
    struct vlapic *l = of(v);

    ASSERT(vector < 256 && !l->page);
    (void)atomic_test_and_clear_bit(l->irr, vector);
    l->isr[vector / 64] |= BIT(vector % 64);
    stop_waiting(v);
}

void vlapic_raise(struct vcpu *v, unsigned vector, bool level)
{
    struct vlapic *l = of(v);

    ASSERT(vector >= 16 && vector < 256);
    /* One that is not enabled yet keeps it: the event channels' comes once for all that happens until it is taken. */
    if (level)
        (void)atomic_test_and_set_bit(l->tmr, vector);
    else
        (void)atomic_test_and_clear_bit(l->tmr, vector);
    if (atomic_test_and_set_bit(l->irr, vector))
        return;
    (void)atomic_fetch_or(&v->arch.event_waits, (uint32_t)WAITS_APIC);
    vcpu_wake(v);
    vcpu_kick(v);
}

void vlapic_level_ends(struct vcpu *v, unsigned vector)
{
    if (atomic_test_bit(of(v)->tmr, vector))
        vioapic_eoi(v->domain, vector);
}

static void end_of_interrupt(struct vcpu *v)
{
    struct vlapic *l = of(v);
    int vector = l->page ? vlapic_page_end(l) : highest(l->isr);

    if (vector < 0)
        return;
    if (!l->page)
        l->isr[vector / 64] &= ~BIT(vector % 64);
    vlapic_page_changed(v);
    vlapic_level_ends(v, (unsigned)vector);
}

/* -- timer -- */

static nsec_t tick_of(const struct vlapic *l)
{
    unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);

    return code == 7 ? BUS_CYCLE : BUS_CYCLE * (nsec_t)(2u << code);
}

static void timer_fires(struct timer *t)
{
    struct vlapic *l = container_of(t, struct vlapic, timer);
    struct vcpu *v = container_of(container_of(l, struct arch_vcpu, lapic), struct vcpu, arch);
    uint32_t entry = READ_ONCE(l->lvt[0]);
    nsec_t period = (nsec_t)READ_ONCE(l->initial) * tick_of(l), now = arch_time_now();

    ASSERT(period >= 0);
    if (!(entry & LVT_MASKED) && (entry & 0xff) >= 16)
        vlapic_raise(v, entry & 0xff, false);
    if (!(entry & LVT_PERIODIC) || !period)
        return;
    /* Periods that nobody was there for have had this one interrupt. The next one is never due already: the exit path fires until
     * nothing is. */
    l->started += (now - l->started) / period * period;
    timer_set(t, MAX(l->started + period, now + SHORTEST_PERIOD));
}

static void start_timer(struct vlapic *l)
{
    l->started = arch_time_now();
    if (l->initial)
        timer_set(&l->timer, l->started + (nsec_t)l->initial * tick_of(l));
    else
        timer_cancel(&l->timer);
}

static uint32_t current_count(const struct vlapic *l)
{
    uint64_t gone = (uint64_t)((arch_time_now() - l->started) / tick_of(l));

    if (!l->initial)
        return 0;
    if (l->lvt[0] & LVT_PERIODIC)
        return l->initial - (uint32_t)(gone % l->initial);
    return gone >= l->initial ? 0 : l->initial - (uint32_t)gone;
}

/* -- interrupts between processors -- */

static uint32_t logical_id(const struct vcpu *v)
{
    uint32_t id = vlapic_id(v);

    return is_x2(&v->arch.lapic) ? (id >> 4) << 16 | 1u << (id & 15) : v->arch.lapic.ldr >> 24;
}

/* Clusters of 16 in an x2APIC; of four, or none, in an xAPIC (16.6.1). */
static bool is_logical_target(const struct vcpu *v, uint32_t to)
{
    const struct vlapic *l = &v->arch.lapic;
    uint32_t id = logical_id(v);

    if (is_x2(l))
        return to == BROADCAST || (to >> 16 == id >> 16 && (to & id & 0xffff));
    if (l->dfr >> 28 == 0xf)
        return to & id;
    return (to >> 4 == id >> 4 || to >> 4 == 0xf) && (to & id & 0xf);
}

bool vlapic_is_target(const struct vcpu *v, uint32_t to, bool logical)
{
    bool all = is_x2(&v->arch.lapic) ? to == BROADCAST : to == 0xff;

    return logical ? is_logical_target(v, to) : all || to == vlapic_id(v);
}

/* A destination of 8 bits knows one broadcast, whatever the vCPUs' mode. */
struct vcpu *vlapic_deliver(struct domain *d, uint32_t to, bool logical, bool lowest, unsigned vector, bool level)
{
    struct vcpu *first = NULL;

    ASSERT(to <= 0xff);
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = domain_vcpu(d, i);

        if (!v || !((to == 0xff && !logical) || vlapic_is_target(v, to, logical)))
            continue;
        if (vector)
            vlapic_raise(v, vector, level);
        first = first ? first : v;
        if (lowest)
            break;
    }
    return first;
}

static bool is_meant(const struct vcpu *from, const struct vcpu *v, uint64_t icr)
{
    switch (ICR_SHORTHAND(icr)) {
    case 1: return v == from;
    case 2: return true;
    case 3: return v != from;
    default: return vlapic_is_target(v, is_x2(&from->arch.lapic) ? (uint32_t)(icr >> 32) : (uint32_t)(icr >> 56), icr & ICR_LOGICAL);
    }
}

static bool is_done(unsigned mode, unsigned vector)
{
    return mode == MODE_NMI || mode == MODE_INIT || mode == MODE_STARTUP || ((mode == MODE_FIXED || mode == MODE_LOWEST) && vector >= 16);
}

static void send(struct vcpu *from, uint64_t icr)
{
    unsigned mode = ICR_MODE(icr), vector = ICR_VECTOR(icr);

    if (!is_done(mode, vector)) {
        log_guest("d%uv%u: an interrupt between processors of kind %u is not done", from->domain->id.v, from->id, mode);
        return;
    }
    for (unsigned i = 0; i < from->domain->max_vcpus; i++) {
        struct vcpu *v = domain_vcpu(from->domain, i);

        if (!v || !is_meant(from, v, icr))
            continue;
        if (mode == MODE_STARTUP)
            vlapic_startup_signal(v, vector);
        else if (mode == MODE_NMI)
            x86_vcpu_raise_nmi(v);
        else if (mode != MODE_INIT)
            vlapic_raise(v, vector, false);
        else if (icr & ICR_ASSERTED)
            vlapic_init_signal(v);
        if (mode == MODE_LOWEST)
            break;
    }
}

/* -- registers -- */

static bool is_word_of(unsigned reg, unsigned first)
{
    return reg >= first && reg < first + 8;
}

static uint32_t bit_word(const uint64_t words[4], unsigned n)
{
    return (uint32_t)(atomic_load(&words[n / 2]) >> (n % 2 ? 32 : 0));
}

static bool read_register(struct vcpu *v, unsigned reg, uint32_t *value)
{
    struct vlapic *l = of(v);

    if (l->page && vlapic_page_read(l, reg, value))
        return true;
    if (is_word_of(reg, REG_ISR))
        *value = bit_word(l->isr, reg - REG_ISR);
    else if (is_word_of(reg, REG_TMR))
        *value = bit_word(l->tmr, reg - REG_TMR);
    else if (is_word_of(reg, REG_IRR))
        *value = bit_word(l->irr, reg - REG_IRR);
    else if (reg >= REG_LVT_TIMER && reg <= REG_LVT_ERROR)
        *value = l->lvt[reg - REG_LVT_TIMER];
    else {
        switch (reg) {
        case REG_ID: *value = is_x2(l) ? vlapic_id(v) : vlapic_id(v) << 24; break;
        case REG_VERSION: *value = VERSION; break;
        case REG_TPR: *value = l->tpr; break;
        case REG_PPR: *value = processor_priority(l); break;
        case REG_LDR: *value = is_x2(l) ? logical_id(v) : l->ldr; break;
        case REG_DFR: *value = l->dfr; break;
        case REG_SPURIOUS: *value = l->spurious; break;
        case REG_ERROR: *value = 0; break;
        case REG_ICR: *value = (uint32_t)l->icr; break;
        case REG_ICR_HIGH: *value = (uint32_t)(l->icr >> 32); break;
        case REG_INITIAL: *value = l->initial; break;
        case REG_CURRENT: *value = current_count(l); break;
        case REG_DIVIDE: *value = l->divide; break;
        default: return false;
        }
    }
    return true;
}

static void write_lvt(struct vlapic *l, unsigned n, uint32_t value)
{
    l->lvt[n] = value & (n ? LVT_BITS : LVT_TIMER_BITS);
    if (!(l->spurious & SPURIOUS_ENABLE))
        l->lvt[n] |= (uint32_t)LVT_MASKED;
}

static void write_spurious(struct vcpu *v, uint32_t value)
{
    struct vlapic *l = of(v);

    atomic_store(&l->spurious, value & 0x1ff);
    for (unsigned i = 0; !(value & SPURIOUS_ENABLE) && i < ARRAY_SIZE(l->lvt); i++)
        l->lvt[i] |= (uint32_t)LVT_MASKED;
    vlapic_page_changed(v);
}

static void write_priority(struct vcpu *v, uint32_t value)
{
    struct vlapic *l = of(v);

    if (l->page)
        vlapic_page_set_priority(l, value & 0xff);
    else
        l->tpr = value & 0xff;
}

static bool write_register(struct vcpu *v, unsigned reg, uint32_t value)
{
    struct vlapic *l = of(v);

    if (reg >= REG_LVT_TIMER && reg <= REG_LVT_ERROR) {
        write_lvt(l, reg - REG_LVT_TIMER, value);
        return true;
    }
    switch (reg) {
    case REG_ID: case REG_VERSION: case REG_ERROR: case REG_LVT_CMCI: break;
    case REG_TPR: write_priority(v, value); break;
    case REG_EOI: end_of_interrupt(v); break;
    case REG_LDR: l->ldr = value & 0xff000000; break;
    case REG_DFR: l->dfr = value | 0x0fffffff; break;
    case REG_SPURIOUS: write_spurious(v, value); break;
    case REG_ICR:
        l->icr = (l->icr & ~(uint64_t)UINT32_MAX) | (value & ICR_BITS);
        send(v, l->icr);
        break;
    case REG_ICR_HIGH: l->icr = (uint32_t)l->icr | (uint64_t)value << 32; break;
    case REG_INITIAL:
        l->initial = value;
        start_timer(l);
        break;
    case REG_DIVIDE: l->divide = value & 0xb; break;
    default: return false;
    }
    return true;
}

/* What a register's offset does not name is lost, as on a processor. */
bool vlapic_mmio(struct vcpu *v, uint64_t offset, unsigned size, bool is_write, uint64_t *value)
{
    unsigned reg = (unsigned)(offset >> 4);
    uint32_t word = 0;

    if (is_x2(of(v)) || !(of(v)->base & APIC_BASE_ENABLE) || offset >= PAGE_SIZE || size > 4 || (offset & 15) + size > 4)
        return false;
    if (is_write) {
        if (size == 4)
            (void)write_register(v, reg, (uint32_t)*value);
        return true;
    }
    (void)read_register(v, reg, &word);
    *value = word >> 8 * (offset & 3);
    return true;
}

static bool write_base(struct vcpu *v, uint64_t value)
{
    struct vlapic *l = of(v);
    uint64_t fixed = APIC_BASE_ADDRESS | APIC_BASE_BSP;

    /* It stays where it is; an x2APIC is left only by a reset here. */
    if ((value ^ l->base) & fixed || (value & ~(fixed | APIC_BASE_ENABLE | APIC_BASE_X2APIC)))
        return false;
    if (!(value & APIC_BASE_ENABLE) || (is_x2(l) && !(value & APIC_BASE_X2APIC)))
        return false;
    l->base = value;
    vlapic_page_changed(v);
    return true;
}

bool vlapic_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    unsigned reg = msr - MSR_X2APIC;
    uint32_t word = 0;

    if (msr == MSR_APIC_BASE) {
        *value = of(v)->base;
        return true;
    }
    if (msr < MSR_X2APIC || !is_x2(of(v)) || reg == REG_ICR_HIGH || reg == REG_DFR || !read_register(v, reg, &word))
        return false;
    *value = reg == REG_ICR ? of(v)->icr : word;
    return true;
}

bool vlapic_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    unsigned reg = msr - MSR_X2APIC;

    if (msr == MSR_APIC_BASE)
        return write_base(v, value);
    if (msr < MSR_X2APIC || !is_x2(of(v)))
        return false;
    if (reg == REG_ICR) {
        of(v)->icr = value & (ICR_BITS | ~(uint64_t)UINT32_MAX);
        send(v, of(v)->icr);
        return true;
    }
    if (value >> 32 || reg == REG_ID || reg == REG_VERSION || reg == REG_LDR || reg == REG_DFR || reg == REG_ICR_HIGH)
        return false;
    if (reg == REG_SELF_IPI) {
        if (value < 16 || value > 255)
            return false;
        vlapic_raise(v, (unsigned)value, false);
        return true;
    }
    return write_register(v, reg, (uint32_t)value);
}

/* -- for a toolstack -- */

bool vlapic_set_base(struct vcpu *v, uint64_t base)
{
    return write_base(v, base);
}

uint32_t vlapic_timer_divisor(const struct vcpu *v)
{
    return (uint32_t)(tick_of(&v->arch.lapic) / BUS_CYCLE);
}

void vlapic_get_page(struct vcpu *v, uint8_t page[VLAPIC_PAGE_BYTES])
{
    memset(page, 0, VLAPIC_PAGE_BYTES);
    for (unsigned reg = 0; reg < VLAPIC_PAGE_BYTES / 16; reg++) {
        uint32_t value;

        if (read_register(v, reg, &value))
            memcpy(page + 16 * reg, &value, sizeof(value));
    }
}

static uint32_t page_word(const uint8_t *page, unsigned reg)
{
    uint32_t value;

    memcpy(&value, page + 16 * reg, sizeof(value));
    return value;
}

/* Vectors below 16 are none. */
static void set_bits(uint64_t words[4], const uint8_t *page, unsigned first)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t word = page_word(page, first + 2 * i) | (uint64_t)page_word(page, first + 2 * i + 1) << 32;

        atomic_store(&words[i], i ? word : word & ~UINT64_C(0xffff));
    }
}

/* Enabled first: the local vector table follows from that. A command is not sent again. */
void vlapic_set_page(struct vcpu *v, const uint8_t page[VLAPIC_PAGE_BYTES])
{
    static const uint8_t registers[] = { REG_SPURIOUS, REG_TPR, REG_LDR, REG_DFR, REG_ICR_HIGH, REG_LVT_TIMER, REG_LVT_TIMER + 1, REG_LVT_TIMER + 2,
                                         REG_LVT_TIMER + 3, REG_LVT_TIMER + 4, REG_LVT_ERROR, REG_DIVIDE, REG_INITIAL };
    struct vlapic *l = of(v);

    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
        (void)write_register(v, registers[i], page_word(page, registers[i]));
    l->icr = (l->icr & ~(uint64_t)UINT32_MAX) | (page_word(page, REG_ICR) & ICR_BITS);
    set_bits(l->irr, page, REG_IRR);
    (void)atomic_fetch_or(&v->arch.event_waits, (uint32_t)WAITS_APIC);
    set_bits(l->isr, page, REG_ISR);
    if (l->page)
        vlapic_page_set(l, l->isr);
    set_bits(l->tmr, page, REG_TMR);
}

/* -- life -- */

void vlapic_reset(struct vcpu *v)
{
    struct vlapic *l = of(v);

    timer_cancel(&l->timer);
    memset(l->irr, 0, sizeof(l->irr));
    (void)atomic_fetch_and(&v->arch.event_waits, ~(uint32_t)WAITS_APIC);
    memset(l->isr, 0, sizeof(l->isr));
    memset(l->tmr, 0, sizeof(l->tmr));
    l->base = VLAPIC_ADDRESS | APIC_BASE_ENABLE | (v->id == 0 ? APIC_BASE_BSP : 0);
    l->icr = 0;
    l->tpr = l->ldr = l->initial = l->divide = 0;
    l->dfr = UINT32_MAX;
    l->spurious = 0xff;
    for (unsigned i = 0; i < ARRAY_SIZE(l->lvt); i++)
        l->lvt[i] = (uint32_t)LVT_MASKED;
    if (l->page) {
        vlapic_page_set(l, l->isr);
        vlapic_page_set_priority(l, 0);
        vlapic_page_changed(v);
    }
}

int vlapic_init(struct vcpu *v)
{
    timer_init(&of(v)->timer, timer_fires);
    vlapic_reset(v);
    return 0;
}

void vlapic_destroy(struct vcpu *v)
{
    timer_cancel(&of(v)->timer);
}
