/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Xen ABI's public headers (package libxen-dev, 4.17), in one place and in one way: with everything that tools see, in the
 * layout of the guests' architecture. On the simulated processor that is Arm's although the compiler makes x86-64 code, but in files that
 * say ABI_X86_64 first (abi/xen/x86_64): those may share with others what lies the same in both.
 */
#ifndef ABI_XEN_PUBLIC_H
#define ABI_XEN_PUBLIC_H

#include "config.h"
#include "lib/compiler.h"

#define __XEN_TOOLS__ 1
#define __XEN_INTERFACE_VERSION__ 0x00041100

#if CONFIG_HOST && !defined(ABI_X86_64)
#pragma push_macro("__x86_64__")
#undef __x86_64__
#pragma push_macro("__i386__")
#undef __i386__
#define __aarch64__ 1
#endif

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hypfs.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#if CONFIG_HOST && !defined(ABI_X86_64)
#undef __aarch64__
#pragma pop_macro("__x86_64__")
#pragma pop_macro("__i386__")
#endif

/* Where a handle of the guest's points to, and what one processor's directory has under a name of its own of something that each has. */
#if defined(__x86_64__) && (!CONFIG_HOST || defined(ABI_X86_64))
#define guest_address(handle) ((uint64_t)(uintptr_t)(handle).p)
#else
#define guest_address(handle) ((handle).q)
#endif
#if defined(__x86_64__) && !CONFIG_HOST
#define ABI_ARCH(name) x86_##name
#else
#define ABI_ARCH(name) arm64_##name
#endif

#endif
