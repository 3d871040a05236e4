/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static domains that have been restarted are connected with dom0 again: see `usage`. Two copies at once do no harm, the second one ends.
 *
 * A new life waits for xenstore as the first one did (HVM_PARAM_STORE_PFN is ~0), while xenstored still has the last one's page and port.
 * In order:
 *
 *   close      the frontends of the last life go to 5 and 6, and their backends after them; then to 1, which the backends wait for
 *   release    xenstored lets go of the last life. It would delete what belongs to the domain: dom0 has it meanwhile, and whose it was is
 *              noted in xenstore before, so that a copy of this program that is started instead of this one goes on here
 *   page       a page for the new life, its grant for xenstored, the parameter
 *   give back  owners and readers as before; a reader of before would not count
 *   introduce  xenstored takes page and port, and tells the domain
 *   nudge      Linux (6.1) that is told while it starts, after it has seen that it must wait and before its thread waits, forgets it: it is
 *              told again until it has used the connection
 *
 * UUID, name and limit of memory stay what they were.
 *
 * A domain with an emulated UART gets a console as `xl console` knows it: a page that the hypervisor mirrors the UART to, which xenconsoled
 * has as its ring. The page goes with the life that it was given to; the next one's lies elsewhere, so that xenconsoled sees that it is
 * another.
 */
#include "vinci-partitions/partitions.h"

#define PARTITIONS "/proc/device-tree/hypervisor/vinci,partitions"
/* A static domain runs again. */
#define VIRQ_PARTITION VIRQ_ARCH_0
#define STORE_COMES_LATER UINT64_MAX
/* Where init-dom0less has it. */
#define STORE_PFN ((GUEST_MAGIC_BASE >> XC_PAGE_SHIFT) + 1)
/* Below it a node for each domain that is between release and introduction, and in that one for each of its nodes. */
#define JOURNAL "/local/domain/0/vinci-partitions"
#define PERMISSIONS_MAX 16
#define CLOSE_MS 3000
#define RETRY_MS 1000
/* Times RETRY_MS that a domain is waited for; it is told at every power of two. */
#define NUDGES 64

static const char usage[] =
    "usage: vinci-partitions\n"
    "\n"
    "Stays and waits for restarts of the static domains that init-dom0less has connected: each gets its connection to xenstore again, and\n"
    "with it the disks and network cards that xl has attached to it. Those with an emulated UART get a console for `xl console`.\n";

xc_interface *xch;
struct xs_handle *xs;
xenforeignmemory_handle *memory;

/* The devices that libxl has attached: /libxl/ID/device/KIND/NUMBER, which the domain cannot write, says where their two sides are. */

struct device {
    char *frontend, *backend;
    bool stays;                         /* nobody is taking it away */
};

static void write_state(const struct device *dev, enum xenbus_state state)
{
    char value[12];

    snprintf(value, sizeof(value), "%d", state);
    change(value, "%s/state", dev->frontend);
}

/* Until the backend is at a state of `from` and above; false: it does not come there. */
static bool wait_for_backend(const struct device *dev, enum xenbus_state from)
{
    for (unsigned waited = 0; waited < CLOSE_MS; waited += 10) {
        int state = number_of("%s/state", dev->backend);

        if (state < 0 || state >= (int)from)
            return true;
        usleep(10000);
    }
    return false;
}

