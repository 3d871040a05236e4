/* SPDX-License-Identifier: Apache-2.0 */
/* Copying page by page: translate, take a reference, look through a window, copy, let go. */
#include "mem/guest_copy.h"
#include "arch/include/mapping.h"
#include "arch/include/stage2.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/stage2.h"

/* A piece of one page between the hypervisor's buffer and a guest-physical address. */
static enum copy_result copy_piece(struct stage2 *s, gpa_t at, void *buffer, size_t n, bool write)
{
    mfn_t mfn;
    char *page;
    int r = stage2_get_frame(s, gpa_to_gfn(at), write, &mfn, NULL);

    ASSERT((at.v & ~PAGE_MASK) + n <= PAGE_SIZE);
    if (r == -E_AGAIN)
        return stage2_resolve(s, gpa_to_gfn(at), write) == -E_NOMEM ? COPY_FAULT : COPY_RETRY;
    if (r)
        return COPY_FAULT;
    page = (char *)arch_window_map(mfn) + (at.v & ~PAGE_MASK);
    if (write)
        memcpy(page, buffer, n);
    else
        memcpy(buffer, page, n);
    arch_window_unmap((void *)ROUND_DOWN((uintptr_t)page, PAGE_SIZE));
    frame_put(mfn);
    return COPY_OK;
}

static size_t piece_length(uint64_t at, size_t left)
{
    uint64_t to_end = PAGE_SIZE - (at & ~PAGE_MASK);

    return left < to_end ? left : to_end;
}

static enum copy_result copy_physical(struct stage2 *s, gpa_t at, char *buffer, size_t n, bool write)
{
    while (n) {
        size_t piece = piece_length(at.v, n);
        enum copy_result r = copy_piece(s, at, buffer, piece, write);

        if (r != COPY_OK)
            return r;
        at.v += piece;
        buffer += piece;
        n -= piece;
    }
    return COPY_OK;
}

static enum copy_result copy_virtual(struct vcpu *v, gva_t at, char *buffer, size_t n, bool write)
{
    struct stage2 *s = guest_space(v);

    ASSERT(n <= 65536);
    while (n) {
        size_t piece = piece_length(at.v, n);
        enum copy_result r;
        gpa_t physical;

        if (arch_guest_translate(v, at, write, &physical) != TRANSLATE_OK)
            return COPY_FAULT;
        r = copy_piece(s, physical, buffer, piece, write);
        if (r != COPY_OK)
            return r;
        at.v += piece;
        buffer += piece;
        n -= piece;
    }
    return COPY_OK;
}

enum copy_result copy_from_guest(struct vcpu *v, void *to, gva_t from, size_t n)
{
    return copy_virtual(v, from, to, n, false);
}

enum copy_result copy_to_guest(struct vcpu *v, gva_t to, const void *from, size_t n)
{
    return copy_virtual(v, to, (char *)(uintptr_t)from, n, true);
}

enum copy_result copy_from_gpa(struct stage2 *s, void *to, gpa_t from, size_t n)
{
    return copy_physical(s, from, to, n, false);
}

enum copy_result copy_to_gpa(struct stage2 *s, gpa_t to, const void *from, size_t n)
{
    return copy_physical(s, to, (char *)(uintptr_t)from, n, true);
}

int copy_error(enum copy_result r)
{
    static const int errors[] = { [COPY_OK] = 0, [COPY_FAULT] = -E_FAULT, [COPY_RETRY] = -E_RESTART };

    ASSERT((unsigned)r < ARRAY_SIZE(errors));
    return errors[r];
}
