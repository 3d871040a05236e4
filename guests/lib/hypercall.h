/* SPDX-License-Identifier: Apache-2.0 */
/* Hypercalls by the public headers of libxen-dev, and what they are used for by guests of either processor. */
#ifndef GUESTS_LIB_HYPERCALL_H
#define GUESTS_LIB_HYPERCALL_H

#include "guests/lib/abi.h"
#ifdef __aarch64__
#include "guests/lib/guest.h"
#else
#include "guests/x86_64/lib/toolstack.h"
#endif

#ifdef __aarch64__
/* The number in x16, HVC #0xEA1, the result in x0. */
static inline long hypercall5(unsigned long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                              uint64_t a4)
{
    register uint64_t x0 asm("x0") = a0;
    register uint64_t x1 asm("x1") = a1;
    register uint64_t x2 asm("x2") = a2;
    register uint64_t x3 asm("x3") = a3;
    register uint64_t x4 asm("x4") = a4;
    register uint64_t x16 asm("x16") = nr;

    asm volatile("hvc #0xea1"
                 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x16)
                 :
                 : "memory");
    return (long)x0;
}
#else
/* The number in RAX, and the result. */
static inline long hypercall5(unsigned long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    register uint64_t r10 asm("r10") = a3;
    register uint64_t r8 asm("r8") = a4;

    asm volatile(HYPERCALL : "+a"(nr), "+D"(a0), "+S"(a1), "+d"(a2), "+r"(r10), "+r"(r8) : : "memory");
    return (long)nr;
}
#endif

static inline long hypercall2(unsigned long nr, uint64_t a0, const volatile void *arg)
{
    return hypercall5(nr, a0, (uint64_t)arg, 0, 0, 0);
}

static inline long evtchn_op(unsigned cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_event_channel_op, cmd, arg);
}

static inline long memory_op(unsigned cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_memory_op, cmd, arg);
}

static inline long sched_op(unsigned cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_sched_op, cmd, arg);
}

static inline long grant_op(unsigned cmd, void *arg, unsigned count)
{
    return hypercall5(__HYPERVISOR_grant_table_op, cmd, (uint64_t)arg, count, 0, 0);
}

/* Issue one domctl or sysctl; the version field is filled in here. */
long domctl(struct xen_domctl *op, unsigned cmd, domid_t domain);
long sysctl(struct xen_sysctl *op, unsigned cmd);

/* ---- events (2-level ABI) ---- */

extern struct shared_info *shared_info;
/* Maps shared_info over a page of this guest; call once before anything about events. */
void events_init(void);
/* The PPI that carries event upcalls, from the device tree (31 without one). */
unsigned events_ppi(const void *fdt);
/* A loopback channel: sending on the result sets the bit of *receiver. Negative error otherwise. */
long event_loopback(evtchn_port_t *receiver);
bool event_pending(evtchn_port_t port);
void event_clear(evtchn_port_t port);

/* ---- a mini toolstack ---- */

#define CHILD_MEMORY_BASE 0x40000000UL
#define CHILD_MEMORY_SIZE (8UL << 20)
#define CHILD_SHARED_GPA (CHILD_MEMORY_BASE + (7UL << 20))
#define CHILD_MAGIC 0x6b1dc0deUL

/* The page a parent and its child share: result[] is the child's to write. */
struct child_page {
    volatile uint32_t ready; /* child: non-zero when it runs */
    volatile uint32_t done; /* child: non-zero when finished */
    volatile uint32_t go; /* parent: step counter */
    domid_t domid; /* parent: id of the child */
    volatile long result[64];
    volatile uint64_t argument[32];
};

typedef void (*child_fn)(struct child_page *page);

struct child {
    domid_t id;
    unsigned vcpus;
    struct child_page *page; /* the parent's mapping of it */
};

/* Where foreign frames may be mapped: free guest frames of ours; on arm64 from the hypervisor node. */
void toolstack_init(const void *fdt);
void toolstack_use(uint64_t address, uint64_t size);
xen_pfn_t toolstack_free_gfn(void);
/* Maps frame gfn of another domain at one of our free frames; its address, NULL on error. */
void *foreign_map(domid_t domain, xen_pfn_t gfn);
long foreign_unmap(void *mapped);
/* Bare domain: createdomain only; the id or a negative error. */
long domain_create(unsigned vcpus);
long domain_destroy(domid_t id);
/* Waits until domain id is gone (or the ticks are over): false if it is still there. */
bool domain_wait_gone(domid_t id, uint64_t ticks);
/* 8 MiB domain with this image in it, about to run fn in vCPU 0, still paused; 0 or an error. */
long child_build(struct child *child, unsigned vcpus, child_fn fn);
/* What each processor does its own way: the words of createdomain, what a child is before it has memory, and its image and first registers. */
void domain_words(struct xen_domctl_createdomain *words);
long child_configure(domid_t id);
long child_prepare(domid_t id, child_fn fn);
long child_unpause(const struct child *child);
/* Flags of XEN_DOMCTL_getdomaininfo, or -1 when there is no such domain. */
long domain_flags(domid_t id);
/* Lets the child run until it says done or shuts down; false when time is up. */
bool child_wait(const struct child *child, uint64_t ticks);
/* Free frames of the host (XEN_SYSCTL_physinfo). */
uint64_t host_free_pages(void);
/* The same when the hypervisor has finished what it frees behind a destroy (10 ms without change). */
uint64_t settled_free_pages(void);
/* Waits until the host has as many free pages as wanted; false when the ticks are over. */
bool wait_free_pages(uint64_t wanted, uint64_t ticks);
/* For the domains that are created from now on: createdomain's max_maptrack_frames; -1 is the default. */
extern int32_t domain_maptrack_frames;

/* What the hypervisor's log says after this debug key. */
const char *host_debug_key(char key);
/* Frames that are free or the hypervisor's own, and the small objects of its heap: exact, whatever slabs and tables it keeps. */
struct host_memory {
    uint64_t pages, objects;
};
struct host_memory host_memory_now(void);
/* Checks that nothing is missing since `before`. */
void check_host_memory(const struct host_memory *before);

#endif
