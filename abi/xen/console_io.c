/* SPDX-License-Identifier: Apache-2.0 */
/* console_io: the host's console, for dom0's kernel above all. (xen/xen.h, CONSOLEIO_*) */
#include "abi/xen/hypercall.h"
#include "abi/xen/public.h"
#include "core/console.h"

#define FAMILY_CONSOLE HYPERCALL(__HYPERVISOR_console_io)
/* Bytes between two looks at whether something better waits; the serial line is slow. */
#define BYTES_PER_RUN 128

static int64_t op_write(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    char text[BYTES_PER_RUN];
    uint32_t count = (uint32_t)args[1];
    uint64_t from = args[2];
    uint32_t n = MIN(count, sizeof(text));
    int r = n ? read_guest(v, text, from, n) : 0;

    if (r)
        return r;
    subcall_reached(FAMILY_CONSOLE, CONSOLEIO_write);
    if (n)
        console_write_guest(v->domain, text, n);
    if (count == n)
        return 0;
    hypercall_set_arg(v, 1, count - n);
    hypercall_set_arg(v, 2, from + n);
    return -E_RESTART;
}

/* For dom0 and static domains. The buffer is probed first: what was taken from the line cannot be put back. */
static int64_t op_read(struct vcpu *v, const uint64_t args[6], void *op UNUSED)
{
    char text[BYTES_PER_RUN] = { 0 };
    uint64_t to = args[2];
    size_t n = MIN((uint32_t)args[1], sizeof(text));
    int r = n ? write_guest(v, to, text, n) : 0;
    int64_t got;

    if (r)
        return r;
    subcall_reached(FAMILY_CONSOLE, CONSOLEIO_read);
    got = console_read_input(v->domain, text, n);
    if (got <= 0)
        return got;
    ASSERT((size_t)got <= sizeof(text));
    r = write_guest_result(v, to, text, (size_t)got);
    return r ? r : got;
}

const struct subcall console_subcalls[] = {
    SUBCALL(CONSOLEIO_write, CALLER_ANY, op_write),
    SUBCALL(CONSOLEIO_read, CALLER_ANY, op_read),
};
STATIC_ASSERT(ARRAY_SIZE(console_subcalls) == CONSOLEIO_read + 1);

int64_t hypercall_console_io(struct vcpu *v, const uint64_t args[6])
{
    return subcall_dispatch(v, FAMILY_CONSOLE, (uint32_t)args[0], args, NULL);
}
