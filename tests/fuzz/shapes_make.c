/* SPDX-License-Identifier: Apache-2.0 */
/* From a shape and bytes to a call. */
#include "arch/include/time.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "tests/fuzz/shapes.h"

#define LIST_LENGTH 8
#define STRUCT_MAX 1024
#define BATCH_MAX 20

struct maker {
    struct input *in;
    struct vcpu *v;
    uint64_t list, end;         /* room for lists in the guest's memory */
    bool failed;
};

static uint64_t put_list(struct maker *m, const void *list, size_t n)
{
    uint64_t at = m->list;

    if (at + n > m->end)
        return at;
    if (!host_guest_write(m->v->domain, at, list, n))
        m->failed = true;
    m->list += ROUND_UP(n, 8);
    return at;
}

static uint64_t make_gfns(struct maker *m)
{
    uint64_t list[LIST_LENGTH], gfn = take_gfn(m->in, m->v->domain);

    for (unsigned i = 0; i < LIST_LENGTH; i++)
        list[i] = gfn + i;
    return put_list(m, list, sizeof(list));
}

static uint64_t make_ports(struct maker *m)
{
    uint32_t list[LIST_LENGTH];

    for (unsigned i = 0; i < LIST_LENGTH; i++)
        list[i] = seen_take(SEEN_PORT, m->in);
    return put_list(m, list, sizeof(list));
}

/* Indices: small numbers, or pages of a foreign guest. */
static uint64_t make_numbers(struct maker *m)
{
    uint64_t list[LIST_LENGTH], base = take_byte(m->in);

    base = base < 64 ? base : 0x40000 + base % (PAGES + 4);
    for (unsigned i = 0; i < LIST_LENGTH; i++)
        list[i] = base + i;
    return put_list(m, list, sizeof(list));
}

static uint64_t make_context(struct maker *m)
{
    struct vcpu_guest_context c = { .flags = take_byte(m->in) & 1 };

    c.user_regs.pc64 = 0x40000000;
    c.user_regs.cpsr = take_byte(m->in) < 240 ? 0x3c5 : (uint32_t)take_bytes(m->in, 4);
    return put_list(m, &c, sizeof(c));
}

static uint64_t make_buffer(struct maker *m)
{
    uint64_t bytes[4];
    uint8_t b = take_byte(m->in);

    if (b > 240)
        return b & 1 ? 0 : take_bytes(m->in, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++)
        bytes[i] = take_byte(m->in);
    return put_list(m, bytes, sizeof(bytes));
}

static uint64_t make_x86_list(struct maker *m, enum field_kind kind)
{
    uint8_t list[X86_LIST_ROOM] = { 0 };
    size_t n = x86_make_list(m->in, kind, list);

    ASSERT(n <= sizeof(list));
    return put_list(m, list, n);
}

/* One of the hypervisor file system's, and their NUL. */
static uint64_t make_path(struct maker *m, uint64_t *length)
{
    static const char *const paths[] = { "/", "/params/loglvl", "/buildinfo/version/major", "/params", "/nowhere", "params", "/buildinfo/changeset" };
    const char *path = paths[take_below(m->in, ARRAY_SIZE(paths))];

    *length = strlen(path) + (take_byte(m->in) < 250);
    return put_list(m, path, strlen(path) + 1);
}

static uint64_t make_domain_id(struct maker *m)
{
    static const uint16_t ids[] = { 0, 1, 2, 3, DOMID_SELF, DOMID_SELF, DOMID_IO, DOMID_INVALID };
    uint8_t b = take_byte(m->in);

    if (b < 160)
        return ids[b % ARRAY_SIZE(ids)];
    return b < 250 ? seen_take(SEEN_DOMAIN, m->in) : take_bytes(m->in, 2);
}

static uint64_t make_host_frame(struct maker *m)
{
    struct domain *d = domain_find(DOMID(take_below(m->in, 3)));
    uint64_t gfn = take_gfn(m->in, d ? d : m->v->domain);
    struct stage2_locked l;
    mfn_t mfn = MFN(0);

    if (!d || gfn >> 28)
        return gfn << PAGE_SHIFT;
    l = stage2_lock(&d->stage2);
    (void)stage2_lookup(l, GFN(gfn), &mfn, NULL);
    stage2_unlock(l);
    return mfn.v << PAGE_SHIFT;
}

static uint64_t make_time(struct maker *m)
{
    uint8_t b = take_byte(m->in);

    return b < 200 ? (uint64_t)arch_time_now() + (uint64_t)USEC(50) * b : take_bytes(m->in, 8);
}

static uint64_t seen_or_small(struct maker *m, enum seen_kind kind, uint64_t small)
{
    uint8_t b = take_byte(m->in);

    if (b < 192)
        return seen_take(kind, m->in);
    return b < 250 ? b % small : take_bytes(m->in, 4);
}

