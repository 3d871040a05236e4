/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/world.h"

#include <stdio.h>

#include "core/domain.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "vdev/x86_64/platform.h"

#define FIRST_GUEST_GFN UINT64_C(0x40000)
#define MEMORY_MIB 3
#define RESERVE_ORDER 6
#define ROUNDS_WITH_DOM0 10
#define ROUNDS_TO_DIE 2000

static uint64_t dom0_gfn, frames_at_start;
static uint32_t seen[SEEN_KINDS][8];
static unsigned seen_next[SEEN_KINDS];
static uint64_t reached[64][SUBCALLS_COUNTED];

uint8_t take_byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

uint64_t take_bytes(struct input *in, unsigned n)
{
    uint64_t value = 0;

    ASSERT(n <= 8);
    for (unsigned i = 0; i < n; i++)
        value |= (uint64_t)take_byte(in) << (8 * i);
    return value;
}

uint64_t take_below(struct input *in, uint64_t n)
{
    return take_byte(in) % n;
}

void seen_add(enum seen_kind kind, uint32_t value)
{
    seen[kind][seen_next[kind]++ % ARRAY_SIZE(seen[kind])] = value;
}

uint32_t seen_take(enum seen_kind kind, struct input *in)
{
    return seen[kind][take_below(in, ARRAY_SIZE(seen[kind]))];
}

uint64_t first_gfn(const struct domain *d)
{
    return d->direct_mapped ? dom0_gfn : FIRST_GUEST_GFN;
}

uint64_t argument_base(const struct vcpu *v)
{
    return (first_gfn(v->domain) + (v->id % 8u) * ARGUMENT_PAGES) << PAGE_SHIFT;
}

uint64_t take_gfn(struct input *in, const struct domain *d)
{
    static const uint64_t odd[] = {
        SHARED_INFO_PAGE, GRANT_PAGE, GRANT_PAGE + 1, 200, 512, 1024, UINT64_C(1) << 28, (UINT64_C(1) << 28) - FIRST_GUEST_GFN - 1,
    };
    uint8_t b = take_byte(in);

    if (b < 160)
        return first_gfn(d) + b % (PAGES + 8);
    if (b < 250)
        return first_gfn(d) + odd[b % ARRAY_SIZE(odd)];
    return take_bytes(in, b & 1 ? 8 : 4);
}

static struct vcpu *vcpu_of(struct domain *d, unsigned n)
{
    return d ? domain_vcpu(d, n % d->max_vcpus) : NULL;
}

struct vcpu *dom0_vcpu(struct input *in)
{
    return vcpu_of(domain_find(DOMID(0)), take_byte(in));
}

struct vcpu *take_vcpu(struct input *in)
{
    uint8_t b = take_byte(in);
    unsigned id = b % 4;
    struct domain *d = domain_find(DOMID(id < 3 ? id : seen[SEEN_DOMAIN][(b >> 2) % 8]));

    return vcpu_of(d, b >> 5);
}

/* dom0's device registers: host frames from 0 on, which are no memory. */
#define DEVICE_PAGES 64

static void must(int error, const char *what)
{
    PANIC_IF(error, "the machine cannot be built: %s (%d)", what, error);
}

static struct domain *make_domain(bool control, unsigned vcpus)
{
    struct domain_config c = {
        .is_control = control, .direct_mapped = control, .max_vcpus = vcpus, .max_event_port = 4095,
    };
    const struct vcpu_start start = { .pc = 0x40000000 };
    struct domain *d;
    struct domain_locked l;
    struct vcpu *v;

    must(domain_create(DOMID(control ? 0 : 0xffff), &c, &d), "domain");
    if (control) {
        dom0_gfn = frame_reserve_block(&d->owner, RESERVE_ORDER, MFN_NONE).v;
        frames_at_start -= BIT(RESERVE_ORDER);
    }
    d->owner.limit = control ? UINT64_MAX : PAGES + 64;
    l = domain_lock(d);
    for (unsigned i = 0; i < vcpus; i++)
        must(vcpu_create(l, i, &v), "vCPU");
    if (!control)
        must(device_permit(l, 0, DEVICE_PAGES / 2), "permission");
    must(x86_map_set(d, &(struct x86_map_entry){ .size = PAGE_SIZE, .type = 1 }, 1), "map");
    domain_unlock(l);
    for (unsigned i = 0; i < PAGES; i++)
        must(domain_populate(d, GFN(first_gfn(d) + i), 0), "page");
    for (unsigned i = 0; control && i < DEVICE_PAGES; i++)
        must(stage2_map(&d->stage2, GFN(i), MFN(i), 0, S2_DEVICE), "device");
    for (unsigned i = 0; i < vcpus; i++)
        must(vcpu_up(d->vcpus[i], &start), "start");
    must(domain_unpause_by_controller(d), "unpause");
    return d;
}

