/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual GICv3: distributor, one redistributor per vCPU, SGIs; or, on a host with one, GICv2 (vgic_v2.c; IHI 0048). The
 * CPU interface is the hardware's. Plain state behind register tables (vgic_dist.c, vgic_redist.c); injection edits state; only vgic_flush and vgic_sync touch
 * list registers (arch/include/arm64_vgic_hw.h). Arm IHI 0069.
 *
 * One lock per domain (LOCK_VGIC) guards all of it.
 */
#ifndef VDEV_ARM64_VGIC_H
#define VDEV_ARM64_VGIC_H

#include "config.h"
#include "lib/list.h"
#include "lib/spinlock.h"
#include "lib/types.h"
#include "vdev/mmio.h"

struct vcpu;
struct vits;
struct domain;
struct vgic_limit;

#define VGIC_PRIVATE 32         /* SGIs 0..15, PPIs 16..31 */
#define VGIC_MAX_IRQS 1020
#define VGIC_SGIS 16
#define VGIC_NO_CPU UINT16_MAX
#define VGIC_V2_VCPUS 8         /* a GICv2 has no more CPU interfaces */

struct vgic_irq {
    struct list link;           /* candidates of `target`: pending and enabled, or active */
    struct vcpu *target;        /* whom it is queued on / will be queued on */
    uint16_t id;
    uint16_t hw_irq;            /* physical interrupt linked to it, 0 = none */
    uint8_t priority;
    bool enabled, edge, group1;
    bool pending_latch;         /* edge seen or pending set by software */
    bool line;                  /* level input is high (software-driven level interrupts); a GICv2's SGI: always */
    bool active;
    bool queued;                /* on target's list */
    bool in_lr;                 /* lent to a list register of target, */
    uint8_t lr;                 /* this one */
    bool hw_taken;              /* physical interrupt is active, waits for the guest's EOI */
    bool hw_retaken;            /* taken again while the list register's end was not yet seen */
    bool lr_latched;            /* the list register's pending state came from pending_latch */
    bool lr_unlinked;           /* it does not end the physical interrupt, which the hypervisor has to */
    bool drop_pending, drop_active; /* cleared by a register write while lent: done when it is read back */
    uint16_t hw_cpu;            /* while hw_taken: the CPU that took the physical one, or VGIC_NO_CPU: not one alone */
    uint16_t held_by;           /* came too early (vgic_limit.c): 1 + the CPU that took it, or VGIC_NO_CPU; 0: not held back */
    uint64_t route;             /* GICD_IROUTER; GICv2: that of the first target, GICD_ITARGETSR in 63:56 */
};

/* What the next flush looks at. */
enum vgic_work {
    VGIC_WORK_NONE,
    VGIC_WORK_ONE,              /* one interrupt, which may go to a list register while the others keep theirs */
    VGIC_WORK_ALL,
};

struct vgic_vcpu {
    struct vgic_irq irqs[VGIC_PRIVATE];
    struct list candidates;     /* highest priority first is found at flush; list is unordered */
    struct vgic_irq *lr_irq[16]; /* what each list register holds */
    uint32_t lr_lent;           /* bit n: list register n is lent */
    uint32_t lr_stale;          /* bit n: n was read back and may not be as it is when the guest is entered */
    uint32_t work;              /* atomic: enum vgic_work */
    struct vgic_irq *changed;   /* with VGIC_WORK_ONE */
    bool underflow;             /* not all fit, and the underflow interrupt is on; */
    bool none_pending;          /* so is the one for no pending list register */
    uint32_t hcr, vmcr;         /* saved virtual CPU interface control */
    uint32_t ap0r[4], ap1r[4];
    bool redist_awake;          /* GICR_WAKER.ProcessorSleep clear */
    /* GICv2: which vCPUs have sent an SGI that is in no list register; who sent the one that is, or was last. */
    uint8_t sgi_sources[VGIC_SGIS], sgi_lent[VGIC_SGIS];
};

struct vgic_domain {
    spinlock_t lock;            /* LOCK_VGIC */
    struct vgic_irq *spis;      /* spi_count entries */
    uint32_t spi_count;
    uint32_t ctlr;              /* GICD_CTLR enables */
    bool has_hw;                /* a shared interrupt is linked to a physical one */
    gpa_t dist_base, redist_base;   /* GICv2: distributor and CPU interface */
    uint64_t redist_size;
    unsigned version;           /* 3 or 2 */
    struct vgic_limit *limit;   /* how often its devices may interrupt (vgic_limit.c); NULL: as often as they do */
    struct vits *its;           /* vits.h; NULL: it has none, and no LPIs */
};

