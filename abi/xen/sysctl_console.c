/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl: the console's ring (xl dmesg) and the debug keys. (xen/sysctl.h) */
#include "abi/xen/sysctl.h"
#include "core/console.h"

#define CHUNK 256
#define KEYS_MAX 64

/* The ring counts bytes in 64 bits, the ABI in 32: what it says counts from the oldest byte that is still there. */
static uint64_t ring_index(const struct xen_sysctl_readconsole *in)
{
    uint64_t start = console_ring_start();
    uint32_t offset = in->index - (uint32_t)start;

    /* an index from before what the ring still holds (the first call says 0) continues at its start */
    return in->incremental && offset <= INT32_MAX ? start + offset : start;
}

/* Up to in->count bytes; *index moves on. How many were written, or an error. */
static int64_t copy_ring(struct vcpu *v, const struct xen_sysctl_readconsole *in, uint64_t *index)
{
    char text[CHUNK];
    uint32_t written = 0;

    while (written < in->count) {
        size_t n = console_ring_read(index, text, MIN(in->count - written, (uint32_t)CHUNK));
        int r = n ? write_guest_result(v, guest_address(in->buffer) + written, text, n) : 0;

        ASSERT(n <= CHUNK);
        if (r)
            return r;
        if (!n)
            break;
        written += (uint32_t)n;
    }
    return written;
}

int64_t sysctl_read_console(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    struct xen_sysctl_readconsole *in = &call->op.u.readconsole;
    uint64_t index = ring_index(in);
    int64_t written;

    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_readconsole);
    written = copy_ring(v, in, &index);
    if (written < 0)
        return written;
    in->count = (uint32_t)written;
    in->index = (uint32_t)index;
    call->copy_back = true;
    if (in->clear)
        console_ring_clear();
    return 0;
}

/* A letter that means nothing is passed over, as one typed at the console is. */
int64_t sysctl_debug_keys(struct vcpu *v, const uint64_t args[6] UNUSED, void *op)
{
    struct sysctl_call *call = op;
    const struct xen_sysctl_debug_keys *in = &call->op.u.debug_keys;
    char keys[KEYS_MAX];
    uint32_t n = in->nr_keys;
    int r;

    if (n > KEYS_MAX)
        return -E_2BIG;
    r = n ? read_guest(v, keys, guest_address(in->keys), n) : 0;
    if (r)
        return r;
    subcall_reached(FAMILY_SYSCTL, XEN_SYSCTL_debug_keys);
    for (uint32_t i = 0; i < n; i++)
        (void)debug_key_press(keys[i]);
    return 0;
}
