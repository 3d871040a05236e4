/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest sees as firmware: PSCI 1.1 (Arm DEN 0022), the architecture's SMCCC calls (Arm DEN 0028) and the
 * hypervisor service's identity. A table of functions; what is not in it answers "not supported".
 */
#include "arch/include/arm64_vcpu.h"
#include "arch/include/upcall.h"
#include "core/domain.h"
#include "lib/error.h"
#include "vdev/arm64/vgic.h"

#define NOT_SUPPORTED (-1)
#define INVALID_PARAMETERS (-2)
#define ALREADY_ON (-4)
#define INTERNAL_FAILURE (-6)
#define INVALID_ADDRESS (-9)
#define RUN_AGAIN INT64_MIN     /* never a guest's: the call is made again */

/* Reasons for a shutdown as domain_shutdown takes them (xen/sched.h, SHUTDOWN_*). */
#define REASON_POWEROFF 0
#define REASON_REBOOT 1

#define SMC64 UINT32_C(0x40000000)
#define PSCI(n) (UINT32_C(0x84000000) + (n))
#define PSCI_FUNCTIONS 32
#define PSCI_VERSION PSCI(0)
#define PSCI_CPU_SUSPEND PSCI(1)
#define PSCI_CPU_OFF PSCI(2)
#define PSCI_CPU_ON PSCI(3)
#define PSCI_AFFINITY_INFO PSCI(4)
#define PSCI_MIGRATE_INFO_TYPE PSCI(6)
#define PSCI_SYSTEM_OFF PSCI(8)
#define PSCI_SYSTEM_RESET PSCI(9)
#define PSCI_FEATURES PSCI(10)
#define SMCCC_VERSION UINT32_C(0x80000000)
#define SMCCC_ARCH_FEATURES UINT32_C(0x80000001)
#define HYP_CALL_COUNT UINT32_C(0x8600ff00)
#define HYP_CALL_UID UINT32_C(0x8600ff01)
#define HYP_REVISION UINT32_C(0x8600ff03)
#define STANDARD_CALL_COUNT UINT32_C(0x8400ff00)
#define STANDARD_CALL_UID UINT32_C(0x8400ff01)
#define STANDARD_REVISION UINT32_C(0x8400ff03)

struct smccc_call {
    struct vcpu *v;
    bool is_64;
};

struct smccc_function {
    uint32_t id;
    bool both_widths;           /* the 64-bit twin exists too */
    int64_t (*call)(const struct smccc_call *c);
};

static const struct smccc_function *find_function(const struct vcpu *v, uint64_t id);

/* Argument n (1..3): 32-bit calls have 32-bit arguments. */
static uint64_t argument(const struct smccc_call *c, unsigned n)
{
    uint64_t value = arch_hypercall_arg(c->v, n);

    return c->is_64 ? value : (uint32_t)value;
}

static int64_t psci_version(const struct smccc_call *c)
{
    (void)c;
    return 0x10001;
}

/* Every power state is a wait for an interrupt, from which execution goes on after the call. */
static int64_t psci_cpu_suspend(const struct smccc_call *c)
{
    vcpu_block(c->v);
    return 0;
}

static int64_t psci_cpu_off(const struct smccc_call *c)
{
    vcpu_down(c->v);
    return 0;
}

static bool is_up(const struct vcpu *v)
{
    return !(atomic_load(&v->pause_flags) & VCPU_DOWN);
}

static int64_t psci_cpu_on(const struct smccc_call *c)
{
    struct vcpu *v = vgic_vcpu_by_affinity(c->v->domain, argument(c, 1));
    struct vcpu_start start = { .pc = argument(c, 2), .context = argument(c, 3) };
    bool is_narrow = domain_is_narrow(c->v->domain);

    if (!v)
        return INVALID_PARAMETERS;
    if (is_up(v))
        return ALREADY_ON;
    if (!is_narrow && start.pc & 3)     /* bit 0 of a 32-bit one asks for T32 */
        return INVALID_ADDRESS;
    switch (vcpu_up(v, &start)) {
    case 0:
        return 0;
    case -E_NOMEM:
        return INTERNAL_FAILURE;
    case -E_RESTART:            /* it has gone down and is still leaving its CPU */
        return RUN_AGAIN;
    default:                    /* another vCPU was quicker */
        return ALREADY_ON;
    }
}

/* 0 on, 1 off. Levels above a core's are as on as one of them; there are no such nodes that could be off, so none is
 * known. */
static int64_t psci_affinity_info(const struct smccc_call *c)
{
    struct vcpu *v = vgic_vcpu_by_affinity(c->v->domain, argument(c, 1));

    if (!v || argument(c, 2) != 0)
        return INVALID_PARAMETERS;
    return is_up(v) ? 0 : 1;
}

/* 2: a trusted OS that needs no migration, or none at all. */
static int64_t psci_migrate_info_type(const struct smccc_call *c)
{
    (void)c;
    return 2;
}

static int64_t psci_system_off(const struct smccc_call *c)
{
    domain_shutdown(c->v->domain, REASON_POWEROFF);
    return INTERNAL_FAILURE;    /* seen only if it should run again */
}

static int64_t psci_system_reset(const struct smccc_call *c)
{
    domain_shutdown(c->v->domain, REASON_REBOOT);
    return INTERNAL_FAILURE;
}

static int64_t psci_features(const struct smccc_call *c)
{
    uint32_t id = (uint32_t)argument(c, 1);
    bool is_psci = (id & ~(SMC64 | (PSCI_FUNCTIONS - 1))) == PSCI(0) || id == SMCCC_VERSION;

    return is_psci && find_function(c->v, id) ? 0 : NOT_SUPPORTED;
}

static int64_t smccc_version(const struct smccc_call *c)
{
    (void)c;
    return 0x10001;
}

