/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System registers that trap (Arm ARM D17.2.37, ISS of a trapped MSR, MRS or system instruction). One table; what is
 * in no table is undefined for the guest and gives a line in the log.
 */
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "guest.h"
#include "lib/print.h"
#include "sysreg.h"

/* Numbers in the layout of the ISS, so that a look-up needs no shuffling. */
#define KEY SYSREG_KEY
#define KEY_MASK KEY(3, 7, 15, 15, 7)
#define ISS_IS_READ BIT(0)
#define ISS_RT(iss) ((unsigned)((iss) >> 5 & 0x1f))

#define MDSCR_SS BIT(0)
#define MDSCR_KEPT (MDSCR_SS | BIT(12) | BIT(13))   /* single step, TDCC, KDE; not MDE: breakpoints stay off */
#define OSLSR_UNLOCKED BIT(3)

struct sysreg {
    uint32_t key, mask;     /* the register is meant when (iss & mask) == key */
    bool at_el0;            /* programs may use it */
    uint64_t (*read)(struct vcpu *v, const struct sysreg *r);               /* NULL: undefined */
    void (*write)(struct vcpu *v, const struct sysreg *r, uint64_t value);  /* NULL: undefined */
    uint64_t data;
};

static uint64_t read_data(struct vcpu *v, const struct sysreg *r)
{
    (void)v;
    return r->data;
}

static void ignore(struct vcpu *v, const struct sysreg *r, uint64_t value)
{
    (void)v;
    (void)r;
    (void)value;
}

static void write_sgi1(struct vcpu *v, const struct sysreg *r, uint64_t value)
{
    (void)r;
    vgic_send_sgi(v, value);
}

static void write_sgi0(struct vcpu *v, const struct sysreg *r, uint64_t value)
{
    (void)r;
    vgic_send_sgi0(v, value);
}

static uint64_t read_ptimer(struct vcpu *v, const struct sysreg *r)
{
    return ptimer_read(v, (enum ptimer_register)r->data);
}

static void write_ptimer(struct vcpu *v, const struct sysreg *r, uint64_t value)
{
    ptimer_write(v, (enum ptimer_register)r->data, value);
}

static uint64_t read_actlr(struct vcpu *v, const struct sysreg *r)
{
    (void)r;
    return v->arch.actlr_el1;
}

static uint64_t read_mdscr(struct vcpu *v, const struct sysreg *r)
{
    (void)r;
    return v->arch.mdscr_el1;
}

/* Single step works in a guest, so the register is live; breakpoints do not. */
static void write_mdscr(struct vcpu *v, const struct sysreg *r, uint64_t value)
{
    (void)r;
    v->arch.mdscr_el1 = value & MDSCR_KEPT;
    write_sysreg(mdscr_el1, v->arch.mdscr_el1);
}

/*
 * Cache maintenance by set and way works on the caches of one CPU and not on those beyond, so for a vCPU that moves
 * it promises nothing; software uses it before its caches are on or after they are off. Clean and invalidate,
 * whatever was asked: an invalidation must not lose other guests' data.
 */
static void write_set_way(struct vcpu *v, const struct sysreg *r, uint64_t value)
{
    (void)v;
    (void)r;
    __asm__ volatile("dc cisw, %0" :: "r"(value) : "memory");
}

#define EXACT(op0, op1, crn, crm, op2) KEY(op0, op1, crn, crm, op2), KEY_MASK
/* Any op2 of one CRm; any CRm of one op2; any of both. */
#define ANY_OP2(op0, op1, crn, crm) KEY(op0, op1, crn, crm, 0), KEY_MASK & ~KEY(0, 0, 0, 0, 7)
#define ANY_CRM(op0, op1, crn, op2) KEY(op0, op1, crn, 0, op2), KEY_MASK & ~KEY(0, 0, 0, 15, 0)
#define ANY(op0, op1, crn) KEY(op0, op1, crn, 0, 0), KEY_MASK & ~KEY(0, 0, 0, 15, 7)
#define IGNORED read_data, ignore, 0

