/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID for guests: the host's leaves through masks (AMD64 APM volume 3, appendix E; Intel SDM volume 2, CPUID), what is the vCPU's own
 * put in, and the hypervisor's leaves (xen/arch-x86/cpuid.h). A bit that is not named here does not exist for a guest: SVM and VMX, their
 * CPU's counters, its power management, and what would need state that is not switched.
 */
#include "vdev/x86_64/cpuid.h"
#include "arch/include/time.h"
#include "core/domain.h"
#include "cpuid_host.h"
#include "lib/assert.h"
#include "processor.h"
#include "vdev/x86_64/policy.h"
#include "vdev/x86_64/vlapic.h"
#include "virt.h"

#define HYPERVISOR_FIRST UINT32_C(0x40000000)
#define HYPERVISOR_LAST UINT32_C(0x40000005)
#define BASIC_LAST UINT32_C(0xd)
#define LEAF_TOPOLOGY UINT32_C(0xb)
#define LEAF_XSAVE UINT32_C(0xd)
#define EXTENDED_FIRST UINT32_C(0x80000000)
#define EXTENDED_LAST UINT32_C(0x80000008)

#define B(n) (UINT32_C(1) << (n))
/* FPU to PSE, TSC, MSR, PAE, CX8, APIC, SEP, PGE, CMOV, PAT, PSE-36, CLFLUSH, MMX, FXSR, SSE, SSE2: not MCE, MCA, MTRR. */
#define LEAF_1_EDX (B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(8) | B(9) | B(11) | B(13) | B(15) | B(16) | B(17) | B(19) | B(23) | \
                    B(24) | B(25) | B(26))
/* SSE3, PCLMULQDQ, SSSE3, FMA, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, AVX, F16C, RDRAND */
#define LEAF_1_ECX (B(0) | B(1) | B(9) | B(12) | B(13) | B(19) | B(20) | B(22) | B(23) | B(25) | B(26) | B(28) | B(29) | B(30))
#define LEAF_1_ECX_X2APIC B(21)
#define LEAF_1_ECX_OSXSAVE B(27)
#define LEAF_1_ECX_HYPERVISOR B(31)
/* FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA */
#define LEAF_7_EBX (B(0) | B(3) | B(5) | B(7) | B(8) | B(9) | B(18) | B(19) | B(20) | B(23) | B(24) | B(29))
#define LEAF_7_ECX B(2)                 /* UMIP */
/* LAHF, CR8, ABM, SSE4A, misaligned SSE, PREFETCHW */
#define LEAF_E1_ECX (B(0) | B(4) | B(5) | B(6) | B(7) | B(8))
/* The same as leaf 1's on AMD, SYSCALL, NX, MMX extensions, FFXSR, 1 GiB pages, LM */
#define LEAF_E1_EDX ((LEAF_1_EDX & ~(B(11) | B(19) | B(25) | B(26))) | B(11) | B(20) | B(22) | B(25) | B(26) | B(29))
#define XSAVE_COMPONENTS 7              /* x87, SSE, AVX */
#define XSAVE_AVX 2
#define XSAVE_BYTES_LEAST 576u
#define ALL UINT32_MAX

/* What of a leaf is shown; a leaf that is not here is 0. */
static const struct leaf_mask {
    uint32_t leaf, mask[4];
} masks[] = {
    { 0x1, { ALL, 0x0000ff00, LEAF_1_ECX, LEAF_1_EDX } },
    { 0x4, { 0x3fff, ALL, ALL, ALL } },
    { 0x7, { 0, LEAF_7_EBX, LEAF_7_ECX, 0 } },
    { 0xd, { ALL, ALL, ALL, 0 } },
    { 0x80000001, { ALL, 0, LEAF_E1_ECX, LEAF_E1_EDX } },
    { 0x80000002, { ALL, ALL, ALL, ALL } },
    { 0x80000003, { ALL, ALL, ALL, ALL } },
    { 0x80000004, { ALL, ALL, ALL, ALL } },
    { 0x80000005, { ALL, ALL, ALL, ALL } },
    { 0x80000006, { ALL, ALL, ALL, ALL } },
    { 0x80000007, { 0, 0, 0, B(8) } },                  /* invariant TSC */
    { 0x80000008, { 0xffff, 0, 0, 0 } },
};

