/* SPDX-License-Identifier: Apache-2.0 */
/* A partition's domain, once: vCPUs, memory, devices. */
#include "arch/include/arm64_vgic_hw.h"
#include "core/domain.h"
#include "core/host_device.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "partition/partition.h"
#include "vdev/arm64/vits.h"
#include "vdev/arm64/vbridge.h"
#include "vdev/arm64/vpl011.h"

/* What a partition gets of event channels, as the reference gives its static domains. */
#define SPI_FIRST 32u
#define REAP_PERIOD USEC(100)

static int add_vcpus(struct partition *p)
{
    struct domain_locked lock = domain_lock(p->domain);
    struct vcpu *v;
    int error = 0;

    for (unsigned i = 0; !error && i < p->plan->vcpu_count; i++) {
        error = vcpu_create(lock, i, &v);
        if (!error)
            error = sched_set_affinity(&v->unit, &p->plan->vcpus[i].pin, &p->plan->vcpus[i].pin);
        if (!error && p->plan->vcpus[i].period_us)
            error = sched_set_reservation(&v->unit, p->plan->vcpus[i].period_us, p->plan->vcpus[i].budget_us,
                                          p->plan->vcpus[i].extratime);
    }
    if (!error && (p->plan->weight || p->plan->cap))
        error = sched_set_params(&p->domain->sched, p->plan->weight ? p->plan->weight : SCHED_DEFAULT_WEIGHT, p->plan->cap);
    domain_unlock(lock);
    return error;
}

/* Would the device hide RAM? */
static bool is_over_ram(const struct partition_plan *plan, const struct partition_registers *r)
{
    struct partition_piece ram[PARTITION_PIECES];
    unsigned n = partition_ram(plan, ram);

    for (unsigned i = 0; i < n; i++)
        if (r->guest < ram[i].guest + ram[i].size && ram[i].guest < r->guest + r->size)
            return true;
    return false;
}

static int map_registers(struct domain *d, const struct partition_registers *r)
{
    return stage2_map_pages(&d->stage2, GFN(r->guest >> PAGE_SHIFT), MFN(r->base >> PAGE_SHIFT), r->size >> PAGE_SHIFT, S2_DEVICE);
}

/* A device that can access memory and that no IOMMU holds back gets all of memory: only if the tree says so. */
static int give(struct partition *p, struct host_device *h, const char *path, bool without_iommu)
{
    int error = without_iommu ? 0 : -E_NODEV;

    if (h)
        error = host_device_assign(p->domain, h, without_iommu);
    if (error == -E_NODEV)
        log_error("partition %s: device %s is behind no IOMMU (xen,force-assign-without-iommu is not given)", p->plan->name, path);
    else if (error)
        log_error("partition %s: device %s cannot be given to it (error %d)", p->plan->name, path, error);
    return error;
}

static int give_device(struct partition *p, const struct partition_device *device)
{
    return give(p, host_device_find(device->path), device->path, device->without_iommu);
}

static const char *why_not(int error)
{
    switch (error) {
    case -E_NOENT: return "there is none";
    case -E_INVAL: return "it is a bridge, or of an unknown kind";
    case -E_NOSPC: return "no room for its registers is left in the windows of the host bridge";
    case -E_BUSY: return "somebody has it already";
    default: return error == -E_NOMEM ? "no memory" : "its host bridge cannot be used";
    }
}

/* Has it the line of the function's pin? */
static bool has_line(const struct partition_plan *plan, const struct partition_function *f, unsigned pin)
{
    for (unsigned i = 0; pin >= 1 && pin <= ARRAY_SIZE(f->lines) && i < plan->irq_count; i++)
        if (plan->irqs[i] == f->lines[pin - 1])
            return true;
    return false;
}

static int give_function(struct partition *p, struct host_device *bridge, const struct partition_function *f)
{
    const struct partition_pci *pci = &p->plan->pci;
    unsigned number = f->number;
    struct host_device *h;
    int error = vbridge_host_function(bridge, number, &h);

    if (error) {
        log_error("partition %s: PCI function 00:%02x.%u of %s: %s (error %d)", p->plan->name, number >> 3, number & 7, pci->bridge,
                  why_not(error), error);
        return error;
    }
    error = give(p, h, h->path, pci->without_iommu);
    return error ? error : vbridge_add(p->domain, h, has_line(p->plan, f, h->function->pin));
}

static int give_functions(struct partition *p)
{
    const struct partition_pci *pci = &p->plan->pci;
    struct host_device *bridge = host_device_find(pci->bridge);
    struct vbridge_place place = { .config = pci->config, .config_size = pci->config_size, .window_count = pci->window_count };
    int error = 0;

    for (unsigned i = 0; i < pci->window_count; i++) {
        const struct partition_registers window = { .guest = pci->windows[i].guest, .size = pci->windows[i].size };

        if (is_over_ram(p->plan, &window))
            return -E_INVAL;
        place.windows[i].bus = pci->windows[i].bus;
        place.windows[i].guest = window.guest;
        place.windows[i].size = window.size;
    }
    if (!bridge || !bridge->bridge) {
        log_error("partition %s: PCI host bridge %s is not offered (xen,passthrough), or its configuration space is out of reach",
                  p->plan->name, pci->bridge);
        return -E_NODEV;
    }
    error = vbridge_create(p->domain, &place);
    for (unsigned i = 0; !error && i < pci->function_count; i++)
        error = give_function(p, bridge, &pci->functions[i]);
    return error;
}