static int64_t smccc_arch_features(const struct smccc_call *c)
{
    uint32_t id = (uint32_t)argument(c, 1);

    if (id == SMCCC_WORKAROUND_1 || id == SMCCC_WORKAROUND_2 || id == SMCCC_WORKAROUND_3)
        return arch_guest_workaround(id);
    return id == SMCCC_VERSION || id == SMCCC_ARCH_FEATURES ? 0 : NOT_SUPPORTED;
}

/* Where it is of use the way in from the guest has done it; a guest that was told there is none may call it (DEN 0028, 7.5). */
static int64_t arch_workaround(const struct smccc_call *c)
{
    (void)c;
    return 0;
}

/* A UUID goes out in four registers, each with its bytes in little-endian order (DEN 0028, 5.3). */
static int64_t answer_uid(const struct smccc_call *c, const uint8_t uid[16])
{
    uint32_t w[4];

    for (unsigned n = 0; n < 4; n++)
        w[n] = uid[4 * n] | uid[4 * n + 1] << 8 | uid[4 * n + 2] << 16 | (uint32_t)uid[4 * n + 3] << 24;
    for (unsigned n = 1; n < 4; n++)
        arch_hypercall_set_arg(c->v, n, w[n]);
    return w[0];
}

/* Identities: xen/arch-arm/smccc.h, XEN_SMCCC_UID and SSSC_SMCCC_UID. */
static int64_t hyp_uid(const struct smccc_call *c)
{
    static const uint8_t uid[16] = {
        0xa7, 0x18, 0x12, 0xdc, 0xc6, 0x98, 0x43, 0x69, 0x9a, 0xcf, 0x79, 0xd1, 0x8d, 0xde, 0xe6, 0x67,
    };

    return answer_uid(c, uid);
}

static int64_t standard_uid(const struct smccc_call *c)
{
    static const uint8_t uid[16] = {
        0xf8, 0x63, 0x38, 0x6f, 0x4b, 0x39, 0x4c, 0xbd, 0x92, 0x20, 0xce, 0x16, 0x41, 0xe5, 0x9f, 0x6f,
    };

    return answer_uid(c, uid);
}

/* Revision 0.1 of both services: major in the first register, minor in the second. */
static int64_t service_revision(const struct smccc_call *c)
{
    arch_hypercall_set_arg(c->v, 1, 1);
    return 0;
}

static int64_t hyp_count(const struct smccc_call *c)
{
    (void)c;
    return 3;
}

static int64_t standard_count(const struct smccc_call *c)
{
    (void)c;
    return 13;
}

/* By number (DEN 0022, 5.1). */
#define PSCI_ROW(id_, both, function) [(id_) - PSCI(0)] = { id_, both, function }
static const struct smccc_function psci_functions[PSCI_FUNCTIONS] = {
    PSCI_ROW(PSCI_VERSION, false, psci_version),
    PSCI_ROW(PSCI_CPU_SUSPEND, true, psci_cpu_suspend),
    PSCI_ROW(PSCI_CPU_OFF, false, psci_cpu_off),
    PSCI_ROW(PSCI_CPU_ON, true, psci_cpu_on),
    PSCI_ROW(PSCI_AFFINITY_INFO, true, psci_affinity_info),
    PSCI_ROW(PSCI_MIGRATE_INFO_TYPE, false, psci_migrate_info_type),
    PSCI_ROW(PSCI_SYSTEM_OFF, false, psci_system_off),
    PSCI_ROW(PSCI_SYSTEM_RESET, false, psci_system_reset),
    PSCI_ROW(PSCI_FEATURES, false, psci_features),
};

/* The workarounds first: a guest may call them on every entry to its kernel. */
static const struct smccc_function functions[] = {
    { SMCCC_WORKAROUND_2, false, arch_workaround },
    { SMCCC_WORKAROUND_1, false, arch_workaround },
    { SMCCC_WORKAROUND_3, false, arch_workaround },
    { SMCCC_VERSION, false, smccc_version },
    { SMCCC_ARCH_FEATURES, false, smccc_arch_features },
    { HYP_CALL_COUNT, false, hyp_count },
    { HYP_CALL_UID, false, hyp_uid },
    { HYP_REVISION, false, service_revision },
    { STANDARD_CALL_COUNT, false, standard_count },
    { STANDARD_CALL_UID, false, standard_uid },
    { STANDARD_REVISION, false, service_revision },
};

static const struct smccc_function *find_other(uint64_t id)
{
    for (unsigned n = 0; n < ARRAY_SIZE(functions); n++)
        if (functions[n].id == id)
            return &functions[n];
    return NULL;
}

/* 32-bit kernels have no 64-bit functions (DEN 0028, 2.5). */
static const struct smccc_function *find_function(const struct vcpu *v, uint64_t id)
{
    const struct smccc_function *f;

    if (unlikely((id & ~(SMC64 | (PSCI_FUNCTIONS - 1))) != PSCI(0)))
        return find_other(id);
    f = &psci_functions[array_index_nospec(id & (PSCI_FUNCTIONS - 1), PSCI_FUNCTIONS)];
    if (unlikely(!f->call) || (id & SMC64 && (!f->both_widths || domain_is_narrow(v->domain))))
        return NULL;
    return f;
}

void upcall_smccc(struct vcpu *v)
{
    uint32_t id = (uint32_t)arch_hypercall_arg(v, 0);
    struct smccc_call c = { .v = v, .is_64 = id & SMC64 };
    const struct smccc_function *f = find_function(v, id);
    int64_t result = f ? f->call(&c) : NOT_SUPPORTED;

    if (result == RUN_AGAIN)
        arch_hypercall_repeat(v);
    else
        arch_hypercall_result(v, result);
}