/* The most used first: it is searched in this order. */
static const struct sysreg sysregs[] = {
    { EXACT(3, 0, 12, 11, 5), false, NULL, write_sgi1, 0 },                     /* ICC_SGI1R_EL1 */
    { EXACT(3, 0, 1, 0, 1), false, read_actlr, ignore, 0 },                     /* ACTLR_EL1 */
    { EXACT(3, 3, 14, 2, 1), true, read_ptimer, write_ptimer, PTIMER_CTL },     /* CNTP_CTL_EL0 */
    { EXACT(3, 3, 14, 2, 2), true, read_ptimer, write_ptimer, PTIMER_CVAL },    /* CNTP_CVAL_EL0 */
    { EXACT(3, 3, 14, 2, 0), true, read_ptimer, write_ptimer, PTIMER_TVAL },    /* CNTP_TVAL_EL0 */
    { EXACT(2, 0, 0, 2, 2), false, read_mdscr, write_mdscr, 0 },                /* MDSCR_EL1 */
    { EXACT(3, 0, 12, 11, 6), false, NULL, write_sgi1, 0 },                     /* ICC_ASGI1R_EL1: one security state */
    { EXACT(3, 0, 12, 11, 7), false, NULL, write_sgi0, 0 },                     /* ICC_SGI0R_EL1 */
    /* OS lock: never locked. Double lock, power request, claim tags: nothing behind them. */
    { EXACT(2, 0, 1, 0, 4), false, NULL, ignore, 0 },                           /* OSLAR_EL1 */
    { EXACT(2, 0, 1, 1, 4), false, read_data, NULL, OSLSR_UNLOCKED },           /* OSLSR_EL1 */
    { EXACT(2, 0, 1, 3, 4), false, IGNORED },                                   /* OSDLR_EL1 */
    { EXACT(2, 0, 1, 4, 4), false, IGNORED },                                   /* DBGPRCR_EL1 */
    { EXACT(2, 0, 1, 0, 0), false, read_data, NULL, 0 },                        /* MDRAR_EL1 */
    { EXACT(2, 0, 7, 8, 6), false, IGNORED },                                   /* DBGCLAIMSET_EL1 */
    { EXACT(2, 0, 7, 9, 6), false, IGNORED },                                   /* DBGCLAIMCLR_EL1 */
    { EXACT(2, 0, 7, 14, 6), false, read_data, NULL, 0 },                       /* DBGAUTHSTATUS_EL1 */
    /* The debug communication channel: nobody listens. */
    { EXACT(2, 3, 0, 1, 0), false, read_data, NULL, 0 },                        /* MDCCSR_EL0 */
    { EXACT(2, 3, 0, 4, 0), false, IGNORED },                                   /* DBGDTR_EL0 */
    { EXACT(2, 3, 0, 5, 0), false, IGNORED },                                   /* DBGDTRRX_EL0, DBGDTRTX_EL0 */
    { EXACT(2, 0, 0, 2, 0), false, IGNORED },                                   /* MDCCINT_EL1 */
    { EXACT(2, 0, 0, 0, 2), false, IGNORED },                                   /* OSDTRRX_EL1 */
    { EXACT(2, 0, 0, 3, 2), false, IGNORED },                                   /* OSDTRTX_EL1 */
    { EXACT(2, 0, 0, 6, 2), false, IGNORED },                                   /* OSECCR_EL1 */
    { ANY_CRM(2, 0, 0, 4), false, IGNORED },                                    /* DBGBVR<n>_EL1 */
    { ANY_CRM(2, 0, 0, 5), false, IGNORED },                                    /* DBGBCR<n>_EL1 */
    { ANY_CRM(2, 0, 0, 6), false, IGNORED },                                    /* DBGWVR<n>_EL1 */
    { ANY_CRM(2, 0, 0, 7), false, IGNORED },                                    /* DBGWCR<n>_EL1 */
    /* Performance counters: the feature registers say there are none, but kernels switch them off all the same. */
    { ANY_OP2(3, 3, 9, 12), false, IGNORED },                                   /* PMCR_EL0 .. */
    { ANY_OP2(3, 3, 9, 13), false, IGNORED },                                   /* PMCCNTR_EL0 .. */
    { ANY_OP2(3, 3, 9, 14), false, IGNORED },                                   /* PMUSERENR_EL0 .. */
    { ANY_OP2(3, 0, 9, 14), false, IGNORED },                                   /* PMINTENSET_EL1, PMINTENCLR_EL1 */
    { EXACT(1, 0, 7, 6, 2), false, NULL, write_set_way, 0 },                    /* DC ISW */
    { EXACT(1, 0, 7, 10, 2), false, NULL, write_set_way, 0 },                   /* DC CSW */
    { EXACT(1, 0, 7, 14, 2), false, NULL, write_set_way, 0 },                   /* DC CISW */
    /* Implementation defined, trapped by HCR_EL2.TIDCP: a processor without any. */
    { ANY(3, 0, 15), false, IGNORED },
};

