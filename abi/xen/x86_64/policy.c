/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl and domctl: what CPUID tells guests, all of them and one. (xen/arch-x86/xen.h, struct xen_cpuid_leaf; xen/sysctl.h) */
#define ABI_X86_64 1
#include "abi/xen/domctl.h"
#include "abi/xen/sysctl.h"
#include "abi/xen/x86_64/calls.h"
#include "vdev/x86_64/policy.h"

/* Leaves of a policy, and how many subleaves each has: 0, it has none. All that a toolstack gives back, which it does in an array of this
 * size: every leaf up to the last, and the limits of the hypervisor's two ranges. */
static const struct leaves {
    uint32_t leaf, subleaves;
} all[] = {
    { 0x0, 0 }, { 0x1, 0 }, { 0x2, 0 }, { 0x3, 0 }, { 0x4, 4 }, { 0x5, 0 }, { 0x6, 0 }, { 0x7, 1 }, { 0x8, 0 }, { 0x9, 0 }, { 0xa, 0 }, { 0xb, 2 },
    { 0xc, 0 }, { 0xd, 3 }, { 0x40000000, 0 }, { 0x40000100, 0 },
    { 0x80000000, 0 }, { 0x80000001, 0 }, { 0x80000002, 0 }, { 0x80000003, 0 }, { 0x80000004, 0 }, { 0x80000005, 0 }, { 0x80000006, 0 },
    { 0x80000007, 0 }, { 0x80000008, 0 },
};
#define LEAVES_MAX 64           /* as many as a toolstack may bring */

/* Model-specific registers of a policy: guests have nothing of them. */
static const uint32_t msrs[] = { 0xce, 0x10a };

static uint32_t leaf_count(void)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
        n += MAX(all[i].subleaves, 1u);
    ASSERT(n <= LEAVES_MAX);
    return n;
}

typedef void (*leaf_reader)(uint32_t leaf, uint32_t subleaf, uint32_t r[4]);

/* Sets that can be asked for, by the numbers of sysctl's policies; there is none for guests that are not translated. */
static leaf_reader policy_reader(uint32_t index)
{
    switch (index) {
    case XEN_SYSCTL_cpu_policy_raw:
    case XEN_SYSCTL_cpu_policy_host:
        return cpuid_of_host;
    case XEN_SYSCTL_cpu_policy_hvm_max:
    case XEN_SYSCTL_cpu_policy_hvm_default:
        return cpuid_default;
    default:
        return NULL;
    }
}

static int write_leaves(struct vcpu *v, uint64_t to, leaf_reader read, const struct x86_policy *p)
{
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
        for (uint32_t s = 0; s < MAX(all[i].subleaves, 1u); s++) {
            struct xen_cpuid_leaf l = { .leaf = all[i].leaf, .subleaf = all[i].subleaves ? s : XEN_CPUID_NO_SUBLEAF };
            uint32_t r[4];
            int error;

            read(l.leaf, s, r);
            if (p)
                x86_policy_limit(p, l.leaf, s, r);
            l.a = r[0], l.b = r[1], l.c = r[2], l.d = r[3];
            error = write_guest(v, to, &l, sizeof(l));
            if (error)
                return error;
            to += sizeof(l);
        }
    return 0;
}

static int write_msrs(struct vcpu *v, uint64_t to)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        struct xen_msr_entry e = { .idx = msrs[i] };
        int error = write_guest(v, to + i * sizeof(e), &e, sizeof(e));

        if (error)
            return error;
    }
    return 0;
}

/* Both lists, each to an array that is long enough or not at all; the numbers become what there is, or without an array the most that a
 * toolstack may bring back: it writes leaves that we do not have too. */
static int write_policy(struct vcpu *v, uint64_t leaves, uint32_t *leaf_room, uint64_t entries, uint32_t *msr_room, leaf_reader read,
                        const struct x86_policy *p)
{
    int r = 0;

    if ((leaves && *leaf_room < leaf_count()) || (entries && *msr_room < ARRAY_SIZE(msrs)))
        return -E_NOBUFS;
    if (leaves)
        r = write_leaves(v, leaves, read, p);
    if (!r && entries)
        r = write_msrs(v, entries);
    *leaf_room = leaves ? leaf_count() : LEAVES_MAX;
    *msr_room = ARRAY_SIZE(msrs);
    return r;
}

