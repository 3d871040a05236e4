/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu_op: starting processors and their timers, which on Arm is firmware's and the architecture's. (xen/vcpu.h, xen/hvm/hvm_vcpu.h) */
#define ABI_X86_64 1
#include "abi/xen/public.h"
#include "abi/xen/x86_64/calls.h"
#include "core/shared_info.h"
#include "lib/string.h"
#include <xen/hvm/hvm_vcpu.h>

#define FAMILY_VCPU HYPERCALL(__HYPERVISOR_vcpu_op)

#define CR0_PE BIT(0)
#define CR0_ET BIT(4)
#define CR0_PG BIT(31)
#define CR4_PAE BIT(5)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define RFLAGS_RESERVED UINT64_C(2)
#define DR6_RESET UINT64_C(0xffff0ff0)
#define DR7_RESET UINT64_C(0x400)
/* Present, of the system's or code's and data's kinds (AMD64 APM volume 2, 4.7, 4.8). */
#define ATTRIBUTES_KNOWN 0xfff
#define CODE_64 0xa9b
#define DATA_64 0xc93
#define TASK_64 0x8b

/* -- initialise -- */

static bool segment_is_valid(uint16_t attributes, uint32_t base, uint32_t limit)
{
    bool granular = attributes & BIT(11);

    return !(attributes & ~ATTRIBUTES_KNOWN) && (granular ? (limit & 0xfff) == 0xfff || !limit : limit <= 0xfffff) &&
           base + (limit ? limit - 1 : 0) >= base;
}

static struct x86_segment segment(uint16_t attributes, uint32_t base, uint32_t limit)
{
    return (struct x86_segment){ .attributes = attributes, .base = base, .limit = limit };
}

static int decode_32(const struct vcpu_hvm_x86_32 *c, struct x86_vcpu_state *s)
{
    bool valid = segment_is_valid(c->cs_ar, c->cs_base, c->cs_limit) && segment_is_valid(c->ds_ar, c->ds_base, c->ds_limit) &&
                 segment_is_valid(c->ss_ar, c->ss_base, c->ss_limit) && segment_is_valid(c->es_ar, c->es_base, c->es_limit);

    if (!valid || c->pad1 || c->pad2[0] || c->pad2[1] || c->pad2[2] || c->tr_ar & ~ATTRIBUTES_KNOWN)
        return -E_INVAL;
    s->regs = (struct x86_registers){ .rax = c->eax, .rcx = c->ecx, .rdx = c->edx, .rbx = c->ebx, .rsp = c->esp, .rbp = c->ebp,
                                      .rsi = c->esi, .rdi = c->edi, .rip = c->eip, .rflags = c->eflags };
    s->control = (struct x86_control_registers){ .cr0 = c->cr0 | CR0_ET, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer };
    s->segments[X86_CS] = segment(c->cs_ar, c->cs_base, c->cs_limit);
    s->segments[X86_DS] = segment(c->ds_ar, c->ds_base, c->ds_limit);
    s->segments[X86_SS] = segment(c->ss_ar, c->ss_base, c->ss_limit);
    s->segments[X86_ES] = segment(c->es_ar, c->es_base, c->es_limit);
    s->segments[X86_TR] = segment(c->tr_ar, c->tr_base, c->tr_limit);
    return 0;
}

/* In 64-bit mode from the first instruction on: whatever turns that off is wrong. */
static int decode_64(const struct vcpu_hvm_x86_64 *c, struct x86_vcpu_state *s)
{
    const uint64_t cr0 = CR0_PE | CR0_PG;

    if ((c->cr0 & cr0) != cr0 || !(c->cr4 & CR4_PAE) || !(c->efer & EFER_LME))
        return -E_INVAL;
    s->regs = (struct x86_registers){ .rax = c->rax, .rcx = c->rcx, .rdx = c->rdx, .rbx = c->rbx, .rsp = c->rsp, .rbp = c->rbp,
                                      .rsi = c->rsi, .rdi = c->rdi, .rip = c->rip, .rflags = c->rflags };
    s->control = (struct x86_control_registers){ .cr0 = c->cr0 | CR0_ET, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer | EFER_LMA };
    s->segments[X86_CS] = segment(CODE_64, 0, UINT32_MAX);
    s->segments[X86_DS] = s->segments[X86_SS] = s->segments[X86_ES] = segment(DATA_64, 0, UINT32_MAX);
    s->segments[X86_TR] = segment(TASK_64, 0, 0x67);
    return 0;
}

static int set_state(struct vcpu *v, const void *state)
{
    struct x86_vcpu_state s = *(const struct x86_vcpu_state *)state, reset;

    x86_state_get(v, &reset);
    memcpy(s.msr, reset.msr, sizeof(s.msr));
    s.control.dr6 = DR6_RESET;
    s.control.dr7 = DR7_RESET;
    s.regs.rflags |= RFLAGS_RESERVED;
    return x86_state_set(v, &s) ? 0 : -E_INVAL;
}

