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

/* A number or an address, as most are, needs no call. Read once: see barrier_compiler in copy_frame. */
static inline void copy_bytes(void *to, const void *from, size_t n)
{
    if (n == 8)
        __builtin_memcpy(to, from, 8);
    else if (n == 4)
        __builtin_memcpy(to, from, 4);
    else
        memcpy(to, from, n);
}

/* Between the hypervisor's buffer and a frame that cannot go away meanwhile. */
static inline void copy_frame(mfn_t mfn, uint64_t offset, void *buffer, size_t n, bool write)
{
    char *page = arch_window_glance(mfn);

    ASSERT(offset + n <= PAGE_SIZE && frame_count(mfn) != 0);
    if (write)
        copy_bytes(page + offset, buffer, n);
    else
        copy_bytes(buffer, page + offset, n);
    /* What the guest writes from now on is not looked at. */
    barrier_compiler();
    arch_window_glance_end(page);
}

/* A piece of one page between the hypervisor's buffer and a guest-physical address. */
static enum copy_result copy_piece(struct stage2 *s, gpa_t at, void *buffer, size_t n, bool write)
{
    mfn_t mfn;
    int r = stage2_get_frame(s, gpa_to_gfn(at), write, &mfn, NULL);

    if (r == -E_AGAIN)
        return stage2_resolve(s, gpa_to_gfn(at), write) == -E_NOMEM ? COPY_FAULT : COPY_RETRY;
    if (r)
        return COPY_FAULT;
    copy_frame(mfn, at.v & ~PAGE_MASK, buffer, n, write);
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

/* The usual case, with one look-up by the processor. The p2m lock keeps the frame where it is. */
static inline bool copy_quickly(struct vcpu *v, struct stage2 *s, gva_t at, void *buffer, size_t n, bool write)
{
    struct stage2_locked l = stage2_lock(s);
    mfn_t mfn;
    bool found = arch_guest_frame(v, at, write, &mfn);

    if (likely(found))
        copy_frame(mfn, at.v & ~PAGE_MASK, buffer, n, write);
    stage2_unlock(l);
    return found;
}

/* The long way round: stage 1 by itself, then the table. Tells a fault from an entry that needs work. */
static NOINLINE enum copy_result copy_slowly(struct vcpu *v, struct stage2 *s, gva_t at, void *buffer, size_t n, bool write)
{
    gpa_t physical;

    if (arch_guest_translate(v, at, write, &physical) != TRANSLATE_OK)
        return COPY_FAULT;
    return copy_piece(s, physical, buffer, n, write);
}

/* Page by page. */
static NOINLINE enum copy_result copy_pages(struct vcpu *v, gva_t at, char *buffer, size_t n, bool write)
{
    struct stage2 *s = guest_space(v);

    ASSERT(n <= 65536);
    while (n) {
        size_t piece = piece_length(at.v, n);

        if (!copy_quickly(v, s, at, buffer, piece, write)) {
            enum copy_result r = copy_slowly(v, s, at, buffer, piece, write);

            if (r != COPY_OK)
                return r;
        }
        at.v += piece;
        buffer += piece;
        n -= piece;
    }
    return COPY_OK;
}

/* Within a page, as nearly all arguments are, there is nothing to count. */
static inline enum copy_result copy_virtual(struct vcpu *v, gva_t at, char *buffer, size_t n, bool write)
{
    struct stage2 *s = guest_space(v);

    if (unlikely(n - 1 >= PAGE_SIZE - (at.v & ~PAGE_MASK)))
        return copy_pages(v, at, buffer, n, write);
    if (likely(copy_quickly(v, s, at, buffer, n, write)))
        return COPY_OK;
    return copy_slowly(v, s, at, buffer, n, write);
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
