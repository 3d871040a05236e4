/* SPDX-License-Identifier: Apache-2.0 */
/* Which extension this machine has, and what SVM and VMX have in common. */
#include "virt.h"
#include "arch/include/cpu.h"
#include "core/domain.h"
#include "cpuid_host.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "msr_numbers.h"
#include "processor.h"

extern const struct virt_ops svm_ops, vmx_ops;
const struct virt_ops *virt;

void virt_choose(void)
{
    virt = CPU_HAS_SVM ? &svm_ops : &vmx_ops;
}

static void list(char *out, size_t size, const struct virt_feature *f, unsigned count, bool is_there)
{
    size_t end = 0;

    *out = 0;
    for (unsigned i = 0; i < count && end < size; i++) {
        if (f[i].is_there == is_there)
            end += (size_t)format_string(out + end, size - end, "%s%s", end ? ", " : "", f[i].name);
    }
}

void virt_report(const char *extension, const struct virt_feature *features, unsigned count)
{
    char used[160], missing[160];

    ASSERT(cpu_id() == 0);
    list(used, sizeof(used), features, count, true);
    list(missing, sizeof(missing), features, count, false);
    log_info("%s: with %s; without %s", extension, *used ? used : "nothing more", *missing ? missing : "nothing");
}

#define DR6_RESET UINT64_C(0xffff0ff0)
#define DR7_RESET UINT64_C(0x400)

void virt_vcpu_reset(struct vcpu *v)
{
    static const struct x86_segment code = { 0x08, 0xc9b, UINT32_MAX, 0 }, data = { 0x10, 0xc93, UINT32_MAX, 0 };
    static const struct x86_segment task = { 0x18, 0x08b, 0x67, 0 }, none = { 0, 0x082, 0, 0 }, table = { 0, 0, 0, 0 };
    static const struct x86_segment *const start[X86_SEGMENTS] = {
        &data, &code, &data, &data, &data, &data, &none, &task, &table, &table,
    };
    static const struct x86_control_registers registers = { .cr0 = CR0_PE | CR0_ET, .dr6 = DR6_RESET, .dr7 = DR7_RESET };

    /* Segments after the mode that they belong to. */
    virt->set_control_registers(v, &registers);
    for (unsigned s = 0; s < X86_SEGMENTS; s++)
        virt->set_segment(v, (enum x86_segment_name)s, start[s]);
    virt->vcpu_reset(v);
    memset(&v->arch.regs, 0, sizeof(v->arch.regs));
    v->arch.regs.rflags = RFLAGS_RESERVED;
}

uint64_t virt_linear(const struct vcpu *v, enum x86_segment_name s, uint64_t offset)
{
    bool is_64bit = virt->is_64bit(v);
    struct x86_segment segment;

    if (is_64bit && s != X86_FS && s != X86_GS)
        return offset;
    virt->get_segment(v, s, &segment);
    return is_64bit ? offset + segment.base : (uint32_t)(offset + segment.base);
}

bool virt_interrupts_enabled(const struct vcpu *v)
{
    return v->arch.regs.rflags & RFLAGS_IF;
}

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Types of memory: 0, 1, 4 to 7 (AMD64 APM volume 2, 7.8.1). */
static bool is_pat(uint64_t value)
{
    for (; value; value >>= 8) {
        if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
            return false;
    }
    return true;
}

bool x86_msr_value_is_valid(uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_STAR:
    case MSR_SFMASK:
    case MSR_SYSENTER_CS:
        return true;
    case MSR_TSC_AUX:
        return value <= UINT32_MAX;
    case MSR_PAT:
        return is_pat(value);
    default:
        return is_canonical(value);
    }
}

static bool is_contributory(unsigned vector)
{
    return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

bool x86_is_double_fault(unsigned first, unsigned second)
{
    if (first == VECTOR_PF)
        return is_contributory(second) || second == VECTOR_PF;
    return is_contributory(first) && is_contributory(second);
}
