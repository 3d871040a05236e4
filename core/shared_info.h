/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the ABI's shared structures that core writes: the upcall flags and masks, reached through offsets so that
 * core needs none of the ABI's headers. abi/xen/layout_check.c asserts at compile time that these are the ABI's. Little of it
 * differs between ABI versions. (xen/xen.h: struct shared_info, struct vcpu_info; arch_abi.h: one processor's part) */
#ifndef CORE_SHARED_INFO_H
#define CORE_SHARED_INFO_H

#include "arch_abi.h"
#include "lib/compiler.h"

struct guest_vcpu_time {
    uint32_t version, pad0;
    uint64_t tsc_timestamp, system_time;
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags, pad1[2];
};

struct guest_vcpu_info {
    uint8_t upcall_pending;
    uint8_t upcall_mask;
    uint64_t pending_selector;
    uint64_t arch[ARCH_VCPU_INFO_WORDS];
    struct guest_vcpu_time time;
};

struct guest_shared_info {
    struct guest_vcpu_info vcpu_info[LEGACY_MAX_VCPUS];
    uint64_t pending[64];
    uint64_t mask[64];
    uint32_t wc_version, wc_sec, wc_nsec, wc_sec_hi;
    uint64_t arch[ARCH_SHARED_INFO_WORDS];
};

struct guest_runstate {
    int32_t state;
    uint64_t state_entry_time;
    uint64_t time[4];
};

/* The same for a guest whose longs have 4 bytes. A vcpu_info differs in its selector alone, which is the word behind the flags. Bits are
 * numbered alike. */
#define GUEST_VCPU_INFO_BYTES 64
struct narrow_shared_info {
    uint8_t vcpu_info[LEGACY_MAX_VCPUS][GUEST_VCPU_INFO_BYTES];
    uint64_t pending[16];
    uint64_t mask[16];
    uint32_t wc_version, wc_sec, wc_nsec;
    uint32_t arch[6];
    uint32_t wc_sec_hi;
};
#define NARROW_PORTS_2L 1024
#define NARROW_SELECTOR_BIT 32      /* from the beginning of vcpu_info */
#define NARROW_PORTS_PER_BIT 32

struct narrow_runstate {
    int32_t state;
    uint32_t state_entry_time[2];
    uint32_t time[4][2];
};
void runstate_narrow(const struct guest_runstate *g, struct narrow_runstate *out);

#endif