static void masked(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    const struct leaf_mask *m = NULL;

    r[0] = r[1] = r[2] = r[3] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(masks) && !m; i++)
        m = masks[i].leaf == leaf ? &masks[i] : NULL;
    if (!m || (leaf == 7 && subleaf))
        return;
    cpuid_leaf(leaf, subleaf, r);
    for (unsigned i = 0; i < 4; i++)
        r[i] &= m->mask[i];
}

/* The component's sizes are the host's; XSS and what it saves are not there. How much all components take (ECX) is a matter of those that are. */
static void answer_xsave(uint32_t subleaf, uint32_t r[4])
{
    uint32_t avx[4];

    if (subleaf == 0) {
        cpuid_leaf(0xd, XSAVE_AVX, avx);
        r[CPUID_EAX] &= XSAVE_COMPONENTS;
        r[CPUID_ECX] = MIN(r[CPUID_ECX], r[CPUID_EAX] & B(XSAVE_AVX) ? avx[CPUID_EBX] + avx[CPUID_EAX] : XSAVE_BYTES_LEAST);
        r[CPUID_EDX] = 0;
    } else if (subleaf == 1) {
        r[CPUID_EAX] &= B(0) | B(1) | B(2);     /* XSAVEOPT, XSAVEC, XGETBV with ECX 1 */
        r[CPUID_EBX] = r[CPUID_ECX] = 0;
    } else if (subleaf >= 32 || !(XSAVE_COMPONENTS & B(subleaf))) {
        r[CPUID_EAX] = r[CPUID_EBX] = r[CPUID_ECX] = 0;
    }
}

/* Levels of threads (one) and cores, where the leaves reach as far. */
static void answer_topology(const struct vcpu *v, uint32_t subleaf, uint32_t r[4])
{
    uint32_t last[4];
    unsigned shift = 1;

    cpuid_default(0, 0, last);
    x86_policy_limit(&v->domain->arch.x86.policy, 0, 0, last);
    if (last[CPUID_EAX] < LEAF_TOPOLOGY)
        return;
    while (BIT(shift) < v->domain->max_vcpus * 2)
        shift++;
    r[CPUID_EDX] = vlapic_id(v);
    r[CPUID_ECX] = subleaf & 0xff;
    if (subleaf > 1)
        return;
    r[CPUID_EAX] = subleaf ? shift : 1;
    r[CPUID_EBX] = subleaf ? v->domain->max_vcpus : 1;
    r[CPUID_ECX] |= (subleaf + 1) << 8;
}

static void answer_features(const struct vcpu *v, uint32_t r[4])
{
    r[CPUID_EBX] |= vlapic_id(v) << 24 | MIN(v->domain->max_vcpus * 2, 255u) << 16;
    r[CPUID_EDX] |= v->domain->max_vcpus > 1 ? B(28) : 0;
}

/* -- the hypervisor's -- */

#define SIGNATURE_EBX 0x566e6558        /* "XenVMMXenVMM" */
#define SIGNATURE_ECX 0x65584d4d
#define SIGNATURE_EDX 0x4d4d566e
#define HYPERCALL_MSR 0x40000000
#define ABI_VERSION (4u << 16 | 17)
#define FEATURE_VCPU_ID B(3)
#define FEATURE_DOMAIN_ID B(4)
#define FEATURE_UPCALL_VECTOR B(6)