/* What the last life's frontend has written. */
static bool is_of_frontend(const char *key)
{
    static const char *const begins[] = { "ring-ref", "ring-page-order", "event-channel", "tx-ring-ref", "rx-ring-ref", "ctrl-ring-ref",
                                          "queue-", "multi-queue-", "feature-", "request-", "protocol" };

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (strncmp(key, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static void remove_rests(const struct device *dev)
{
    unsigned count;
    char **keys = xs_directory(xs, XBT_NULL, dev->frontend, &count);
    char path[PATH_SIZE];

    for (unsigned i = 0; keys && i < count; i++)
        if (is_of_frontend(keys[i]) && snprintf(path, sizeof(path), "%s/%s", dev->frontend, keys[i]) < PATH_SIZE)
            (void)xs_rm(xs, XBT_NULL, path);
    free(keys);
}

static void close_device(struct partition *p, const struct device *dev)
{
    bool closed;

    write_state(dev, XenbusStateClosing);
    closed = wait_for_backend(dev, XenbusStateClosing);
    write_state(dev, XenbusStateClosed);
    closed = wait_for_backend(dev, XenbusStateClosed) && closed;
    if (!closed)
        say(p, "%s does not close", dev->backend);
    remove_rests(dev);
    if (dev->stays)
        write_state(dev, XenbusStateInitialising);
}

static void for_device(struct partition *p, const char *place, void (*act)(struct partition *p, const struct device *dev))
{
    struct device dev = { .frontend = value_of("%s/frontend", place), .backend = value_of("%s/backend", place) };

    if (dev.frontend && dev.backend) {
        dev.stays = number_of("%s/online", dev.backend) == 1;
        act(p, &dev);
    }
    free(dev.frontend);
    free(dev.backend);
}

static void for_devices(struct partition *p, void (*act)(struct partition *p, const struct device *dev))
{
    char path[PATH_SIZE];
    unsigned kinds, count;
    char **kind, **number;

    snprintf(path, sizeof(path), "/libxl/%u/device", p->id);
    kind = xs_directory(xs, XBT_NULL, path, &kinds);
    for (unsigned i = 0; kind && i < kinds; i++) {
        snprintf(path, sizeof(path), "/libxl/%u/device/%s", p->id, kind[i]);
        number = xs_directory(xs, XBT_NULL, path, &count);
        for (unsigned k = 0; number && k < count; k++) {
            snprintf(path, sizeof(path), "/libxl/%u/device/%s/%s", p->id, kind[i], number[k]);
            for_device(p, path, act);
        }
        free(number);
    }
    free(kind);
}

/* Who owns what, and who may read it. */

static void add_node(struct partition *p, char *path)
{
    struct node *grown = path ? realloc(p->nodes, (p->node_count + 1) * sizeof(*grown)) : NULL;

    if (!grown)
        abort();
    p->nodes = grown;
    grown[p->node_count++] = (struct node){ .path = path };
}

/* A path and everything below it, parents first. */
static void remember(struct partition *p, const char *path)
{
    size_t next = p->node_count;

    add_node(p, strdup(path));
    for (; next < p->node_count; next++) {
        struct node *n = &p->nodes[next];
        unsigned count;
        char **children = xs_directory(xs, XBT_NULL, n->path, &count), *child;

        n->owner = xs_get_permissions(xs, XBT_NULL, n->path, &n->count);
        for (unsigned i = 0; children && i < count; i++)
            add_node(p, asprintf(&child, "%s/%s", p->nodes[next].path, children[i]) < 0 ? NULL : child);
        free(children);
    }
}

/* "5:1 0:2 /a/path": the permissions, the first one is the owner's. False: this node has none, or too many. */
static bool format_note(char *note, size_t size, const struct node *n)
{
    size_t used = 0;

    if (!n->owner || n->count == 0 || n->count > PERMISSIONS_MAX)
        return false;
    for (unsigned i = 0; i < n->count; i++)
        used += (size_t)snprintf(note + used, size - used, "%u:%u ", n->owner[i].id, (unsigned)n->owner[i].perms);
    return (size_t)snprintf(note + used, size - used, "%s", n->path) < size - used;
}

static void read_note(struct partition *p, const char *note)
{
    struct xs_permissions owner[PERMISSIONS_MAX];
    unsigned count = 0, id, perms;
    int length;

    while (count < PERMISSIONS_MAX && sscanf(note, "%u:%u %n", &id, &perms, &length) == 2) {
        owner[count].id = id;
        owner[count++].perms = perms;
        note += length;
    }
    if (count == 0 || *note != '/')
        return;
    add_node(p, strdup(note));
    p->nodes[p->node_count - 1].owner = malloc(count * sizeof(*owner));
    if (!p->nodes[p->node_count - 1].owner)
        abort();
    memcpy(p->nodes[p->node_count - 1].owner, owner, count * sizeof(*owner));
    p->nodes[p->node_count - 1].count = count;
}

/* All at once or nothing. */
static bool write_journal(const struct partition *p)
{
    char place[PATH_SIZE], note[PATH_SIZE + PERMISSIONS_MAX * 16];
    xs_transaction_t t;
    bool done;

    do {
        t = xs_transaction_start(xs);
        done = t != XBT_NULL;
        for (size_t i = 0; done && i < p->node_count; i++) {
            snprintf(place, sizeof(place), JOURNAL "/%u/%zu", p->id, i);
            done = !format_note(note, sizeof(note), &p->nodes[i]) || xs_write(xs, t, place, note, (unsigned)strlen(note));
        }
        if (t == XBT_NULL)
            return false;
    } while (!xs_transaction_end(xs, t, !done) && errno == EAGAIN);
    return done;
}

static void drop_journal(const struct partition *p)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), JOURNAL "/%u", p->id);
    (void)xs_rm(xs, XBT_NULL, path);
}

