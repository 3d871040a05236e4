/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASIDs: each CPU numbers the spaces of translations that it has cached by itself (AMD64 APM volume 2, 15.16). A vCPU keeps its number while
 * it stays on a CPU and no nested table has changed; otherwise it gets the next one, which nothing is cached for. When they are used up the
 * CPU drops everything and begins again.
 */
#include "arch/x86_64/svm/svm.h"
#include "lib/atomic.h"

struct asids {
    uint64_t generation, changes;       /* changes: npt_changes as of this generation's newest numbers */
    uint32_t next;
};
static PER_CPU(struct asids, asids);
static uint32_t asid_count;
extern uint64_t npt_changes;

void svm_asid_init(unsigned count)
{
    asid_count = count;
    PANIC_IF(count < 2, "SVM: the processor has %u ASIDs", count);
}

/* Nothing of v is cached under what it has from now on. */
static void assign(struct asids *a, struct vcpu *v)
{
    struct vmcb *m = vmcb_of(v);

    if (a->next == 0 || a->next >= asid_count) {
        a->next = 1;
        a->generation++;
        m->tlb_control = TLB_FLUSH_ALL;
    }
    m->asid = a->next++;
    v->arch.svm.asid_generation = a->generation;
    v->arch.svm.asid_cpu = cpu_id();
    v->arch.svm.asid_changes = a->changes;
}

void svm_asid_prepare(struct vcpu *v)
{
    struct asids *a = &THIS_CPU(asids);

    vmcb_of(v)->tlb_control = TLB_KEEP;
    a->changes = atomic_load(&npt_changes);
    if (unlikely(v->arch.svm.asid_generation != a->generation) || unlikely(v->arch.svm.asid_changes != a->changes) ||
        unlikely(v->arch.svm.asid_cpu != cpu_id()))
        assign(a, v);
}
