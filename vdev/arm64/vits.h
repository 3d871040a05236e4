/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual ITS and LPIs of a domain that has devices which send messages (IHI 0069, chapters 5 and 6):
 *
 *   guest's command --> mapping (here) --> the host's ITS: device, event -> physical LPI
 *   device's message --> host's ITS --> physical LPI = block and place --> struct vits_lpi --> virtual LPI of a vCPU
 *
 * The mapping is the hypervisor's: nothing that the guest gave as memory for tables is used, but for its commands and its configuration of
 * LPIs, which are read once, where the architecture says so. Events of a device keep their numbers. A domain has at most VITS_DEVICES
 * devices and VITS_LPIS events mapped; a block of as many physical LPIs is its own from vits_create on.
 */
#ifndef VDEV_ARM64_VITS_H
#define VDEV_ARM64_VITS_H

#include "arch/include/arm64_its.h"
#include "vdev/arm64/vgic.h"

#define VITS_LPI_BITS 14                /* of interrupt numbers: a guest's LPIs are 8192..16383 */
#define VITS_LPIS 256
#define VITS_DEVICES 32
#define VITS_COLLECTIONS (MAX_VCPUS + 1)
#define VITS_GUEST_BASE UINT64_C(0x04100000)    /* of domains that are not mapped one to one */

struct vits_lpi {
    struct vgic_irq irq;                /* under the domain's LOCK_VGIC */
    bool mapped;                        /* under both locks; one alone to read it */
    bool allowed;                       /* its configuration's enable bit, under LOCK_VITS, like all below */
    uint16_t collection;
    uint32_t device, event;
};

struct vits_device {
    void *itt;                          /* NULL: the place is free */
    uint32_t id;
    unsigned event_bits;
};

struct vits {
    spinlock_t lock;                    /* LOCK_VITS */
    gpa_t base;
    bool on;
    unsigned block;                     /* of physical LPIs */
    uint64_t commands, write, read;     /* GITS_CBASER, GITS_CWRITER, GITS_CREADR */
    uint64_t config_table;              /* GICR_PROPBASER of all */
    uint64_t pending_table[MAX_VCPUS];  /* GICR_PENDBASER; not used */
    uint64_t lpis_on;                   /* bit n: GICR_CTLR.EnableLPIs of vCPU n */
    uint8_t collections[VITS_COLLECTIONS];      /* vCPU + 1, 0: not mapped */
    unsigned next;                      /* LPI that a command goes on with, 0: it is done */
    struct vits_device devices[VITS_DEVICES];
    struct vits_lpi lpis[VITS_LPIS];
};

/*
 * d, whose vCPUs are all there and have never run, gets an ITS if it has devices that send messages: where the host's is if it is mapped
 * one to one, else at VITS_GUEST_BASE. Its devices reach the host's doorbell there. 0 also where it gets none and its devices have their
 * interrupt lines: the host has no ITS that is used or one that they do not reach, or LPI_COUNT / VITS_LPIS domains have one (a line in
 * the log). -E_NOMEM, -E_INVAL: something else is there. Boot, CPU 0.
 */
int vits_create(struct domain *d) MUST_CHECK;
/* As after power-on: nothing is mapped any more, here and in the host's ITS. No vCPU of d is on a CPU. NULL its: nothing. */
void vits_reset(struct domain *d);
/* Nobody uses d any more. After vits_reset. */
void vits_free(struct domain *d);

/* A physical LPI has come. False: it is nobody's. Any CPU, no lock held. */
bool vits_deliver(unsigned lpi);

/* Registers of a redistributor (vgic_redist.c); zero and ignored where there is no ITS. */
uint64_t vits_read_lpis_on(struct vcpu *bank);
void vits_write_lpis_on(struct vcpu *bank, uint64_t value);
uint64_t vits_read_config_table(struct vcpu *bank);
void vits_write_config_table(struct vcpu *bank, uint64_t value);
uint64_t vits_read_pending_table(struct vcpu *bank);
void vits_write_pending_table(struct vcpu *bank, uint64_t value);

/* ---- between vits.c and vits_command.c; s->lock is held ---- */

/* The size of the guest's queue of commands (GITS_CBASER). */
static inline uint64_t vits_queue_bytes(const struct vits *s)
{
    return ((s->commands & 0xff) + 1) << PAGE_SHIFT;
}

/* The guest's next commands: a bounded number; more wait until it looks again. */
void vits_run(struct domain *d, struct vits *s);
/* The physical LPI of a place. */
unsigned vits_physical(const struct vits *s, const struct vits_lpi *l);
/* l is not mapped any more; the host's ITS, where it still is, is the caller's: nothing masks an event that is not mapped there. */
void vits_forget(struct domain *d, struct vits_lpi *l);
/* The host's ITS does not know the device any more; its events were forgotten. */
void vits_drop_device(struct vits_device *device);
/* l may have become deliverable, or not any more: its configuration, collection or vCPU has changed. */
void vits_apply(struct domain *d, struct vits *s, struct vits_lpi *l, uint8_t priority);

#endif
