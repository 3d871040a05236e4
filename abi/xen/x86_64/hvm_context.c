/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domctl: a domain's processors as a stream of records, each behind a descriptor. (xen/hvm/save.h, xen/arch-x86/hvm/save.h)
 *
 *   HEADER | the records of vCPU 0, in the order of record_kinds | those of vCPU 1 | ... | END          of all vCPUs that are made
 */
#define ABI_X86_64 1
#include "abi/xen/x86_64/calls.h"
#include "abi/xen/x86_64/records.h"
#include "lib/string.h"

/* vCPUs written, and records read, between two runs. */
#define VCPUS_PER_RUN 1
#define RECORDS_PER_RUN 4

struct header_record { struct hvm_save_descriptor d; struct hvm_save_header r; };
/* Nothing lies between a descriptor and its record. */
STATIC_ASSERT(sizeof(struct header_record) == sizeof(struct hvm_save_descriptor) + HVM_SAVE_LENGTH(HEADER));
STATIC_ASSERT(sizeof(struct xen_domctl) == 16 + 128);

/* A record of one vCPU, and what it is to be. */
struct record {
    const struct record_kind *kind;
    uint32_t length;
    struct hvm_save_descriptor d;
    uint8_t body[RECORD_MAX] ALIGNED(8);
};

static const struct record_kind *find_kind(uint16_t code)
{
    for (unsigned i = 0; i < RECORD_KINDS; i++)
        if (record_kinds[i].code == code)
            return &record_kinds[i];
    return NULL;
}

/* -- to the toolstack -- */

static int encode_held(struct vcpu *v, void *record)
{
    struct record *r = record;

    r->length = record_length(r->kind);
    r->d = (struct hvm_save_descriptor){ .typecode = r->kind->code, .instance = v->id, .length = r->length };
    memset(r->body, 0, r->length);
    r->kind->encode(v, r->body);
    return 0;
}

static uint32_t vcpus_made(const struct domain *d)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->max_vcpus; i++)
        n += d->vcpus[i] != NULL;
    return n;
}

static uint32_t vcpu_bytes(void)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < RECORD_KINDS; i++)
        if (record_length(&record_kinds[i]))
            n += (uint32_t)sizeof(struct hvm_save_descriptor) + record_length(&record_kinds[i]);
    return n;
}

/* Where the records of a vCPU begin, `before` others being in front of it. */
static uint64_t place_of(uint32_t before)
{
    return sizeof(struct header_record) + (uint64_t)before * vcpu_bytes();
}

static uint32_t stream_size(const struct domain *d)
{
    return (uint32_t)(place_of(vcpus_made(d)) + sizeof(struct hvm_save_descriptor));
}

static int write_ends(struct vcpu *v, const struct domain *d, uint64_t to)
{
    struct header_record h = {
        { .typecode = HVM_SAVE_CODE(HEADER), .length = HVM_SAVE_LENGTH(HEADER) },
        { .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION, .gtsc_khz = arch_counter_khz() },
    };
    struct hvm_save_descriptor end = { .typecode = HVM_SAVE_CODE(END) };
    int r = write_guest(v, to, &h, sizeof(h));

    return r ? r : write_guest(v, to + place_of(vcpus_made(d)), &end, sizeof(end));
}

static int write_vcpu(struct vcpu *v, struct vcpu *target, uint64_t to)
{
    struct record record;
    int r = 0;

    for (unsigned i = 0; i < RECORD_KINDS && !r; i++) {
        record.kind = &record_kinds[i];
        if (!record_length(record.kind))
            continue;
        r = domctl_while_held(target, &record, encode_held);
        if (!r)
            r = write_guest(v, to, &record.d, sizeof(record.d));
        if (!r)
            r = write_guest(v, to + sizeof(record.d), record.body, record.length);
        to += sizeof(record.d) + record.length;
    }
    return r;
}

/* Up to VCPUS_PER_RUN of the vCPUs from number *next on. */
static int write_some(struct vcpu *v, struct domain *d, uint64_t to, uint32_t *next)
{
    uint32_t before = 0, written = 0;

    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        int r;

        if (!d->vcpus[i])
            continue;
        if (i >= *next) {
            if (written++ == VCPUS_PER_RUN)
                return -E_RESTART;
            r = write_vcpu(v, d->vcpus[i], to + place_of(before));
            if (r)
                return r;
            *next = i + 1;
        }
        before++;
    }
    return 0;
}

static int64_t get_hvm_context(struct vcpu *v, const uint64_t args[6], struct domctl_call *call)
{
    struct xen_domctl_hvmcontext *in = &call->op.u.hvmcontext;
    uint32_t size = stream_size(call->d), next = is_continued(args[1]) ? (uint32_t)args[1] : 0;
    uint64_t to = guest_address(in->buffer);
    int r;

    if (call->d == v->domain)
        return -E_INVAL;
    if (to && in->size < size)
        return -E_NOSPC;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_gethvmcontext);
    if (to) {
        r = write_some(v, call->d, to, &next);
        if (r == -E_RESTART)
            hypercall_set_arg(v, 1, CONTINUED(next));
        if (!r)
            r = write_ends(v, call->d, to);
        if (r)
            return r;
        hypercall_set_arg(v, 1, 0);
    }
    in->size = size;
    call->copy_back = true;
    return 0;
}

