/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated UART: what the SBSA asks of one (Arm SBSA 1.0, Appendix B), and the rest of a PL011's registers as far as drivers of that
 * write them (DDI 0183): line settings are kept and have no meaning, there is no DMA and no error.
 *
 *   guest: UARTDR write -> ring->out -> event -> backend in a domain (xenconsoled: xl console -t vuart)
 *                       -> the hypervisor's console (console_write_guest), and mirror->out -> event -> backend
 *   guest: UARTDR read  <- ring->in  <- event <- backend, or vpl011_receive, or mirror->in <- event <- backend
 *
 * The hypervisor waits for no backend: what does not fit into a mirror is missing there. The ring of a backend in a domain is a page of the guest (xen/io/console.h): everything in it may be anything. The interrupt is a
 * level: raw status and mask.
 */
#ifndef VDEV_ARM64_VPL011_H
#define VDEV_ARM64_VPL011_H

#include "lib/spinlock.h"
#include "lib/types.h"

struct domain;

/* Where guests expect it unless their tree says otherwise (xen/arch-arm.h: GUEST_PL011_BASE, GUEST_VPL011_SPI). */
#define VPL011_BASE GPA(0x22000000)
#define VPL011_SIZE UINT64_C(0x1000)
#define VPL011_IRQ 32

/* struct xencons_interface (abi/xen/layout_check.c compares). */
struct console_ring {
    char in[1024];
    char out[2048];
    uint32_t in_cons, in_prod, out_cons, out_prod;
};

enum vpl011_setting { VPL011_ILPR, VPL011_IBRD, VPL011_FBRD, VPL011_LCR_H, VPL011_CR, VPL011_IFLS, VPL011_DMACR, VPL011_SETTINGS };

struct vpl011 {
    spinlock_t lock;            /* LOCK_VUART: all below */
    uint16_t irq;
    bool is_local;              /* the hypervisor is the backend */
    bool tx_raised;             /* raw status of the transmit interrupt */
    uint32_t mask;              /* UARTIMSC */
    uint16_t settings[VPL011_SETTINGS];
    struct console_ring *ring;  /* of the heap, or the backend's, in the arena; NULL once let go */
    struct console_ring *mirror;    /* is_local: of a backend beside the hypervisor, in the arena, or NULL */
    uint32_t port;              /* d's, to the backend */
};

/*
 * Before d's first vCPU runs, under no lock. -E_EXIST: it has one; -E_INVAL: no such interrupt, or the registers lie over others;
 * -E_NOSPC, -E_NOMEM. Nothing is left then.
 *   vpl011_create          the hypervisor's console is behind it
 *   vpl011_create_ring     `backend` is, with the page at `ring` of d's memory and the port of d that it is to bind (also -E_RESTART)
 * The second one gives a UART that has the hypervisor's console a mirror, at any time and until d starts again; under domain control.
 */
int vpl011_create(struct domain *d, gpa_t base, unsigned irq) MUST_CHECK;
int vpl011_create_ring(struct domain *d, gfn_t ring, domid backend, uint32_t *port) MUST_CHECK;
/* Is the hypervisor's console behind d's UART? */
bool vpl011_is_local(const struct domain *d);
/* As after power-on, without a mirror, what was received is lost: d, which does not run, starts again. Without one: nothing. */
void vpl011_reset(struct domain *d);
/* A byte from the hypervisor's console; lost when the guest does not read. Any CPU; no lock later than LOCK_EVENT_QUEUE held. */
void vpl011_receive(struct domain *d, char c);
/* Let go of the guest's page: d is dying, quiet, its ports are closed. Then its memory: nobody can have found d any more. */
void vpl011_retire(struct domain *d);
void vpl011_free(struct domain *d);

#endif
