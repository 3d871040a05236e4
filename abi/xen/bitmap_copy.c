/* SPDX-License-Identifier: Apache-2.0 */
/* Bitmaps that a toolstack passes by address and length. (xen/xen.h, struct xenctl_bitmap) */
#include "abi/xen/domctl.h"
#include "lib/string.h"

/* Bytes of a guest's bitmap beyond our own that are cleared: tools size them by the CPU or node count. */
#define BYTES_MAX 512

int read_bitmap(struct vcpu *v, const struct xenctl_bitmap *from, uint64_t *map, unsigned bits)
{
    size_t bytes = MIN(((uint64_t)from->nr_bits + 7) / 8, (uint64_t)BITMAP_WORDS(bits) * 8);
    int r;

    memset(map, 0, BITMAP_WORDS(bits) * 8);
    r = bytes ? read_guest(v, map, guest_address(from->bitmap), bytes) : 0;
    if (r)
        return r;
    for (unsigned bit = MIN(from->nr_bits, bits); bit < BITMAP_WORDS(bits) * 64; bit++)
        bitmap_clear(map, bit);
    return 0;
}

int write_bitmap(struct vcpu *v, const struct xenctl_bitmap *to, const uint64_t *map, unsigned bits)
{
    uint64_t out[BYTES_MAX / 8] = { 0 };
    size_t bytes = MIN(((uint64_t)to->nr_bits + 7) / 8, (uint64_t)BYTES_MAX);

    ASSERT(bits <= BYTES_MAX * 8);
    for (unsigned bit = 0; bit < MIN(bits, to->nr_bits); bit++)
        if (bitmap_test(map, bit))
            bitmap_set(out, bit);
    return bytes ? write_guest(v, guest_address(to->bitmap), out, bytes) : 0;
}
