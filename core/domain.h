/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains and vCPUs: the objects and their life cycles.
 *
 *   domain_create -> (paused, built by a toolstack or boot/) -> unpause -> runs -> shutdown -> domain_destroy (dying)
 *      -> resources go bit by bit (domain_destroy is a continuation) -> last frame and reference gone -> id free again
 *
 * Look-ups take no lock (domain_find): the structure stays valid until this CPU next leaves through upcall_leave, the
 * quiescent point. What must live across that holds a counted reference (domain_get / domain_put).
 */
#ifndef CORE_DOMAIN_H
#define CORE_DOMAIN_H

#include "config.h"
#include "arch/include/vcpu.h"
#include "core/console.h"
#include "core/device_access.h"
#include "core/event.h"
#include "core/grant.h"
#include "core/quiesce.h"
#include "core/time.h"
#include "drivers/iommu.h"
#include "lib/list.h"
#include "lib/print.h"
#include "lib/spinlock.h"
#include "lib/types.h"
#include "mem/arena.h"
#include "mem/frame.h"
#include "mem/stage2.h"
#include "sched/pool.h"
#include "arch_abi.h"
#include "arch_types.h"

struct shared_page;     /* shared_info in the ABI's layout: opaque here, see core/shared_info.h */

enum vcpu_pause { VCPU_DOWN = 1, VCPU_BLOCKED = 2, VCPU_POLLING = 4, VCPU_HELD = 8 };

struct runstate_times {
    uint32_t state;             /* the ABI's RUNSTATE_* */
    nsec_t since;
    nsec_t time[4];
};

struct vcpu {
    struct arch_vcpu arch;      /* first: the trap entry stores registers at the start of the vCPU */
    struct domain *domain;
    uint16_t id;
    struct sched_unit unit;
    uint32_t pause_flags;       /* atomic: enum vcpu_pause; runnable when 0 and pause_count == 0 and domain's too */
    uint32_t pause_count;       /* atomic */
    bool initialised;           /* has a start state */
    bool narrow_call;           /* the hypercall that it is in came from 32-bit code: see vcpu_call_is_narrow */
    struct timer poll_timer, hold_timer;
    uint32_t poll_port;         /* SCHEDOP_poll: the one port waited for, 0 = several/any */
    /* vcpu_info, in the ABI's layout: points into shared_info, to `dummy` or into the arena */
    void *info;
    bool info_registered;
    void *runstate_area;        /* arena, or NULL */
    gva_t runstate_address;     /* registered by virtual address: written through copy_to_guest when the vCPU leaves */
    struct runstate_times runstate;
    uint32_t virq_port[EVENT_VIRQS];    /* 0 = not bound */
    struct timer periodic_timer, singleshot_timer;
    nsec_t period;              /* of periodic_timer, 0 = off */
    uint32_t runstate_version;  /* odd while runstate changes */
    uint32_t starting;          /* atomic: somebody is in vcpu_up */
    bool retired;               /* taken out of the scheduler by domain_destroy */
    void *former_info;          /* domain_reset: page in the arena that nobody starts to use any more, or NULL */
    uint64_t dummy_info[8];     /* where `info` points until one is registered (vCPUs without a place in shared_info) */
    uint8_t hypercall_percent;  /* most of its time that it may spend in hypercalls; 0: no limit */
    struct pace hypercall_pace;
};

/* No reason given yet (the ABI's SHUTDOWN_CODE_INVALID, cut to the field it is shown in). */
#define SHUTDOWN_NONE 0xff

/*
 * ALIVE  everything works. Whoever changes a domain checks this after domain_find; between the change to DYING and the first
 *        thing taken away lies a quiescent period, so the check holds until the caller's CPU leaves.
 * DYING  domain_destroy is taking it apart; frames may still come home
 * DEAD   taken apart; only references keep it in the table
 */
enum domain_reference { DOMAIN_ALIVE, DOMAIN_DYING, DOMAIN_DEAD };

/* The large extent that comes or goes: at most one of a domain at a time, under domain control. See domain_extent.c. */
struct domain_extent {
    uint8_t phase;              /* enum extent_phase */
    bool populate;
    uint8_t order;
    int error;                  /* what the call answers when all is undone */
    gfn_t gfn;
    uint64_t done;              /* pages of the range that the phase has behind it */
    struct frame_block block;
    nsec_t last;                /* when somebody worked on it */
};

