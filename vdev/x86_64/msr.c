/* SPDX-License-Identifier: Apache-2.0 */
/* Model-specific registers of guests (AMD64 APM volume 2, appendix A). What is in no row does not exist: #GP. */
#include "vdev/x86_64/msr.h"
#include "arch/include/time.h"
#include "core/domain.h"
#include "cpuid_host.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/guest_copy.h"
#include "msr_numbers.h"
#include "processor.h"
#include "vdev/x86_64/vlapic.h"
#include "virt.h"

/* -- the hypercall page (xen/arch-x86/cpuid.h, leaf 2) -- */

#define MSR_HYPERCALL_PAGE 0x40000000
#define HYPERCALLS_IN_PAGE 128
#define STUB_BYTES 32
#define CALL_IRET 23

/* mov $number, %eax; the processor's hypercall; ret. Of a call that is not one of this ABI's guests (iret): ud2. */
static void write_stub(uint8_t *at, uint32_t number)
{
    static const uint8_t ud2[] = { 0x0f, 0x0b };

    if (number == CALL_IRET) {
        memcpy(at, ud2, sizeof(ud2));
        return;
    }
    at[0] = 0xb8;
    memcpy(at + 1, &number, sizeof(number));
    memcpy(at + 5, virt->hypercall, sizeof(virt->hypercall));
    at[5 + sizeof(virt->hypercall)] = 0xc3;
}

/* The low bits choose one of the pages that leaf 2 says there are: one. */
static bool write_hypercall_page(struct vcpu *v, uint64_t value)
{
    uint8_t page[HYPERCALLS_IN_PAGE / 4 * STUB_BYTES];
    struct stage2 *s = &v->domain->stage2;
    gpa_t at = GPA(value & PAGE_MASK);

    if (value & ~PAGE_MASK)
        return false;
    domain_set_layout(v->domain, !virt_is_64bit(v));
    for (uint32_t part = 0; part < 4; part++) {
        memset(page, 0xcc, sizeof(page));
        for (uint32_t i = 0; i < HYPERCALLS_IN_PAGE / 4; i++)
            write_stub(page + i * STUB_BYTES, part * HYPERCALLS_IN_PAGE / 4 + i);
        if (copy_to_gpa(s, GPA(at.v + part * sizeof(page)), page, sizeof(page)) != COPY_OK)
            return false;
    }
    return true;
}

/* -- the processor's -- */

static bool read_efer(struct vcpu *v, uint64_t *value)
{
    struct x86_control_registers c;

    virt_get_control_registers(v, &c);
    *value = c.efer;
    return true;
}

#define EFER_WRITABLE (uint64_t)(EFER_SCE | EFER_LME | EFER_NXE | BIT(14))

/* LMA follows from LME and paging; LME does not change while paging is on (14.6.1). */
static bool write_efer(struct vcpu *v, uint64_t value)
{
    struct x86_control_registers c;

    virt_get_control_registers(v, &c);
    if (value & ~(EFER_WRITABLE | EFER_LMA))
        return false;
    if ((c.cr0 & CR0_PG) && ((value ^ c.efer) & EFER_LME))
        return false;
    c.efer = (value & EFER_WRITABLE) | (c.efer & EFER_LMA);
    virt_set_control_registers(v, &c);
    return true;
}

static bool read_tsc(struct vcpu *v, uint64_t *value)
{
    *value = rdtsc() + v->arch.tsc_offset;
    return true;
}

static bool write_tsc(struct vcpu *v, uint64_t value)
{
    v->arch.tsc_offset = value - rdtsc();
    virt_set_tsc_offset(v, v->arch.tsc_offset);
    return true;
}

/* Registers of which a kernel only wants to know that nothing is set. */
static bool read_zero(struct vcpu *v UNUSED, uint64_t *value)
{
    *value = 0;
    return true;
}

static bool read_serialising_lfence(struct vcpu *v UNUSED, uint64_t *value)
{
    *value = BIT(1);
    return true;
}

/* The TSC counts at the frequency of P0 (HWCR.TscFreqSel). */
static bool read_hwcr(struct vcpu *v UNUSED, uint64_t *value)
{
    *value = BIT(24);
    return true;
}

/* Intel's alone, and its kernels read it before they can take an exception: strings are fast, and there is no store of branches or of events. */
static bool read_misc_enable(struct vcpu *v UNUSED, uint64_t *value)
{
    *value = BIT(0) | BIT(11) | BIT(12);
    return CPU_HAS_VMX;
}

static bool ignore(struct vcpu *v UNUSED, uint64_t value UNUSED)
{
    return true;
}

static bool read_platform_info(struct vcpu *v, uint64_t *value)
{
    *value = x86_policy_platform_info(&v->domain->arch.x86.policy);
    return true;
}

static bool read_features_enables(struct vcpu *v, uint64_t *value)
{
    *value = v->arch.x86.cpuid_faults;
    return true;
}

static bool write_features_enables(struct vcpu *v, uint64_t value)
{
    if (value & ~(uint64_t)(x86_policy_platform_info(&v->domain->arch.x86.policy) ? 1 : 0))
        return false;
    v->arch.x86.cpuid_faults = value;
    return true;
}

#define MSR_PLATFORM_INFO 0xce
#define MSR_MISC_FEATURES_ENABLES 0x140
#define MSR_DE_CFG 0xc0011029
#define MSR_NB_CFG 0xc001001f
#define MSR_PATCH_LOADER 0xc0010020
#define MSR_INTERRUPT_PENDING 0xc0010055
#define MSR_TSC_RATIO_OF_P0 0xc0010064

static const struct msr_row {
    uint32_t msr;
    bool (*read)(struct vcpu *v, uint64_t *value);      /* NULL: #GP */
    bool (*write)(struct vcpu *v, uint64_t value);
} rows[] = {
    { MSR_EFER, read_efer, write_efer },
    { MSR_TSC, read_tsc, write_tsc },
    { MSR_HYPERCALL_PAGE, read_zero, write_hypercall_page },
    { MSR_PLATFORM_ID, read_zero, NULL },
    { MSR_PLATFORM_INFO, read_platform_info, NULL },
    { MSR_MISC_FEATURES_ENABLES, read_features_enables, write_features_enables },
    { MSR_UCODE_REV, read_zero, ignore },
    { MSR_MCG_CAP, read_zero, NULL },
    { MSR_MCG_STATUS, read_zero, ignore },
    { MSR_MISC_ENABLE, read_misc_enable, ignore },
    { MSR_DEBUGCTL, read_zero, ignore },
    { MSR_SYSCFG, read_zero, NULL },
    { MSR_HWCR, read_hwcr, ignore },
    { MSR_NB_CFG, read_zero, ignore },
    { MSR_PATCH_LOADER, NULL, ignore },
    { MSR_INTERRUPT_PENDING, read_zero, NULL },
    { MSR_TSC_RATIO_OF_P0, read_zero, NULL },
    { MSR_DE_CFG, read_serialising_lfence, ignore },
};

static const struct msr_row *find(uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].msr == msr)
            return &rows[i];
    }
    return NULL;
}

static bool is_of_apic(uint32_t msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE || (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x100);
}

bool msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const struct msr_row *r;

    if (is_of_apic(msr))
        return vlapic_msr_read(v, msr, value);
    r = find(msr);
    return r && r->read && r->read(v, value);
}

bool msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    const struct msr_row *r;

    if (is_of_apic(msr))
        return vlapic_msr_write(v, msr, value);
    r = find(msr);
    return r && r->write && r->write(v, value);
}
