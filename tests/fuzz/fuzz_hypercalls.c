/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypercall fuzzer (libFuzzer): a byte string is a script of steps. Most are hypercalls of some domain's vCPU, run at once or
 * begun and left to run beside others; the rest are what else guests and the world do: writes to shared pages, device registers,
 * firmware calls, time, interrupts, an allocation that fails. At the end everything is taken down, and every frame must be
 * there.
 *
 * A crash replays with `fuzz_hypercalls FILE`: nothing but the bytes decides what happens.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/domain.h"
#include "lib/string.h"
#include "tests/fuzz/shapes.h"

#define STEPS_MAX 200
#define PATIENCE MSEC(20)
#define MULTICALL_MAX 6
#define GRANT_BYTES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct access {
    uint64_t address, value;
    unsigned size;
    bool write;
};

/* What vCPUs are at: it may outlast its step, and its vCPU may be gone before it is done. */
struct begun {
    struct host_action action;
    struct made_call call;
    struct access access;
};
static struct begun begun[STEPS_MAX];
static unsigned begun_count;

/* Has v's guest nothing to do? If it has, it gets time for it, after which v may be gone. */
static bool is_free(struct vcpu *v)
{
    if (!v || host_stopped())
        return false;
    if (!v->arch.action)
        return true;
    (void)host_run(PATIENCE);
    return false;
}

static void start(struct vcpu *v, struct begun *b, bool at_once)
{
    domid id = v->domain->id;
    struct domain *d = v->domain;

    host_begin(v, &b->action);
    if (!at_once)
        return;
    (void)host_run(PATIENCE);
    if (b->action.done && b->call.shape && domain_find(id) == d)
        shape_learn(v, &b->call, b->action.result);
}

static void start_call(struct vcpu *v, const struct made_call *c, bool at_once)
{
    struct begun *b = &begun[begun_count++];

    b->call = *c;
    b->action = (struct host_action){ .kind = HOST_HYPERCALL, .number = c->number, .narrow = c->shape && c->shape->narrow };
    memcpy(b->action.args, c->args, sizeof(c->args));
    start(v, b, at_once);
}

static const struct shape *take_shape(struct input *in)
{
    uint8_t b = take_byte(in);

    return b < shape_count ? &shapes[b] : &x86_shapes[(b - shape_count) % x86_shape_count];
}

static void hypercall(struct input *in, bool at_once)
{
    const struct shape *s = take_shape(in);
    bool privileged = hypercall_table[s->family].caller || (take_byte(in) & 7) == 0;
    struct vcpu *v = privileged ? dom0_vcpu(in) : take_vcpu(in);
    struct made_call c;

    if (is_free(v) && shape_make(in, v, s, argument_base(v), ARGUMENT_BYTES, &c))
        start_call(v, &c, at_once);
}

static void step_call(struct input *in)
{
    hypercall(in, true);
}

static void step_begin(struct input *in)
{
    hypercall(in, false);
}

/* A number and arguments that no table knows. */
static void step_wild(struct input *in)
{
    struct vcpu *v = take_vcpu(in);
    struct made_call c = { .number = take_byte(in) };

    if (!is_free(v))
        return;
    for (unsigned i = 0; i < 4; i++)
        c.args[i] = take_byte(in) & 1 ? argument_base(v) + take_byte(in) : take_bytes(in, 1 + take_byte(in) % 8);
    start_call(v, &c, true);
}

static void step_multicall(struct input *in)
{
    struct vcpu *v = take_byte(in) & 1 ? dom0_vcpu(in) : take_vcpu(in);
    unsigned n = 1 + (unsigned)take_below(in, MULTICALL_MAX);
    struct made_call all = { .number = __HYPERVISOR_multicall }, one;
    uint64_t at;

    if (!is_free(v))
        return;
    at = argument_base(v);
    for (unsigned i = 0; i < n; i++) {
        struct multicall_entry e = { 0 };

        if (!shape_make(in, v, take_shape(in), at + 1024 + i * 1152, 1152, &one))
            return;
        e.op = take_byte(in) == 255 ? __HYPERVISOR_multicall : one.number;
        memcpy(e.args, one.args, sizeof(e.args));
        if (!host_guest_write(v->domain, at + i * sizeof(e), &e, sizeof(e)))
            return;
    }
    all.args[0] = at;
    all.args[1] = n;
    start_call(v, &all, take_byte(in) & 1);
}

static void step_run(struct input *in)
{
    (void)host_run(USEC(100) * take_byte(in));
}

static void step_time(struct input *in)
{
    host_time_advance(take_byte(in) < 128 ? USEC(1) * take_byte(in) : MSEC(100) * take_byte(in));
}

