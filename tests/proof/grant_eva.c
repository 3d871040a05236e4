/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of a grant's use (core/grant.c: grant_pin, grant_unpin) from every state, for every word that a guest may have written
 * and every answer of stage 2 and of the frame table.
 *
 *   shown   no undefined behaviour, no count of uses that wraps, no assertion or PANIC_IF that can be reached
 */
#include "tests/proof/eva.h"
#include "core/grant.c"

#define FRAME 77

volatile uint64_t eva_any;
static struct grant_active chunk[ACTIVES_PER_CHUNK];
static grant_entry entries[GRANTS_PER_FRAME];
static struct grant_active *chunks[CHUNKS_PER_FRAME];
static void *frames[1];
static struct domain granter;

void panic(const char *format UNUSED, ...)
{
    //@ assert \false;
    for (;;)
        ;
}

/* Rooms below. */
void *heap_alloc(size_t n UNUSED)
{
    static struct grant_active fresh[ACTIVES_PER_CHUNK];

    return eva_any & 1 ? fresh : NULL;
}
void heap_free(void *p UNUSED, size_t n UNUSED) {}
bool frame_get(mfn_t mfn UNUSED, const struct owner *o UNUSED) { return eva_any; }
void frame_get_another(mfn_t mfn UNUSED) {}
void frame_put(mfn_t mfn UNUSED) {}
void spin_lock(spinlock_t *lock UNUSED) {}
void spin_unlock(spinlock_t *lock UNUSED) {}
int stage2_resolve(struct stage2 *s UNUSED, gfn_t gfn UNUSED, bool write UNUSED) { return (int)eva_any; }
int stage2_get_own(struct stage2 *s UNUSED, gfn_t gfn UNUSED, bool write UNUSED, mfn_t *mfn)
{
    *mfn = MFN(eva_any);
    return (int)eva_any;
}

static void any_state(uint32_t ref)
{
    struct grant_active *a = &chunk[ref];

    chunks[0] = chunk;
    frames[0] = entries;
    granter.grants.frames = frames;
    granter.grants.active = chunks;
    granter.grants.frames_used = 1;
    entries[ref] = eva_any;
    a->mfn = eva_any;
    a->who = (uint16_t)(eva_any & 0xffff);
    a->readers = (uint16_t)(eva_any & 0xffff);
    a->writers = (uint16_t)(eva_any & 0xffff);
}

static domid anybody(void)
{
    return DOMID((uint16_t)(eva_any & 0xffff));
}

void pin_from_any_state(void)
{
    mfn_t mfn = MFN(0);
    bool read_only = eva_any & 1, for_mapping = eva_any & 1;

    any_state(8);
    (void)grant_pin(&granter, 8, anybody(), read_only, for_mapping, &mfn);
}

/* The table has one frame: an entry beyond it is refused before anything is looked at. */
void pin_beyond_the_table(void)
{
    mfn_t mfn = MFN(0);
    int status;

    any_state(8);
    status = grant_pin(&granter, (uint32_t)(GRANTS_PER_FRAME + (eva_any & 0x7fffffff)), anybody(), eva_any & 1, eva_any & 1, &mfn);
    PANIC_IF(status != GRANT_BAD_REF, "an entry that does not exist was pinned");
}

static void unpin_one(const struct grant_active *use, bool read_only)
{
    if (read_only && use->readers)
        grant_unpin(&granter, 8, true, MFN(FRAME));
    else if (!read_only && use->writers)
        grant_unpin(&granter, 8, false, MFN(FRAME));
}

/* What is unpinned was pinned. */
void unpin_from_any_state(void)
{
    any_state(8);
    chunk[8].mfn = FRAME;
    unpin_one(&chunk[8], eva_any & 1);
}

/* The same of the granter's life before; the entry is another one now. */
void unpin_of_a_former_life(void)
{
    static struct grant_former former = { .use.mfn = FRAME, .ref = 8 };
    static struct grant_former *list[CHUNKS_PER_FRAME] = { &former };

    any_state(8);
    chunk[8].mfn = FRAME + 1;
    granter.grants.former = list;
    former.use.readers = (uint16_t)(eva_any & 0xffff);
    former.use.writers = (uint16_t)(eva_any & 0xffff);
    unpin_one(&former.use, eva_any & 1);
}
