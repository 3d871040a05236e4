/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trapped registers of coprocessors 14 and 15, and of the floating-point unit's identity (Arm ARM D17.2.37, the ISS of MCR, MRC,
 * MCRR, MRRC and VMRS). One table; many a register is one that AArch64 has as well, and means that one.
 */
#include "aarch32.h"
#include "guest.h"
#include "lib/print.h"

/* Numbers in the layout of the ISS. Pairs: of MCRR and MRRC. */
#define CP(op1, crn, crm, op2) \
    ((uint32_t)(op2) << 17 | (uint32_t)(op1) << 14 | (uint32_t)(crn) << 10 | (uint32_t)(crm) << 1)
#define CP_MASK CP(7, 15, 15, 7)
#define PAIR(op1, crm) ((uint32_t)(op1) << 16 | (uint32_t)(crm) << 1)
#define PAIR_MASK PAIR(15, 15)
#define ISS_RT(iss) ((unsigned)((iss) >> 5 & 0x1f))
#define ISS_RT2(iss) ((unsigned)((iss) >> 10 & 0x1f))
#define ISS_CRN(iss) ((unsigned)((iss) >> 10 & 15))
#define ISS_IS_READ BIT(0)

enum access { READ_ONLY = 1, WRITE_ONLY = 2, READ_WRITE = 3 };

struct cp_register {
    uint32_t key, mask;         /* the register is meant when (iss & mask) == key */
    uint32_t as;                /* the AArch64 register (SYSREG_KEY), 0: reads as `data`, writes are ignored */
    enum access access;
    bool at_el0;                /* programs may use it */
    uint32_t data;
};

struct cp_table {
    const char *name;
    const struct cp_register *registers;
    unsigned count;
};

#define EXACT(op1, crn, crm, op2) CP(op1, crn, crm, op2), CP_MASK
#define ANY_CRM(op1, crn, op2) CP(op1, crn, 0, op2), CP_MASK & ~CP(0, 0, 15, 0)
/* Every register of one CRn; those with the upper CRm only. */
#define ANY(crn) CP(0, crn, 0, 0), CP(0, 15, 0, 0)
#define UPPER(crn) CP(0, crn, 8, 0), CP(0, 15, 8, 0)
#define PAIR_EXACT(op1, crm) PAIR(op1, crm), PAIR_MASK
#define IGNORED 0, READ_WRITE, false, 0

static const struct cp_register cp15[] = {
    { EXACT(0, 14, 2, 1), SYSREG_KEY(3, 3, 14, 2, 1), READ_WRITE, true, 0 },    /* CNTP_CTL */
    { EXACT(0, 14, 2, 0), SYSREG_KEY(3, 3, 14, 2, 0), READ_WRITE, true, 0 },    /* CNTP_TVAL */
    { EXACT(0, 1, 0, 1), SYSREG_KEY(3, 0, 1, 0, 1), READ_WRITE, false, 0 },     /* ACTLR */
    { EXACT(0, 1, 0, 3), IGNORED },                                             /* ACTLR2 */
    { EXACT(0, 7, 6, 2), SYSREG_KEY(1, 0, 7, 6, 2), WRITE_ONLY, false, 0 },     /* DCISW */
    { EXACT(0, 7, 10, 2), SYSREG_KEY(1, 0, 7, 10, 2), WRITE_ONLY, false, 0 },   /* DCCSW */
    { EXACT(0, 7, 14, 2), SYSREG_KEY(1, 0, 7, 14, 2), WRITE_ONLY, false, 0 },   /* DCCISW */
    /* Performance counters: the feature registers say there are none, but kernels switch them off all the same. */
    { ANY(9), IGNORED },
    { UPPER(14), IGNORED },
    /* Implementation defined, trapped by HCR_EL2.TIDCP and HSTR_EL2.T15: a processor without any. */
    { ANY(10), IGNORED },
    { ANY(11), IGNORED },
    { ANY(15), IGNORED },
};

static const struct cp_register cp15_pairs[] = {
    { PAIR_EXACT(0, 12), SYSREG_KEY(3, 0, 12, 11, 5), WRITE_ONLY, false, 0 },   /* ICC_SGI1R */
    { PAIR_EXACT(1, 12), SYSREG_KEY(3, 0, 12, 11, 6), WRITE_ONLY, false, 0 },   /* ICC_ASGI1R */
    { PAIR_EXACT(2, 12), SYSREG_KEY(3, 0, 12, 11, 7), WRITE_ONLY, false, 0 },   /* ICC_SGI0R */
    { PAIR_EXACT(2, 14), SYSREG_KEY(3, 3, 14, 2, 2), READ_WRITE, true, 0 },     /* CNTP_CVAL */
    { PAIR_EXACT(0, 9), IGNORED },                                              /* PMCCNTR */
};

