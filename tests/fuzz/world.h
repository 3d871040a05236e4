/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that the hypercall fuzzer plays on: two or three CPUs, a dom0 mapped one to one and two guests, one of them with two
 * vCPUs. A byte string is taken from the front; when it is used up everything reads as 0.
 *
 *   a domain's memory, from its first page on:  arguments of vCPU 0, of vCPU 1, ... (two pages each) | pages to do things with
 *   elsewhere in its space:                     the shared info page, the grant table
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "arch/host/host.h"

struct input {
    const uint8_t *at, *end;
};

/* The next byte, or 0. */
uint8_t take_byte(struct input *in);
/* n (at most 8) bytes as a little-endian number. */
uint64_t take_bytes(struct input *in, unsigned n);
/* A number below n. */
uint64_t take_below(struct input *in, uint64_t n);

/* What earlier calls have given out, for later ones to use. */
enum seen_kind { SEEN_PORT, SEEN_HANDLE, SEEN_DOMAIN, SEEN_KINDS };
void seen_add(enum seen_kind kind, uint32_t value);
uint32_t seen_take(enum seen_kind kind, struct input *in);

#define PAGES 40                /* of a domain's own memory at the start */
#define ARGUMENT_PAGES 2        /* of each vCPU */
#define ARGUMENT_BYTES (ARGUMENT_PAGES * PAGE_SIZE)
#define SHARED_INFO_PAGE 128    /* relative to the domain's first page */
#define GRANT_PAGE 129

/* The first page of d. */
uint64_t first_gfn(const struct domain *d);
/* Where v's arguments lie. */
uint64_t argument_base(const struct vcpu *v);
/* A guest frame number that d might mean. */
uint64_t take_gfn(struct input *in, const struct domain *d);
/* A domain that exists, or NULL when there is none left but dom0; a vCPU of it, or NULL. */
struct vcpu *take_vcpu(struct input *in);
struct vcpu *dom0_vcpu(struct input *in);

/* A fresh machine; the first byte of the input says how many CPUs it has and how they take turns. */
void world_build(struct input *in);
/* Everything goes; panics when a frame is missing. */
void world_end(void);
/* Count what the machine's hypercalls have reached into the total of all runs; world_build starts from 0. */
void world_count(void);
/* Print which sub-calls were reached in all runs. True when every implemented one was. */
bool world_report(void);

#endif
