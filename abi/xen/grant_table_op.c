/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant_table_op: mapping, unmapping and copying in batches, and what a domain may ask of its own table. (xen/grant_table.h)
 *
 * A batch is worked off in chunks: a chunk is copied in, run, and copied back with each element's status. Between chunks the call
 * may stop; its arguments then name the rest of the batch.
 */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "lib/string.h"

#define FAMILY_GRANT HYPERCALL(__HYPERVISOR_grant_table_op)
/* Elements of one chunk: as many as fit into the limit on uninterrupted work, each a page to map or copy. */
#define CHUNK GRANT_BATCH
/* Copies in one run, counted in bytes: each costs as much as this many besides its own, and this many together are a run. */
#define COPY_BASE_BYTES 4096
#define COPY_RUN_BYTES (20 * 4096)
#define CHUNK_BYTES (CHUNK * 40)
/* The command's low bits; above them a call that continues keeps its place. */
#define COMMAND_BITS 12

/* n elements of a chunk, each of which gets its status. */
typedef void (*chunk_handler)(struct vcpu *v, void *chunk, uint32_t n);

static int64_t continue_at(struct vcpu *v, uint64_t command, uint64_t list, uint32_t left)
{
    hypercall_set_arg(v, 0, command);
    hypercall_set_arg(v, 1, list);
    hypercall_set_arg(v, 2, left);
    return -E_RESTART;
}

/* Copy a chunk of *n elements in; when it does not lie in the guest's memory as a whole, one element. */
static int read_chunk(struct vcpu *v, void *chunk, uint64_t from, size_t size, uint32_t *n)
{
    int r = read_guest(v, chunk, from, *n * size);

    if (likely(r != -E_FAULT) || *n == 1)
        return r;
    *n = 1;
    return read_guest(v, chunk, from, size);
}

/* How many of the n elements are enough for one run; at least one. */
typedef uint32_t (*chunk_limit)(const void *chunk, uint32_t n);

static int64_t run_some(struct vcpu *v, const uint64_t args[6], size_t size, chunk_handler run, chunk_limit limit)
{
    uint8_t chunk[CHUNK_BYTES] ALIGNED(8);
    uint64_t at = args[1];
    uint32_t left = (uint32_t)args[2];

    ASSERT(size * CHUNK <= CHUNK_BYTES);
    while (left) {
        uint32_t n = MIN(left, (uint32_t)CHUNK);
        int r = read_chunk(v, chunk, at, size, &n);

        if (unlikely(r))
            return r == -E_RESTART ? continue_at(v, args[0], at, left) : r;
        subcall_reached(FAMILY_GRANT, args[0]);
        n = limit(chunk, n);
        run(v, chunk, n);
        r = write_guest_result(v, at, chunk, n * size);
        if (unlikely(r))
            return r;
        at += n * size;
        left -= n;
        if (left && (n > 1 || hypercall_preempt()))
            return continue_at(v, args[0], at, left);
    }
    return 0;
}

static uint32_t all_of_them(const void *chunk UNUSED, uint32_t n)
{
    return n;
}

static int64_t run_batch(struct vcpu *v, const uint64_t args[6], size_t size, chunk_handler run)
{
    return run_some(v, args, size, run, all_of_them);
}

/* Guests on Arm are translated: a mapping is for the processor, at a guest-physical address, and nothing else. */
static int check_map_flags(uint32_t flags)
{
    if (!(flags & (GNTMAP_host_map | GNTMAP_device_map)))
        return GNTST_bad_gntref;
    return (flags & ~(uint32_t)GNTMAP_readonly) == GNTMAP_host_map ? GNTST_okay : GNTST_general_error;
}

static void map_one(struct vcpu *v, struct gnttab_map_grant_ref *op)
{
    struct grant_map_request r = {
        .granter = DOMID(op->dom), .ref = op->ref, .at = GPA(op->host_addr), .read_only = op->flags & GNTMAP_readonly,
    };
    struct grant_map_result out;
    int status = check_map_flags(op->flags);

    if (status == GNTST_okay)
        status = grant_map(v->domain, &r, &out);
    op->status = (int16_t)status;
    if (status == GNTST_okay) {
        op->handle = out.handle;
        op->dev_bus_addr = out.bus_address.v;
    }
}

