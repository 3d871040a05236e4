/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static shared memory and static event channels: nodes below a static domain's, and for dom0 below /chosen.
 * (docs/misc/arm/device-tree/booting.txt of the reference)
 */
#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/string.h"

struct links {
    const struct dt_walk *walk;
    const struct dt_node *node;
    struct partition_plan *plan;
    const struct static_report *report;
};

static void problem(const struct links *l, const char *property, const char *text)
{
    struct dt_property v;
    bool given = dt_property(l->walk->tree, l->node, property, &v);

    static_problem(l->report, l->plan, given ? &v : NULL, property, text);
}

/* Host address, guest address, size, in the cells of the node above. */
static bool read_places(const struct dt_walk *w, const struct dt_node *n, struct partition_share *s)
{
    uint32_t address = w->levels[n->depth - 1].address_cells, size = w->levels[n->depth - 1].size_cells;
    struct dt_property v;

    ASSERT(n->depth > 0);
    if (address < 1 || address > 2 || size < 1 || size > 2)
        return false;
    if (!dt_property(w->tree, n, "xen,shared-mem", &v) || v.length != 4 * (2 * address + size))
        return false;
    s->host = dt_cells(&v, 0, address);
    s->guest = dt_cells(&v, address, address);
    s->size = dt_cells(&v, 2 * address, size);
    return s->size && !((s->host | s->guest | s->size) & ~PAGE_MASK) && s->host + s->size > s->host && s->guest + s->size > s->guest;
}

bool boot_shared_memory(const struct dt_walk *w, const struct dt_node *n, uint64_t *base, uint64_t *size)
{
    struct partition_share s;

    if (!read_places(w, n, &s))
        return false;
    *base = s.host;
    *size = s.size;
    return true;
}

static void read_share(const struct links *l)
{
    struct partition_plan *plan = l->plan;
    const char *id = dt_string(l->walk->tree, l->node, "xen,shm-id"), *role;
    struct partition_share s = { .id = "" };
    struct dt_property v;

    if (!id || !*id || strlen(id) >= sizeof(s.id))
        return problem(l, "xen,shm-id", "expects a text of 1 to 15 characters");
    if (!read_places(l->walk, l->node, &s))
        return problem(l, "xen,shared-mem", "expects host address, guest address and size, whole pages, in the cells of the node above");
    role = dt_string(l->walk->tree, l->node, "role");
    if (dt_property(l->walk->tree, l->node, "role", &v) && (!role || (strcmp(role, "owner") != 0 && strcmp(role, "borrower") != 0)))
        return problem(l, "role", "expects \"owner\" or \"borrower\"");
    if (plan->share_count == PARTITION_SHARES)
        return problem(l, "xen,shm-id", "is one more than the 8 regions that a domain can share");
    string_copy(s.id, id, sizeof(s.id));
    plan->shares[plan->share_count++] = s;
}

static void read_channel(const struct links *l)
{
    struct partition_plan *plan = l->plan;
    struct dt_property v, phandle;
    struct partition_channel c;

    if (!dt_property(l->walk->tree, l->node, "xen,evtchn", &v) || v.length != 8)
        return problem(l, "xen,evtchn", "expects two cells: a port, and the phandle of the other end's node");
    c = (struct partition_channel){ .port = dt_cell(&v, 0, 0), .peer = dt_cell(&v, 1, 0) };
    if (!dt_property(l->walk->tree, l->node, "phandle", &phandle))
        return problem(l, "xen,evtchn", "no other end refers to its node");
    c.phandle = dt_cell(&phandle, 0, 0);
    if (c.port < 1 || c.port > PARTITION_PORT_MAX)
        return problem(l, "xen,evtchn", "expects a port of 1 to 1023");
    if (plan->channel_count == PARTITION_CHANNELS)
        return problem(l, "xen,evtchn", "is one more than the 32 static event channels that a domain can have");
    plan->channels[plan->channel_count++] = c;
}

