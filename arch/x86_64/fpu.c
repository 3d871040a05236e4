/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor itself uses no floating point: what is in the registers is a guest's. XCR0 is the guest's too while it is loaded; saving and
 * loading are done with all features, so that what a guest has switched off meanwhile is neither lost nor left for the next one.
 */
#include "fpu.h"
#include "arch/include/x86_state.h"
#include "core/domain.h"
#include "cpuid_host.h"
#include "exits.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "processor.h"
#include "vdev/x86_64/cpuid.h"
#include "virt.h"

#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))
#define XCR0_PKRU BIT(9)
#define XCR0_KNOWN (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)
#define LEAF_XSAVE 0xd
#define FXSAVE_BYTES 512

/* The legacy part of the area (APM volume 2, 11.4.4). */
struct fp_area {
    uint16_t control, status;
    uint32_t rest[5];
    uint32_t mxcsr, mxcsr_mask;
};
#define CONTROL_RESET 0x37f
#define MXCSR_RESET 0x1f80
STATIC_ASSERT(offsetof(struct fp_area, mxcsr) == 24);

static uint64_t features;
static unsigned order;

static void xsetbv(uint64_t value)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t xgetbv(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* The standard format's offsets do not depend on what is switched on: the area ends behind the last feature. */
static unsigned area_bytes(void)
{
    unsigned end = FXSAVE_BYTES + 64;

    for (unsigned i = 2; i < 64; i++) {
        if (features & BIT(i))
            end = MAX(end, cpuid_word(LEAF_XSAVE, i, CPUID_EBX) + cpuid_word(LEAF_XSAVE, i, CPUID_EAX));
    }
    return end;
}

/* With the first vCPU, which is made on CPU 0 during boot. */
static void first_vcpu(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    if (CPU_HAS_XSAVE)
        features = cpuid_word(LEAF_XSAVE, 0, CPUID_EAX) & XCR0_KNOWN;
    while (PAGE_SIZE << order < area_bytes())
        order++;
}

int fpu_vcpu_init(struct vcpu *v)
{
    first_vcpu();
    v->arch.fp = heap_alloc_pages(order);
    if (!v->arch.fp)
        return -E_NOMEM;
    fpu_vcpu_reset(v);
    return 0;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.fp)
        heap_free_pages(v->arch.fp, order);
    v->arch.fp = NULL;
}

/* An area whose header names no feature loads every one's initial state, but MXCSR (APM volume 2, 11.5.8). */
void fpu_vcpu_reset(struct vcpu *v)
{
    struct fp_area *a = v->arch.fp;

    ASSERT(a && IS_ALIGNED((uint64_t)a, 64));
    memset(a, 0, PAGE_SIZE << order);
    a->control = CONTROL_RESET;
    a->mxcsr = MXCSR_RESET;
    v->arch.xcr0 = XCR0_X87;
}

void fpu_load(struct vcpu *v)
{
    if (!features) {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(v->arch.fp) : "memory");
        return;
    }
    xsetbv(features);
    __asm__ volatile("xrstor64 (%0)" : : "r"(v->arch.fp), "a"((uint32_t)features), "d"((uint32_t)(features >> 32)) : "memory");
    if (v->arch.xcr0 != features)
        xsetbv(v->arch.xcr0);
}

void fpu_save(struct vcpu *v)
{
    if (!features) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(v->arch.fp) : "memory");
        return;
    }
    /* Not only what exit_xsetbv has seen: QEMU does not intercept XSETBV. */
    v->arch.xcr0 = xgetbv();
    if (v->arch.xcr0 != features)
        xsetbv(features);
    __asm__ volatile("xsave64 (%0)" : : "r"(v->arch.fp), "a"((uint32_t)features), "d"((uint32_t)(features >> 32)) : "memory");
}

/* APM volume 3, XSETBV. */
static bool is_valid(uint64_t value, uint64_t allowed)
{
    uint64_t wide = value & XCR0_AVX512;

    if ((value & ~allowed) || !(value & XCR0_X87))
        return false;
    if ((value & XCR0_AVX) && !(value & XCR0_SSE))
        return false;
    return !wide || (wide == XCR0_AVX512 && (value & XCR0_AVX));
}

void exit_xsetbv(struct vcpu *v, unsigned length)
{
    struct x86_registers *r = &v->arch.regs;
    uint64_t value = (uint32_t)r->rax | r->rdx << 32;
    uint32_t policy[4];

    cpuid_answer(v, LEAF_XSAVE, 0, policy);
    if ((uint32_t)r->rcx != 0 || virt_cpl(v) || !is_valid(value, features & (policy[CPUID_EAX] | (uint64_t)policy[CPUID_EDX] << 32))) {
        virt_inject_exception(v, VECTOR_GP, 0, 0);
        return;
    }
    v->arch.xcr0 = value;
    xsetbv(value);
    virt_skip(v, length);
}

/* -- for the toolstack -- */

#define XSTATE_BV(area) ((uint64_t *)((char *)(area) + FXSAVE_BYTES))   /* then XCOMP_BV and six words of zeros */
#define HEADER_WORDS 8
#define MXCSR_VALID 0xffffu

uint32_t x86_fp_bytes(void)
{
    return features ? area_bytes() : 0;
}

uint64_t x86_fp_features(void)
{
    return features;
}

uint64_t x86_fp_get(const struct vcpu *v, void *area, uint32_t n)
{
    ASSERT(v != cpu_current_vcpu() && n <= PAGE_SIZE << order);
    memcpy(area, v->arch.fp, n);
    return v->arch.xcr0;
}

/* What XRSTOR would end in an exception with is refused. */
static bool header_is_valid(const uint64_t *header, uint64_t xcr0)
{
    if (header[0] & ~xcr0)
        return false;
    for (unsigned i = 1; i < HEADER_WORDS; i++)
        if (header[i])
            return false;
    return true;
}

bool x86_fp_set(struct vcpu *v, const void *area, uint32_t n, uint64_t xcr0)
{
    struct fp_area *to = v->arch.fp;
    bool whole = n > FXSAVE_BYTES;

    ASSERT(v != cpu_current_vcpu() && n <= PAGE_SIZE << order && n >= FXSAVE_BYTES);
    if (((const struct fp_area *)area)->mxcsr & ~MXCSR_VALID)
        return false;
    if (whole && (n < FXSAVE_BYTES + HEADER_WORDS * 8 || !is_valid(xcr0, features) || !header_is_valid(XSTATE_BV(area), xcr0)))
        return false;
    memset(to, 0, PAGE_SIZE << order);
    memcpy(to, area, n);
    if (whole)
        v->arch.xcr0 = xcr0;
    else
        *XSTATE_BV(to) = XCR0_X87 | XCR0_SSE;
    return true;
}