static void map_chunk(struct vcpu *v, void *chunk, uint32_t n)
{
    struct gnttab_map_grant_ref *op = chunk;

    for (uint32_t i = 0; i < n; i++)
        map_one(v, &op[i]);
}

static int64_t op_map(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return run_batch(v, args, sizeof(struct gnttab_map_grant_ref), map_chunk);
}

static void unmap_chunk(struct vcpu *v, void *chunk, uint32_t n)
{
    struct gnttab_unmap_grant_ref *op = chunk;
    struct grant_unmap_request r[CHUNK];

    for (uint32_t i = 0; i < n; i++) {
        r[i].at = GPA(op[i].host_addr);
        r[i].handle = op[i].handle;
    }
    grant_unmap(v->domain, r, n);
    for (uint32_t i = 0; i < n; i++)
        op[i].status = (int16_t)r[i].status;
}

static int64_t op_unmap(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return run_batch(v, args, sizeof(struct gnttab_unmap_grant_ref), unmap_chunk);
}

/* There are no page table entries to exchange: with nothing to put in the place this is a plain unmap. Address 0 asks only
 * whether the handle is good. */
static void replace_chunk(struct vcpu *v, void *chunk, uint32_t n)
{
    struct gnttab_unmap_and_replace *op = chunk;

    for (uint32_t i = 0; i < n; i++) {
        bool replace = op[i].new_addr != 0 && op[i].host_addr != 0;
        struct grant_unmap_request r = { .at = GPA(replace ? 0 : op[i].host_addr), .handle = op[i].handle };

        grant_unmap(v->domain, &r, 1);
        op[i].status = (int16_t)(replace && r.status == GNTST_okay ? GNTST_general_error : r.status);
    }
}

static int64_t op_unmap_and_replace(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return run_batch(v, args, sizeof(struct gnttab_unmap_and_replace), replace_chunk);
}

static inline struct grant_copy_side copy_side(struct vcpu *v, const struct gnttab_copy_ptr *p, bool is_ref)
{
    struct grant_copy_side side = { .number = is_ref ? p->u.ref : p->u.gmfn, .offset = p->offset,
                                    .domain = p->domid == DOMID_SELF ? v->domain->id : DOMID(p->domid), .is_ref = is_ref };

    /* A frame is the caller's own, and to be named so. */
    if (!is_ref && p->domid != DOMID_SELF)
        side.domain = DOMID(DOMID_INVALID);
    return side;
}

static void copy_chunk(struct vcpu *v, void *chunk, uint32_t n)
{
    struct gnttab_copy *op = chunk;
    struct grant_copier copier;

    grant_copy_start(&copier, v->domain);
    for (uint32_t i = 0; i < n; i++) {
        struct grant_copy_side from = copy_side(v, &op[i].source, op[i].flags & GNTCOPY_source_gref);
        struct grant_copy_side to = copy_side(v, &op[i].dest, op[i].flags & GNTCOPY_dest_gref);

        op[i].status = (int16_t)grant_copy(&copier, from, to, op[i].len);
    }
    grant_copy_finish(&copier);
}

static uint32_t copies_of_a_run(const void *chunk, uint32_t n)
{
    const struct gnttab_copy *op = chunk;
    uint32_t bytes = 0, i = 0;

    do {
        bytes += COPY_BASE_BYTES + op[i++].len;
    } while (i < n && bytes < COPY_RUN_BYTES);
    return i;
}

/* The same of a caller with 4-byte longs: few at a time, as they are taken apart and put together on the stack. */
#define NARROW_COPIES 8
static void narrow_copy_chunk(struct vcpu *v, void *chunk, uint32_t n)
{
    struct narrow_gnttab_copy *op = chunk;
    struct gnttab_copy wide[NARROW_COPIES];

    ASSERT(n <= NARROW_COPIES);
    for (uint32_t i = 0; i < n; i++)
        narrow_to_wide(NARROW_gnttab_copy, &op[i], &wide[i]);
    copy_chunk(v, wide, n);
    for (uint32_t i = 0; i < n; i++)
        op[i].status = wide[i].status;
}

static uint32_t narrow_copies_of_a_run(const void *chunk UNUSED, uint32_t n)
{
    return MIN(n, (uint32_t)NARROW_COPIES);
}

