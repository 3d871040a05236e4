/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vinci-partitions share. */
#ifndef VINCI_PARTITIONS_H
#define VINCI_PARTITIONS_H

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define __XEN_TOOLS__ 1
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenstore.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

#define PATH_SIZE (XENSTORE_ABS_PATH_MAX + 1)

struct node {
    char *path;
    struct xs_permissions *owner;       /* and further permissions: `count` in all */
    unsigned count;
};

struct partition {
    uint32_t id;
    char name[32];
    bool begun;                         /* `nodes` are noted in the journal, and may be dom0's */
    unsigned looks;                     /* since it is connected and nothing has come; NUDGES: no more */
    struct node *nodes;
    size_t node_count;
};

extern xc_interface *xch;
extern struct xs_handle *xs;
extern xenforeignmemory_handle *memory;

/* store.c: a line on standard output, and xenstore's values, which are short, of paths that are made. */
__attribute__((format(printf, 2, 3)))
void say(const struct partition *p, const char *format, ...);
/* NULL: there is none. The caller frees it. */
__attribute__((format(printf, 1, 2)))
char *value_of(const char *format, ...);
/* -1: there is none. */
__attribute__((format(printf, 1, 2)))
int number_of(const char *format, ...);
/* What is there already gets another value. */
__attribute__((format(printf, 2, 3)))
void change(const char *value, const char *format, ...);

/* console.c: a life whose UART has no console gets one. */
void connect_console(const struct partition *p);

#endif
