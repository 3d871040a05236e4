/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this guest share. The public headers, compiled for 32 bits, are the layouts that the hypervisor has to know. */
#ifndef COMPAT_H
#define COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define PAGE 4096u

/* start.S */
long call_narrow(unsigned number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e);
long call_by_page(unsigned number, unsigned long a, unsigned long b, unsigned long c);
/* ebx, ecx, edx, esi and edi as they were after the last call_narrow. */
extern uint32_t left[5];
extern volatile uint32_t upcalls;
extern char hypercall_page[PAGE], exception_entries[], upcall_entry[];

static inline long call(unsigned number, unsigned long a, const void *b, unsigned long c)
{
    return call_narrow(number, a, (unsigned long)b, c, 0, 0);
}

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check(const char *name, bool holds);
void check_equal(const char *name, long is, long should);
_Noreturn void done(void);
void *memset(void *to, int byte, size_t n);

/* A page of this guest's that nobody else uses, zeroed. */
extern char pages[64][PAGE];
static inline unsigned long gfn_of(const void *p)
{
    return (unsigned long)p / PAGE;
}

extern struct shared_info *shared;
void test_memory(void);
void test_events(void);
void test_grants(void);
void test_calls(void);
void test_paging(void);

#endif