static int64_t op_copy(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    if (vcpu_call_is_narrow(v))
        return run_some(v, args, sizeof(struct narrow_gnttab_copy), narrow_copy_chunk, narrow_copies_of_a_run);
    return run_some(v, args, sizeof(struct gnttab_copy), copy_chunk, copies_of_a_run);
}

static void swap_chunk(struct vcpu *v, void *chunk, uint32_t n)
{
    struct gnttab_swap_grant_ref *op = chunk;

    for (uint32_t i = 0; i < n; i++)
        op[i].status = (int16_t)grant_swap(v->domain, op[i].ref_a, op[i].ref_b);
}

static int64_t op_swap(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    return run_batch(v, args, sizeof(struct gnttab_swap_grant_ref), swap_chunk);
}

/* The status for a target_domain() that found none. */
static int16_t target_status(int error)
{
    return error == -E_PERM ? GNTST_permission_denied : GNTST_bad_domain;
}

static int write_status(struct vcpu *v, uint64_t at, int16_t status)
{
    return write_guest(v, at, &status, sizeof(status));
}

/* The list's numbers are where the caller has the frames in its own space, which a translated guest has chosen by
 * add_to_physmap and the hypervisor does not record: they read as "nowhere". */
static int write_frame_list(struct vcpu *v, uint64_t list, uint32_t n)
{
    uint64_t nowhere[GRANT_DEFAULT_FRAMES];

    ASSERT(n <= GRANT_DEFAULT_FRAMES);
    memset(nowhere, 0xff, sizeof(nowhere));
    return n ? write_guest(v, list, nowhere, n * (vcpu_call_is_narrow(v) ? sizeof(uint32_t) : sizeof(nowhere[0]))) : 0;
}

static int64_t op_setup_table(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct gnttab_setup_table in;
    int16_t status = GNTST_general_error;
    struct domain *d;
    int r;

    if ((uint32_t)args[2] != 1)
        return -E_INVAL;
    r = READ_STRUCT(v, &in, args[1], NARROW_gnttab_setup_table);
    if (r)
        return r;
    subcall_reached(FAMILY_GRANT, GNTTABOP_setup_table);
    d = target_domain(v, in.dom, &r);
    if (!d) {
        status = target_status(r);
    } else if (grant_grow(d, in.nr_frames) == 0) {
        r = write_frame_list(v, guest_address(in.frame_list), in.nr_frames);
        if (r == -E_RESTART)
            return r;
        status = r ? GNTST_bad_virt_addr : GNTST_okay;
    }
    return write_status(v, args[1] + offsetof(struct gnttab_setup_table, status), status);
}

static int64_t op_query_size(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct gnttab_query_size io;
    struct domain *d;
    int r;

    if ((uint32_t)args[2] != 1)
        return -E_INVAL;
    r = read_guest(v, &io, args[1], sizeof(io));
    if (r)
        return r;
    subcall_reached(FAMILY_GRANT, GNTTABOP_query_size);
    d = target_domain(v, io.dom, &r);
    if (d) {
        io.nr_frames = atomic_load(&d->grants.frames_used);
        io.max_nr_frames = d->grants.frames_limit;
    }
    io.status = d ? GNTST_okay : target_status(r);
    return write_guest(v, args[1], &io, sizeof(io));
}

/* Frames of flags exist with version 2 entries, which there are none of. */
static int64_t op_get_status_frames(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct gnttab_get_status_frames in;
    int16_t status;
    int r;

    if ((uint32_t)args[2] != 1)
        return -E_INVAL;
    r = READ_STRUCT(v, &in, args[1], NARROW_gnttab_get_status_frames);
    if (r)
        return r;
    subcall_reached(FAMILY_GRANT, GNTTABOP_get_status_frames);
    if (!target_domain(v, in.dom, &r))
        status = target_status(r);
    else
        status = in.nr_frames ? GNTST_general_error : GNTST_okay;
    return write_status(v, args[1] + offsetof(struct gnttab_get_status_frames, status), status);
}

static int64_t op_set_version(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    static const int answers[] = { -E_INVAL, 0, -E_NOSYS };
    struct gnttab_set_version io;
    int answer, r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    subcall_reached(FAMILY_GRANT, GNTTABOP_set_version);
    answer = io.version < ARRAY_SIZE(answers) ? answers[array_index_nospec(io.version, ARRAY_SIZE(answers))] : -E_INVAL;
    io.version = 1;
    r = write_guest(v, args[1], &io, sizeof(io));
    return r ? r : answer;
}

