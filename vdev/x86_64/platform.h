/* SPDX-License-Identifier: Apache-2.0 */
/* What a PVH domain's machine has besides its processors and interrupt controllers: memory map, time. */
#ifndef VDEV_X86_64_PLATFORM_H
#define VDEV_X86_64_PLATFORM_H

#include "arch/include/x86_state.h"
#include "lib/types.h"
#include "vdev/x86_64/decode.h"
#include "vdev/x86_64/policy.h"

struct domain;
struct vcpu;

/* What the guest is told of its memory, as a PC's firmware would (ACPI Specification 6.4, 15.2); the ABI's layout. */
#define X86_MAP_ENTRIES 128
struct x86_map_entry {
    uint64_t address, size;
    uint32_t type;
} PACKED;
struct x86_map {
    uint32_t count;
    struct x86_map_entry entry[X86_MAP_ENTRIES];
};

/* How the guest is told of its time stamp counter: it reads the host's and is not intercepted, whatever is asked for. */
enum x86_tsc_mode { X86_TSC_DEFAULT, X86_TSC_EMULATED, X86_TSC_NATIVE };

struct x86_domain {
    struct x86_map *map;        /* NULL: none yet; made once */
    uint8_t tsc_mode;           /* as the toolstack said */
    uint32_t tsc_incarnation;
    struct x86_policy policy;   /* does not change once the domain has run */
};

/* What CPUID answered to a leaf and subleaf (cpuid.c). */
struct x86_cpuid_known {
    uint64_t question;          /* of both, turned over: all zeros is none that has an answer */
    uint32_t r[4];
};
#define X86_CPUID_KNOWN 4

/* What an instruction of these bytes is (emulate.c): a function of them alone. */
struct x86_taken_apart {
    uint64_t bytes[2];
    uint8_t have, code;         /* have: of the bytes, how many are known, the others are 0; 0: none */
    struct x86_instruction instruction;
};
#define X86_TAKEN_APART 8

struct x86_vcpu {
    struct x86_mtrr mtrr;
    struct x86_cpuid_known cpuid[X86_CPUID_KNOWN];
    struct x86_taken_apart taken_apart[X86_TAKEN_APART];
    bool cpuid_faults;          /* for programs: X86_CPUID_FAULTING's switch */
};

/* The domain's map from now on. Under domain control, before the domain has run. -E_INVAL: more than X86_MAP_ENTRIES, -E_NOMEM. */
int x86_map_set(struct domain *d, const struct x86_map_entry *entry, uint32_t count) MUST_CHECK;
/* Nobody refers to d any more. */
void x86_platform_free(struct domain *d);

#endif
