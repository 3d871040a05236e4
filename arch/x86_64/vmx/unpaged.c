/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86_64/vmx/unpaged.h"
#include "arch/include/mapping.h"
#include "lib/error.h"
#include "mem/heap.h"
#include "mem/stage2.h"
#include "msr.h"

/* Frames of guest-physical space, in the local APICs' range (Intel SDM volume 3, 10.11.1) behind the page of its registers. */
#define IDENTITY_GFN UINT64_C(0xfee01)
#define PAGES_ORDER 2
#define LARGE_PAGES 1024
/* Present, writable, for all levels, accessed, dirty, 4 MiB: the processor has nothing to note there. */
#define LARGE_PAGE 0xe7u
#define LARGE_SHIFT 22
/* A task segment, its map of ports that are all allowed, and the byte that ends that (7.2.1, 19.5.2). */
#define TASK_PORTS_AT 102
#define TASK_BYTES 104
#define PORT_BYTES 8192
#define MSR_CR4_MAY_BE_SET 0x489        /* A.8 */
/* What of CR4 does not depend on paging or privilege: the rest would be of virtual-8086 mode's user, or of the identity map. */
#define CR4_AS_IT_IS (CR4_DE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE)
#define CR4_DE (1 << 3)

static bool is_needed;

void unpaged_needed(void)
{
    is_needed = true;
}

bool unpaged_is_needed(void)
{
    return is_needed;
}

static void fill(uint8_t *pages)
{
    uint32_t *identity = (uint32_t *)(void *)pages;
    uint8_t *task = pages + PAGE_SIZE;

    STATIC_ASSERT(TASK_BYTES + PORT_BYTES < 3 * PAGE_SIZE);
    for (uint32_t i = 0; i < LARGE_PAGES; i++)
        identity[i] = i << LARGE_SHIFT | LARGE_PAGE;
    *(uint16_t *)(void *)(task + TASK_PORTS_AT) = TASK_BYTES;
    task[TASK_BYTES + PORT_BYTES] = UINT8_MAX;
}

int unpaged_vcpu_init(struct vcpu *v)
{
    struct vmx_vcpu *x = &v->arch.vmx;

    if (!is_needed || v->id)
        return 0;
    x->unpaged_pages = heap_alloc_pages(PAGES_ORDER);
    if (!x->unpaged_pages)
        return -E_NOMEM;
    fill(x->unpaged_pages);
    return stage2_map_pages(&v->domain->stage2, GFN(IDENTITY_GFN), arch_heap_frame(x->unpaged_pages), BIT(PAGES_ORDER), S2_DEVICE);
}

void unpaged_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.vmx.unpaged_pages)
        heap_free_pages(v->arch.vmx.unpaged_pages, PAGES_ORDER);
    v->arch.vmx.unpaged_pages = NULL;
}

/* A task segment is what the processor wants while no guest in real mode has one. */
struct x86_segment unpaged_task(void)
{
    return (struct x86_segment){ 0, 0x8b, TASK_BYTES + PORT_BYTES, (IDENTITY_GFN + 1) << PAGE_SHIFT };
}

/* -- control registers -- */

struct x86_control_registers unpaged_enter(struct vcpu *v, const struct x86_control_registers *in)
{
    struct x86_control_registers out = *in;
    struct vmx_vcpu *x = &v->arch.vmx;

    ASSERT(is_needed && !(in->cr0 & CR0_PG));
    x->is_unpaged = true;
    x->cr3 = in->cr3;
    x->efer = in->efer;
    out.cr0 |= CR0_RESTRICTED;
    out.cr3 = IDENTITY_GFN << PAGE_SHIFT;
    out.cr4 = (in->cr4 & CR4_AS_IT_IS) | CR4_PSE;
    out.efer &= EFER_SCE | EFER_NXE;
    vmwrite(VMCS_CONTROLS, vmread(VMCS_CONTROLS) | CONTROL_CR3);
    if (!(in->cr0 & CR0_PE) && !x->is_real)
        real_mode_enter(v);
    else if ((in->cr0 & CR0_PE) && x->is_real)
        real_mode_leave(v);
    return out;
}

void unpaged_leave(struct vcpu *v)
{
    if (v->arch.vmx.is_real)
        real_mode_leave(v);
    v->arch.vmx.is_unpaged = false;
    vmwrite(VMCS_CONTROLS, vmread(VMCS_CONTROLS) & ~(uint64_t)CONTROL_CR3);
}

void unpaged_show(const struct vcpu *v, struct x86_control_registers *c)
{
    const struct vmx_vcpu *x = &v->arch.vmx;

    ASSERT(x->is_unpaged);
    c->cr3 = x->cr3;
    c->cr4 = vmread(VMCS_CR4_SEEN);
    c->efer = x->efer;
}

void unpaged_move_cr3(struct vcpu *v, uint64_t *operand, bool is_read, unsigned length)
{
    ASSERT(v->arch.vmx.is_unpaged);
    if (is_read)
        *operand = v->arch.vmx.cr3;
    else
        v->arch.vmx.cr3 = (uint32_t)*operand;
    vmx_skip(v, length);
}

/* Of bits that only 64-bit code can set there is PCIDE, which needs long mode (4.10.1). */
void unpaged_write_cr4(struct vcpu *v, uint64_t cr4, unsigned length)
{
    struct x86_control_registers c;

    ASSERT(v->arch.vmx.is_unpaged);
    if (cr4 & (~rdmsr(MSR_CR4_MAY_BE_SET) | CR4_VMXE | CR4_PCIDE)) {
        vmx_inject_exception(v, VECTOR_GP, 0, 0);
        return;
    }
    vmx_get_control_registers(v, &c);
    c.cr4 = cr4;
    vmx_set_running_control_registers(v, &c);
    vmx_skip(v, length);
}
