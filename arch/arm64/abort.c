/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage-2 faults (Arm ARM D8.13): an emulated device's register, an entry that changed meanwhile or needs work, or an
 * address where the guest has nothing.
 */
#include "arch/common/stage2_fault.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "decode.h"
#include "guest.h"
#include "lib/print.h"
#include "sysreg.h"

#define ISS_SIZE(iss) (1u << ((iss) >> ISS_SIZE_SHIFT & 3))
#define ISS_REGISTER(iss) ((unsigned)((iss) >> ISS_REGISTER_SHIFT & 0x1f))
#define FAULT_CLASS(iss) ((iss) & 0x3c)
#define FAULT_TRANSLATION 0x04
#define FAULT_ACCESS_FLAG 0x08
#define FAULT_PERMISSION 0x0c

/* What stage 2 could not translate: HPFAR_EL2 has the page. */
static inline gpa_t walked_address(uint64_t far)
{
    return GPA((read_sysreg(hpfar_el2) >> 4 & (BIT(40) - 1)) << PAGE_SHIFT | (far & (PAGE_SIZE - 1)));
}

/*
 * The guest-physical address. HPFAR_EL2 does not hold it for a permission fault outside a stage-1 walk (D17.2.61):
 * then stage 1 is asked. False: stage 1 has changed meanwhile.
 */
static bool fault_address(struct vcpu *v, uint64_t iss, uint64_t far, gpa_t *out)
{
    if (FAULT_CLASS(iss) == FAULT_PERMISSION && !(iss & ISS_S1PTW))
        return arch_guest_translate(v, GVA(far), false, out) == TRANSLATE_OK;
    *out = walked_address(far);
    return true;
}

static uint64_t extend(uint64_t value, unsigned size, uint64_t iss)
{
    unsigned unused = 64 - 8 * size;

    value = iss & ISS_SSE ? (uint64_t)((int64_t)(value << unused) >> unused) : value << unused >> unused;
    return iss & ISS_SF ? value : (uint32_t)value;
}

/* The syndrome describes a load or store of one register: try the emulated devices. */
static ALWAYS_INLINE bool emulate_here(struct vcpu *v, uint64_t esr, gpa_t address)
{
    uint64_t iss = ESR_ISS(esr), value = 0;
    unsigned size = ISS_SIZE(iss);
    bool is_write = iss & ISS_WNR;

    if (is_write)
        value = guest_register(v, ISS_REGISTER(iss)) & (UINT64_MAX >> (64 - 8 * size));
    if (!upcall_mmio(v, address, size, is_write, &value))
        return false;
    if (!is_write)
        guest_set_register(v, ISS_REGISTER(iss), extend(value, size, iss));
    guest_skip_instruction(v, esr);
    return true;
}

static NOINLINE bool emulate(struct vcpu *v, uint64_t esr, gpa_t address)
{
    return emulate_here(v, esr, address);
}

/* The syndrome describes nothing: the instruction does. True also when reading it is to be tried again. */
static bool emulate_decoded(struct vcpu *v, uint64_t esr, gpa_t address)
{
    struct decoded d;
    enum copy_result r = decode_access(v, &d);

    if (r == COPY_FAULT)
        return false;
    if (r == COPY_RETRY)
        return true;
    esr = (esr & ~(ESR_IL | ESR_ISS(UINT64_MAX))) | (d.length == 4 ? ESR_IL : 0) | d.iss;
    if (!emulate(v, esr, address))
        return false;
    decode_write_back(v, &d);
    return true;
}

static COLD NOINLINE void report(const struct vcpu *v, uint64_t esr, gpa_t address, enum stage2_fault o)
{
    log_guest("d%uv%u: %s at 0x%llx (guest-physical), syndrome 0x%llx, pc 0x%llx", v->domain->id.v, v->id,
              o == STAGE2_DENIED ? "access denied" : "nothing", (unsigned long long)address.v, (unsigned long long)esr,
              (unsigned long long)v->arch.pc);
}

/* Not a translation, access flag or permission fault: the bus or the memory said no, or the address is too large. */
static bool is_resolvable(uint64_t iss)
{
    uint64_t class = FAULT_CLASS(iss);

    return class == FAULT_TRANSLATION || class == FAULT_ACCESS_FLAG || class == FAULT_PERMISSION;
}

static NOINLINE void fault(struct vcpu *v, uint64_t esr, bool is_fetch)
{
    uint64_t iss = ESR_ISS(esr), far = iss & ISS_FNV ? 0 : read_sysreg(far_el2);
    bool is_write = !is_fetch && (iss & ISS_WNR) && !(iss & ISS_S1PTW);
    enum stage2_fault o = STAGE2_NOTHING;
    gpa_t address = GPA(0);

    if (is_resolvable(iss)) {
        if (!fault_address(v, iss, far, &address))
            return;
        if (!is_fetch && (iss & ISS_ISV) && emulate(v, esr, address))
            return;
        o = stage2_fault_look(v->domain, gpa_to_gfn(address), is_write, is_fetch);
        if (o == STAGE2_AGAIN)
            return;
        if (o == STAGE2_NOTHING && !is_fetch && !(iss & (ISS_ISV | ISS_S1PTW)) && emulate_decoded(v, esr, address))
            return;
    }
    report(v, esr, address, o);
    arch_inject_bad_address(v, far, is_fetch);
}

void trap_instruction_abort(struct vcpu *v, uint64_t esr)
{
    fault(v, esr, true);
}

/* Most of them are of emulated devices, which no entry maps. */
void trap_data_abort(struct vcpu *v, uint64_t esr)
{
    bool is_access = (esr & (ISS_ISV | ISS_S1PTW | ISS_FNV)) == ISS_ISV && FAULT_CLASS(esr) == FAULT_TRANSLATION;

    if (likely(is_access) && emulate_here(v, esr, walked_address(read_sysreg(far_el2))))
        return;
    fault(v, esr, false);
}