/* domain_reset: where it is. */
struct domain_reset {
    bool active;                /* between the first call of domain_reset and domain_reset_done */
    uint8_t step;
    uint32_t grace;             /* atomic: 0 not asked for, 1 asked for, 2 over */
    uint32_t next;              /* in the step */
    struct quiesce_call call;
};

struct domain {
    struct owner owner;
    struct stage2 stage2;
    struct domain_extent extent;
    struct event_table events;
    struct grant_table grants;
    struct arch_domain arch;
    struct sched_group sched;
    struct arena_quota arena;
    struct device_access devices;
    struct iommu_space *iommu;  /* what its devices reach; NULL: made without, it gets none */
    bool grant_maps_refused;    /* its devices would take a mapped page for the host's of that number, and nothing stops them */
    domid id;
    bool is_control;            /* may use domctl, sysctl, platform_op and foreign mappings */
    bool direct_mapped;         /* guest frame number == host frame number */
    bool dma_identity;          /* it tells its devices host addresses: behind an IOMMU they have an identity (drivers/iommu.h) */
    spinlock_t lock;            /* LOCK_DOMAIN_CONTROL */
    uint32_t references;        /* atomic */
    uint8_t life;               /* enum domain_reference */
    uint8_t destroy_step;
    uint32_t frames_gone, tables_gone, table_left;  /* atomic: how far the end is, see domain_destroy.c */
    uint32_t grace_passed;      /* atomic: nobody acts on a look-up from before the domain was dying */
    uint32_t pollers;           /* atomic: vCPUs in SCHEDOP_poll; counted before they look at the pending bits */
    struct domain_console *console;     /* atomic: NULL until it is wanted, see core/console_share.c */
    bool shut_down;
    bool shutting_down;
    uint8_t shutdown_code;      /* the ABI's SHUTDOWN_*, SHUTDOWN_NONE before */
    bool debugger_attached, watched;
    bool started;               /* its controller has let it run once */
    bool narrow_layout;         /* see domain_layout_is_narrow */
    bool watchdog_used[2];
    uint32_t pause_count;       /* atomic: all reasons */
    uint32_t controller_pause_count; /* of which XEN_DOMCTL_pausedomain */
    bool held;                  /* one of pause_count is a call's that wants registers; under the domain's lock */
    uint8_t uuid[16];
    uint32_t flags;             /* createdomain's flags as given */
    uint32_t shared_irqs;       /* as configured */
    uint32_t max_vcpus;
    struct vcpu **vcpus;        /* max_vcpus entries, NULL until made */
    void *shared_info;          /* hypervisor page shown to the guest */
    uint64_t vm_assist;
    int64_t time_offset_seconds;
    uint64_t hvm_params[48];
    uint32_t address_size;      /* 32 or 64 */
    uint32_t max_event_port;
    struct quiesce_call free_call;
    struct partition *partition;            /* the static domain that it is (partition/), NULL: none */
    bool (*ended)(struct domain *d);        /* it has shut down; any lock may be held. True: dom0 is not told now. NULL: dom0 is */
    void (*left_table)(struct domain *d);   /* nobody can find it any more; any lock may be held. NULL: nobody asks */
    struct domain_reset reset;
    struct timer watchdog[2];
};
/* The largest object of the heap that shares pages with others; above it a domain takes a page of its own. The simulated processor has
 * what both architectures have. */
STATIC_ASSERT(CONFIG_HOST || sizeof(struct domain) <= 2048);

/* Reasons of domain_shutdown: the ABI's (xen/sched.h). */
enum shutdown_reason { SHUTDOWN_POWEROFF, SHUTDOWN_REBOOT, SHUTDOWN_SUSPEND, SHUTDOWN_CRASH, SHUTDOWN_WATCHDOG, SHUTDOWN_SOFT_RESET };
/* Runstates: the ABI's (xen/vcpu.h). */
enum runstate { RUNSTATE_IS_RUNNING, RUNSTATE_IS_RUNNABLE, RUNSTATE_IS_BLOCKED, RUNSTATE_IS_OFFLINE };
/* Virtual IRQs that are raised: the ABI's (xen/xen.h). PARTITION is its VIRQ_ARCH_0: a static domain runs again. */
enum core_virq { CORE_VIRQ_TIMER = 0, CORE_VIRQ_CONSOLE = 2, CORE_VIRQ_DOM_EXC = 3, CORE_VIRQ_CON_RING = 8, CORE_VIRQ_PARTITION = 16 };
/* vm_assist: mark the runstate area while it changes (xen/xen.h, VMASST_TYPE_runstate_update_flag). */
#define VM_ASSIST_RUNSTATE_UPDATE BIT(5)