void static_read_links(const struct dt_walk *w, const struct dt_node *n, struct partition_plan *plan, const struct static_report *report)
{
    const struct links l = { .walk = w, .node = n, .plan = plan, .report = report };
    uint32_t kinds = boot_node_kinds(n);

    if (kinds & BIT(NODE_SHARED_MEMORY))
        read_share(&l);
    else if (kinds & BIT(NODE_CHANNEL))
        read_channel(&l);
}

void static_parse_dom0(const struct boot_info *b, struct partition_plan *dom0, const struct static_report *report)
{
    struct dt_walk w = b->chosen;
    struct dt_node n;

    dom0->node = "(dom0)";
    while (boot_next_in_chosen(&w, &n))
        if (n.depth == 2)
            static_read_links(&w, &n, dom0, report);
}

/* Do those who share agree? */
static void check_share(struct partition_plan *plan, const struct partition_share *s, const struct partition_plan *other,
                        const struct static_report *report)
{
    for (unsigned k = 0; k < other->share_count; k++) {
        const struct partition_share *o = &other->shares[k];
        bool same = o->host == s->host && o->size == s->size, overlap = o->host < s->host + s->size && s->host < o->host + o->size;

        if (o != s && (strcmp(o->id, s->id) == 0 ? !same || other == plan : overlap))
            static_say(report, plan, true, "shared memory \"%s\" at 0x%llx, 0x%llx bytes, does not agree with \"%s\" of /chosen/%s", s->id,
                       (unsigned long long)s->host, (unsigned long long)s->size, o->id, other->node);
    }
    for (unsigned k = 0; k < other->bank_count; k++)
        if (other->banks[k].base < s->host + s->size && s->host < other->banks[k].base + other->banks[k].size)
            static_say(report, plan, true, "shared memory \"%s\" at 0x%llx lies in xen,static-mem of /chosen/%s", s->id,
                       (unsigned long long)s->host, other->node);
}

/* Does the node with that phandle name this one? */
static bool points_back(const struct boot_info *b, const struct partition_channel *c)
{
    struct dt_property phandle, v;
    struct dt_walk w = b->chosen;
    struct dt_node n;

    while (boot_next_in_chosen(&w, &n))
        if (dt_property(&b->tree, &n, "phandle", &phandle) && dt_cell(&phandle, 0, 0) == c->peer)
            return boot_node_is(&n, NODE_CHANNEL) && dt_property(&b->tree, &n, "xen,evtchn", &v) && dt_cell(&v, 1, 0) == c->phandle;
    return false;
}

static void check_channels(const struct boot_info *b, struct partition_plan *plan, const struct static_report *report)
{
    for (unsigned n = 0; n < plan->channel_count; n++) {
        const struct partition_channel *c = &plan->channels[n];

        if (c->peer == c->phandle || !points_back(b, c))
            static_say(report, plan, true, "static event channel %u: the other end's node does not name this one", c->port);
        for (unsigned k = 0; k < n; k++)
            if (plan->channels[k].port == c->port)
                static_say(report, plan, true, "static event channel %u is given twice", c->port);
    }
}

void static_check_links(const struct boot_info *b, struct partition_plan *const plans[], unsigned i, const struct static_report *report)
{
    struct partition_plan *plan = plans[i];

    for (unsigned n = 0; n < plan->share_count; n++) {
        const struct partition_share *s = &plan->shares[n];

        if (!range_contains(&b->memory, s->host, s->size) || range_overlaps(&b->reserved, s->host, s->size))
            static_say(report, plan, true, "shared memory \"%s\" at 0x%llx, 0x%llx bytes, is not all free memory of this board", s->id,
                       (unsigned long long)s->host, (unsigned long long)s->size);
        for (unsigned k = 0; k <= i; k++)
            if (!plans[k]->broken || k == i)
                check_share(plan, s, plans[k], report);
    }
    check_channels(b, plan, report);
}