static uint64_t make_field(struct maker *m, const struct field *f)
{
    uint8_t b;

    switch (f->kind) {
    case FIELD_FIXED:
        b = take_byte(m->in);
        return b < 244 ? f->value : take_bytes(m->in, b & 1 ? 1 : f->size);
    case FIELD_SMALL:
        b = take_byte(m->in);
        return b < 250 ? b % (f->value + 1) : take_bytes(m->in, f->size);
    case FIELD_DOMAIN: return make_domain_id(m);
    case FIELD_PORT: return seen_or_small(m, SEEN_PORT, 70);
    case FIELD_HANDLE: return seen_or_small(m, SEEN_HANDLE, 16);
    case FIELD_REF: b = take_byte(m->in); return b < 250 ? b % 12 : take_bytes(m->in, 4);
    case FIELD_VCPU: b = take_byte(m->in); return b < 250 ? b % 4 : take_bytes(m->in, 4);
    case FIELD_GFN: return take_gfn(m->in, m->v->domain);
    case FIELD_ADDRESS: return take_gfn(m->in, m->v->domain) << PAGE_SHIFT;
    case FIELD_TIME: return make_time(m);
    case FIELD_GFNS: return make_gfns(m);
    case FIELD_PORTS: return make_ports(m);
    case FIELD_NUMBERS: return make_numbers(m);
    case FIELD_BUFFER: return make_buffer(m);
    case FIELD_CONTEXT: return make_context(m);
    case FIELD_HOST_FRAME: return make_host_frame(m);
    case FIELD_STREAM: case FIELD_LEAVES: case FIELD_MSRS: return make_x86_list(m, (enum field_kind)f->kind);
    default: return take_bytes(m->in, MIN(f->size, 8u));
    }
}

static void make_struct(struct maker *m, const struct shape *s, uint8_t *to)
{
    memset(to, 0, s->size);
    if (s->style == STYLE_STRUCT) {
        uint32_t head[2] = { s->number, s->version };

        memcpy(to, head, sizeof(head));
    }
    for (unsigned i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        uint64_t value = make_field(m, f);

        ASSERT(f->offset + f->size <= s->size);
        memcpy(to + f->offset, &value, MIN(f->size, 8u));
    }
}

static void set_args(struct maker *m, const struct shape *s, unsigned count, struct made_call *c)
{
    uint64_t at = c->structure;

    c->args[0] = s->number;
    c->args[1] = at;
    switch (s->style) {
    case STYLE_BATCH: c->args[2] = count; break;
    case STYLE_ONE: c->args[2] = 1; break;
    case STYLE_STRUCT: c->args[0] = at, c->args[1] = 0; break;
    case STYLE_VCPU: c->args[1] = take_below(m->in, 4), c->args[2] = at; break;
    case STYLE_BYTES: c->args[1] = take_byte(m->in), c->args[2] = at; break;
    case STYLE_VALUE: c->args[1] = take_below(m->in, 8); break;
    case STYLE_PATH:
        c->args[1] = make_path(m, &c->args[2]);
        c->args[3] = take_byte(m->in) & 1 ? put_list(m, "info", 5) : make_buffer(m);
        c->args[4] = take_byte(m->in) & 1 ? 5 : take_byte(m->in);
        break;
    default: break;
    }
}

bool shape_make(struct input *in, struct vcpu *v, const struct shape *s, uint64_t area, size_t room, struct made_call *out)
{
    uint8_t bytes[STRUCT_MAX];
    unsigned count = 1;
    struct maker m = { .in = in, .v = v, .end = area + room };

    ASSERT(s->size <= sizeof(bytes));
    if (s->style == STYLE_BATCH) {
        count = take_byte(in);
        count = count < 240 ? 1 + count % 3 : BATCH_MAX;
    }
    *out = (struct made_call){ .shape = s, .number = s->family, .structure = area };
    m.list = area + ROUND_UP((uint64_t)count * s->size, 8);
    for (unsigned i = 0; i < count && m.list <= m.end; i++) {
        make_struct(&m, s, bytes);
        if (s->size && !host_guest_write(v->domain, area + (uint64_t)i * s->size, bytes, s->size))
            m.failed = true;
    }
    set_args(&m, s, count, out);
    return !m.failed;
}

void shape_learn(struct vcpu *v, const struct made_call *c, int64_t result)
{
    if (result < 0)
        return;
    for (unsigned i = 0; i < c->shape->field_count; i++) {
        const struct field *f = &c->shape->fields[i];
        uint32_t value = 0;

        if (f->remembered && host_guest_read(v->domain, c->structure + f->offset, &value, MIN(f->size, 4u)))
            seen_add((enum seen_kind)(f->remembered - 1), value);
    }
}