static int64_t op_get_version(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    struct gnttab_get_version io;
    int r = read_guest(v, &io, args[1], sizeof(io));

    if (r)
        return r;
    subcall_reached(FAMILY_GRANT, GNTTABOP_get_version);
    if (!target_domain(v, io.dom, &r))
        return r;
    io.version = 1;
    return write_guest(v, args[1], &io, sizeof(io));
}

/* Guests whose memory the hypervisor translates have no frames to hand over, on Arm as in the reference. */
static int64_t op_transfer(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op UNUSED)
{
    subcall_reached(FAMILY_GRANT, GNTTABOP_transfer);
    return -E_OPNOTSUPP;
}

static int flush_one(struct vcpu *v, const struct gnttab_cache_flush *in, uint32_t *cursor)
{
    if (in->offset >= PAGE_SIZE || in->length > PAGE_SIZE || (uint32_t)in->offset + in->length > PAGE_SIZE ||
        in->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL))
        return -E_INVAL;
    if (in->length == 0 || in->op == 0)
        return *cursor ? -E_ILSEQ : 0;
    subcall_reached(FAMILY_GRANT, GNTTABOP_cache_flush);
    return grant_cache_flush(v->domain, HPA(in->a.dev_bus_addr), in->offset, in->length, in->op & GNTTAB_CACHE_CLEAN,
                             in->op & GNTTAB_CACHE_INVAL, cursor);
}

static int64_t op_cache_flush(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    uint64_t at = args[1];
    uint32_t left = (uint32_t)args[2], cursor = (uint32_t)args[0] >> COMMAND_BITS;

    for (; left; left--, at += sizeof(struct gnttab_cache_flush)) {
        struct gnttab_cache_flush in;
        int r;

        if (left != (uint32_t)args[2] && (hypercall_preempt() || (uint32_t)args[2] - left == CHUNK))
            return continue_at(v, GNTTABOP_cache_flush, at, left);
        r = read_guest(v, &in, at, sizeof(in));
        if (!r)
            r = flush_one(v, &in, &cursor);
        if (r == -E_RESTART)
            return continue_at(v, (uint64_t)cursor << COMMAND_BITS | GNTTABOP_cache_flush, at, left);
        if (r)
            return r;
        cursor = 0;
    }
    return 0;
}

const struct subcall grant_table_subcalls[] = {
    SUBCALL(GNTTABOP_map_grant_ref, CALLER_ANY, op_map),
    SUBCALL(GNTTABOP_unmap_grant_ref, CALLER_ANY, op_unmap),
    SUBCALL(GNTTABOP_setup_table, CALLER_ANY, op_setup_table),
    SUBCALL_MISSING(GNTTABOP_dump_table, CALLER_ANY),
    SUBCALL_REFUSED(GNTTABOP_transfer, CALLER_ANY, op_transfer),
    SUBCALL(GNTTABOP_copy, CALLER_ANY, op_copy),
    SUBCALL(GNTTABOP_query_size, CALLER_ANY, op_query_size),
    SUBCALL(GNTTABOP_unmap_and_replace, CALLER_ANY, op_unmap_and_replace),
    SUBCALL(GNTTABOP_set_version, CALLER_ANY, op_set_version),
    SUBCALL(GNTTABOP_get_status_frames, CALLER_ANY, op_get_status_frames),
    SUBCALL(GNTTABOP_get_version, CALLER_ANY, op_get_version),
    SUBCALL(GNTTABOP_swap_grant_ref, CALLER_ANY, op_swap),
    SUBCALL(GNTTABOP_cache_flush, CALLER_ANY, op_cache_flush),
};
const unsigned grant_table_subcall_count = ARRAY_SIZE(grant_table_subcalls);

int64_t hypercall_grant_table_op(struct vcpu *v, const uint64_t args[6])
{
    uint32_t command = (uint32_t)args[0] & ((1u << COMMAND_BITS) - 1);

    if ((int32_t)args[2] < 0)
        return -E_INVAL;
    if ((uint32_t)args[0] != command && command != GNTTABOP_cache_flush)
        return -E_INVAL;
    return subcall_dispatch(v, FAMILY_GRANT, command, args, NULL);
}
