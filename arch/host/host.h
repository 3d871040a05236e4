/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated machine, as tests see it. It is a Linux process: one thread, in which the CPUs are fibers.
 *
 *   test (main context, poses as CPU 0 while the machine rests)
 *     host_boot            memory, heap, TLBs, clock; enough for mem/
 *     host_start           the hypervisor's CPUs, each looping upcall_leave -> guest (machine.c)
 *     host_hypercall ...   gives a vCPU's guest something to do, lets the machine run until it is done
 *     host_run_parallel    for rooms below the scheduler: one function on N CPUs at once
 *
 * Whoever runs may be switched away at every arch_schedule_point (locks, atomics), by one seeded generator: the same seed gives
 * the same run. VINCI_SEED in the environment replaces the seed.
 */
#ifndef ARCH_HOST_HOST_H
#define ARCH_HOST_HOST_H

#include "config.h"
#include "lib/types.h"
#include "mem/stage2.h"

struct domain;
struct vcpu;

#define HOST_RAM_BASE MFN(0x8000)       /* 128 MiB: frame numbers are no indices, and frame 0 is no memory */

struct host_config {
    unsigned memory_mib;                /* 0: 64 */
    unsigned cpus;                      /* 0: 1 */
    uint64_t seed;                      /* 0: 1 */
    unsigned gic_version;               /* 0: 3 */
    unsigned root_level, root_order, address_bits, leaf_level;  /* stage-2 geometry; address_bits 0: the format's own */
};

/* A fresh machine with all memory free; may be called again, when no fiber is left from before. NULL: all defaults. */
void host_boot(const struct host_config *c);
/* The seed in effect (the configuration's or VINCI_SEED). */
uint64_t host_seed(void);
/* The next number of the seeded generator; below n. */
uint64_t host_random(void);
uint64_t host_random_below(uint64_t n);

/* Run body(cpu, arg) on CPUs 0..n-1 at once; returns when all have returned. From the main context; the CPUs that host_start
 * made rest meanwhile. */
void host_run_parallel(unsigned n, void (*body)(unsigned cpu, void *arg), void *arg);
/* How many schedule points lie between two switches on average; 0 = never switch but where a CPU waits. Default 4. */
void host_set_switch_rate(unsigned points);

/*
 * Guest accesses through stage 2 as a CPU makes them: by this CPU's TLB, which may be stale, then by walking. An entry that
 * needs work is resolved. False: a stage-2 fault.
 */
bool host_access(struct stage2 *s, uint64_t gpa, void *buffer, size_t n, bool write);
bool host_guest_read(struct domain *d, uint64_t gpa, void *buffer, size_t n);
bool host_guest_write(struct domain *d, uint64_t gpa, const void *buffer, size_t n);
/* From now on the main context is this CPU (0 after host_boot). */
void host_pose_as(unsigned cpu);
/* Entries in all TLBs; drop them all as a machine without them would be. */
unsigned host_tlb_entries(void);
void host_tlb_flush_all(void);

/*
 * SMMUv3s, after host_boot; then smmuv3_start with base HOST_SMMU_BASE(unit). Units have stage 1 and, if wanted, stage 2. An access of a
 * device: false when it was refused; the event's interrupt, HOST_SMMU_IRQ if that is what the driver was told, is handled at once.
 */
#define HOST_SMMUS 2
#define HOST_SMMU_BASE(unit) HPA((uint64_t)(unit) * 0x20000)
#define HOST_SMMU_IRQ 90
void host_smmu_boot(unsigned units, bool stage2);
bool host_smmu_access(unsigned unit, uint32_t stream, uint64_t address, void *buffer, size_t n, bool write);

/*
 * VT-d units, after host_boot, instead of SMMUs. An access of a device, a function of PCI; false: it was refused, and the message of the
 * fault, if it sends one, has been handled.
 */
#define HOST_VTDS 2
#define HOST_VTD_BASE(unit) HPA(0xfed90000 + (uint64_t)(unit) * 0x1000)
struct host_vtd_config {
    unsigned units, levels;             /* levels: 3 or 4 */
    bool caching_mode, incoherent, write_buffer, no_page_selective;
    uint64_t lacks_cap, lacks_ecap;     /* bits of CAP and ECAP that are not set */
};
void host_vtd_boot(const struct host_vtd_config *c);
bool host_vtd_access(unsigned unit, uint16_t function, uint64_t address, void *buffer, size_t n, bool write);
/* A message of a device (source: a function of PCI, or what an IO-APIC goes by), which a unit remaps: vector and local APIC to which it comes.
 * False: it is refused, and told as above. */
bool host_vtd_message(unsigned unit, uint16_t source, uint32_t address, uint8_t *vector, uint32_t *apic);
/* When the driver next sees that no fault is there, one comes right behind its look: a read of `address`. */
void host_vtd_fault_late(unsigned unit, uint16_t function, uint64_t address);
/* From now on a unit stops at what is put into its queue, and says so. */
void host_vtd_stop(unsigned unit);

