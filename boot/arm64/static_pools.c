/* SPDX-License-Identifier: Apache-2.0 */
/* xen,cpupool nodes, read and checked. */
#include "boot/arm64/static_pools.h"
#include "lib/assert.h"
#include "lib/string.h"

struct reading {
    const struct boot_info *b;
    const struct static_report *report;
    const struct dt_node *node;
    struct static_pool *pool;
};

static void problem(struct reading *r, const char *name, const char *text)
{
    struct dt_property v;
    bool given = dt_property(&r->b->tree, r->node, name, &v);

    static_problem_at(r->report, r->node->name, given ? &v : NULL, name, text);
    r->pool->broken = true;
}

/* The CPU whose node has that phandle, and is enabled. */
static bool find_cpu(const struct boot_info *b, uint32_t phandle, uint64_t *mpidr)
{
    for (unsigned i = 0; phandle && i < b->cpu_count; i++) {
        if (b->cpu_phandle[i] != phandle)
            continue;
        *mpidr = b->cpu_mpidr[i];
        return true;
    }
    return false;
}

static bool has_cpu(const struct static_pool *p, uint64_t mpidr)
{
    for (unsigned i = 0; i < p->cpu_count; i++)
        if (p->mpidr[i] == mpidr)
            return true;
    return false;
}

/* `before`: the pools that are read already. */
static void read_cpus(struct reading *r, const struct static_pool *before, unsigned count)
{
    struct static_pool *p = r->pool;
    struct dt_property v;

    if (!dt_property(&r->b->tree, r->node, "cpupool-cpus", &v) || v.length == 0 || v.length % 4)
        return problem(r, "cpupool-cpus", "expects phandles of CPU nodes");
    for (unsigned i = 0; i < v.length / 4; i++) {
        uint64_t mpidr;

        if (!find_cpu(r->b, dt_cell(&v, i, 0), &mpidr))
            return problem(r, "cpupool-cpus", "expects phandles of CPU nodes that are enabled");
        for (unsigned k = 0; k < count; k++)
            if (has_cpu(&before[k], mpidr))
                return problem(r, "cpupool-cpus", "names a CPU of another pool");
        if (has_cpu(p, mpidr) || p->cpu_count == MAX_CPUS)
            return problem(r, "cpupool-cpus", "names a CPU twice");
        p->mpidr[p->cpu_count++] = mpidr;
    }
}

static void read_scheduler(struct reading *r)
{
    static const char *const known[] = { "credit2", "fair", "null", "rtds", "arinc653" };
    struct dt_property v;

    if (!dt_property(&r->b->tree, r->node, "cpupool-sched", &v))
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
        if (dt_has_string(&v, known[i]))
            r->pool->scheduler = known[i];
    if (!r->pool->scheduler)
        problem(r, "cpupool-sched", "expects credit2, null, rtds or arinc653");
}

/* "NAME:VCPU:MICROSECONDS"; a name of "-": nobody. */
static bool read_window(const char *text, struct sched_window *w)
{
    char name[PARTITION_NAME_SIZE];
    const char *colon = strchr(text, ':'), *end;
    size_t length = colon ? (size_t)(colon - text) : 0;
    uint64_t number, length_us;

    if (length == 0 || length >= sizeof(name))
        return false;
    memcpy(name, text, length);
    name[length] = 0;
    number = string_to_number(colon + 1, &end);
    if (end == colon + 1 || *end != ':' || number >= MAX_VCPUS)
        return false;
    text = end + 1;
    length_us = string_to_number(text, &end);
    if (end == text || *end || length_us > UINT32_MAX)
        return false;
    *w = (struct sched_window){ .number = (uint32_t)number, .length = USEC((nsec_t)length_us) };
    if (strcmp(name, "-") == 0)
        memset(w->handle, 0xff, sizeof(w->handle));
    else
        partition_handle(name, w->handle);
    return true;
}

static void read_frame(struct reading *r)
{
    struct sched_frame *f = &r->pool->frame;
    struct dt_property major, v;
    nsec_t sum = 0;

    if (!dt_property(&r->b->tree, r->node, "vinci,windows", &v))
        return;
    if (v.length == 0 || v.value[v.length - 1])
        return problem(r, "vinci,windows", "expects texts such as \"camera:0:5000\": name, vCPU, microseconds");
    for (uint32_t at = 0; at < v.length; at += (uint32_t)strlen((const char *)v.value + at) + 1) {
        if (f->count == SCHED_FRAME_WINDOWS || !read_window((const char *)v.value + at, &f->windows[f->count]))
            return problem(r, "vinci,windows", "expects 1 to 64 texts such as \"camera:0:5000\": name, vCPU, microseconds");
        if (f->windows[f->count].length < SCHED_MIN_WINDOW)
            return problem(r, "vinci,windows", "has a window below 10 microseconds");
        sum += f->windows[f->count++].length;
    }
    f->major = sum;
    if (dt_property(&r->b->tree, r->node, "vinci,major-frame", &major))
        f->major = USEC((nsec_t)dt_cell(&major, 0, 0));
    if (f->major < sum)
        return problem(r, "vinci,major-frame", "expects one cell, microseconds, no fewer than the windows have");
    if (!r->pool->scheduler || strcmp(r->pool->scheduler, "arinc653") != 0)
        problem(r, "vinci,windows", "is for cpupool-sched = \"arinc653\"");
}

static bool has_boot_cpu(const struct boot_info *b, const struct dt_node *n)
{
    struct dt_property v;
    uint64_t mpidr;

    if (!dt_property(&b->tree, n, "cpupool-cpus", &v))
        return false;
    for (unsigned i = 0; i < v.length / 4; i++)
        if (find_cpu(b, dt_cell(&v, i, 0), &mpidr) && mpidr == b->boot_mpidr)
            return true;
    return false;
}

/* The pools in the tree's order; *number goes with them. */
static bool next_pool(const struct boot_info *b, struct dt_walk *w, struct dt_node *n, uint32_t *number, uint32_t *last)
{
    while (b->pool_nodes && boot_next_in_chosen(w, n)) {
        if (n->depth != 2 || !boot_node_is(n, NODE_POOL))
            continue;
        *number = has_boot_cpu(b, n) ? 0 : ++*last;
        return true;
    }
    return false;
}

static uint32_t phandle_of(const struct boot_info *b, const struct dt_node *n)
{
    struct dt_property v;

    return dt_property(&b->tree, n, "phandle", &v) ? dt_cell(&v, 0, 0) : 0;
}

bool static_pool_number(const struct boot_info *b, uint32_t phandle, uint32_t *number)
{
    uint32_t last = 0;
    struct dt_walk w = b->chosen;
    struct dt_node n;

    while (next_pool(b, &w, &n, number, &last))
        if (phandle && phandle_of(b, &n) == phandle)
            return true;
    return false;
}

void static_pools_parse(const struct boot_info *b, struct static_pool *pools, const struct static_report *report)
{
    uint32_t number = 0, last = 0;
    unsigned count = 0;
    struct dt_walk w = b->chosen;
    struct dt_node n;

    while (next_pool(b, &w, &n, &number, &last)) {
        struct reading r = { b, report, &n, &pools[count] };

        ASSERT(count < b->pool_nodes);
        *r.pool = (struct static_pool){ .node = n.name, .number = number };
        read_cpus(&r, pools, count);
        read_scheduler(&r);
        read_frame(&r);
        count++;
    }
}
