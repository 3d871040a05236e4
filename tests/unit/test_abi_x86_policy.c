/* SPDX-License-Identifier: Apache-2.0 */
/* What processors' features a domain has: policies as a toolstack reads and sets them. */
#define ABI_X86_64 1
#include "tests/unit/abi.h"
#include "abi/xen/domctl.h"
#include "abi/xen/sysctl.h"
#include "vdev/x86_64/platform.h"

#define BUFFER 0x1000
#define VCPUS 3

/* One that was made and has not run. */
static struct domain *new_domain(void)
{
    return make_domain_config(false, VCPUS, ARGUMENT_PAGES, 1023);
}

/* Catches: leaves with subleaves taken for others, a feature that is not taken away, one that is given, numbers that say less. */
static void features_are_taken_away(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct xen_sysctl s = { .u.cpu_policy = { .index = XEN_SYSCTL_cpu_policy_hvm_default } };
    struct xen_domctl op = { 0 };
    struct xen_cpuid_leaf l[120], back[120];
    uint32_t n, seven = 0;

    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_policy), 0);
    assert_int_equal(s.u.cpu_policy.nr_leaves, 120);
    s.u.cpu_policy.leaves.p = (void *)(uintptr_t)at(BUFFER);
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_policy), 0);
    n = s.u.cpu_policy.nr_leaves;
    assert_true(n > 8 && n <= 120);
    s.u.cpu_policy.nr_leaves = n - 1;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_policy), -E_NOBUFS);
    s.u.cpu_policy.nr_leaves = n;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_policy), 0);
    get(dom0, at(BUFFER), l, n * sizeof(l[0]));
    while (l[seven].leaf != 7)
        seven++;
    assert_int_equal(l[seven].subleaf, 0);
    assert_int_equal(l[0].subleaf, XEN_CPUID_NO_SUBLEAF);
    l[seven].b &= ~1u;
    l[seven].c = UINT32_MAX;
    put(dom0, at(BUFFER), l, n * sizeof(l[0]));
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = n, .leaves.p = (void *)(uintptr_t)at(BUFFER) };
    assert_int_equal(domctl(&op, XEN_DOMCTL_set_cpu_policy, d->id.v), 0);
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = n, .leaves.p = (void *)(uintptr_t)at(BUFFER) };
    assert_int_equal(domctl(&op, XEN_DOMCTL_get_cpu_policy, d->id.v), 0);
    get(dom0, at(BUFFER), back, n * sizeof(back[0]));
    l[seven].c = back[seven].c;
    assert_true(back[seven].c <= 0xffff);
    assert_memory_equal(back, l, n * sizeof(l[0]));
    op.u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = n, .leaves.p = (void *)(uintptr_t)at(BUFFER) };
    assert_int_equal(domctl(&op, XEN_DOMCTL_set_cpu_policy, guest->id.v), -E_EXIST);
    op.u.cpu_policy.nr_leaves = 121;
    assert_int_equal(domctl(&op, XEN_DOMCTL_set_cpu_policy, d->id.v), -E_2BIG);
    s.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_pv_max;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_policy), -E_OPNOTSUPP);
}

static int64_t set_leaf(struct domain *d, struct xen_domctl *op, struct xen_cpuid_leaf l)
{
    put(dom0, at(BUFFER), &l, sizeof(l));
    op->u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_leaves = 1, .leaves.p = (void *)(uintptr_t)at(BUFFER) };
    return domctl(op, XEN_DOMCTL_set_cpu_policy, d->id.v);
}

static int64_t set_msr(struct domain *d, struct xen_domctl *op, struct xen_msr_entry e)
{
    put(dom0, at(BUFFER), &e, sizeof(e));
    op->u.cpu_policy = (struct xen_domctl_cpu_policy){ .nr_msrs = 1, .msrs.p = (void *)(uintptr_t)at(BUFFER) };
    return domctl(op, XEN_DOMCTL_set_cpu_policy, d->id.v);
}

/* What a leaf is for guests of d. */
static uint32_t policy_word(struct domain *d, uint32_t leaf, uint32_t subleaf, unsigned which)
{
    uint32_t r[4];

    cpuid_default(leaf, subleaf, r);
    x86_policy_limit(&d->arch.x86.policy, leaf, subleaf, r);
    return r[which];
}

/* Catches: an error that does not say which leaf or register it is about, one that changes something, what no guest can have taken, and what
 * was said before forgotten. */