/* Mapped one to one its devices use the host's addresses. */
static int show_memory_to_devices(struct partition *p)
{
    const struct partition_plan *plan = p->plan;
    int error = 0;

    for (unsigned i = 0; !error && p->domain->dma_identity && i < plan->bank_count; i++)
        error = iommu_map_own(p->domain->iommu, hpa_to_mfn(HPA(plan->banks[i].base)), plan->banks[i].size >> PAGE_SHIFT);
    return error;
}

static int add_devices(struct partition *p)
{
    int error = show_memory_to_devices(p);

    for (unsigned i = 0; !error && i < p->plan->register_count; i++)
        error = is_over_ram(p->plan, &p->plan->registers[i]) ? -E_INVAL : map_registers(p->domain, &p->plan->registers[i]);
    for (unsigned i = 0; !error && i < p->plan->irq_count; i++)
        error = arch_irq_route(p->domain, p->plan->irqs[i]);
    for (unsigned i = 0; !error && i < p->plan->device_count; i++)
        error = give_device(p, &p->plan->devices[i]);
    if (!error && p->plan->pci.bridge)
        error = give_functions(p);
    return error ? error : vits_create(p->domain);
}

/* Lines of its interrupt controller: what is asked for, and no fewer than its devices need. */
static uint32_t shared_irqs(const struct partition_plan *plan)
{
    uint32_t n = plan->shared_irqs;

    if (plan->console == CONSOLE_VPL011)
        n = MAX(n, plan->uart_irq - SPI_FIRST + 1);
    for (unsigned i = 0; i < plan->irq_count; i++)
        n = MAX(n, plan->irqs[i] - SPI_FIRST + 1);
    return n;
}

/* A UART of its own or calls, on the one line of the board. */
static int add_console(struct partition *p)
{
    bool has_uart = p->plan->console == CONSOLE_VPL011;
    int error = has_uart ? vpl011_create(p->domain, GPA(p->plan->uart), p->plan->uart_irq) : 0;

    if (error)
        return error;
    return console_attach(p->domain, p->plan->name, has_uart ? vpl011_receive : NULL, p->plan->limits.console_lines);
}

static int limit(struct partition *p)
{
    event_limit_rate(p->domain, p->plan->limits.events);
    for (unsigned i = 0; i < p->plan->vcpu_count; i++)
        p->domain->vcpus[i]->hypercall_percent = (uint8_t)p->plan->limits.hypercall_percent;
    return vgic_limit_rate(p->domain, p->plan->limits.interrupts);
}

/* domain_destroy waits for other CPUs, and each call is bounded. */
static void reap(struct timer *t)
{
    struct domain *d = atomic_load(&container_of(t, struct partition, reaper)->domain);

    if (d && domain_destroy(d) == -E_RESTART)
        timer_set(t, arch_time_now() + REAP_PERIOD);
}

void partition_give_up(struct partition *p)
{
    p->state = PARTITION_FAILED;
    timer_init(&p->reaper, reap);
    timer_set(&p->reaper, arch_time_now());
}

/* The domain is gone, whoever ended it. */
static void forget_domain(struct domain *d)
{
    struct partition *p = d->partition;

    if (p->state != PARTITION_FAILED)
        p->state = PARTITION_STOPPED;
    atomic_store(&p->domain, NULL);
}

static int make_domain(struct partition *p)
{
    const struct partition_plan *plan = p->plan;
    struct domain_config config = {
        .direct_mapped = plan->direct_map,
        .dma_identity = plan->direct_map,
        .max_vcpus = plan->vcpu_count,
        .max_event_port = PARTITION_PORT_MAX,
        .max_grant_frames = plan->max_grant_frames,
        .max_maptrack_frames = plan->max_maptrack_frames,
        .shared_irqs = shared_irqs(plan),
        .cpupool = plan->cpupool,
        .iommu = (plan->device_count || plan->pci.bridge) && iommu_is_present(),
    };
    int error;

    partition_handle(plan->name, config.uuid);
    error = domain_create(DOMID(0xffff), &config, &p->domain);
    if (error)
        return error;
    p->domain->partition = p;
    p->domain->left_table = forget_domain;
    p->domain->ended = partition_ended;
    return 0;
}

static int begin(struct partition *p)
{
    p->state = PARTITION_BUILDING;
    return make_domain(p);
}

static int finish(struct partition *p)
{
    int error = limit(p);

    return error ? error : add_devices(p);
}

/* What a partition is made of, in order; and what to look at when one fails. */
static const struct {
    int (*make)(struct partition *p);
    const char *what;
} parts[] = {
    { begin, "domain (cpus, nr_spis, domain-cpupool, max_grant_frames)" },
    { add_vcpus, "vCPUs (cpus, vinci,pin, vinci,weight, vinci,cap)" },
    { partition_populate, "memory" },
    { add_console, "console (vpl011, nr_spis)" },
    { finish, "devices (xen,reg beside its RAM, xen,path, interrupts)" },
};

int partition_create(struct partition *p)
{
    uint32_t *step = &p->progress.step;
    int error;

    ASSERT(!p->created && *step < ARRAY_SIZE(parts));
    error = parts[*step].make(p);
    if (error == -E_RESTART)
        return error;
    if (error) {
        log_error("partition %s: its %s could not be set up (error %d%s)", p->plan->name, parts[*step].what, error,
                  error == -E_NOMEM ? ", no memory" : "");
        partition_give_up(p);
        return error;
    }
    p->progress.done = 0;
    if (++*step < ARRAY_SIZE(parts))
        return -E_RESTART;
    p->progress = (struct partition_progress){ 0 };
    p->created = true;
    return 0;
}