/* An entry of a guest's grant table, as its kernel fills it. */
static void step_grant(struct input *in)
{
    struct vcpu *v = take_vcpu(in);
    struct grant_entry_v1 e;
    uint64_t ref = take_below(in, 12);
    uint8_t how = take_byte(in);

    if (!v)
        return;
    e.flags = how < 200 ? GTF_permit_access | (how & 1 ? GTF_readonly : 0) : (uint16_t)take_bytes(in, 2);
    e.domid = (domid_t)take_below(in, 4);
    e.frame = (uint32_t)take_gfn(in, v->domain);
    STATIC_ASSERT(sizeof(e) == GRANT_BYTES);
    (void)host_guest_write(v->domain, ((first_gfn(v->domain) + GRANT_PAGE) << PAGE_SHIFT) + ref * sizeof(e), &e, sizeof(e));
}

/* A word somewhere in a guest's memory: event bits, masks, a FIFO array, arguments of a call under way. */
static void step_write(struct input *in)
{
    struct vcpu *v = take_vcpu(in);
    uint64_t value, at;

    if (!v)
        return;
    at = (take_gfn(in, v->domain) << PAGE_SHIFT) + (take_bytes(in, 2) & (PAGE_SIZE - 8));
    value = take_byte(in) & 1 ? UINT64_MAX : take_bytes(in, 4);
    (void)host_guest_write(v->domain, at, &value, 1 + take_below(in, 8));
}

/* Reading fills this CPU's TLB. */
static void step_read(struct input *in)
{
    struct vcpu *v = take_vcpu(in);
    uint64_t value;

    if (!v)
        return;
    host_pose_as((unsigned)take_below(in, 3) % cpu_count());
    (void)host_guest_read(v->domain, take_gfn(in, v->domain) << PAGE_SHIFT, &value, sizeof(value));
    host_pose_as(0);
}

/* One of the next allocations fails; most calls make few. */
static void step_fail(struct input *in)
{
    uint8_t b = take_byte(in);

    alloc_fail_nth(b < 200 ? 1 + b % 6u : b - 200u);
}

static void access_device(struct vcpu *v, void *arg)
{
    struct access *a = arg;

    (void)host_mmio(v, a->address, a->size, a->write, &a->value);
}

/* A register of the interrupt controller: the distributor, or a redistributor's two frames. */
static void step_device(struct input *in)
{
    static const uint64_t bases[] = { 0x03001000, 0x03020000, 0x03030000, 0x03040000 };
    struct vcpu *v = take_vcpu(in);
    struct begun *b;
    struct access *a;

    if (!is_free(v))
        return;
    b = &begun[begun_count++];
    a = &b->access;
    a->address = bases[take_below(in, 4)] + (take_bytes(in, 2) & 0xffff);
    a->size = 1u << take_below(in, 4);
    a->address &= ~(uint64_t)(a->size - 1);
    a->write = take_byte(in) & 1;
    a->value = a->write ? take_bytes(in, a->size) : 0;
    b->call = (struct made_call){ 0 };
    b->action = (struct host_action){ .kind = HOST_CALL, .call = access_device, .arg = a };
    start(v, b, true);
}

static void step_firmware(struct input *in)
{
    static const uint32_t functions[] = {
        0x84000000, 0xc4000001, 0x84000002, 0xc4000003, 0xc4000003, 0xc4000004, 0x84000006, 0x8400000a, 0x84000008, 0x84000009,
        0x80000000, 0x80000001, 0x8600ff01,
    };
    struct vcpu *v = take_vcpu(in);
    struct begun *b;

    if (!is_free(v))
        return;
    b = &begun[begun_count++];
    b->call = (struct made_call){ 0 };
    b->action = (struct host_action){ .kind = HOST_SMCCC };
    b->action.args[0] = functions[take_below(in, ARRAY_SIZE(functions))];
    b->action.args[1] = take_below(in, 6);
    b->action.args[2] = take_byte(in) & 1 ? 0x40000000 : take_byte(in);
    b->action.args[3] = take_byte(in);
    start(v, b, true);
}

static void step_world(struct input *in)
{
    char text[2] = { 0 };
    uint8_t b = take_byte(in);

    if (b & 1) {
        host_raise_irq(32 + b % 32u);
    } else {
        text[0] = (char)(b | 1);
        host_console_type(text);
    }
}

static void (*const steps[])(struct input *in) = {
    step_call, step_call, step_call, step_call, step_call, step_call, step_call, step_call, step_begin, step_begin, step_begin,
    step_begin, step_grant, step_grant, step_grant, step_write, step_write, step_run, step_run, step_time, step_read, step_fail,
    step_multicall, step_multicall, step_device, step_firmware, step_world, step_wild,
};

static void report(void)
{
    (void)world_report();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return atexit(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };

    world_build(&in);
    begun_count = 0;
    while (in.at < in.end && begun_count < STEPS_MAX && !host_stopped())
        steps[take_byte(&in) % ARRAY_SIZE(steps)](&in);
    world_end();
    world_count();
    return 0;
}