static void policy_errors(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct xen_domctl op = { 0 };
    static const struct { struct xen_cpuid_leaf l; int64_t error; } wrong[] = {
        { { .leaf = 0xe, .subleaf = XEN_CPUID_NO_SUBLEAF }, -E_RANGE }, { { .leaf = 1, .subleaf = 0 }, -E_RANGE },
        { { .leaf = 7, .subleaf = 3 }, -E_RANGE }, { { .leaf = 0xd, .subleaf = XEN_CPUID_NO_SUBLEAF }, -E_RANGE },
        { { .leaf = 0x40000001, .subleaf = XEN_CPUID_NO_SUBLEAF }, -E_RANGE },
        { { .leaf = 0x80000022, .subleaf = XEN_CPUID_NO_SUBLEAF }, -E_RANGE },
        { { .leaf = 0, .subleaf = XEN_CPUID_NO_SUBLEAF, .a = 0xe }, -E_INVAL }, { { .leaf = 7, .subleaf = 0, .a = 1 }, -E_INVAL },
        { { .leaf = 0x80000000, .subleaf = XEN_CPUID_NO_SUBLEAF, .a = 0x80000009 }, -E_INVAL },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(set_leaf(d, &op, wrong[i].l), wrong[i].error);
        assert_int_equal(op.u.cpu_policy.err_leaf, wrong[i].l.leaf);
        assert_int_equal(op.u.cpu_policy.err_subleaf, wrong[i].l.subleaf);
        assert_int_equal(op.u.cpu_policy.err_msr, UINT32_MAX);
    }
    assert_false(d->arch.x86.policy.is_limited);
    assert_int_equal(set_msr(d, &op, (struct xen_msr_entry){ .idx = 0x10 }), -E_RANGE);
    assert_int_equal(op.u.cpu_policy.err_msr, 0x10);
    assert_int_equal(set_msr(d, &op, (struct xen_msr_entry){ .idx = 0xce, .flags = 1 }), -E_INVAL);
    assert_int_equal(set_msr(d, &op, (struct xen_msr_entry){ .idx = 0xce, .val = 1 }), -E_INVAL);
    assert_int_equal(set_msr(d, &op, (struct xen_msr_entry){ .idx = 0xce, .val = UINT64_C(1) << 32 }), -E_OVERFLOW);
    assert_int_equal(set_msr(d, &op, (struct xen_msr_entry){ .idx = 0x10a, .val = 1 }), -E_INVAL);
    assert_int_equal(op.u.cpu_policy.err_msr, 0x10a);
    assert_int_equal(x86_policy_platform_info(&d->arch.x86.policy), X86_CPUID_FAULTING);
    assert_int_equal(set_msr(d, &op, (struct xen_msr_entry){ .idx = 0xce, .val = 0 }), 0);
    assert_int_equal(op.u.cpu_policy.err_msr, UINT32_MAX);
    assert_int_equal(x86_policy_platform_info(&d->arch.x86.policy), 0);
}

/* Catches: a feature that is left without what it needs, components of XSAVE that the features do not have, a leaf beyond the last, and a second
 * call that gives back what the first took. */
static void policy_hangs_together(void **state UNUSED)
{
    struct domain *d = new_domain();
    struct xen_domctl op = { 0 };
    uint32_t r[4];

    cpuid_default(1, 0, r);
    assert_int_equal(policy_word(d, 0xd, 0, 0), 7);
    /* Without AVX. */
    assert_int_equal(set_leaf(d, &op, (struct xen_cpuid_leaf){ 1, XEN_CPUID_NO_SUBLEAF, 0x12345, r[1], r[2] & ~(1u << 28), r[3] }), 0);
    assert_int_equal(policy_word(d, 1, 0, 0), 0x12345);
    assert_int_equal(policy_word(d, 1, 0, 2), r[2] & ~(1u << 28 | 1u << 12));
    assert_int_equal(policy_word(d, 7, 0, 1), 0x101);
    assert_int_equal(policy_word(d, 0xd, 0, 0), 3);
    assert_int_equal(policy_word(d, 0xd, 0, 2), 576);
    assert_int_equal(policy_word(d, 0xd, 2, 0), 0);
    assert_int_equal(policy_word(d, 0xd, 1, 0), 7);
    /* Without XSAVE, and the rest as before. */
    assert_int_equal(set_leaf(d, &op, (struct xen_cpuid_leaf){ 1, XEN_CPUID_NO_SUBLEAF, 0x12345, r[1], r[2] & ~(1u << 26), r[3] }), 0);
    assert_int_equal(policy_word(d, 0xd, 0, 0), 0);
    assert_int_equal(policy_word(d, 0xd, 1, 0), 0);
    /* AMD's copy of leaf 1 follows it. */
    assert_int_equal(set_leaf(d, &op, (struct xen_cpuid_leaf){ 1, XEN_CPUID_NO_SUBLEAF, 0, 0, r[2], r[3] & ~(1u << 6) }), 0);
    assert_int_equal(policy_word(d, 0x80000001, 0, 3) & (1u << 6 | 1u << 29), 0);
    /* Fewer leaves. */
    assert_int_equal(set_leaf(d, &op, (struct xen_cpuid_leaf){ 0, XEN_CPUID_NO_SUBLEAF, 4, 0, 0, 0 }), 0);
    assert_int_equal(policy_word(d, 0, 0, 0), 4);
    assert_int_equal(policy_word(d, 7, 0, 1), 0);
    assert_int_equal(policy_word(d, 0x80000001, 0, 3) >> 23 & 1, 1);
}

