/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated SMMUv3's way from a stream and an address to a frame, and what it reports when there is none. */
#include <string.h>

#include "arch/host/smmu_model.h"
#include "lib/assert.h"
#include "mem/frame.h"

#define FRAME_BITS UINT64_C(0x0000fffffffff000)

enum { OK = 0, REFUSED = 0xff, BAD_STREAM = 0x02, BAD_STE = 0x04, BAD_CONTEXT = 0x0a, NOT_MAPPED = 0x10, NOT_PERMITTED = 0x13 };

void *smmu_model_memory(uint64_t address)
{
    mfn_t mfn = MFN(address >> PAGE_SHIFT);

    PANIC_IF(frame_owner(mfn) != OWNER_HYPERVISOR, "SMMU: a structure lies in frame %#llx, which is not the hypervisor's",
             (unsigned long long)mfn.v);
    return (uint8_t *)host_ram(mfn) + (address & ~PAGE_MASK);
}

static int find_config(struct smmu_model *m, uint32_t stream, struct smmu_config **out)
{
    uint64_t base = smmu_model_reg64(m, 0x080) & 0xfffffffffffc0, level1;
    struct smmu_config *c;

    for (unsigned i = 0; i < HOST_SMMU_CONFIGS; i++)
        if (m->config[i].valid && m->config[i].stream == stream)
            return *out = &m->config[i], OK;
    PANIC_IF((m->reg[0x088 / 4] >> 16 & 3) != 1 || (m->reg[0x088 / 4] >> 6 & 31) != 8, "SMMU: not the expected stream table");
    if (stream >> (m->reg[0x088 / 4] & 63))
        return BAD_STREAM;
    level1 = *(uint64_t *)smmu_model_memory(base + (stream >> 8) * 8);
    if (!(level1 & 31))
        return BAD_STREAM;
    c = &m->config[m->next_config++ % HOST_SMMU_CONFIGS];
    memcpy(c->ste, smmu_model_memory((level1 & 0xfffffffffffc0) + (stream & 255) * 64), sizeof(c->ste));
    c->valid = false;
    if (!(c->ste[0] & 1))
        return BAD_STE;
    if ((c->ste[0] >> 1 & 7) == 0)
        return REFUSED;
    if ((c->ste[0] >> 1 & 7) == 5)
        memcpy(c->context, smmu_model_memory(c->ste[0] & 0xfffffffffffc0), sizeof(c->context));
    c->valid = true;
    c->stream = stream;
    *out = c;
    return OK;
}

/* Four levels of 512 entries; leaves are accessed, not global, inner shareable, for unprivileged accesses. */
static int walk_stage1(const struct smmu_config *c, uint64_t address, struct smmu_cached *t)
{
    uint64_t table = c->context[1] & FRAME_BITS, e;

    if (!(c->context[0] & BIT(31)) || !(c->context[0] & BIT(41)) || (c->context[0] & 63) != 16 || c->context[3] != 0x04ff)
        return BAD_CONTEXT;
    t->tag = (uint16_t)(c->context[0] >> 48);
    for (unsigned level = 0;; level++) {
        unsigned shift = 39 - 9 * level;

        e = *(uint64_t *)smmu_model_memory(table + (address >> shift & 511) * 8);
        if (!(e & 1))
            return NOT_MAPPED;
        if (level < 3 && (e & 2)) {
            table = e & FRAME_BITS;
            continue;
        }
        PANIC_IF((e & 0xf40) != 0xf40 || level == 0 || (level == 3 && !(e & 2)), "SMMU: %#llx is no leaf of level %u",
                 (unsigned long long)e, level);
        t->pages = BIT(shift - PAGE_SHIFT);
        break;
    }
    t->write = !(e & BIT(7));
    t->mfn = (e & FRAME_BITS) >> PAGE_SHIFT;
    return OK;
}

