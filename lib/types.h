/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed scalars: numbers that must not mix are structures of one member.
 *
 *   gpa_t  address in a guest's physical space      gfn_t  the same in pages (gpa >> 12)
 *   hpa_t  address in the host's physical space     mfn_t  the same in pages ("machine frame")
 *   gva_t  address in a guest's virtual space
 *   domid  number of a domain as the ABI counts them
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include "lib/compiler.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

typedef struct { uint64_t v; } gfn_t;
typedef struct { uint64_t v; } mfn_t;
typedef struct { uint64_t v; } gpa_t;
typedef struct { uint64_t v; } hpa_t;
typedef struct { uint64_t v; } gva_t;
typedef struct { uint16_t v; } domid;

#define GFN(x) ((gfn_t){ (x) })
#define MFN(x) ((mfn_t){ (x) })
#define GPA(x) ((gpa_t){ (x) })
#define HPA(x) ((hpa_t){ (x) })
#define GVA(x) ((gva_t){ (x) })
#define DOMID(x) ((domid){ (uint16_t)(x) })

#define MFN_NONE MFN(UINT64_MAX)
#define GFN_NONE GFN(UINT64_MAX)

static inline gfn_t gpa_to_gfn(gpa_t a) { return GFN(a.v >> PAGE_SHIFT); }
static inline mfn_t hpa_to_mfn(hpa_t a) { return MFN(a.v >> PAGE_SHIFT); }
static inline gpa_t gfn_to_gpa(gfn_t f) { return GPA(f.v << PAGE_SHIFT); }
static inline hpa_t mfn_to_hpa(mfn_t f) { return HPA(f.v << PAGE_SHIFT); }
static inline mfn_t mfn_add(mfn_t f, uint64_t n) { return MFN(f.v + n); }
static inline gfn_t gfn_add(gfn_t f, uint64_t n) { return GFN(f.v + n); }
static inline bool mfn_eq(mfn_t a, mfn_t b) { return a.v == b.v; }
static inline bool gfn_eq(gfn_t a, gfn_t b) { return a.v == b.v; }
static inline bool domid_eq(domid a, domid b) { return a.v == b.v; }

/* Time since the host started, in nanoseconds; signed so that differences are easy. */
typedef int64_t nsec_t;
#define NSEC_NEVER INT64_MAX
#define USEC(n) ((nsec_t)(n) * 1000)
#define MSEC(n) ((nsec_t)(n) * 1000000)
#define SEC(n) ((nsec_t)(n) * 1000000000)

#endif