static void answer_time(uint32_t subleaf, uint32_t r[4])
{
    if (subleaf == 0) {
        r[CPUID_EAX] = CPU_HAS_INVARIANT_TSC ? B(1) : 0;
        r[CPUID_ECX] = arch_counter_khz();
    } else if (subleaf == 2) {
        r[CPUID_EAX] = arch_counter_khz();
    }
}

static void answer_hypervisor(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    switch (leaf - HYPERVISOR_FIRST) {
    case 0:
        r[CPUID_EAX] = HYPERVISOR_LAST;
        r[CPUID_EBX] = SIGNATURE_EBX, r[CPUID_ECX] = SIGNATURE_ECX, r[CPUID_EDX] = SIGNATURE_EDX;
        break;
    case 1:
        r[CPUID_EAX] = ABI_VERSION;
        break;
    case 2:
        r[CPUID_EAX] = 1;
        r[CPUID_EBX] = HYPERCALL_MSR;
        break;
    case 3:
        answer_time(subleaf, r);
        break;
    case 4:
        if (subleaf)
            break;
        r[CPUID_EAX] = FEATURE_VCPU_ID | FEATURE_DOMAIN_ID | FEATURE_UPCALL_VECTOR;
        r[CPUID_EBX] = v->id;
        r[CPUID_ECX] = v->domain->id.v;
        break;
    default:
        break;
    }
}

void cpuid_of_host(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    cpuid_leaf(leaf, subleaf, r);
}

void cpuid_default(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    masked(leaf, subleaf, r);
    if (leaf == 0 || leaf == EXTENDED_FIRST) {
        cpuid(leaf, 0, r);
        r[CPUID_EAX] = MIN(r[CPUID_EAX], leaf ? EXTENDED_LAST : BASIC_LAST);
    } else if (leaf == 1) {
        r[CPUID_ECX] |= LEAF_1_ECX_HYPERVISOR | LEAF_1_ECX_X2APIC;
    } else if (leaf == LEAF_XSAVE) {
        answer_xsave(subleaf, r);
    }
}

/* All but what the vCPU changes while it runs. */
static NOINLINE void find_out(struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    if (leaf >= HYPERVISOR_FIRST && leaf <= HYPERVISOR_LAST) {
        r[0] = r[1] = r[2] = r[3] = 0;
        answer_hypervisor(v, leaf, subleaf, r);
        return;
    }
    cpuid_default(leaf, subleaf, r);
    x86_policy_limit(&v->domain->arch.x86.policy, leaf, subleaf, r);
    if (leaf == 1)
        answer_features(v, r);
    else if (leaf == LEAF_TOPOLOGY)
        answer_topology(v, subleaf, r);
}

/* CR4's bit, where there is XSAVE. */
static void answer_osxsave(const struct vcpu *v, uint32_t r[4])
{
    bool is_on = (r[CPUID_ECX] & B(26)) && (virt_cr4(v) & CR4_OSXSAVE);

    r[CPUID_ECX] = (r[CPUID_ECX] & ~LEAF_1_ECX_OSXSAVE) | (is_on ? LEAF_1_ECX_OSXSAVE : 0);
}

/* Answers are kept: a policy does not change once its domain has run, nor do the processor and a vCPU's number. XSAVE's sizes follow XCR0. */
HOT const uint32_t *cpuid_kept_answer(struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    struct x86_cpuid_known *k = &v->arch.x86.cpuid[leaf % X86_CPUID_KNOWN];
    uint64_t question = ~(leaf | (uint64_t)subleaf << 32);

    if (unlikely(k->question != question)) {
        find_out(v, leaf, subleaf, k->r);
        k->question = leaf == LEAF_XSAVE ? 0 : question;
    }
    if (leaf == 1)
        answer_osxsave(v, k->r);
    return k->r;
}

void cpuid_answer(struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    const uint32_t *kept = cpuid_kept_answer(v, leaf, subleaf);

    for (unsigned i = 0; i < 4; i++)
        r[i] = kept[i];
}
