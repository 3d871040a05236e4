/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitions: domains that the board's device tree describes and that need no control domain. (Bindings: docs/static-partitions.md)
 *
 *   struct partition_plan   what the tree says of one, checked: made by boot/arm64/static_parse.c (which knows no hypervisor state, so that a
 *                           tool on the host can link it), constant from then on
 *   struct partition        one that exists: its plan, its domain, what its life was like
 *
 *   partition_create        domain, vCPUs, memory, devices: once              (partition/build.c)
 *   partition_load          kernel, ramdisk and device tree into its memory, vCPU 0 at the kernel's entry: at the start and for
 *                           every restart                                      (partition/load.c)
 *
 * The pristine copy of a partition's modules is where the loader put them: these frames are in no allocator as long as the plan's
 * policy says that it may be restarted (partition_may_restart). Whoever restarts one brings the domain's processor state, events,
 * grants and memory map back to what partition_create left, then calls partition_load until it is done, then unpauses.
 */
#ifndef PARTITION_PARTITION_H
#define PARTITION_PARTITION_H

#include "config.h"
#include "lib/types.h"
#include "core/time.h"
#include "lib/devicetree.h"
#include "lib/list.h"
#include "sched/sched.h"

struct domain;
struct stage2;

#define PARTITION_NAME_SIZE 32          /* with the NUL */
#define PARTITION_BANKS 4               /* pieces of xen,static-mem */
#define PARTITION_REGISTERS 16          /* ranges of device registers */
#define PARTITION_IRQS 32               /* interrupts of devices */
#define PARTITION_DMA_DEVICES 8         /* devices behind xen,path */
#define PARTITION_SHARES 8              /* regions of static shared memory */
#define PARTITION_SHARE_ID 16           /* of a name, with the NUL */
#define PARTITION_CHANNELS 32           /* static event channels */
#define PARTITION_PORT_MAX 1023         /* highest event channel */
#define PARTITION_MODULE_MAX (UINT64_C(4) << 30)

struct partition_range {
    uint64_t base, size;
};

/* A file that the loader put into memory; size 0: there is none. */
struct partition_module {
    uint64_t base, size;                /* host-physical */
};

/* Device registers: `base` of the host at `guest` of the partition, both whole pages. */
struct partition_registers {
    uint64_t base, guest, size;
};

#define PARTITION_FUNCTIONS 16          /* PCI functions behind vinci,pci */
#define PARTITION_PCI_WINDOWS 2
#define PARTITION_NO_STREAM UINT64_MAX

/* A function of a PCI host bridge. */
struct partition_function {
    uint8_t number;                     /* device 7:3, function 2:0 */
    uint16_t lines[4];                  /* GIC numbers of its pins, as the board's interrupt-map says; 0: none */
    uint64_t stream;                    /* of the board's IOMMU: its node's phandle and the number, as iommu-map says; or PARTITION_NO_STREAM */
};

/* A node of a partial device tree with vinci,pci: a virtual host bridge with functions of the host's one. */
struct partition_pci {
    const char *bridge;                 /* in the host's tree; NULL: there is none */
    bool without_iommu;                 /* xen,force-assign-without-iommu */
    uint64_t config, config_size;       /* its reg: configuration space, guest-physical */
    struct { uint64_t bus, guest, size; } windows[PARTITION_PCI_WINDOWS];   /* its ranges of memory */
    uint32_t window_count;
    struct partition_function functions[PARTITION_FUNCTIONS];
    uint32_t function_count;
};

/* A node of a partial device tree that names a device of the host's tree (xen,path). */
struct partition_device {
    const char *path;                   /* in the host's tree */
    bool without_iommu;                 /* xen,force-assign-without-iommu */
};

enum partition_action { PARTITION_RESTART, PARTITION_STOP, PARTITION_RESTART_BOARD };

