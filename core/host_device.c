/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host_device.h"
#include "arch/include/mmio.h"
#include "core/domain.h"
#include "lib/atomic.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/heap.h"

#define PCI_FUNCTIONS 256               /* of bus 0 */
#define PCI_CONFIG_BYTES 4096           /* of one */
#define PCI_NO_FUNCTION UINT32_MAX
#define PCI_COMMAND 4
#define PCI_COMMAND_KEPT 0xfffbu        /* all but the bus master bit */

static struct list devices = LIST_INIT(devices);

/* Others go through the list meanwhile, from the front on. A function comes before the bridge that has its streams and messages as well. */
static void publish_first(struct host_device *h)
{
    h->link.next = devices.next;
    h->link.prev = &devices;
    devices.next->prev = &h->link;
    atomic_store_release(&devices.next, &h->link);
}

int host_device_add(const struct host_device *d)
{
    struct host_device *copy = heap_new(struct host_device);
    size_t length = strlen(d->path) + 1;
    char *path = heap_alloc(length);

    if (!copy || !path) {
        heap_delete(copy);
        heap_free(path, length);
        return -E_NOMEM;
    }
    *copy = *d;
    memcpy(path, d->path, length);
    copy->path = path;
    ASSERT(copy->stream_count <= HOST_DEVICE_STREAMS && copy->range_count <= HOST_DEVICE_RANGES);
    copy->owner = HOST_DEVICE_NOBODY;
    if (copy->function)
        publish_first(copy);
    else
        list_push_back(&devices, &copy->link);
    return 0;
}

struct host_device *host_device_find(const char *path)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        if (strcmp(h->path, path) == 0)
            return h;
    return NULL;
}

/*
 * No function on the bridge's bus may begin an access, nor pass one on from a bus behind it, until its next driver says so: what it was
 * told in a former life is not done in the next. (PCI Local Bus 3.0, 6.2.2; the upper half are status bits, which a 0 leaves alone)
 */
static void stop_bus_masters(const struct host_device *h)
{
    for (unsigned function = 0; h->config && function < PCI_FUNCTIONS; function++) {
        unsigned at = function * PCI_CONFIG_BYTES;

        if (mmio_read32(h->config, at) != PCI_NO_FUNCTION)
            mmio_write32(h->config, at + PCI_COMMAND, mmio_read32(h->config, at + PCI_COMMAND) & PCI_COMMAND_KEPT);
    }
}

static void stop(struct host_device *h)
{
    if (h->life)
        h->life->stop(h);
    else
        stop_bus_masters(h);
}

/* Its first n ranges of streams reach nothing. */
static void detach(struct domain *d, const struct host_device *h, unsigned n)
{
    while (d->iommu && n-- > 0)
        iommu_detach(d->iommu, &h->streams[n]);
}

static int attach(struct domain *d, const struct host_device *h)
{
    for (unsigned i = 0; i < h->stream_count; i++) {
        int r = iommu_attach(d->iommu, &h->streams[i]);

        if (r) {
            detach(d, h, i);
            return r;
        }
    }
    return 0;
}

int host_device_assign(struct domain *d, struct host_device *h, bool without_iommu)
{
    uint32_t nobody = HOST_DEVICE_NOBODY;
    int r;

    ASSERT(d->id.v != HOST_DEVICE_NOBODY);

    if (!d->iommu && !without_iommu)
        return -E_NODEV;
    if (!h->stream_count && !without_iommu)
        return -E_NODEV;
    if (h->is_shared)
        return -E_BUSY;
    if (!atomic_compare_exchange(&h->owner, &nobody, d->id.v))
        return -E_BUSY;
    r = d->iommu ? attach(d, h) : 0;
    if (r)
        atomic_store(&h->owner, HOST_DEVICE_NOBODY);
    return r;
}

int host_device_release(struct domain *d, struct host_device *h)
{
    if (atomic_load(&h->owner) != d->id.v)
        return -E_INVAL;
    stop(h);
    detach(d, h, h->stream_count);
    atomic_store(&h->owner, HOST_DEVICE_NOBODY);
    return 0;
}

void host_devices_release(struct domain *d)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        if (atomic_load(&h->owner) == d->id.v && host_device_release(d, h))
            ASSERT(!"somebody else released it");
}

void host_devices_block(struct domain *d)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        if (atomic_load(&h->owner) == d->id.v) {
            stop(h);
            detach(d, h, h->stream_count);
        }
}

int host_devices_unblock(struct domain *d)
{
    struct host_device *h;
    int r = 0;

    list_for_each(h, &devices, link)
        if (!r && h->life && atomic_load(&h->owner) == d->id.v)
            r = h->life->start(h);
    if (r)
        return r;
    list_for_each(h, &devices, link)
        if (!r && d->iommu && atomic_load(&h->owner) == d->id.v)
            r = attach(d, h);
    if (r)
        host_devices_block(d);
    return r;
}

int host_devices_assign_rest(struct domain *d)
{
    struct host_device *h;
    int r = 0;

    list_for_each(h, &devices, link)
        if (!r && !h->offered && ((h->stream_count && d->iommu) || h->message_count))
            r = host_device_assign(d, h, true);
    return r;
}

bool host_devices_send(const struct domain *d)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        if (h->message_count && atomic_load(&h->owner) == d->id.v)
            return true;
    return false;
}

static bool sends_as(const struct host_device *h, uint32_t device)
{
    for (unsigned i = 0; i < h->message_count; i++)
        if (device - h->messages[i].first < h->messages[i].count)
            return true;
    return false;
}

/* A number that the tree gives to two is the first one's. */
bool host_device_sends_as(const struct domain *d, uint32_t device)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        if (sends_as(h, device))
            return atomic_load(&h->owner) == d->id.v;
    return false;
}

uint64_t host_device_offers(uint64_t frame)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        for (unsigned i = 0; h->offered && i < h->range_count; i++)
            if (h->frames[i].first <= frame && frame <= h->frames[i].last)
                return h->frames[i].last;
    return 0;
}

bool host_device_offers_irq(unsigned irq)
{
    struct host_device *h;

    list_for_each(h, &devices, link)
        for (unsigned i = 0; h->offered && i < h->irq_count; i++)
            if (h->irqs[i] == irq)
                return true;
    return false;
}
