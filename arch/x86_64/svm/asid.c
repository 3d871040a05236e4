/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASIDs (AMD64 APM volume 2, 15.16). Each CPU numbers vCPUs by itself, since translations of one vCPU are of no use to another, not even of
 * the same domain: a guest's INVLPG reaches only the ASID that it runs with. A vCPU keeps its number while it stays on a CPU and nothing is
 * taken out of its nested tables; else it gets the next one, which nothing is cached for. When they are used up the CPU drops everything as it
 * enters the guest and begins again.
 */
#include "arch/x86_64/svm/svm.h"
#include "lib/atomic.h"

static PER_CPU(struct asids, asids);
static uint32_t asid_count;

void svm_asid_init(unsigned count)
{
    asid_count = count;
}

void svm_asid_renew(struct vcpu *v)
{
    struct asids *a = &THIS_CPU(asids);
    struct vmcb *m = vmcb_of(v);

    ASSERT(asid_count >= 2);
    /* Before the number is taken: what is changed later is seen to be. */
    v->arch.svm.asid_changes = atomic_load_acquire(v->arch.svm.space_changes);
    if (a->next == 0 || a->next >= asid_count) {
        a->next = 1;
        a->generation++;
        a->must_flush = true;
    }
    if (a->must_flush)
        m->tlb_control = TLB_FLUSH_ALL;
    m->asid = a->next++;
    svm_written(m, CLEAN_ASID);
    v->arch.svm.asid_generation = a->generation;
    v->arch.svm.asid_cpu = cpu_id();
}

/* The one that drops everything need not be the one that used up the numbers: that one may not get to run. */
void svm_asid_load(struct vcpu *v)
{
    ASSERT(v->arch.svm.vmcb);
    if (v->arch.svm.asid_cpu != cpu_id() || v->arch.svm.asid_generation != THIS_CPU(asids).generation)
        svm_asid_renew(v);
    if (THIS_CPU(asids).must_flush)
        vmcb_of(v)->tlb_control = TLB_FLUSH_ALL;
}

void svm_asid_flushed(struct vcpu *v)
{
    vmcb_of(v)->tlb_control = TLB_KEEP;
    THIS_CPU(asids).must_flush = false;
}