/* Held from the first record to the last: they are of one moment, and a vCPU that is busy on another CPU cannot get between them for ever. */
int64_t x86_get_hvm_context(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    int64_t r = get_hvm_context(v, args, call);

    if (r != -E_RESTART)
        domctl_let_go(call->d);
    return r;
}

/* One record without its descriptor. */
int64_t x86_get_hvm_context_partial(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_hvmcontext_partial *in = &call->op.u.hvmcontext_partial;
    struct vcpu *target = domain_vcpu(call->d, in->instance);
    struct record record = { .kind = in->type <= UINT16_MAX ? find_kind((uint16_t)in->type) : NULL };
    int r;

    if (call->d == v->domain || !record.kind || !record_length(record.kind))
        return -E_INVAL;
    if (!target)
        return -E_NOENT;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_gethvmcontext_partial);
    call->copy_back = true;
    if (guest_address(in->buffer) && in->bufsz < record_length(record.kind))
        return -E_NOSPC;
    in->bufsz = record_length(record.kind);
    if (!guest_address(in->buffer))
        return 0;
    r = domctl_with_held(target, &record, encode_held);
    return r ? r : write_guest(v, guest_address(in->buffer), record.body, record.length);
}

/* -- from the toolstack -- */

static int take_held(struct vcpu *v, void *record)
{
    struct record *r = record;

    return r->kind->take(v, r->body, r->length);
}

static int take_header(struct vcpu *v, const struct hvm_save_descriptor *d, uint64_t from)
{
    struct hvm_save_header h;
    int r = d->length == sizeof(h) ? read_guest(v, &h, from, sizeof(h)) : -E_INVAL;

    if (r)
        return r;
    return h.magic == HVM_FILE_MAGIC && h.version == HVM_FILE_VERSION ? 0 : -E_INVAL;
}

/* The body of a record of which d is the descriptor. */
static int take_body(struct vcpu *v, struct domain *domain, const struct hvm_save_descriptor *d, uint64_t from)
{
    struct record record = { .kind = find_kind(d->typecode), .length = d->length };
    struct vcpu *target = domain_vcpu(domain, d->instance);
    int r;

    if (!record.kind || !record_length(record.kind))
        return -E_OPNOTSUPP;
    if (record.length > record_length(record.kind) || (!record.kind->length && record.length < record.kind->bytes &&
                                                       record.kind->code != CPU_MSR_CODE) || !target)
        return -E_INVAL;
    r = read_guest(v, record.body, from, record.length);
    return r ? r : domctl_with_held(target, &record, take_held);
}

/* The record at *place of `size` bytes at `from`; *place moves behind it, beyond the last to `size`. */
static int take_record(struct vcpu *v, struct domain *d, uint64_t from, uint32_t size, uint32_t *place)
{
    struct hvm_save_descriptor h;
    int r;

    if (size - *place < sizeof(h))
        return -E_INVAL;
    r = read_guest(v, &h, from + *place, sizeof(h));
    if (r)
        return r;
    if (h.typecode == HVM_SAVE_CODE(END))
        return *place = size, 0;
    if (size - *place - sizeof(h) < h.length || (*place == 0) != (h.typecode == HVM_SAVE_CODE(HEADER)))
        return -E_INVAL;
    r = h.typecode == HVM_SAVE_CODE(HEADER) ? take_header(v, &h, from + sizeof(h)) : take_body(v, d, &h, from + *place + sizeof(h));
    if (!r)
        *place += (uint32_t)sizeof(h) + h.length;
    return r;
}

/* A stream says of every vCPU whether it is up: those that it does not speak of are down. */
static void put_down(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            vcpu_down(d->vcpus[i]);
}

/* Records before one that is refused have been taken. */
int64_t x86_set_hvm_context(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    const struct xen_domctl_hvmcontext *in = &call->op.u.hvmcontext;
    uint32_t place = is_continued(args[1]) ? (uint32_t)args[1] : 0;
    int r = 0;

    if (call->d == v->domain || place > in->size)
        return -E_INVAL;
    if (atomic_load(&call->d->started))
        return -E_BUSY;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_sethvmcontext);
    if (place == 0)
        put_down(call->d);
    for (unsigned n = 0; !r && place < in->size; n++) {
        if (n == RECORDS_PER_RUN)
            r = -E_RESTART;
        else
            r = take_record(v, call->d, guest_address(in->buffer), in->size, &place);
    }
    hypercall_set_arg(v, 1, r == -E_RESTART ? CONTINUED(place) : 0);
    return r;
}