/* What every guest's kernel does first. */
static void map_shared_pages(struct domain *d)
{
    static const struct { uint16_t space; unsigned page; } maps[] = {
        { XENMAPSPACE_shared_info, SHARED_INFO_PAGE }, { XENMAPSPACE_grant_table, GRANT_PAGE },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(maps); i++) {
        struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = maps[i].space, .gpfn = first_gfn(d) + maps[i].page };
        uint64_t at = argument_base(d->vcpus[0]);

        PANIC_IF(!host_guest_write(d, at, &a, sizeof(a)), "argument page is not there");
        must((int)host_hypercall(d->vcpus[0], __HYPERVISOR_memory_op, XENMEM_add_to_physmap, at, 0, 0, 0, 0), "shared page");
    }
}

void world_build(struct input *in)
{
    uint8_t how = take_byte(in);
    static const unsigned guests[] = { 2, 1 };

    memset(seen_next, 0, sizeof(seen_next));
    for (unsigned i = 0; i < 8; i++) {
        seen[SEEN_PORT][i] = i + 1;
        seen[SEEN_HANDLE][i] = i;
        seen[SEEN_DOMAIN][i] = 1 + i % 3;
    }
    host_boot(&(struct host_config){ .cpus = 1 + how % 3, .memory_mib = MEMORY_MIB, .seed = 1 + (how >> 4) });
    host_set_switch_rate(how & 8 ? 4 : 40);
    frames_at_start = frame_free_count();
    host_start();
    map_shared_pages(make_domain(true, 2));
    for (unsigned i = 0; i < ARRAY_SIZE(guests); i++)
        map_shared_pages(make_domain(false, guests[i]));
    seen_add(SEEN_DOMAIN, 3);
}

/* One call of each domain's end, and time for what it waits for. True: none is left. dom0 goes when the others have had time to: it
 * may be its mappings that keep them. */
static bool end_round(bool dom0_too)
{
    bool left = false;

    if (dom0_too)
        control_domain = NULL;
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1))) {
        left = true;
        if (d->is_control && !dom0_too)
            continue;
        d->is_control = false;
        (void)!domain_destroy(d);
    }
    (void)host_run(0);
    return !left;
}

void world_end(void)
{
    alloc_fail_nth(0);
    if (!host_stopped())
        (void)host_run(MSEC(1));
    for (unsigned round = 0; !host_stopped() && !end_round(round > ROUNDS_WITH_DOM0); round++)
        PANIC_IF(round > ROUNDS_TO_DIE, "a domain does not come to its end");
    if (host_stopped())
        return;
    for (unsigned i = 0; i < 4; i++)
        (void)host_run(0);
    frame_check_all();
    PANIC_IF(frame_free_count() != frames_at_start, "%llu frames are free, %llu were at the start",
             (unsigned long long)frame_free_count(), (unsigned long long)frames_at_start);
}

void world_count(void)
{
    for (unsigned i = 0; i < 64; i++)
        for (unsigned n = 0; n < SUBCALLS_COUNTED; n++)
            reached[i][n] += subcall_reached_count[REACHED_BY_CONTROL][i][n] + subcall_reached_count[REACHED_BY_OTHERS][i][n];
}

static unsigned report_family(unsigned number, unsigned *implemented)
{
    const struct hypercall *h = &hypercall_table[number];
    unsigned missed = 0;

    for (unsigned n = 0; n < h->subcall_count; n++) {
        if (!h->subcalls[n].handler)
            continue;
        ++*implemented;
        missed += !reached[number][n];
        fprintf(stderr, "fuzz: %10llu %s%s\n", (unsigned long long)reached[number][n], h->subcalls[n].name,
                reached[number][n] ? "" : "   <- never reached invoke");
    }
    return missed;
}

bool world_report(void)
{
    unsigned implemented = 0, missed = 0;

    for (unsigned i = 0; i < 64; i++)
        missed += report_family(i, &implemented);
    fprintf(stderr, "fuzz: %u of %u implemented sub-calls reached invoke\n", implemented - missed, implemented);
    return !missed;
}