static void featuresets(void **state UNUSED)
{
    struct xen_sysctl s = { .u.cpu_featureset = { .index = XEN_SYSCTL_cpu_featureset_hvm } };
    uint32_t words[X86_FEATURE_WORDS];

    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_featureset), 0);
    assert_int_equal(s.u.cpu_featureset.nr_features, X86_FEATURE_WORDS);
    s.u.cpu_featureset.features.p = (void *)(uintptr_t)at(BUFFER);
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_featureset), 0);
    get(dom0, at(BUFFER), words, sizeof(words));
    assert_int_equal(words[0], 0x07800241);     /* leaf 1, EDX */
    assert_int_equal(words[5], 0x121);
    assert_int_equal(words[16], 0);
    s.u.cpu_featureset.nr_features = 3;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_featureset), -E_NOBUFS);
    s.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_pv;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_featureset), -E_OPNOTSUPP);
    s.u.cpu_featureset.index = 6;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_featureset), -E_INVAL);
    assert_int_equal(sysctl(&s, XEN_SYSCTL_get_cpu_levelling_caps), 0);
    assert_int_equal(s.u.cpu_levelling_caps.caps, 0);
}

static void pci_topology(void **state UNUSED)
{
    const struct physdev_pci_device devices[] = { { 0, 0, 0x10 }, { 0, 1, 0x10 }, { 1, 0, 0x10 } };
    const uint32_t should[] = { 0, XEN_INVALID_DEV, XEN_INVALID_DEV };
    struct xen_sysctl s = { .u.pcitopoinfo.num_devs = ARRAY_SIZE(devices) };
    uint32_t nodes[ARRAY_SIZE(devices)];

    host_pci_clear();
    host_pci_add(0x10)->config[0] = 0x86;
    put(dom0, at(BUFFER), devices, sizeof(devices));
    assert_int_equal(sysctl(&s, XEN_SYSCTL_pcitopoinfo), -E_INVAL);
    s.u.pcitopoinfo.devs.p = (void *)(uintptr_t)at(BUFFER);
    s.u.pcitopoinfo.nodes.p = (void *)(uintptr_t)at(BUFFER + 64);
    assert_int_equal(sysctl(&s, XEN_SYSCTL_pcitopoinfo), 0);
    assert_int_equal(s.u.pcitopoinfo.num_devs, ARRAY_SIZE(devices));
    get(dom0, at(BUFFER + 64), nodes, sizeof(nodes));
    assert_memory_equal(nodes, should, sizeof(nodes));
    s.u.pcitopoinfo.num_devs = 1000;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_pcitopoinfo), 0);
    assert_int_equal(s.u.pcitopoinfo.num_devs, 64);
    s.u.pcitopoinfo.nodes.p = (void *)(uintptr_t)NOWHERE;
    assert_int_equal(sysctl(&s, XEN_SYSCTL_pcitopoinfo), -E_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(features_are_taken_away, abi_setup), cmocka_unit_test_setup(policy_errors, abi_setup),
        cmocka_unit_test_setup(policy_hangs_together, abi_setup), cmocka_unit_test_setup(featuresets, abi_setup),
        cmocka_unit_test_setup(pci_topology, abi_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
