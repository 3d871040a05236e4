/* SPDX-License-Identifier: Apache-2.0 */
/* What the arguments of each sub-call look like: which structure, what its fields mean. A sub-call that the table does not
 * describe gets bytes as they come. */
#ifndef TESTS_FUZZ_SHAPES_H
#define TESTS_FUZZ_SHAPES_H

#include "tests/fuzz/world.h"

/* What a field means, that is: which values are interesting. */
enum field_kind {
    FIELD_RAW,          /* bytes of the input */
    FIELD_FIXED,        /* `value`, now and then something else */
    FIELD_SMALL,        /* 0..value */
    FIELD_DOMAIN, FIELD_PORT, FIELD_REF, FIELD_HANDLE, FIELD_VCPU,
    FIELD_GFN, FIELD_ADDRESS,   /* number of a page; guest-physical address of its start */
    FIELD_TIME,         /* nanoseconds, mostly soon */
    FIELD_GFNS, FIELD_PORTS, FIELD_NUMBERS, FIELD_BUFFER, FIELD_CONTEXT,   /* address of such a list, filled */
    FIELD_HOST_FRAME,   /* host-physical address of a page of a domain */
    FIELD_STREAM, FIELD_LEAVES, FIELD_MSRS,     /* address of a domain's context, of leaves and MSRs of a policy: shapes_x86.c */
};
struct field {
    uint16_t offset;
    uint8_t size, kind;
    uint32_t value;
    uint8_t remembered; /* 1 + enum seen_kind: what the call has written there is worth remembering */
};

/* Where the structure's address and the command go. */
enum shape_style {
    STYLE_COMMAND,      /* (command, structure) */
    STYLE_BATCH,        /* (command, array of structures, count) */
    STYLE_ONE,          /* (command, structure, 1) */
    STYLE_STRUCT,       /* (structure), which begins with command and interface version `version` */
    STYLE_VCPU,         /* (command, vCPU, structure) */
    STYLE_BYTES,        /* (command, length, bytes) */
    STYLE_VALUE,        /* (command, small number) */
    STYLE_PATH,         /* (command, path, its length, buffer, its length) of the hypervisor file system */
};
#define SHAPE_FIELDS 12
struct shape {
    uint8_t family, number, style;
    bool narrow;        /* made by a caller with 4-byte longs */
    uint16_t size;
    uint32_t version;
    struct field fields[SHAPE_FIELDS];
    unsigned field_count;
};
extern const struct shape shapes[];
extern const unsigned shape_count;
/* What only x86 has (the layout of its headers), and calls with 4-byte longs. */
extern const struct shape x86_shapes[];
extern const unsigned x86_shape_count;
/* What a field of such a kind points to, made up from the input; returns how many bytes it is. */
#define X86_LIST_ROOM 1536
size_t x86_make_list(struct input *in, enum field_kind kind, uint8_t to[X86_LIST_ROOM]);

/* A call made up from the input: its arguments, with what they point to already in v's memory at `area` (of `room` bytes). */
struct made_call {
    const struct shape *shape;
    uint64_t number, args[6], structure;
};
/* False: v's argument memory is not there. */
bool shape_make(struct input *in, struct vcpu *v, const struct shape *s, uint64_t area, size_t room, struct made_call *out);
/* The call has succeeded: remember what it gave out. */
void shape_learn(struct vcpu *v, const struct made_call *c, int64_t result);

#endif