static const struct sysreg *find(uint64_t iss)
{
    const struct sysreg *r = sysregs;

    while ((iss & r->mask) != r->key)
        if (unlikely(++r == sysregs + ARRAY_SIZE(sysregs)))
            return NULL;
    return r;
}

static COLD NOINLINE void undefined(struct vcpu *v, uint64_t iss)
{
    log_guest("d%uv%u: system register S%llu_%llu_C%llu_C%llu_%llu %s, pc 0x%llx", v->domain->id.v, v->id,
              (unsigned long long)(iss >> 20 & 3), (unsigned long long)(iss >> 14 & 7),
              (unsigned long long)(iss >> 10 & 15), (unsigned long long)(iss >> 1 & 15),
              (unsigned long long)(iss >> 17 & 7), iss & ISS_IS_READ ? "read" : "written",
              (unsigned long long)v->arch.pc);
    arch_inject_undefined(v);
}

/* The feature registers: op0 = 3, op1 = 0, CRn = 0, CRm = 1..7. */
static bool is_id_register(uint64_t iss)
{
    return (iss & KEY(3, 7, 15, 8, 0)) == KEY(3, 0, 0, 0, 0);
}

static unsigned id_index(uint64_t iss)
{
    return (iss >> 1 & 7) * 8 + (iss >> 17 & 7);
}

static bool may_access(const struct vcpu *v, const struct sysreg *r, bool is_read)
{
    if (is_read ? !r->read : !r->write)
        return false;
    return r->at_el0 || (v->arch.psr & PSR_MODE) == PSR_EL1H || (v->arch.psr & PSR_MODE) == PSR_EL1T;
}

static NOINLINE void emulate(struct vcpu *v, uint64_t esr)
{
    uint64_t iss = ESR_ISS(esr);
    bool is_read = iss & ISS_IS_READ;
    const struct sysreg *r = find(iss);

    if (!r || !may_access(v, r, is_read)) {
        undefined(v, iss);
        return;
    }
    guest_skip_a64(v);
    if (is_read)
        guest_set_register(v, ISS_RT(iss), r->read(v, r));
    else
        r->write(v, r, guest_register(v, ISS_RT(iss)));
}

void sysreg_emulate(struct vcpu *v, uint32_t key, bool is_read, uint64_t *value)
{
    const struct sysreg *r = find(key);

    ASSERT(r && (is_read ? r->read != NULL : r->write != NULL));
    if (is_read)
        *value = r->read(v, r);
    else
        r->write(v, r, *value);
}

void trap_sysreg(struct vcpu *v, uint64_t esr)
{
    uint64_t iss = ESR_ISS(esr);

    if (!is_id_register(iss) || !(iss & ISS_IS_READ)) {
        emulate(v, esr);
        return;
    }
    guest_set_register(v, ISS_RT(iss), id_registers[id_index(iss)]);
    guest_skip_a64(v);
}
