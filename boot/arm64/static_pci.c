/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single PCI functions in a partial device tree: beside xen,path, which names a host bridge of the board, vinci,pci = "00:02.0", ... says which
 * of its functions the domain gets. The node's own reg and ranges say where the guest finds its virtual bridge.
 */
#include "boot/arm64/static_plan.h"
#include "lib/assert.h"
#include "lib/string.h"

#define BUS_BYTES 0x100000u
#define NAME_LENGTH 7           /* 00:02.0 */
#define KIND(cell) ((cell) >> 24 & 3)
#define KIND_MEMORY 2           /* and 3: of 64 bits */

struct pci_scan {
    const struct boot_info *b;
    struct partition_plan *plan;
    const struct static_report *report;
    const struct dt_node *host;
};

static void problem(const struct pci_scan *s, const struct dt_property *p, const char *text)
{
    static_problem(s->report, s->plan, p, p->name, text);
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bus 15:8, device 7:3, function 2:0; negative: it is no such name. */
static int read_name(const char *text, size_t length)
{
    int bus, device, function;

    if (length != NAME_LENGTH || text[2] != ':' || text[5] != '.' || hex(text[0]) < 0 || hex(text[1]) < 0 || hex(text[3]) < 0 || hex(text[4]) < 0)
        return -1;
    bus = hex(text[0]) << 4 | hex(text[1]);
    device = hex(text[3]) << 4 | hex(text[4]);
    function = text[6] - '0';
    return device > 31 || function < 0 || function > 7 ? -1 : bus << 8 | device << 3 | function;
}

/* Which stream of the board's IOMMUs its accesses are (iommu-map, iommu-map-mask). */
static uint64_t stream_of(const struct pci_scan *s, uint32_t requester)
{
    struct dt_property map, mask;

    if (!dt_property(&s->b->tree, s->host, "iommu-map", &map))
        return PARTITION_NO_STREAM;
    if (dt_property(&s->b->tree, s->host, "iommu-map-mask", &mask))
        requester &= dt_cell(&mask, 0, UINT32_MAX);
    for (uint32_t i = 0; (i + 4) * 4 <= map.length; i += 4) {
        uint32_t offset = requester - dt_cell(&map, i, 0);

        if (offset < dt_cell(&map, i + 3, 0))
            return (uint64_t)dt_cell(&map, i + 1, 0) << 32 | (dt_cell(&map, i + 2, 0) + offset);
    }
    return PARTITION_NO_STREAM;
}

/* -- lines -- */

#define SPI_FIRST 32u
#define KIND_SPI 0
#define GUEST_ENTRY 8u          /* three cells of PCI address, the pin, the controller, the interrupt's three */

/* The board's line of each pin of a function: an entry is the same with the controller's address. */
static void find_lines(const struct pci_scan *s, struct partition_function *f)
{
    uint32_t entry = 3 + 1 + 1 + s->b->gic_address_cells + 3, mask = UINT32_MAX;
    struct dt_property map, p;

    if (!dt_property(&s->b->tree, s->host, "interrupt-map", &map))
        return;
    if (dt_property(&s->b->tree, s->host, "interrupt-map-mask", &p))
        mask = dt_cell(&p, 0, UINT32_MAX);
    for (uint32_t i = 0; (i + entry) * 4 <= map.length; i += entry) {
        uint32_t pin = dt_cell(&map, i + 3, 0), line = dt_cell(&map, i + entry - 2, 0) + SPI_FIRST;

        if (((uint32_t)f->number << 8 & mask) == (dt_cell(&map, i, 0) & mask) && pin >= 1 && pin <= 4 && line < 1020 &&
            dt_cell(&map, i + 4, 0) == s->b->gic_phandle && dt_cell(&map, i + entry - 3, 1) == KIND_SPI)
            f->lines[pin - 1] = (uint16_t)line;
    }
}

static bool is_line(const struct partition_pci *pci, uint32_t line)
{
    for (unsigned i = 0; i < pci->function_count; i++)
        for (unsigned pin = 0; pin < 4; pin++)
            if (line && pci->functions[i].lines[pin] == line)
                return true;
    return false;
}

static bool has_line(const struct partition_plan *plan, uint32_t line)
{
    for (unsigned i = 0; i < plan->irq_count; i++)
        if (plan->irqs[i] == line)
            return true;
    return false;
}

/* Those that the virtual bridge's interrupt-map names are the domain's, and nobody else's. */
static void read_lines(const struct pci_scan *s, const struct dt_node *n)
{
    struct partition_plan *plan = s->plan;
    struct dt_property map;

    if (!dt_property(&plan->partial, n, "interrupt-map", &map))
        return;
    if (map.length % (4 * GUEST_ENTRY))
        return problem(s, &map, "expects eight cells for each pin: PCI address, pin, controller, interrupt");
    for (uint32_t i = 0; i < map.length / 4; i += GUEST_ENTRY) {
        uint32_t line = dt_cell(&map, i + 6, 0) + SPI_FIRST;

        if (dt_cell(&map, i + 5, 1) != KIND_SPI || !is_line(&plan->pci, line))
            return problem(s, &map, "names an interrupt that is of no pin of these functions");
        if (has_line(plan, line))
            continue;
        if (plan->irq_count == PARTITION_IRQS)
            return problem(s, &map, "is more than 32 interrupts for one domain");
        plan->irqs[plan->irq_count++] = line;
    }
}

/* -- names -- */

static bool has(const struct partition_pci *pci, unsigned number)
{
    for (unsigned i = 0; i < pci->function_count; i++)
        if (pci->functions[i].number == number)
            return true;
    return false;
}

static void add_function(const struct pci_scan *s, const struct dt_property *p, int number)
{
    struct partition_pci *pci = &s->plan->pci;

    if (number < 0)
        return problem(s, p, "expects bus:device.function, such as \"00:02.0\"");
    if (number >= 256)
        return problem(s, p, "only functions of the bridge's bus 00 can be given");
    if (has(pci, (unsigned)number))
        return problem(s, p, "names a function twice");
    if (pci->function_count == PARTITION_FUNCTIONS)
        return problem(s, p, "is more than 16 functions for one domain");
    pci->functions[pci->function_count].number = (uint8_t)number;
    find_lines(s, &pci->functions[pci->function_count]);
    pci->functions[pci->function_count++].stream = stream_of(s, (uint32_t)number);
}

static void read_names(const struct pci_scan *s, const struct dt_property *p)
{
    const struct partition_pci *pci = &s->plan->pci;

    if (p->length == 0 || p->value[p->length - 1])
        return problem(s, p, "expects bus:device.function, such as \"00:02.0\"");
    for (uint32_t i = 0; i < p->length && !s->plan->broken;) {
        size_t length = strlen((const char *)p->value + i);

        add_function(s, p, read_name((const char *)p->value + i, length));
        i += (uint32_t)length + 1;
    }
    /* A guest looks at the others when there is the first. */
    for (unsigned i = 0; !s->plan->broken && i < pci->function_count; i++)
        if (!has(pci, pci->functions[i].number & ~7u))
            problem(s, p, "lacks function 0 of a device of which it names another: a guest would not look for it");
}

/* Windows for memory: three cells of PCI address, the guest's address, the size. */
static void read_windows(const struct pci_scan *s, const struct dt_walk *w, const struct dt_node *n)
{
    struct partition_pci *pci = &s->plan->pci;
    uint32_t parent = w->levels[n->depth - 1].address_cells, cells = w->levels[n->depth].size_cells, entry = 3 + parent + cells;
    struct dt_property p;

    ASSERT(n->depth > 0);
    if (!dt_property(&s->plan->partial, n, "ranges", &p))
        return static_problem(s->report, s->plan, NULL, "ranges", "a node with vinci,pci needs a window for memory");
    for (uint32_t i = 0; (i + entry) * 4 <= p.length && pci->window_count < PARTITION_PCI_WINDOWS; i += entry) {
        uint64_t bus = dt_cells(&p, i + 1, 2), guest = dt_cells(&p, i + 3, parent), size = dt_cells(&p, i + 3 + parent, cells);

        if (KIND(dt_cell(&p, i, 0)) < KIND_MEMORY)
            continue;
        if (size == 0 || (bus | guest | size) & ~PAGE_MASK || bus + size < bus || guest + size < guest)
            return problem(s, &p, "expects whole pages of 4 KiB");
        pci->windows[pci->window_count].bus = bus;
        pci->windows[pci->window_count].guest = guest;
        pci->windows[pci->window_count++].size = size;
    }
    if (!pci->window_count)
        problem(s, &p, "has no window for memory");
}

void static_read_pci(const struct boot_info *b, struct partition_plan *plan, const struct dt_walk *w, const struct dt_node *n,
                     const struct dt_node *host, const struct static_report *report)
{
    struct pci_scan s = { .b = b, .plan = plan, .report = report, .host = host };
    struct partition_pci *pci = &plan->pci;
    struct dt_property names, p;

    if (!dt_property(&plan->partial, n, "vinci,pci", &names) || !dt_property(&plan->partial, n, "xen,path", &p))
        return;
    if (pci->bridge)
        return problem(&s, &p, "is a second bridge: a domain can have functions of one");
    pci->bridge = (const char *)p.value;
    pci->without_iommu = dt_property(&plan->partial, n, "xen,force-assign-without-iommu", &p);
    if (!dt_is_compatible(&b->tree, host, "pci-host-ecam-generic"))
        return problem(&s, &names, "is of a node that is no pci-host-ecam-generic");
    if (!dt_property(&b->tree, host, "xen,passthrough", &p))
        return problem(&s, &names, "is of a host bridge without xen,passthrough in the board's tree, which dom0 would have as well");
    if (dt_property(&plan->partial, n, "xen,reg", &p))
        return problem(&s, &p, "cannot be beside vinci,pci: the bridge is a virtual one, at reg");
    if (!dt_reg(w, n, 0, &pci->config, &pci->config_size) || pci->config & ~PAGE_MASK || pci->config_size < BUS_BYTES ||
        pci->config + pci->config_size < pci->config)
        return static_problem(report, plan, NULL, "reg", "a node with vinci,pci needs 1 MiB or more for its configuration space");
    read_windows(&s, w, n);
    if (!plan->broken)
        read_names(&s, &names);
    if (!plan->broken)
        read_lines(&s, n);
}

/* -- several domains -- */

static void check_function(const struct partition_plan *other, unsigned i, struct partition_plan *plan, const struct static_report *report)
{
    const struct partition_function *f = &plan->pci.functions[i];
    bool same = strcmp(plan->pci.bridge, other->pci.bridge) == 0;

    for (unsigned k = 0; k < other->pci.function_count; k++) {
        const struct partition_function *o = &other->pci.functions[k];
        const char *why = NULL;

        if (same && f->number == o->number)
            why = "is given to two domains, here and in";
        else if (same && f->number >> 3 == o->number >> 3)
            why = "is of a device that has another function in";
        else if (f->stream != PARTITION_NO_STREAM && f->stream == o->stream)
            why = "accesses memory under the same number (iommu-map) as one in";
        if (why)
            return static_say(report, plan, true, "PCI function 00:%02x.%u of %s (vinci,pci) %s /chosen/%s", f->number >> 3, f->number & 7,
                              plan->pci.bridge, why, other->node);
    }
}

static bool has_device(const struct partition_plan *plan, const char *path)
{
    for (unsigned i = 0; i < plan->device_count; i++)
        if (strcmp(plan->devices[i].path, path) == 0)
            return true;
    return false;
}

void static_check_pci(struct partition_plan *plan, const struct partition_plan *other, const struct static_report *report)
{
    if (plan->pci.bridge && has_device(other, plan->pci.bridge))
        static_say(report, plan, true, "functions (vinci,pci) of %s, which /chosen/%s has as a whole", plan->pci.bridge, other->node);
    if (other->pci.bridge && has_device(plan, other->pci.bridge))
        static_say(report, plan, true, "device %s (xen,path), of which /chosen/%s has single functions (vinci,pci)", other->pci.bridge, other->node);
    for (unsigned i = 0; plan->pci.bridge && other->pci.bridge && i < plan->pci.function_count; i++)
        check_function(other, i, plan, report);
}