/* Debug architecture v8, two breakpoints and two watchpoints; monitor mode cannot be switched on. */
#define DBGDIDR_VALUE (1u << 28 | 1u << 24 | 6u << 16 | 1u << 15)

static const struct cp_register cp14[] = {
    { EXACT(0, 0, 0, 0), 0, READ_ONLY, false, DBGDIDR_VALUE },
    { EXACT(0, 0, 1, 0), 0, READ_ONLY, false, 0 },                              /* DBGDSCRint */
    { EXACT(0, 0, 2, 2), IGNORED },                                             /* DBGDSCRext */
    { EXACT(0, 0, 2, 0), IGNORED },                                             /* DBGDCCINT */
    { EXACT(0, 0, 5, 0), IGNORED },                                             /* DBGDTRRXint, DBGDTRTXint */
    { EXACT(0, 0, 0, 2), IGNORED },                                             /* DBGDTRRXext */
    { EXACT(0, 0, 3, 2), IGNORED },                                             /* DBGDTRTXext */
    { EXACT(0, 0, 6, 0), IGNORED },                                             /* DBGWFAR */
    { EXACT(0, 0, 6, 2), IGNORED },                                             /* DBGOSECCR */
    { EXACT(0, 0, 7, 0), IGNORED },                                             /* DBGVCR */
    { ANY_CRM(0, 0, 4), IGNORED },                                              /* DBGBVR<n> */
    { ANY_CRM(0, 0, 5), IGNORED },                                              /* DBGBCR<n> */
    { ANY_CRM(0, 0, 6), IGNORED },                                              /* DBGWVR<n> */
    { ANY_CRM(0, 0, 7), IGNORED },                                              /* DBGWCR<n> */
    { ANY_CRM(0, 1, 1), IGNORED },                                              /* DBGBXVR<n> */
    { EXACT(0, 1, 0, 0), SYSREG_KEY(2, 0, 1, 0, 0), READ_ONLY, false, 0 },      /* DBGDRAR */
    { EXACT(0, 2, 0, 0), 0, READ_ONLY, false, 0 },                              /* DBGDSAR */
    { EXACT(0, 1, 0, 4), SYSREG_KEY(2, 0, 1, 0, 4), WRITE_ONLY, false, 0 },     /* DBGOSLAR */
    { EXACT(0, 1, 1, 4), SYSREG_KEY(2, 0, 1, 1, 4), READ_ONLY, false, 0 },      /* DBGOSLSR */
    { EXACT(0, 1, 3, 4), IGNORED },                                             /* DBGOSDLR */
    { EXACT(0, 1, 4, 4), IGNORED },                                             /* DBGPRCR */
    { EXACT(0, 7, 8, 6), IGNORED },                                             /* DBGCLAIMSET */
    { EXACT(0, 7, 9, 6), IGNORED },                                             /* DBGCLAIMCLR */
    { EXACT(0, 7, 14, 6), 0, READ_ONLY, false, 0 },                             /* DBGAUTHSTATUS */
    { EXACT(0, 7, 0, 7), 0, READ_ONLY, false, 0 },                              /* DBGDEVID2, 1, 0 */
    { EXACT(0, 7, 1, 7), 0, READ_ONLY, false, 0 },
    { EXACT(0, 7, 2, 7), 0, READ_ONLY, false, 0 },
};

static const struct cp_register cp14_pairs[] = {
    { PAIR_EXACT(0, 1), 0, READ_ONLY, false, 0 },                               /* DBGDRAR, DBGDSAR: no tables */
    { PAIR_EXACT(0, 2), 0, READ_ONLY, false, 0 },
};

#define TABLE(array) { #array, array, ARRAY_SIZE(array) }
static const struct cp_table cp15_table = TABLE(cp15), cp15_pair_table = TABLE(cp15_pairs), cp14_table = TABLE(cp14),
                             cp14_pair_table = TABLE(cp14_pairs);

static bool is_kernel(const struct vcpu *v)
{
    return (v->arch.psr & PSR_MODE) != PSR32_USR;
}

