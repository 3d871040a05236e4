/* SPDX-License-Identifier: Apache-2.0 */
/* How the tables of shapes are written. */
#ifndef TESTS_FUZZ_SHAPE_MACROS_H
#define TESTS_FUZZ_SHAPE_MACROS_H

#include "tests/fuzz/shapes.h"

#define MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
/* A field; one with a parameter; one from which a number is learnt. */
#define F(type, member, what) { MEMBER(type, member), .kind = FIELD_##what }
#define FV(type, member, what, v) { MEMBER(type, member), .kind = FIELD_##what, .value = (v) }
#define FL(type, member, what, learnt) { MEMBER(type, member), .kind = FIELD_##what, .remembered = 1 + SEEN_##learnt }
#define FIELDS(...) .fields = { __VA_ARGS__ }, .field_count = sizeof((struct field[]){ __VA_ARGS__ }) / sizeof(struct field)

#define SHAPE(call, sub, how, type, ...) \
    { .family = __HYPERVISOR_##call, .number = (sub), .style = STYLE_##how, .size = sizeof(type), FIELDS(__VA_ARGS__) }
#define PLAIN(call, sub, how) { .family = __HYPERVISOR_##call, .number = (sub), .style = STYLE_##how }

#define DOMCTL(sub, ...) \
    { .family = __HYPERVISOR_domctl, .number = (sub), .style = STYLE_STRUCT, .size = sizeof(struct xen_domctl), \
      .version = XEN_DOMCTL_INTERFACE_VERSION, FIELDS(F(struct xen_domctl, domain, DOMAIN), __VA_ARGS__) }
#define DOMCTL_PLAIN(sub) DOMCTL(sub, F(struct xen_domctl, _pad, RAW))
#define SYSCTL(sub, ...) \
    { .family = __HYPERVISOR_sysctl, .number = (sub), .style = STYLE_STRUCT, .size = sizeof(struct xen_sysctl), \
      .version = XEN_SYSCTL_INTERFACE_VERSION, FIELDS(__VA_ARGS__) }
#define PLATFORM(sub, ...) \
    { .family = __HYPERVISOR_platform_op, .number = (sub), .style = STYLE_STRUCT, .size = sizeof(struct xen_platform_op), \
      .version = XENPF_INTERFACE_VERSION, FIELDS(__VA_ARGS__) }
#define U(member, what) F(struct xen_domctl, u.member, what)
#define UV(member, what, v) FV(struct xen_domctl, u.member, what, v)
#define S(member, what) F(struct xen_sysctl, u.member, what)
#define SV(member, what, v) FV(struct xen_sysctl, u.member, what, v)

#endif
