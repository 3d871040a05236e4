/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the virtual interrupt controller share. */
#ifndef VDEV_ARM64_VGIC_INTERNAL_H
#define VDEV_ARM64_VGIC_INTERNAL_H

#include "core/domain.h"
#include "vdev/arm64/vgic.h"

/* GICD_CTLR as seen when there is one security state (IHI 0069, 12.9.4) */
#define GICD_CTLR_GROUP0 BIT(0)
#define GICD_CTLR_GROUP1 BIT(1)
#define GICD_CTLR_ARE BIT(4)
#define GICD_CTLR_DS BIT(6)

#define VGIC_PRIORITY_MASK 0xf8         /* five bits: what every GICv3 has at least */
#define VGIC_REDIST_SIZE UINT64_C(0x20000)
#define VGIC_V2_TARGETS_SHIFT 56        /* of vgic_irq.route: GICD_ITARGETSR, above the affinity of the first target */

/* vCPUs to look after once the lock is dropped: bit n is vCPU n. */
typedef uint64_t vgic_targets;
STATIC_ASSERT(MAX_VCPUS <= 64);

static inline struct vgic_domain *vgic_of(const struct vcpu *v)
{
    return &v->domain->arch.vgic;
}

/* Whose a physical interrupt is (irq_route.c); atomic. Here for the simulated processor, which starts more than once. */
extern struct domain *irq_owners[VGIC_MAX_IRQS];

/* Interrupt `irq` as v sees it: its private one or a shared one; NULL when there is none of that number. */
struct vgic_irq *vgic_irq_of(struct vcpu *v, unsigned irq);

static inline bool vgic_irq_is_pending(const struct vgic_irq *i)
{
    return i->pending_latch || (i->line && !i->edge);
}

/* The physical interrupt behind i is not active any more, or somebody else's. */
static inline void vgic_forget_taken(struct vgic_irq *i)
{
    i->hw_taken = i->hw_retaken = i->lr_unlinked = false;
}

/* Does it belong on a list of candidates? */
static inline bool vgic_irq_is_wanted(const struct vgic_irq *i)
{
    return i->in_lr || i->active || (i->enabled && vgic_irq_is_pending(i));
}

/* May it be signalled: pending, enabled, its group on? */
static inline bool vgic_irq_is_signalled(const struct vgic_domain *g, const struct vgic_irq *i)
{
    return i->enabled && vgic_irq_is_pending(i) && (g->ctlr & (i->group1 ? GICD_CTLR_GROUP1 : GICD_CTLR_GROUP0));
}

/* The state of i changed: put it on, or take it off, the list of the vCPU it goes to, and give that vCPU's flush
 * work. Returns whom to notify after unlocking. g->lock held. */
vgic_targets vgic_update(struct domain *d, struct vgic_irq *i);
/* Flush is to look at everything. The lock of the vCPU's domain held. */
static inline void vgic_work_all(struct vgic_vcpu *s)
{
    atomic_store(&s->work, VGIC_WORK_ALL);
}
/* Release the lock, then wake or kick these. */
void vgic_unlock_notify(struct domain *d, vgic_targets t);
/* The vCPU of a GICD_IROUTER value, or NULL. */
struct vcpu *vgic_route(const struct domain *d, uint64_t route);

/*
 * A physical interrupt was taken for i of d, which has a limit. False: it is early, and is held back until vgic_limit.c lets it through:
 * a shared one stays active, an LPI (`place`: number in vits.lpis, else NOT_AN_LPI) is masked in the host's ITS. g->lock held.
 */
#define NOT_AN_LPI UINT32_MAX
bool vgic_limit_passes(struct domain *d, struct vgic_irq *i, unsigned place) MUST_CHECK;
/* LPI `place` is not mapped any more: it is not held back, nor unmasked later. g->lock held. */
void vgic_limit_forget(struct domain *d, unsigned place);
void vgic_limit_free(struct vgic_domain *g);
/* The physical interrupt linked to shared i, taken by `cpu` (VGIC_NO_CPU: several), becomes pending. g->lock held. */
vgic_targets vgic_take_shared(struct domain *d, struct vgic_irq *i, unsigned cpu) MUST_CHECK;
/* i, which is shared, is not held back any more, and its physical interrupt ends. g->lock held. */
void vgic_drop_held(struct vgic_irq *i);