static const struct cp_register *find(const struct vcpu *v, const struct cp_table *t, uint64_t iss)
{
    enum access want = iss & ISS_IS_READ ? READ_ONLY : WRITE_ONLY;

    for (unsigned n = 0; n < t->count; n++) {
        const struct cp_register *r = &t->registers[n];

        if ((iss & r->mask) == r->key)
            return r->access & want && (r->at_el0 || is_kernel(v)) ? r : NULL;
    }
    return NULL;
}

/* Read or write; false when there is no such register, or not for this. */
static bool emulate(struct vcpu *v, const struct cp_table *t, uint64_t iss, uint64_t *value)
{
    const struct cp_register *r = find(v, t, iss);

    if (r && r->as) {
        sysreg_emulate(v, r->as, iss & ISS_IS_READ, value);
    } else if (r) {
        *value = r->data;
    } else {
        log_guest("d%uv%u: %s: syndrome 0x%llx, pc 0x%llx", v->domain->id.v, v->id, t->name, (unsigned long long)iss,
                  (unsigned long long)v->arch.pc);
        arch_inject_undefined(v);
    }
    return r;
}

static void one(struct vcpu *v, const struct cp_table *t, uint64_t esr)
{
    uint64_t iss = ESR_ISS(esr), value = (uint32_t)guest_register(v, ISS_RT(iss));

    if (!emulate(v, t, iss, &value))
        return;
    if (iss & ISS_IS_READ)
        guest_set_register(v, ISS_RT(iss), (uint32_t)value);
    guest_skip_instruction(v, esr);
}

static void pair(struct vcpu *v, const struct cp_table *t, uint64_t esr)
{
    uint64_t iss = ESR_ISS(esr);
    uint64_t value = (uint32_t)guest_register(v, ISS_RT(iss)) | guest_register(v, ISS_RT2(iss)) << 32;

    if (!emulate(v, t, iss, &value))
        return;
    if (iss & ISS_IS_READ) {
        guest_set_register(v, ISS_RT(iss), (uint32_t)value);
        guest_set_register(v, ISS_RT2(iss), value >> 32);
    }
    guest_skip_instruction(v, esr);
}

static void answer_id(struct vcpu *v, uint64_t esr, uint64_t value)
{
    guest_set_register(v, ISS_RT(ESR_ISS(esr)), (uint32_t)value);
    guest_skip_instruction(v, esr);
}

/* Feature registers: CRn = 0, opc1 = 0, CRm = 1..7. Those with CRm 1, 2 and 4 to 6 of CRm 3 are numbered as in AArch64; where AArch64
 * has others, these read as zero. */
static bool is_feature_read(uint64_t iss)
{
    return (iss & CP(7, 15, 8, 0)) == 0 && iss & CP(0, 0, 7, 0) && iss & ISS_IS_READ;
}

static uint64_t feature(uint64_t iss)
{
    unsigned crm = iss >> 1 & 15, op2 = iss >> 17 & 7;
    bool is_there = crm < 3 || (crm == 3 && op2 >= 4 && op2 <= 6);

    ASSERT(crm >= 1 && crm < 8);
    return is_there ? id_registers[crm * 8 + op2] : 0;
}

void trap_cp15(struct vcpu *v, uint64_t esr)
{
    uint64_t iss = ESR_ISS(esr);

    if (is_feature_read(iss) && is_kernel(v))
        answer_id(v, esr, feature(iss));
    else
        one(v, &cp15_table, esr);
}

void trap_cp15_pair(struct vcpu *v, uint64_t esr)
{
    pair(v, &cp15_pair_table, esr);
}

void trap_cp14(struct vcpu *v, uint64_t esr)
{
    one(v, &cp14_table, esr);
}

void trap_cp14_pair(struct vcpu *v, uint64_t esr)
{
    pair(v, &cp14_pair_table, esr);
}

/* MVFR0, 1 and 2 are numbers 7, 6 and 5 of VMRS (G8.2.105). */
void trap_vmrs(struct vcpu *v, uint64_t esr)
{
    unsigned n = ISS_CRN(ESR_ISS(esr));

    if (n >= 5 && n <= 7 && ESR_ISS(esr) & ISS_IS_READ)
        answer_id(v, esr, id_registers[3 * 8 + 7 - n]);
    else
        arch_inject_undefined(v);
}
