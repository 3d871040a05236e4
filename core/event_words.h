/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIFO ABI's words as core reads and writes them (xen/event_channel.h, "FIFO ABI"). The ABI's veneer checks at compile
 * time that they are the ABI's.
 *
 *    31      30     29     28   27    17 16           0
 *  +-------+------+------+----+--------+--------------+
 *  |PENDING|MASKED|LINKED|BUSY|  zero  | LINK: next   |   one word per port, in pages the guest gave
 *  +-------+------+------+----+--------+--------------+
 */
#ifndef CORE_EVENT_WORDS_H
#define CORE_EVENT_WORDS_H

#include "lib/compiler.h"

#define FIFO_PENDING (UINT32_C(1) << 31)
#define FIFO_MASKED (UINT32_C(1) << 30)
#define FIFO_LINKED (UINT32_C(1) << 29)
#define FIFO_BUSY (UINT32_C(1) << 28)
#define FIFO_LINK_BITS 17
#define FIFO_LINK_MASK ((UINT32_C(1) << FIFO_LINK_BITS) - 1)

#define FIFO_PRIORITIES 16
#define FIFO_DEFAULT_PRIORITY 7

/* One per vCPU: which queues have become non-empty, and the first port of each. */
struct guest_fifo_control {
    uint32_t ready;
    uint32_t reserved;
    uint32_t head[FIFO_PRIORITIES];
};

#endif
