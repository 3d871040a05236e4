/* SPDX-License-Identifier: Apache-2.0 */
/* The words that core shares with guests for events and grants (core/event_words.h, core/grant_entry.h) and the codes that it
 * answers (core/grant.h) are the ABI's. */
#include "abi/xen/public.h"
#include "core/event.h"
#include "core/event_words.h"
#include "core/grant.h"
#include "core/grant_entry.h"
#include "lib/assert.h"

STATIC_ASSERT(sizeof(event_word_t) == sizeof(uint32_t));
STATIC_ASSERT(FIFO_PENDING == 1u << EVTCHN_FIFO_PENDING);
STATIC_ASSERT(FIFO_MASKED == 1u << EVTCHN_FIFO_MASKED);
STATIC_ASSERT(FIFO_LINKED == 1u << EVTCHN_FIFO_LINKED);
STATIC_ASSERT(FIFO_BUSY == 1u << EVTCHN_FIFO_BUSY);
STATIC_ASSERT(FIFO_LINK_BITS == EVTCHN_FIFO_LINK_BITS);
STATIC_ASSERT(FIFO_LINK_MASK == EVTCHN_FIFO_LINK_MASK);
STATIC_ASSERT(FIFO_PRIORITIES == EVTCHN_FIFO_MAX_QUEUES);
STATIC_ASSERT(FIFO_DEFAULT_PRIORITY == EVTCHN_FIFO_PRIORITY_DEFAULT);
STATIC_ASSERT(sizeof(struct guest_fifo_control) == sizeof(struct evtchn_fifo_control_block));
STATIC_ASSERT(offsetof(struct guest_fifo_control, ready) == offsetof(struct evtchn_fifo_control_block, ready));
STATIC_ASSERT(offsetof(struct guest_fifo_control, head) == offsetof(struct evtchn_fifo_control_block, head));

STATIC_ASSERT(sizeof(grant_entry) == sizeof(struct grant_entry_v1));
STATIC_ASSERT(offsetof(struct grant_entry_v1, flags) == 0);
STATIC_ASSERT(offsetof(struct grant_entry_v1, domid) == 2);
STATIC_ASSERT(offsetof(struct grant_entry_v1, frame) == 4);
STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
STATIC_ASSERT(ENTRY_TYPE_MASK == GTF_type_mask);
STATIC_ASSERT(ENTRY_ACCESS == GTF_permit_access);
STATIC_ASSERT(ENTRY_READ_ONLY == GTF_readonly);
STATIC_ASSERT(ENTRY_READING == GTF_reading);
STATIC_ASSERT(ENTRY_WRITING == GTF_writing);
STATIC_ASSERT(ENTRY_SUB_PAGE == GTF_sub_page);
STATIC_ASSERT(GRANTS_PER_FRAME == PAGE_SIZE / sizeof(struct grant_entry_v1));

STATIC_ASSERT(GRANT_OKAY == GNTST_okay);
STATIC_ASSERT(GRANT_GENERAL_ERROR == GNTST_general_error);
STATIC_ASSERT(GRANT_BAD_DOMAIN == GNTST_bad_domain);
STATIC_ASSERT(GRANT_BAD_REF == GNTST_bad_gntref);
STATIC_ASSERT(GRANT_BAD_HANDLE == GNTST_bad_handle);
STATIC_ASSERT(GRANT_BAD_ADDRESS == GNTST_bad_virt_addr);
STATIC_ASSERT(GRANT_PERMISSION_DENIED == GNTST_permission_denied);
STATIC_ASSERT(GRANT_BAD_PAGE == GNTST_bad_page);
STATIC_ASSERT(GRANT_BAD_COPY == GNTST_bad_copy_arg);
STATIC_ASSERT(GRANT_AGAIN == GNTST_eagain);
STATIC_ASSERT(GRANT_NO_SPACE == GNTST_no_space);