/* spis: number of shared interrupts, multiple of 32. Adds its regions to the domain's mmio space. */
int vgic_domain_init(struct domain *d, uint32_t spis, gpa_t dist_base, gpa_t redist_base, uint64_t redist_size) MUST_CHECK;
/* The same with a GICv2, of whose CPU interface the caller takes care. -E_INVAL also when it has more vCPUs than VGIC_V2_VCPUS. */
int vgic_v2_domain_init(struct domain *d, uint32_t spis, gpa_t dist_base) MUST_CHECK;
void vgic_domain_destroy(struct domain *d);
void vgic_vcpu_init(struct vcpu *v);
/*
 * As after power-on; no vCPU of d is on a CPU. The shared ones first, from *next (0 at first) on, a bounded piece per call: true when all
 * are, their physical ones stay linked. Then each vCPU's own.
 */
bool vgic_reset_shared(struct domain *d, uint32_t *next) MUST_CHECK;
void vgic_vcpu_reset(struct vcpu *v);

/* An edge on interrupt `irq` of v (private) or of its domain (SPI). Any CPU. Wakes or kicks the target. */
void vgic_inject_edge(struct vcpu *v, unsigned irq);
/* A level input changes. */
void vgic_set_line(struct vcpu *v, unsigned irq, bool high);
/* A physical interrupt that is linked to virtual `irq`: inject; the guest's deactivation ends the physical one too. False: a shared one that
 * is not linked (vgic_route_hw) any more; ending it is the caller's. */
bool vgic_inject_hw(struct vcpu *v, unsigned irq, unsigned hw_irq);
/* The same for a private interrupt while v is being loaded on this CPU: its flush is still to come, nobody is
 * notified. */
void vgic_load_hw(struct vcpu *v, unsigned irq, unsigned hw_irq);
/* Link SPI `irq` of d to physical interrupt of the same number: enabling it enables the physical one. */
int vgic_route_hw(struct domain *d, unsigned irq) MUST_CHECK;

/*
 * Devices of d, whose vCPUs have never run, interrupt at most so often a second on average, shared lines and LPIs together; a hundredth of a
 * second's at once. What comes earlier is masked where it comes from until it may come, so nothing is lost. 0: no limit. -E_NOMEM. Boot.
 */
int vgic_limit_rate(struct domain *d, uint32_t per_second) MUST_CHECK;
/* d ends: there is no limit any more, and no timer. Under domain control. Idempotent. */
void vgic_limit_retire(struct domain *d);

/* The physical interrupt of a linked private interrupt (the virtual timer's) is not wanted any more: if it is pending
 * and not yet seen by the guest, forget it. True: the caller ends the physical one. v current. */
bool vgic_retract_hw(struct vcpu *v, unsigned irq);
/* Does the physical interrupt linked to private `irq` wait for the end by v's guest? v current or not running. */
bool vgic_hw_is_taken(const struct vcpu *v, unsigned irq);

/*
 * Before entering v: fill list registers. Read all of them back. This CPU, v current. Nobody needs to read back after a
 * trap: list registers keep what they hold until something changes, and then flush reads back what it must; until v is
 * switched out, waits, or touches the controller's registers.
 */
void vgic_flush(struct vcpu *v);
void vgic_sync(struct vcpu *v);
/* The maintenance interrupt came: list registers ran empty while more waits, or one's interrupt ended whose line may still be
 * high. v current. */
void vgic_maintenance(struct vcpu *v);
/* Is anything deliverable to v (for WFI)? */
bool vgic_has_pending(struct vcpu *v);
/* ICC_SGI1R_EL1 written by v; ICC_SGI0R_EL1 (group 0). */
void vgic_send_sgi(struct vcpu *v, uint64_t sgi1r);
void vgic_send_sgi0(struct vcpu *v, uint64_t sgi0r);
/* The affinity that vCPU n has: 16 to a cluster (Aff0 = n & 15, Aff1 = n >> 4); and back: NULL when there is none. */
uint64_t vgic_affinity(unsigned vcpu);
struct vcpu *vgic_vcpu_by_affinity(const struct domain *d, uint64_t affinity);
/* End what physical interrupts of d wait for and unlink them: the domain goes. */
void vgic_unroute_all(struct domain *d);
/* Switch: save/load the virtual CPU interface. */
void vgic_save(struct vcpu *v);
void vgic_load(struct vcpu *v);

#endif