/* The processor's own table, in its own format. */
static int walk_stage2(const struct smmu_config *c, uint64_t address, struct smmu_cached *t)
{
    const struct stage2_geometry *g = arch_stage2_geometry();
    uint64_t table = c->ste[3];
    s2_entry e;

    PANIC_IF(64 - (c->ste[2] >> 32 & 63) != g->address_bits || (c->ste[2] >> 38 & 3) != (g->root_level ? 1u : 2u),
             "SMMU: stage 2 of another geometry");
    t->tag = (uint16_t)c->ste[2];
    t->stage2 = true;
    if (address >> g->address_bits)
        return NOT_MAPPED;
    for (unsigned level = g->root_level;; level++) {
        uint64_t index = address >> (39 - 9 * level);

        e = arch_s2_read((s2_entry *)smmu_model_memory(table + (level == g->root_level ? index : index & 511) * 8));
        if (!e || !arch_s2_is_present(e))
            return NOT_MAPPED;
        t->pages = BIT(27 - 9 * level);
        if (!arch_s2_is_table(e, level))
            break;
        table = mfn_to_hpa(arch_s2_frame(e)).v;
    }
    t->write = s2_type_is_writable(arch_s2_type(e));
    t->mfn = arch_s2_frame(e).v;
    return OK;
}

static int translate(struct smmu_model *m, uint32_t stream, uint64_t address, struct smmu_cached **out)
{
    struct smmu_cached t = { .valid = true };
    struct smmu_config *c;
    int r = find_config(m, stream, &c);
    bool stage2;

    if (r)
        return r;
    stage2 = (c->ste[0] >> 1 & 7) == 6;
    t.tag = stage2 ? (uint16_t)c->ste[2] : (uint16_t)(c->context[0] >> 48);
    for (unsigned i = 0; i < HOST_SMMU_TLB; i++) {
        struct smmu_cached *k = &m->tlb[i];
        uint64_t page = address >> PAGE_SHIFT;

        if (k->valid && k->stage2 == stage2 && k->tag == t.tag && k->page <= page && page < k->page + k->pages)
            return *out = k, OK;
    }
    r = stage2 ? walk_stage2(c, address, &t) : walk_stage1(c, address, &t);
    if (r)
        return r;
    t.page = ROUND_DOWN(address >> PAGE_SHIFT, t.pages);
    *out = &m->tlb[m->next_tlb++ % HOST_SMMU_TLB];
    **out = t;
    return OK;
}

static void report(struct smmu_model *m, uint32_t stream, uint64_t address, bool write, unsigned type)
{
    uint64_t base = smmu_model_reg64(m, 0x0a0), *e;
    uint32_t bits = base & 31, wrap = (2u << bits) - 1, *producer = &m->reg[0x100a8 / 4];

    if (!(m->reg[0x020 / 4] & 4) || ((*producer - m->reg[0x100ac / 4]) & wrap) >= 1u << bits)
        return;
    e = (uint64_t *)smmu_model_memory(base & 0xfffffffffffe0) + 4 * (*producer & (wrap >> 1));
    e[0] = type | (uint64_t)stream << 32;
    e[1] = write ? 0 : BIT(35);
    e[2] = address;
    *producer = (*producer + 1) & wrap;
    if (m->reg[0x050 / 4] & 4)
        smmu_model_interrupt(HOST_SMMU_IRQ);
}

bool host_smmu_access(unsigned unit, uint32_t stream, uint64_t address, void *buffer, size_t n, bool write)
{
    struct smmu_model *m = smmu_model(unit);
    struct smmu_cached *t;
    uint8_t *memory;
    int r;

    PANIC_IF((address & ~PAGE_MASK) + n > PAGE_SIZE, "a device's access across pages");
    PANIC_IF(!(m->reg[0x020 / 4] & 1), "SMMU: it is off, a device's access goes through");
    r = translate(m, stream, address, &t);
    if (!r && write && !t->write)
        r = NOT_PERMITTED;
    if (r == REFUSED)
        return false;
    if (r) {
        report(m, stream, address, write, (unsigned)r);
        return false;
    }
    memory = (uint8_t *)host_ram(MFN(t->mfn + (address >> PAGE_SHIFT) - t->page)) + (address & ~PAGE_MASK);
    memcpy(write ? memory : buffer, write ? buffer : memory, n);
    return true;
}