/* Proof that d->lock is held. */
struct domain_locked { struct domain *d; };
struct domain_locked domain_lock(struct domain *d);
bool domain_trylock(struct domain *d, struct domain_locked *proof);
void domain_unlock(struct domain_locked l);

struct domain_config {
    bool is_control, direct_mapped;
    bool dma_identity;          /* matters with `iommu` only */
    uint8_t uuid[16];
    uint32_t flags;
    uint32_t max_vcpus;         /* 1..MAX_VCPUS */
    uint32_t max_event_port;    /* highest port; clamped to what the ABI allows */
    uint32_t max_grant_frames, max_maptrack_frames;     /* 0 = default */
    uint32_t shared_irqs;       /* lines of its interrupt controller that are no vCPU's own; 0 = the least that there are */
    uint32_t cpupool;
    bool iommu;                 /* devices behind the board's IOMMU, which there is, can be given to it */
};

/* Make domain `id` (DOMID(0xffff): the next free one, round robin as Xen does), paused once by the controller, no vCPU and no
 * memory. *out holds no counted reference. -E_NOMEM, -E_EXIST (id in use), -E_INVAL, -E_NOSPC (no id free), -E_SRCH (no such CPU pool),
 * -E_NODEV (it has no CPU). */
int domain_create(domid id, const struct domain_config *config, struct domain **out) MUST_CHECK;
/* Kill d and take its resources apart; bounded per call: -E_RESTART while there is more. Idempotent. Not for dom0: -E_INVAL. */
int domain_destroy(struct domain *d) MUST_CHECK;

/*
 * Take d, which is shut down, back to where domain_create and vcpu_create left it, in its place: vCPUs (down, no start state), interrupt
 * controller, timers, ports, what it mapped of others, its grants, registered pages, parameters. What others have of it (grants that they
 * mapped, foreign pages) stays theirs; devices are blocked until domain_reset_done. Bounded: -E_RESTART while there is more, -E_NOMEM: call
 * again when there is memory; -E_INVAL: it is not shut down, or dying. Its memory map is domain_reset_memory's.
 */
int domain_reset(struct domain *d) MUST_CHECK;
/* A stretch of RAM as it was given at first: from frame `host`, or anywhere (MFN_NONE). */
struct domain_ram {
    gfn_t gfn;
    uint64_t pages;
    mfn_t host;
};
/*
 * After domain_reset: its address space has this RAM (in ascending order) and its devices, nothing else. Pages that nobody else refers to
 * stay, with their content; others are replaced by new ones (all zeros). *gfn, 0 at first, is the place. Bounded: -E_RESTART; -E_NOMEM;
 * -E_BUSY: a page that must be this one is referred to by somebody else. After these: call again.
 */
int domain_reset_memory(struct domain *d, const struct domain_ram *ram, unsigned n, gfn_t *gfn) MUST_CHECK;
/* Its devices reach it again; it is not shut down any more and runs. -E_NOMEM, -E_RESTART (call again), -E_INVAL (dying). */
int domain_reset_done(struct domain *d) MUST_CHECK;

/* Boot: nothing exists, nothing is deferred. Only a machine that boots more than once (the simulated one) needs to call it. */
void domains_reset(void);

/* Alive or dying domain of that number, or NULL. No lock; see the top for how long the pointer is good. */
struct domain *domain_find(domid id);
/* The first existing domain with number >= id, or NULL. */
struct domain *domain_next(domid id);
/* A counted reference; false when it is dead already. */
bool domain_get(struct domain *d) MUST_CHECK;
void domain_put(struct domain *d);
extern struct domain *control_domain;   /* dom0, NULL until built */

