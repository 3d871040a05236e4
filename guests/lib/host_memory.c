/* SPDX-License-Identifier: Apache-2.0 */
/* What the hypervisor says of itself: debug keys and its log, and what memory it has (its key m, in checked builds exact). */

#include "guests/lib/hypercall.h"

const char *host_debug_key(char key)
{
    static char text[16384];
    struct xen_sysctl op = { 0 };

    op.u.readconsole.clear = 1;
    set_xen_guest_handle(op.u.readconsole.buffer, text);
    sysctl(&op, XEN_SYSCTL_readconsole);
    memset(&op, 0, sizeof(op));
    set_xen_guest_handle(op.u.debug_keys.keys, &key);
    op.u.debug_keys.nr_keys = 1;
    sysctl(&op, XEN_SYSCTL_debug_keys);
    memset(&op, 0, sizeof(op));
    op.u.readconsole.count = sizeof(text) - 1;
    set_xen_guest_handle(op.u.readconsole.buffer, text);
    sysctl(&op, XEN_SYSCTL_readconsole);
    text[op.u.readconsole.count] = 0;
    return text;
}

static uint64_t number_after(const char *text, const char *words)
{
    uint64_t n = 0;

    while (*text && memcmp(text, words, strlen(words)))
        text++;
    for (text += *text ? strlen(words) : 0; *text >= '0' && *text <= '9'; text++)
        n = 10 * n + (uint64_t)(*text - '0');
    return n;
}

struct host_memory host_memory_now(void)
{
    struct host_memory m;
    const char *text;

    settled_free_pages();
    text = host_debug_key('m');
    m.pages = number_after(text, ", free ") + number_after(text, ", heap ") + number_after(text, "tables of its own ");
    m.objects = number_after(text, ", objects ");
    return m;
}

void check_host_memory(const struct host_memory *before)
{
    struct host_memory after = host_memory_now();

    check(after.pages == before->pages, "every page is back", "%ld lost", (long)(before->pages - after.pages));
    check(after.objects == before->objects, "every object is back", "%ld more", (long)(after.objects - before->objects));
}