/* What another copy of this program has begun. */
static void read_journal(struct partition *p)
{
    char path[PATH_SIZE];
    unsigned count;
    char **notes, *note;

    snprintf(path, sizeof(path), JOURNAL "/%u", p->id);
    notes = xs_directory(xs, XBT_NULL, path, &count);
    for (unsigned i = 0; notes && i < count; i++) {
        note = value_of(JOURNAL "/%u/%s", p->id, notes[i]);
        if (note)
            read_note(p, note);
        free(note);
    }
    free(notes);
    p->begun = p->node_count != 0;
}

static void remember_backend(struct partition *p, const struct device *dev)
{
    remember(p, dev->backend);
}

static void forget(struct partition *p)
{
    for (size_t i = 0; i < p->node_count; i++) {
        free(p->nodes[i].path);
        free(p->nodes[i].owner);
    }
    free(p->nodes);
    p->nodes = NULL;
    p->node_count = 0;
}

/* The domain's own part comes first, so that xenstored knows the domain when others are to read for it. */
static bool begin(struct partition *p)
{
    char path[PATH_SIZE];

    for_devices(p, close_device);
    snprintf(path, sizeof(path), "/local/domain/%u", p->id);
    remember(p, path);
    for_devices(p, remember_backend);
    p->begun = write_journal(p);
    return p->begun;
}

static bool release(const struct partition *p)
{
    struct xs_permissions mine = { .id = 0, .perms = XS_PERM_NONE };

    for (size_t i = 0; i < p->node_count; i++)
        if (p->nodes[i].owner && p->nodes[i].owner[0].id == p->id)
            (void)xs_set_permissions(xs, XBT_NULL, p->nodes[i].path, &mine, 1);
    return xs_release_domain(xs, p->id);
}

static void give_back(const struct partition *p)
{
    for (size_t i = 0; i < p->node_count; i++)
        if (p->nodes[i].owner)
            (void)xs_set_permissions(xs, XBT_NULL, p->nodes[i].path, p->nodes[i].owner, p->nodes[i].count);
}

/* The connection itself. */

static bool make_page(const struct partition *p)
{
    xen_pfn_t pfn = STORE_PFN;
    struct xenstore_domain_interface *page = xenforeignmemory_map(memory, p->id, PROT_READ | PROT_WRITE, 1, &pfn, NULL);

    if (!page) {
        if (xc_domain_populate_physmap_exact(xch, p->id, 1, 0, 0, &pfn))
            return false;
        page = xenforeignmemory_map(memory, p->id, PROT_READ | PROT_WRITE, 1, &pfn, NULL);
    }
    if (!page)
        return false;
    memset(page, 0, XC_PAGE_SIZE);
    page->connection = XENSTORE_RECONNECT;
    return !xenforeignmemory_unmap(memory, page, 1);
}

static bool grant_page(const struct partition *p)
{
    xenforeignmemory_resource_handle *table;
    void *address = NULL;
    grant_entry_v1_t *entry;

    table = xenforeignmemory_map_resource(memory, p->id, XENMEM_resource_grant_table, XENMEM_resource_grant_table_id_shared, 0, 1, &address,
                                          PROT_READ | PROT_WRITE, 0);
    if (!table)
        return false;
    entry = (grant_entry_v1_t *)address + GNTTAB_RESERVED_XENSTORE;
    entry->domid = 0;
    entry->frame = STORE_PFN;
    __atomic_store_n(&entry->flags, GTF_permit_access, __ATOMIC_RELEASE);
    return !xenforeignmemory_unmap_resource(memory, table);
}

static bool introduce(const struct partition *p, uint64_t port)
{
    char value[24];

    give_back(p);
    snprintf(value, sizeof(value), "%u", (unsigned)port);
    change(value, "/local/domain/%u/store/port", p->id);
    change("", "/local/domain/%u/control/shutdown", p->id);
    change("", "/local/domain/%u/control/sysrq", p->id);
    return xs_introduce_domain(xs, p->id, STORE_PFN, (unsigned)port);
}

/* Nodes are whose they were. */
static void end(struct partition *p)
{
    drop_journal(p);
    forget(p);
    p->begun = false;
    p->looks = 0;
}

/* False: try again later; the domain goes on waiting. */
static bool connect_again(struct partition *p, uint64_t port)
{
    if (!p->begun && !begin(p)) {
        say(p, "its nodes cannot be noted: %s", strerror(errno));
        forget(p);
        return false;
    }
    if (xs_is_domain_introduced(xs, p->id) && !release(p)) {
        say(p, "xenstored does not release it: %s", strerror(errno));
        return false;
    }
    if (!make_page(p) || !grant_page(p) || xc_hvm_param_set(xch, p->id, HVM_PARAM_STORE_PFN, STORE_PFN)) {
        say(p, "no page for xenstore: %s", strerror(errno));
        return false;
    }
    if (!introduce(p, port)) {
        say(p, "xenstored does not take it: %s", strerror(errno));
        (void)xc_hvm_param_set(xch, p->id, HVM_PARAM_STORE_PFN, STORE_COMES_LATER);
        return false;
    }
    end(p);
    say(p, "connected again");
    return true;
}