/* Allocate vCPU `id`; under domain control. It is down and asleep. -E_INVAL, -E_EXIST, -E_NOMEM. */
int vcpu_create(struct domain_locked l, unsigned id, struct vcpu **out) MUST_CHECK;
static inline struct vcpu *domain_vcpu(const struct domain *d, uint64_t id)
{
    return id < d->max_vcpus ? d->vcpus[array_index_nospec(id, d->max_vcpus)] : NULL;
}
/* The wall clock in d's shared_info, from the host's and its own offset (time_offset_seconds). */
void domain_update_wallclock(struct domain *d);
/* Bring a vCPU up with a start state (PSCI CPU_ON, VCPUOP_up, toolstack's context + unpause), or down. start NULL: go on from the
 * state it has. -E_INVAL: it has none; -E_EXIST: it is up (or somebody else is at it); -E_RESTART: it has not left its CPU yet. */
int vcpu_up(struct vcpu *v, const struct vcpu_start *start) MUST_CHECK;
void vcpu_down(struct vcpu *v);
/* Give one that is down and has no start state yet one by `set`, after a reset; it stays down. The error of `set`, or as vcpu_up. */
int vcpu_initialise(struct vcpu *v, int (*set)(struct vcpu *v, const void *state), const void *state) MUST_CHECK;

/* Pausing is a request: the CPU that runs it is kicked and leaves soon. Nested. domain_is_quiet: has every vCPU left its
 * CPU (so that its registers may be looked at)? If not: return -E_RESTART and ask again. */