/* What happens when it ends otherwise than by switching itself off (which stops it) or asking for a restart (which restarts it). */
struct partition_policy {
    enum partition_action on_crash;     /* vinci,on-crash: "restart" (default), "stop", "restart-board" */
    enum partition_action on_watchdog;  /* vinci,on-watchdog: the same, default as on_crash */
    uint32_t restart_limit;             /* vinci,restart-limit = <restarts seconds>: most restarts (default 5) ... */
    uint32_t restart_window;            /* ... in so many seconds (default 60); limit 0: none at all. Beyond: it stops */
    uint32_t watchdog;                  /* vinci,watchdog = <seconds>: runs from its start, fed by SCHEDOP_watchdog; 0: none */
};

/* Most of something in a second; 0: no limit. */
struct partition_limits {
    uint32_t events;                    /* vinci,event-rate = <notifications per second> */
    uint32_t hypercall_percent;         /* vinci,hypercall-share = <percent>: of a CPU's time, for each vCPU */
    uint32_t console_lines;             /* vinci,console-rate = <lines per second> */
    uint32_t interrupts;                /* vinci,interrupt-rate = <interrupts per second>: of its devices */
};

/* Memory that several domains have (xen,domain-shared-memory-v1): the host's at `host`, this one sees it at `guest`. */
struct partition_share {
    char id[PARTITION_SHARE_ID];
    uint64_t host, guest, size;
};

/* One end of a static event channel (xen,evtchn-v1): its port, its node's phandle and that of the other end's node. */
struct partition_channel {
    uint32_t port, phandle, peer;
};

/* Scheduling of one vCPU. */
struct partition_vcpu {
    cpu_set pin;                        /* vinci,pin: where it may run; all set: anywhere in its pool */
    uint32_t period_us, budget_us;      /* vinci,rtds = <period budget extratime> per vCPU, or once for all; 0: not given */
    bool extratime;
};

enum partition_console { CONSOLE_HYPERCALL, CONSOLE_VPL011 };
/* xen,enhanced: absent, "no-xenstore", or "enabled" (also without a value) */
enum partition_enhanced { ENHANCED_NO, ENHANCED_NO_XENSTORE, ENHANCED_FULL };

struct partition_plan {
    char name[PARTITION_NAME_SIZE];     /* vinci,name, else the node's name; unique */
    const char *node;                   /* its node's name, in the host's tree */
    bool broken;                        /* something is wrong with it, a line has said what: it is not built */
    int32_t priority;                   /* vinci,priority: higher is built and started first; default 0; equal: in the tree's order */
    uint32_t vcpu_count;                /* cpus */
    struct partition_vcpu *vcpus;       /* vcpu_count entries */
    uint64_t memory;                    /* bytes (the property `memory` counts KiB) */
    struct partition_range banks[PARTITION_BANKS];  /* xen,static-mem: host-physical, in order; none: memory from anywhere */
    uint32_t bank_count;
    bool direct_map;                    /* guest-physical = host-physical: RAM and the interrupt controller; needs static memory */
    enum partition_console console;     /* vpl011: */
    uint64_t uart;                      /* its registers, guest-physical, and its interrupt: the board's own where memory is direct-map */
    uint32_t uart_irq;
    enum partition_enhanced enhanced;
    uint32_t shared_irqs;               /* nr_spis, or what the devices and the console need */
    uint32_t max_grant_frames, max_maptrack_frames; /* 0: default */
    uint32_t cpupool;                   /* number of the pool that domain-cpupool names; 0: the usual one */
    uint32_t weight, cap;               /* vinci,weight, vinci,cap: of the domain; 0: default */
    struct partition_module kernel, ramdisk, tree;
    const char *command_line;           /* in the host's tree; NULL: none */
    struct devicetree partial;          /* the tree module, somewhere where it stays; blob NULL: none */
    struct partition_registers registers[PARTITION_REGISTERS];
    uint32_t register_count;
    uint32_t irqs[PARTITION_IRQS];      /* GIC numbers; the guest sees the same */
    uint32_t irq_count;
    struct partition_device devices[PARTITION_DMA_DEVICES];
    uint32_t device_count;
    struct partition_pci pci;
    struct partition_share shares[PARTITION_SHARES];
    uint32_t share_count;
    struct partition_channel channels[PARTITION_CHANNELS];
    uint32_t channel_count;
    struct partition_policy policy;
    struct partition_limits limits;
};