/* One that is down and was never started. */
int64_t x86_vcpu_initialise(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct vcpu_hvm_context c;
    struct x86_vcpu_state s;
    int r = read_guest(v, &c, args[2], sizeof(c));

    if (r)
        return r;
    memset(&s, 0, sizeof(s));
    if (c.pad || (c.mode != VCPU_HVM_MODE_32B && c.mode != VCPU_HVM_MODE_64B))
        return -E_INVAL;
    r = c.mode == VCPU_HVM_MODE_32B ? decode_32(&c.cpu_regs.x86_32, &s) : decode_64(&c.cpu_regs.x86_64, &s);
    if (r)
        return r;
    subcall_reached(FAMILY_VCPU, VCPUOP_initialise);
    return vcpu_initialise(op, set_state, &s);
}

/* -- up and down -- */

int64_t x86_vcpu_up(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    int r;

    subcall_reached(FAMILY_VCPU, VCPUOP_up);
    r = vcpu_up(op, NULL);
    return r == -E_EXIST ? 0 : r;
}

static bool is_last(const struct vcpu *v)
{
    const struct domain *d = v->domain;

    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i] && d->vcpus[i] != v && !(atomic_load(&d->vcpus[i]->pause_flags) & VCPU_DOWN))
            return false;
    return true;
}

/* With the last one the domain has ended. */
int64_t x86_vcpu_down(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct vcpu *target = op;

    subcall_reached(FAMILY_VCPU, VCPUOP_down);
    if (is_last(target))
        domain_shutdown(v->domain, SHUTDOWN_poweroff);
    else
        vcpu_down(target);
    return 0;
}

int64_t x86_vcpu_is_up(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    subcall_reached(FAMILY_VCPU, VCPUOP_is_up);
    return !(atomic_load(&((struct vcpu *)op)->pause_flags) & VCPU_DOWN);
}

int64_t x86_vcpu_runstate(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct runstate_times now;
    struct guest_runstate out;
    struct narrow_runstate narrow;

    subcall_reached(FAMILY_VCPU, VCPUOP_get_runstate_info);
    vcpu_runstate_read(op, &now);
    memset(&out, 0, sizeof(out));
    out.state = (int32_t)now.state;
    out.state_entry_time = (uint64_t)now.since;
    for (unsigned i = 0; i < ARRAY_SIZE(out.time); i++)
        out.time[i] = (uint64_t)now.time[i];
    if (!vcpu_call_is_narrow(v))
        return write_guest(v, args[2], &out, sizeof(out));
    runstate_narrow(&out, &narrow);
    return write_guest(v, args[2], &narrow, sizeof(narrow));
}

/* -- timers -- */

/* Not shorter than what one tick costs by far. */
#define PERIOD_MIN MSEC(1)

int64_t x86_vcpu_set_periodic(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct vcpu_set_periodic_timer in;
    int r = read_guest(v, &in, args[2], sizeof(in));

    if (r)
        return r;
    if (in.period_ns < (uint64_t)PERIOD_MIN || in.period_ns > (uint64_t)NSEC_NEVER / 2)
        return -E_INVAL;
    subcall_reached(FAMILY_VCPU, VCPUOP_set_periodic_timer);
    vcpu_set_periodic_timer(op, (nsec_t)in.period_ns);
    return 0;
}

int64_t x86_vcpu_stop_periodic(struct vcpu *v UNUSED, const uint64_t args[6] UNUSED, void *op)
{
    subcall_reached(FAMILY_VCPU, VCPUOP_stop_periodic_timer);
    vcpu_set_periodic_timer(op, 0);
    return 0;
}

/* One's own alone. What lies in the past fires at once, but is refused where the caller says so. */
int64_t x86_vcpu_set_singleshot(struct vcpu *v, const uint64_t args[6], void *op)
{
    struct vcpu_set_singleshot_timer in;
    int r = READ_STRUCT(v, &in, args[2], NARROW_vcpu_set_singleshot_timer);

    if (r)
        return r;
    if (op != v || in.timeout_abs_ns >= (uint64_t)NSEC_NEVER)
        return -E_INVAL;
    subcall_reached(FAMILY_VCPU, VCPUOP_set_singleshot_timer);
    if (in.flags & VCPU_SSHOTTMR_future && in.timeout_abs_ns < (uint64_t)arch_time_now())
        return -E_TIME;
    vcpu_set_singleshot_timer(v, (nsec_t)in.timeout_abs_ns);
    return 0;
}

int64_t x86_vcpu_stop_singleshot(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    if (op != v)
        return -E_INVAL;
    subcall_reached(FAMILY_VCPU, VCPUOP_stop_singleshot_timer);
    vcpu_set_singleshot_timer(v, NSEC_NEVER);
    return 0;
}