/* Read the list registers of v back into the state. g->lock held, v current on this CPU. Returns who else is to be notified. */
vgic_targets vgic_fold(struct vcpu *v);
/* Read back the one that i is lent to, if any, and leave it empty; what i's state asks for then is the caller's to do. The same
 * conditions. */
void vgic_fold_irq(struct vcpu *v, struct vgic_irq *i);
/* Nobody wants i to be looked at any more. */
void vgic_unqueue(struct vgic_irq *i);

/* The registers with a field per interrupt, common to the distributor (shared interrupts) and a redistributor's second
 * frame (private ones). `bank` is the vCPU whose private interrupts are meant, NULL for the distributor. */
bool vgic_is_irq_register(uint64_t offset);
bool vgic_irq_read(struct vcpu *v, struct vcpu *bank, uint64_t offset, unsigned size, uint64_t *value);
bool vgic_irq_write(struct vcpu *v, struct vcpu *bank, uint64_t offset, unsigned size, uint64_t value);

/* Single registers. The value is 64 bits wide for 8-byte registers, of which a 4-byte access takes its half. */
struct vgic_register {
    uint32_t offset;
    uint8_t width;                                              /* 4 or 8 */
    uint64_t (*read)(struct vcpu *bank);                        /* NULL: the constant */
    void (*write)(struct vcpu *bank, uint64_t value);           /* NULL: ignored */
    uint64_t constant;
};
/* The identification registers at the end of a block of registers (IHI 0069, 12.1.15): PIDR2, with the architecture's revision, is read most. */
#define VGIC_IDS(block, pidr2, pidr4, pidr0)                                                                                       \
    { (block) + 0xfe8, 4, NULL, NULL, pidr2 }, { (block) + 0xfd0, 4, NULL, NULL, pidr4 }, { (block) + 0xfe0, 4, NULL, NULL, pidr0 },  \
    { (block) + 0xfe4, 4, NULL, NULL, 0xb4 }, { (block) + 0xff0, 4, NULL, NULL, 0x0d }, { (block) + 0xff4, 4, NULL, NULL, 0xf0 },     \
    { (block) + 0xff8, 4, NULL, NULL, 0x05 }, { (block) + 0xffc, 4, NULL, NULL, 0xb1 }
#define VGIC_V3_IDS(pidr0) VGIC_IDS(0xf000, 0x3b, 0x44, pidr0)
bool vgic_register_read(const struct vgic_register *table, unsigned count, struct vcpu *bank, uint64_t offset,
                        unsigned size, uint64_t *value);
bool vgic_register_write(const struct vgic_register *table, unsigned count, struct vcpu *bank, uint64_t offset,
                         unsigned size, uint64_t value);

/* What both versions' set-up has in common: the state of `spis` shared interrupts. -E_INVAL, -E_NOMEM. */
int vgic_state_init(struct domain *d, unsigned version, uint32_t spis) MUST_CHECK;
/* GICD_CTLR's enables. */
void vgic_write_ctlr(struct vcpu *v, uint64_t value);
/* GICD_IROUTER of a shared interrupt changes, and the physical one goes where its vCPU is, once it is not active. g->lock held. */
vgic_targets vgic_set_route(struct domain *d, struct vgic_irq *i, uint64_t route) MUST_CHECK;
/* Complete what lends edge interrupt i, whose line is high, to a list register: a GICv2's SGI gets its sender. g->lock held. */
uint64_t vgic_v2_lend(struct vcpu *v, struct vgic_irq *i, uint64_t lr);
/* It comes back pending. */
void vgic_v2_take_back(struct vcpu *v, const struct vgic_irq *i);

/* The handlers of the two regions. */
bool vgic_dist_read(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value);
bool vgic_dist_write(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value);
bool vgic_redist_read(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t *value);
bool vgic_redist_write(struct vcpu *v, const struct mmio_region *r, uint64_t offset, unsigned size, uint64_t value);

#endif