/* What dom0 shares with partitions: a plan of which only shares and channels mean anything. */
extern struct partition_plan partition_dom0;

/* The UUID of a partition, made of its name: by it frames of windows (arinc653) name it. 64-bit FNV-1a from two starts. */
static inline void partition_handle(const char *name, uint8_t handle[16])
{
    for (unsigned half = 0; half < 2; half++) {
        uint64_t h = UINT64_C(0xcbf29ce484222325) ^ half;

        for (const char *c = name; *c; c++)
            h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
        for (unsigned i = 0; i < 8; i++)
            handle[8 * half + i] = (uint8_t)(h >> 8 * i);
    }
    /* Version 8, variant 1 (RFC 9562). */
    handle[6] = (handle[6] & 0x0f) | 0x80;
    handle[8] = (handle[8] & 0x3f) | 0x80;
}

/* Does the policy let this one start again after its first start? */
static inline bool partition_may_restart(const struct partition_plan *p)
{
    return p->policy.restart_limit != 0;
}

enum partition_state {
    PARTITION_PLANNED,                  /* nothing made yet */
    PARTITION_BUILDING,                 /* created, being loaded */
    PARTITION_RUNNING,
    PARTITION_RESTARTING,               /* ended, on its way to its next life */
    PARTITION_STOPPED,                  /* ended, and the policy says no more, or destroyed; its domain may be there still */
    PARTITION_FAILED,                   /* could not be built: the reason is in the log */
};

/* Where creating it or a load is; all zeros: at its beginning. */
struct partition_progress {
    uint32_t step;
    uint64_t done;                      /* bytes of the step */
    bool again;                         /* a restart: memory is there */
    bool in_block;                      /* a block of 2 MiB that is still nobody's is being filled: */
    bool block_is_home;                 /* in the partition's static memory */
    mfn_t block;                        /* its frames, */
    uint64_t block_page;                /* how many of its pages are filled, */
    gfn_t block_at;                     /* and where it goes */
};

struct partition {
    struct list link;                   /* in order of start */
    const struct partition_plan *plan;
    struct domain *domain;              /* atomic; NULL before partition_create and when it is gone; good as long as a look-up */
    enum partition_state state;
    bool created;                       /* partition_create is done */
    struct partition_progress progress;
    uint64_t entry;                     /* guest-physical: the kernel's entry, */
    struct partition_range tree, ramdisk;   /* where its device tree and its ramdisk are */
    uint32_t restarts;                  /* since boot */
    nsec_t window_start;                /* restarts counted for the policy's limit: since when, */
    uint32_t window_restarts;           /* and how many */
    struct timer life;                  /* partition/restart.c: what comes after its end, a piece at a time; */
    uint8_t phase;                      /* which, */
    gfn_t place;                        /* and where in its memory */
    bool waits;                         /* a line has said that memory is waited for */
    struct timer reaper;                /* takes a domain apart that could not be built */
};

/* All of them in order of start; fixed when the second CPU comes up. That of a domain is d->partition. */
extern struct list partitions;

/* A partition in state PLANNED, at its place in the list. NULL: no memory. Boot. */
struct partition *partition_add(const struct partition_plan *plan) MUST_CHECK;
/*
 * Domain (paused once by the controller), vCPUs with pinning and parameters, memory (all zeros), devices. On an error one line names what
 * failed, the state is FAILED, and what there is of the domain is on its way out. -E_NOMEM, -E_INVAL,
 * -E_NOENT ... Boot. Bounded: -E_RESTART while there is more (progress is kept in *p).
 */
int partition_create(struct partition *p) MUST_CHECK;
/*
 * Kernel, ramdisk and device tree are copied from where the loader left them into the memory of the paused, quiet domain, and vCPU 0 gets
 * its start state. `wipe`: the rest of its memory is zeroed first (a restart: nothing of the former life is left). Bounded:
 * -E_RESTART while there is more (progress is kept in *p). Other errors: one line has been written. Any CPU; one at a time for one
 * partition.
 */