/*
 * AMD's IOMMUs, after host_boot, instead of SMMUs; their functions of PCI are HOST_AMDVI_FUNCTION(unit). keeps_absent: a unit keeps that
 * nothing was mapped, too. An access of a device as above.
 */
#define HOST_AMDVIS 2
#define HOST_AMDVI_BASE(unit) HPA(0xfed80000 + (uint64_t)(unit) * 0x4000)
#define HOST_AMDVI_FUNCTION(unit) ((uint16_t)((unit) + 1) << 3)
void host_amdvi_boot(unsigned units, bool keeps_absent);
bool host_amdvi_access(unsigned unit, uint16_t device, uint64_t address, void *buffer, size_t n, bool write);
/* A message of a device, or of an IO-APIC that goes by this number: as which vector it comes to which local APIC; false: to none. */
bool host_amdvi_message(unsigned unit, uint16_t device, uint32_t data, unsigned *vector, unsigned *apic);
/* The device's entry in the unit's table, as it stands in memory. */
const uint64_t *host_amdvi_entry(unsigned unit, uint16_t device);

/* Physical memory behind the hypervisor's back. */
void *host_ram(mfn_t mfn);
uint64_t host_ram_frames(void);

/* Simulated time goes on by this much. */
void host_time_advance(nsec_t by);
/* From now on only so: schedule points take no time until the next host_boot. */
void host_stop_ticks(void);

/* --- the whole hypervisor; machine.c --- */

/* After host_boot: console, timers, scheduler, and the CPUs. */
void host_start(void);

/* NULL, or how the hypervisor ended the machine ("powered off", "reset"); only host_boot goes on from there. */
const char *host_stopped(void);

enum host_action_kind { HOST_HYPERCALL, HOST_SMCCC, HOST_CALL };
struct host_action {
    enum host_action_kind kind;
    uint64_t number, args[6];                   /* HOST_SMCCC: args[0] is the function */
    bool narrow;                                /* HOST_HYPERCALL: from a caller with 4-byte longs */
    void (*call)(struct vcpu *v, void *arg);    /* HOST_CALL: guest code, run while v is entered */
    void *arg;
    int64_t result;
    unsigned times_run;
    bool done;
};
#define HOST_NOT_DONE INT64_MIN

/* Give the vCPU's guest something to do (one thing at a time) and wake it as an interrupt would. */
void host_begin(struct vcpu *v, struct host_action *a);
/* Let the CPUs run until every given action is done or no CPU has anything left to do (timers count as something, for up to
 * `patience` of simulated time). True: all done. */
bool host_run(nsec_t patience);
/* One hypercall, repeats included, as v's guest makes it: its result, or HOST_NOT_DONE when v cannot run. */
int64_t host_hypercall(struct vcpu *v, uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       uint64_t a5);
/* The same for a firmware call (HVC #0). */
int64_t host_smccc(struct vcpu *v, uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);
/* Run guest code in v; false when v cannot run. */
bool host_guest_call(struct vcpu *v, void (*call)(struct vcpu *v, void *arg), void *arg);
/* For guest code: an access to emulated registers, as a trap makes it. False: the guest got an exception. */
bool host_mmio(struct vcpu *v, uint64_t gpa, unsigned size, bool write, uint64_t *value);
/* For guest code: acknowledge the best pending virtual interrupt (1023: none), end one. */
unsigned host_guest_acknowledge(struct vcpu *v);
void host_guest_end_interrupt(struct vcpu *v, unsigned irq);
/* A device raises a physical interrupt line (an edge). */
void host_raise_irq(unsigned irq);
/* x86-64's lines (arch/include/x86_irq.h): how each was last opened; HOST_OWN_LINE is the hypervisor's. */
#define HOST_LINES 40
#define HOST_OWN_LINE 4
struct host_line { unsigned vector, cpu; bool level, low, is_open; };
struct host_line *host_line(uint32_t gsi);
/* The message of arch_boot_own_message arrives: it is handled at once. */
#define HOST_OWN_VECTOR 0xf4
void host_own_message(uint32_t address, uint32_t data);
/* What arch_has_x2apics says. */
void host_has_x2apics(bool has);
/* From now on it waits; or no more. */
void host_hold_messages(bool hold);
/* Nobody wants it any more. */
void host_messages_clear(void);
/* A function of the host's PCI (arch/include/pci.h) that is there from now on: registers read as `config`, and take what is written where
 * `writable` has bits. `memory` is its first BAR's while it decodes. */
#define HOST_PCI_MEMORY 0x4000
struct host_pci {
    uint32_t id;
    bool is_there;
    uint8_t config[4096], writable[4096], memory[HOST_PCI_MEMORY];
};
struct host_pci *host_pci_add(uint32_t id);
/* None is there. */
void host_pci_clear(void);
uint64_t host_pci_base(const struct host_pci *f);
/* Bytes typed at the serial console. */
void host_console_type(const char *text);
/* What the console has printed since the last call with clear (at most 64 KiB are kept). */
const char *host_console_text(void);
void host_console_clear(void);
void host_console_echo(bool on);

#endif