void domain_pause(struct domain *d);
void domain_unpause(struct domain *d);
/* The controller's own pause (XEN_DOMCTL_pausedomain), counted once per call; unpause: -E_INVAL when not paused so. */
int domain_pause_by_controller(struct domain *d) MUST_CHECK;
int domain_unpause_by_controller(struct domain *d) MUST_CHECK;
bool domain_is_quiet(const struct domain *d);
void vcpu_pause(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
bool vcpu_is_runnable(const struct vcpu *v);

/* current vCPU waits for an event or interrupt (WFI, SCHEDOP_block); takes effect in upcall_leave. Returns at once without
 * blocking when one is pending already. */
void vcpu_block(struct vcpu *v);
/* Something for v arrived: wake it if it was blocked. Any CPU, locks up to LOCK_VGIC may be held. */
void vcpu_wake(struct vcpu *v);
/* Make the CPU that runs v (if any) leave the guest, so that it sees new state. */
void vcpu_kick(struct vcpu *v);

/* The guest ended (SCHEDOP_shutdown, PSCI SYSTEM_OFF, a crash): stop its vCPUs, tell dom0 (VIRQ_DOM_EXC). For dom0 the host
 * powers off, resets, or panics as the reason says. */
void domain_shutdown(struct domain *d, uint8_t reason);
/* Let a shut-down domain go on (XEN_DOMCTL_resumedomain): -E_INVAL when it is not shut down or dying. Under domain control. */
int domain_resume(struct domain_locked l) MUST_CHECK;
/* A guest did something from which it cannot go on: log a line, shut it down with SHUTDOWN_crash. */
void domain_crash(struct domain *d, const char *why);

/* The page at gfn, d's own and writable, mapped in the arena; NULL and *error (-E_INVAL, -E_NOMEM, -E_RESTART) when there is none. */
void *domain_map_shared(struct domain *d, gfn_t gfn, int *error);
/* Register vcpu_info at (gfn, offset): once per vCPU. -E_INVAL, -E_NOMEM, -E_BUSY. */
int vcpu_register_info(struct vcpu *v, gfn_t gfn, uint32_t offset) MUST_CHECK;
/* Runstate, by virtual address of the current vCPU (0 = stop). -E_FAULT, -E_INVAL. */
int vcpu_register_runstate(struct vcpu *v, gva_t address) MUST_CHECK;
/* Account a change of runstate now (RUNSTATE_*), called by the switch path, and publish it to the guest. */
void vcpu_runstate_change(struct vcpu *v, uint32_t state);

/* A copy of the runstate account up to now. Any CPU. */
void vcpu_runstate_read(const struct vcpu *v, struct runstate_times *out);
/* Write the account of the current vCPU to the address it registered; a fault is the guest's own loss. No lock held. */
void vcpu_runstate_publish(struct vcpu *v);

/* Timers of the ABI that raise VIRQ_TIMER on v, the current vCPU. period 0 / NSEC_NEVER: stop. `when` is absolute. */
void vcpu_set_periodic_timer(struct vcpu *v, nsec_t period);
void vcpu_set_singleshot_timer(struct vcpu *v, nsec_t when);
void vcpu_timers_init(struct vcpu *v);
void vcpu_timers_cancel(struct vcpu *v);

/* Poll: wait until one of the ports is pending or the time (absolute, 0 = none) comes. Returns 0 (maybe after blocking). */
int vcpu_poll(struct vcpu *v, const uint32_t *ports, unsigned count, nsec_t until) MUST_CHECK;
/* SCHEDOP_watchdog: id 0 arms a free one and returns its id (1..2); else re-arm or (seconds 0) stop that one. When it runs out
 * the domain is shut down with SHUTDOWN_watchdog. -E_INVAL, -E_NOSPC. */
int domain_watchdog(struct domain *d, uint32_t id, uint32_t seconds) MUST_CHECK;
/* Arm watchdog 1 of a domain, for itself to feed. It does not run yet. */
void domain_watchdog_start(struct domain *d, uint32_t seconds);
void domain_watchdog_init(struct domain *d);
void domain_watchdog_cancel(struct domain *d);

/* Has d a 32-bit kernel? */
static inline bool domain_is_narrow(const struct domain *d)
{
    return d->address_size == 32;
}
/* Are the structures that it shares with the hypervisor those of 4-byte longs? Of x86 guests alone: 32-bit ones on Arm have the same as others. */
static inline bool domain_layout_is_narrow(const struct domain *d)
{
    return ARCH_NARROW_LAYOUT && unlikely(d->narrow_layout);
}
/* Is the hypercall that v makes one with 4-byte longs in its arguments? For v's own CPU. */
static inline bool vcpu_call_is_narrow(const struct vcpu *v)
{
    return ARCH_NARROW_LAYOUT && unlikely(v->narrow_call);
}
/* Which of both d shares is settled by the width of the code in which it takes its interface into use: its own first calls, each of which may
 * change it. What it has in the structures by then is its own to lose. */
void domain_set_layout(struct domain *d, bool is_narrow);
/* The same by the current vCPU's call, if it is d's. */
static inline void domain_layout_by_caller(struct domain *d)
{
    const struct vcpu *v = ARCH_NARROW_LAYOUT ? cpu_current_vcpu() : NULL;

    if (v && v->domain == d)
        domain_set_layout(d, vcpu_call_is_narrow(v));
}
/* The width of d's kernel, 32 or 64 bits; its vCPUs are as after a reset. Under domain control. -E_INVAL: no such width, or not on
 * this processor; -E_BUSY: it has memory, or a vCPU with a start state. */
int domain_set_address_size(struct domain_locked l, uint32_t bits) MUST_CHECK;

/* Memory of a domain, on its own stage 2. */
/* New pages at gfn (all-zero), 2^order. A direct-mapped domain gets the frame of that number. -E_NOMEM, -E_INVAL; -E_RESTART: a piece
 * is done, or another extent is under way: call again with the same arguments. Orders up to EXTENT_SMALL take one call. */
int domain_populate(struct domain *d, gfn_t gfn, unsigned order) MUST_CHECK;
/* Take the domain's own pages away from it: -E_INVAL when one is not its own. -E_NOMEM, -E_RESTART as above. */
int domain_depopulate(struct domain *d, gfn_t gfn, unsigned order) MUST_CHECK;
/* The same for n single pages (up to STAGE2_GATHER) with one invalidation of the TLB where that is possible. Returns how many are done, from
 * the first on, one at least while *error is 0; *error is of the one after them. */
unsigned domain_depopulate_pages(struct domain *d, const gfn_t *gfn, unsigned n, int *error) MUST_CHECK;
#define EXTENT_SMALL 4
/* Map a page of `foreign` at gfn of d. -E_INVAL / -E_NOENT / -E_ACCES / -E_NOMEM. */
int domain_map_foreign(struct domain *d, gfn_t gfn, struct domain *foreign, gfn_t foreign_gfn) MUST_CHECK;

#endif
