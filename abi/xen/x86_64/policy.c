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
/* As many as a toolstack may bring: the leaves and subleaves of these ranges. */
#define BASIC_LEAVES 14
#define EXTENDED_LEAVES 34
#define LEAVES_MAX (BASIC_LEAVES + 5 + 2 + 1 + 62 + EXTENDED_LEAVES + 2)

/* Model-specific registers of a policy, of which a guest may have the first's X86_CPUID_FAULTING, and nothing of the second. */
#define MSR_PLATFORM_INFO 0xce
#define MSR_ARCH_CAPABILITIES 0x10a
static const uint32_t msrs[] = { MSR_PLATFORM_INFO, MSR_ARCH_CAPABILITIES };

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

static int write_msrs(struct vcpu *v, uint64_t to, uint32_t platform_info)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        struct xen_msr_entry e = { .idx = msrs[i], .val = msrs[i] == MSR_PLATFORM_INFO ? platform_info : 0 };
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
        r = write_msrs(v, entries, p ? x86_policy_platform_info(p) : read == cpuid_default ? X86_CPUID_FAULTING : 0);
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

static int read_msrs(struct vcpu *v, struct xen_domctl_cpu_policy *in, struct x86_policy *p)
{
    if (in->nr_msrs > ARRAY_SIZE(msrs))
        return -E_2BIG;
    for (uint32_t i = 0; i < in->nr_msrs; i++) {
        struct xen_msr_entry e;
        int r = read_guest(v, &e, guest_address(in->msrs) + i * sizeof(e), sizeof(e));

        if (r)
            return r;
        in->err_msr = e.idx;
        if (e.idx != MSR_PLATFORM_INFO && e.idx != MSR_ARCH_CAPABILITIES)
            return -E_RANGE;
        if (e.flags || e.val & ~(uint64_t)(e.idx == MSR_PLATFORM_INFO ? X86_CPUID_FAULTING : 0))
            return e.val >> 32 && !e.flags ? -E_OVERFLOW : -E_INVAL;
        if (e.idx == MSR_PLATFORM_INFO)
            p->platform_info = (uint32_t)e.val;
    }
    in->err_msr = UINT32_MAX;
    return 0;
}

/* Leaves that a policy may speak of: subleaves of four of them, up to these numbers. */
static bool is_leaf(const struct xen_cpuid_leaf *l)
{
    static const struct { uint8_t leaf, subleaves; } with[] = { { 4, 6 }, { 7, 3 }, { 0xb, 2 }, { 0xd, 63 } };

    for (unsigned i = 0; i < ARRAY_SIZE(with); i++)
        if (l->leaf == with[i].leaf)
            return l->subleaf < with[i].subleaves;
    return l->subleaf == XEN_CPUID_NO_SUBLEAF &&
           (l->leaf < BASIC_LEAVES || l->leaf - 0x80000000u < EXTENDED_LEAVES || l->leaf == 0x40000000 || l->leaf == 0x40000100);
}

/* What no guest can have: more leaves, or subleaves of 7, than there are. */
static bool is_too_much(const struct xen_cpuid_leaf *l)
{
    uint32_t r[4];

    if (l->leaf != 0 && l->leaf != 0x80000000u && (l->leaf != 7 || l->subleaf))
        return false;
    cpuid_default(l->leaf, 0, r);
    return l->a > r[0];
}

static int read_leaves(struct vcpu *v, struct xen_domctl_cpu_policy *in, struct x86_policy *p)
{
    if (in->nr_leaves > LEAVES_MAX)
        return -E_2BIG;
    for (uint32_t i = 0; i < in->nr_leaves; i++) {
        struct xen_cpuid_leaf l;
        int r = read_guest(v, &l, guest_address(in->leaves) + i * sizeof(l), sizeof(l));

        if (r)
            return r;
        in->err_leaf = l.leaf;
        in->err_subleaf = l.subleaf;
        if (!is_leaf(&l))
            return -E_RANGE;
        if (is_too_much(&l))
            return -E_INVAL;
        x86_policy_set(p, l.leaf, l.subleaf, (const uint32_t[]){ l.a, l.b, l.c, l.d });
    }
    in->err_leaf = in->err_subleaf = UINT32_MAX;
    x86_policy_settle(p);
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

/* Before the domain has run: what is said changes what was said before. Features that no guest has stay away without a word; what else of a
 * leaf no policy changes is not looked at. The structure's err_ fields say what an error is about. */
int64_t x86_set_policy(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct domctl_call *call = op;
    struct xen_domctl_cpu_policy *in = &call->op.u.cpu_policy;
    struct domain_locked l;
    struct x86_policy p;
    int r;

    if (call->d == v->domain)
        return -E_INVAL;
    in->err_leaf = in->err_subleaf = in->err_msr = UINT32_MAX;
    l = domain_lock(call->d);
    p = call->d->arch.x86.policy;
    domain_unlock(l);
    x86_policy_begin(&p);
    r = read_leaves(v, in, &p);
    if (!r)
        r = read_msrs(v, in, &p);
    if (r == -E_RESTART)
        return r;
    subcall_reached(FAMILY_DOMCTL, XEN_DOMCTL_set_cpu_policy);
    if (!r)
        r = take_policy(call->d, &p);
    /* Errors bring no structure back by themselves. */
    if (write_guest_result(v, args[0], &call->op, sizeof(call->op)))
        return -E_FAULT;
    return r;
}