/* The page says what the domain has sent so far. Introduced once more it is told, and whatever is on its way is lost: nothing may be. */
static bool tell_again(const struct partition *p, uint64_t port)
{
    xen_pfn_t pfn = STORE_PFN;
    struct xenstore_domain_interface *page = xenforeignmemory_map(memory, p->id, PROT_READ | PROT_WRITE, 1, &pfn, NULL);
    bool used = !page || page->req_prod != 0;

    if (!used && (p->looks & (p->looks - 1)) == 0) {
        page->connection = XENSTORE_RECONNECT;
        (void)xs_introduce_domain(xs, p->id, STORE_PFN, (unsigned)port);
    }
    if (page)
        (void)xenforeignmemory_unmap(memory, page, 1);
    return !used;
}

/* False: look again later. */
static bool nudge(struct partition *p, uint64_t port)
{
    if (p->looks >= NUDGES || p->looks++ == 0)
        return p->looks > 1;
    if (xc_domain_pause(xch, p->id))
        return true;
    if (!tell_again(p, port))
        p->looks = NUDGES;
    (void)xc_domain_unpause(xch, p->id);
    return p->looks >= NUDGES;
}

/* One that waits for xenstore although xenstored has it, or we have begun. False: look again later. */
static bool look_at(struct partition *p)
{
    bool introduced = xs_is_domain_introduced(xs, p->id);
    uint64_t pfn, port;

    connect_console(p);
    if (!p->begun && !introduced)
        return true;
    if (xc_hvm_param_get(xch, p->id, HVM_PARAM_STORE_PFN, &pfn) || xc_hvm_param_get(xch, p->id, HVM_PARAM_STORE_EVTCHN, &port))
        return true;
    if (!port)
        return true;
    if (p->begun && introduced && pfn != STORE_COMES_LATER) {
        /* Another copy of this program came as far as that. */
        give_back(p);
        end(p);
    }
    if ((pfn == STORE_COMES_LATER || p->begun) && !connect_again(p, port))
        return false;
    return nudge(p, port);
}

/* Texts "NUMBER NAME", each with its NUL. NULL: there are none. */
static struct partition *read_partitions(size_t *count)
{
    struct partition *all = NULL;
    FILE *file = fopen(PARTITIONS, "rb");
    char *text = NULL;
    size_t size = 0;

    *count = 0;
    while (file && getdelim(&text, &size, 0, file) > 0) {
        struct partition p = { 0 };

        if (sscanf(text, "%u %31s", &p.id, p.name) != 2)
            continue;
        all = reallocarray(all, *count + 1, sizeof(p));
        if (!all)
            abort();
        all[(*count)++] = p;
    }
    free(text);
    if (file)
        fclose(file);
    return all;
}

static int stay(xenevtchn_handle *events, struct partition *all, size_t count)
{
    struct pollfd line = { .fd = xenevtchn_fd(events), .events = POLLIN };

    for (;;) {
        bool done = true;
        int port;

        for (size_t i = 0; i < count; i++)
            done = look_at(&all[i]) && done;
        if (poll(&line, 1, done ? -1 : RETRY_MS) < 0 && errno != EINTR)
            return 1;
        if (!(line.revents & POLLIN))
            continue;
        port = xenevtchn_pending(events);
        if (port < 0 || xenevtchn_unmask(events, (evtchn_port_t)port))
            return 1;
    }
}

int main(int argc, char **argv)
{
    xenevtchn_handle *events;
    struct partition *all;
    size_t count;

    if (argc > 1) {
        bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;

        fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    all = read_partitions(&count);
    if (!all)
        return 0;
    xch = xc_interface_open(NULL, NULL, 0);
    xs = xs_open(0);
    memory = xenforeignmemory_open(NULL, 0);
    events = xenevtchn_open(NULL, 0);
    if (!xch || !xs || !memory || !events) {
        fputs("vinci-partitions: no access to the hypervisor or xenstore: is this dom0, and are you root?\n", stderr);
        return 1;
    }
    /* Before they are looked at: none is missed. */
    if (xenevtchn_bind_virq(events, VIRQ_PARTITION) < 0) {
        fprintf(stderr, "vinci-partitions: %s\n", errno == EEXIST ? "runs already" : "dom0 cannot be told of restarts");
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        read_journal(&all[i]);
    return stay(events, all, count);
}
