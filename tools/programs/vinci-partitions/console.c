/* SPDX-License-Identifier: Apache-2.0 */
#include "partitions.h"

/* Of a console's ring, one life's and the next one's: xl's places for a guest's console and UART, which static domains do not use. */
#define CONSOLE_PFN(odd) ((GUEST_MAGIC_BASE >> XC_PAGE_SHIFT) + ((odd) ? 3 : 0))
#define PAGE_KIB (XC_PAGE_SIZE / 1024)
#define CONSOLE_LIMIT 1048576

/* The domain's limit knows nothing of this page yet when it is the first one. */
static bool add_page(const struct partition *p, xen_pfn_t pfn)
{
    xc_dominfo_t info;

    if (!xc_domain_populate_physmap_exact(xch, p->id, 1, 0, 0, &pfn))
        return true;
    if (xc_domain_getinfo(xch, p->id, 1, &info) != 1 || info.domid != p->id)
        return false;
    return !xc_domain_setmaxmem(xch, p->id, info.max_memkb + PAGE_KIB) && !xc_domain_populate_physmap_exact(xch, p->id, 1, 0, 0, &pfn);
}

static bool write_number(xs_transaction_t t, const char *path, const char *key, unsigned long number)
{
    char place[PATH_SIZE], value[24];

    snprintf(place, sizeof(place), "%s/%s", path, key);
    snprintf(value, sizeof(value), "%lu", number);
    return xs_write(xs, t, place, value, (unsigned)strlen(value));
}

/* Page and port change at once for xenconsoled. */
static bool publish_console(const struct partition *p, xen_pfn_t pfn, evtchn_port_t port)
{
    char path[PATH_SIZE], place[PATH_SIZE + 8];
    xs_transaction_t t;

    snprintf(path, sizeof(path), "/local/domain/%u/console", p->id);
    snprintf(place, sizeof(place), "%s/type", path);
    do {
        t = xs_transaction_start(xs);
        if (t == XBT_NULL)
            return false;
        if (!xs_write(xs, t, place, "xenconsoled", 11) || !write_number(t, path, "limit", CONSOLE_LIMIT) ||
            !write_number(t, path, "ring-ref", pfn) || !write_number(t, path, "port", port)) {
            (void)xs_transaction_end(xs, t, true);
            return false;
        }
    } while (!xs_transaction_end(xs, t, false) && errno == EAGAIN);
    return true;
}

/* Asked without a page first: EPERM, it has no UART; EEXIST, this life has its console. */
void connect_console(const struct partition *p)
{
    xen_pfn_t former = (xen_pfn_t)number_of("/local/domain/%u/console/ring-ref", p->id);
    xen_pfn_t pfn = CONSOLE_PFN(former == CONSOLE_PFN(false));
    evtchn_port_t port;
    int error = xc_dom_vuart_init(xch, XEN_DOMCTL_VUART_TYPE_VPL011, p->id, 0, pfn, &port);

    if (error && errno != EINVAL)
        return;
    if (error && !add_page(p, pfn)) {
        say(p, "no page for its console: %s", strerror(errno));
        return;
    }
    if (error)
        error = xc_dom_vuart_init(xch, XEN_DOMCTL_VUART_TYPE_VPL011, p->id, 0, pfn, &port);
    if (!error && !publish_console(p, pfn, port))
        say(p, "xenstored does not take its console: %s", strerror(errno));
}
