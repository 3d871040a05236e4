/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores for which the processor describes nothing in the syndrome: those that change their base register (Arm ARM C6.2,
 * LDR and STR immediate, post-indexed), and T32's (F5.1), where describing is the processor's choice. The others that it leaves out
 * (pairs, vectors, exclusives, A32's with a changed base) are no way to talk to a device, and are refused.
 */
#include "aarch32.h"
#include "decode.h"
#include "guest.h"
#include "mem/guest_copy.h"
#include "sysreg.h"

#define BITS(x, high, low) ((x) >> (low) & ((2u << ((high) - (low))) - 1))

static uint64_t syndrome(unsigned size, unsigned rt, bool is_write, bool is_signed)
{
    return ISS_ISV | (uint64_t)size << ISS_SIZE_SHIFT | (uint64_t)rt << ISS_REGISTER_SHIFT | (is_signed ? ISS_SSE : 0) |
           (is_write ? ISS_WNR : 0) | (size == 3 ? ISS_SF : 0);
}

/* STR, STRB, STRH, LDR, LDRB, LDRH with an offset added afterwards. */
static bool decode_a64(uint32_t i, struct decoded *d)
{
    unsigned rn = BITS(i, 9, 5), rt = BITS(i, 4, 0), opc = BITS(i, 23, 22);

    if ((i & 0x3f200c00) != 0x38000400 || opc > 1 || (rn == rt && rn != 31))
        return false;
    d->iss = syndrome(BITS(i, 31, 30), rt, opc == 0, false);
    d->length = 4;
    d->base = rn;
    d->step = (int32_t)(BITS(i, 20, 12) << 23) >> 23;
    return true;
}

/* 16 bits long: none changes its base. */
static bool decode_t16(uint16_t i, uint64_t psr, struct decoded *d)
{
    /* Register offset, by bits 11:9: STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH */
    static const uint8_t sizes[] = { 2, 1, 0, 0, 2, 1, 0, 1 };
    unsigned op = BITS(i, 11, 9), rt = BITS(i, 2, 0);
    bool is_load = BITS(i, 11, 11);

    switch (i >> 12) {
    case 5:
        d->iss = syndrome(sizes[op], rt, op < 3, op == 3 || op == 7);
        break;
    case 6:
        d->iss = syndrome(2, rt, !is_load, false);
        break;
    case 7:
        d->iss = syndrome(0, rt, !is_load, false);
        break;
    case 8:
        d->iss = syndrome(1, rt, !is_load, false);
        break;
    case 9:                                 /* relative to SP */
        d->iss = syndrome(2, aarch32_bank(psr, BITS(i, 10, 8)), !is_load, false);
        break;
    default:
        return false;
    }
    d->length = 2;
    return true;
}

/* A single load or store of 32 bits length; the one with an 8-bit offset may change its base. */
static bool decode_t32(uint16_t first, uint16_t second, uint64_t psr, struct decoded *d)
{
    unsigned size = BITS(first, 6, 5), rn = BITS(first, 3, 0), rt = BITS(second, 15, 12);
    bool is_load = BITS(first, 4, 4), is_signed = BITS(first, 8, 8), is_short = !BITS(first, 7, 7) && BITS(second, 11, 11);

    if ((first & 0xfe00) != 0xf800 || size == 3 || rn == 15 || rt == 15 || (is_signed && (!is_load || size == 2)))
        return false;
    d->iss = syndrome(size, aarch32_bank(psr, rt), !is_load, is_signed);
    d->length = 4;
    if (is_short && BITS(second, 8, 8)) {
        if (rn == rt)
            return false;
        d->base = aarch32_bank(psr, rn);
        d->step = BITS(second, 9, 9) ? (int32_t)BITS(second, 7, 0) : -(int32_t)BITS(second, 7, 0);
    }
    return true;
}

static enum copy_result fetch(struct vcpu *v, void *to, uint64_t offset, size_t n)
{
    return copy_from_guest(v, to, GVA(v->arch.pc + offset), n);
}

static enum copy_result decode_thumb(struct vcpu *v, struct decoded *d)
{
    uint16_t first, second;
    enum copy_result r = fetch(v, &first, 0, 2);

    if (r != COPY_OK || first >> 11 < 0x1d)
        return r == COPY_OK && !decode_t16(first, v->arch.psr, d) ? COPY_FAULT : r;
    r = fetch(v, &second, 2, 2);
    return r == COPY_OK && !decode_t32(first, second, v->arch.psr, d) ? COPY_FAULT : r;
}

enum copy_result decode_access(struct vcpu *v, struct decoded *d)
{
    enum copy_result r;
    uint32_t word;

    *d = (struct decoded){ .step = 0 };
    if (v->arch.psr & PSR_AARCH32)
        return v->arch.psr & PSR32_T ? decode_thumb(v, d) : COPY_FAULT;
    r = fetch(v, &word, 0, 4);
    return r == COPY_OK && !decode_a64(word, d) ? COPY_FAULT : r;
}

void decode_write_back(struct vcpu *v, const struct decoded *d)
{
    bool own_stack = (v->arch.psr & PSR_MODE) == PSR_EL1H;

    if (!d->step)
        return;
    if (v->arch.psr & PSR_AARCH32)
        v->arch.x[d->base] = (uint32_t)(v->arch.x[d->base] + (uint64_t)(int64_t)d->step);
    else if (d->base != 31)
        v->arch.x[d->base] += (uint64_t)(int64_t)d->step;
    else if (own_stack)
        write_sysreg(sp_el1, read_sysreg(sp_el1) + (uint64_t)(int64_t)d->step);
    else
        write_sysreg(sp_el0, read_sysreg(sp_el0) + (uint64_t)(int64_t)d->step);
}