int partition_load(struct partition *p, bool wipe) MUST_CHECK;

/*
 * What the plan shares is there again: memory at its place, whatever the guest has done there, as the others left it; event channels
 * connected to the ends that exist. d has the plan, does not run, and has no port of those numbers. Bounded: -E_RESTART while there is more
 * (*done, 0 at first, says where it is). -E_NOMEM, -E_BUSY: RAM or an open port is in the way. Part of partition_load; for dom0 by boot.
 */
int partition_share(struct domain *d, const struct partition_plan *plan, uint64_t *done) MUST_CHECK;
/* /reserved-memory of the plan's domain; root cells are two and two. */
void partition_write_shares(const struct partition_plan *plan, struct dt_writer *out);

/*
 * Fill memory that partitions have been promised and not touched yet: a bounded piece, -E_RESTART while there is more, then 0. After boot, one
 * CPU, again and again.
 */
int partition_fill_step(void) MUST_CHECK;

/* It cannot be built or loaded: state FAILED; its domain is taken apart by and by. Once. */
void partition_give_up(struct partition *p);

/*
 * Loaded, for the first time or again: its watchdog is armed, it runs. What comes after its end is its policy's: see restart.c. Errors of
 * domain_unpause_by_controller, domain_reset_done.
 */
int partition_start(struct partition *p) MUST_CHECK;

/* Bytes of memory that must be free before it can be created and loaded; the rest is promised to it. */
uint64_t partition_needs_now(const struct partition_plan *plan);
/* The end of the memory that the plan names by its address in the host and that is mapped when it is created; 0: there is none. */
uint64_t partition_reaches_to(const struct partition_plan *plan);

/* ---- between the files of partition/ ---- */

/* partition->life: the next piece. */
void partition_live(struct timer *t);
/* domain->ended: its vCPUs do not run any more; the policy decides. Any lock may be held. */
bool partition_ended(struct domain *d);
/* Where its xenstore is: a port and a page that comes later. After the ports of given numbers (partition_share). -E_NOMEM ... */
int partition_set_params(struct partition *p) MUST_CHECK;

/* A stretch of a partition's RAM; host: where it must lie, or PARTITION_ANYWHERE. */
struct partition_piece {
    uint64_t guest, host, size;
};
#define PARTITION_ANYWHERE UINT64_MAX
#define PARTITION_PIECES (PARTITION_BANKS + 1)
/* The RAM that the plan gives, in the order of guest addresses; how many pieces. */
unsigned partition_ram(const struct partition_plan *plan, struct partition_piece pieces[PARTITION_PIECES]);
/* A piece of the plan's memory, all zeros, in its place, from progress.done on; what may be is filled with zeros when it is touched. -E_RESTART
 * while there is more; -E_NOMEM, -E_INVAL. */
int partition_populate(struct partition *p) MUST_CHECK;
/* Copy into its memory, for one who has its caches off: n bytes within one page; or a piece of a module, from progress.done on, to `to` and
 * what follows (-E_RESTART while there is more). -E_NOMEM, -E_NOENT ... */
int partition_write(struct domain *d, uint64_t to, const void *from, size_t n) MUST_CHECK;
int partition_copy_module(struct partition *p, const struct partition_module *m, uint64_t to) MUST_CHECK;
/* A block that was begun and will not be finished. */
void partition_drop_block(struct partition *p);
/* Has nobody touched any page of the 2 MiB from gfn on? */
bool partition_is_untouched(struct stage2 *s, gfn_t gfn);
/* Write its device tree into the buffer; its size, 0 when there is not enough room. */
uint32_t partition_write_tree(const struct partition *p, void *buffer, uint32_t size) MUST_CHECK;
/* Room that its device tree may need. */
uint32_t partition_tree_room(const struct partition_plan *plan);

#endif