int64_t x86_host_policy(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_cpu_policy *in = &call->op.u.cpu_policy;
    leaf_reader read = policy_reader(in->index);

    if (in->_rsvd || in->index > XEN_SYSCTL_cpu_policy_hvm_default)
        return -E_INVAL;
    if (!read)
        return -E_OPNOTSUPP;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_get_cpu_policy);
    call->copy_back = true;
    return write_policy(v, guest_address(in->leaves), &in->nr_leaves, guest_address(in->msrs), &in->nr_msrs, read, NULL);
}

int64_t x86_featureset(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    static const leaf_reader readers[] = {
        [XEN_SYSCTL_cpu_featureset_raw] = cpuid_of_host, [XEN_SYSCTL_cpu_featureset_host] = cpuid_of_host,
        [XEN_SYSCTL_cpu_featureset_hvm] = cpuid_default, [XEN_SYSCTL_cpu_featureset_hvm_max] = cpuid_default,
    };
    struct sysctl_call *call = op;
    struct xen_sysctl_cpu_featureset *in = &call->op.u.cpu_featureset;
    uint32_t words[X86_FEATURE_WORDS], room = in->nr_features;
    uint64_t to = guest_address(in->features);

    if (in->index >= ARRAY_SIZE(readers))
        return -E_INVAL;
    if (!readers[array_index_nospec(in->index, ARRAY_SIZE(readers))])
        return -E_OPNOTSUPP;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_get_cpu_featureset);
    x86_features(words, readers[array_index_nospec(in->index, ARRAY_SIZE(readers))]);
    in->nr_features = to ? MIN(room, (uint32_t)X86_FEATURE_WORDS) : X86_FEATURE_WORDS;
    call->copy_back = true;
    if (!to)
        return 0;
    if (write_guest_result(v, to, words, in->nr_features * sizeof(words[0])))
        return -E_FAULT;
    return room < X86_FEATURE_WORDS ? -E_NOBUFS : 0;
}

int64_t x86_get_policy(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_cpu_policy *in = &call->op.u.cpu_policy;

    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_get_cpu_policy);
    call->copy_back = true;
    return write_policy(v, guest_address(in->leaves), &in->nr_leaves, guest_address(in->msrs), &in->nr_msrs, cpuid_default,
                        &call->d->arch.x86.policy);
}

/* An MSR's value of a policy is 0. */
static int check_msrs(struct vcpu *v, struct xen_domctl_cpu_policy *in)
{
    if (in->nr_msrs > ARRAY_SIZE(msrs))
        return -E_2BIG;
    for (uint32_t i = 0; i < in->nr_msrs; i++) {
        struct xen_msr_entry e;
        int r = read_guest(v, &e, guest_address(in->msrs) + i * sizeof(e), sizeof(e));

        if (r)
            return r;
        in->err_msr = e.idx;
        if (e.flags || e.val || (e.idx != msrs[0] && e.idx != msrs[1]))
            return -E_INVAL;
    }
    in->err_msr = UINT32_MAX;
    return 0;
}

static int read_leaves(struct vcpu *v, const struct xen_domctl_cpu_policy *in, struct x86_policy *p)
{
    if (in->nr_leaves > LEAVES_MAX)
        return -E_2BIG;
    for (uint32_t i = 0; i < in->nr_leaves; i++) {
        struct xen_cpuid_leaf l;
        int r = read_guest(v, &l, guest_address(in->leaves) + i * sizeof(l), sizeof(l));

        if (r)
            return r;
        x86_policy_set(p, l.leaf, l.subleaf, (const uint32_t[]){ l.a, l.b, l.c, l.d });
    }
    return 0;
}

static int take_policy(struct domain *d, const struct x86_policy *p)
{
    struct domain_locked l = domain_lock(d);
    int r = atomic_load(&d->started) ? -E_EXIST : 0;

    if (!r)
        d->arch.x86.policy = *p;
    domain_unlock(l);
    return r;
}

/* Before the domain has run. Features that no guest has stay away without a word, as do all changes of what is not a feature. */
int64_t x86_set_policy(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_cpu_policy *in = &call->op.u.cpu_policy;
    struct x86_policy p = { .is_limited = false };
    int r;

    if (call->d == v->domain)
        return -E_INVAL;
    in->err_leaf = in->err_subleaf = in->err_msr = UINT32_MAX;
    r = check_msrs(v, in);
    if (!r)
        r = read_leaves(v, in, &p);
    if (r)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_set_cpu_policy);
    call->copy_back = true;
    return take_policy(call->d, &p);
}
