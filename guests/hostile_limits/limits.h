/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that use up one thing each until they are told no. */
#ifndef GUESTS_HOSTILE_LIMITS_LIMITS_H
#define GUESTS_HOSTILE_LIMITS_LIMITS_H

#include "guests/lib/hypercall.h"

/* What a greedy child reports: result[0] how much it got, result[1] the answer after that, result[2] the answer once it had given one
 * back, result[3] what that should be. */
enum { GOT, THEN, AGAIN, AGAIN_WANTED };

void take_ports(struct child_page *page);
void take_array_pages(struct child_page *page);
void take_grant_frames(struct child_page *page);
void take_maptrack(struct child_page *page);
void take_watchdogs(struct child_page *page);
void take_tables(struct child_page *page);
void take_memory(struct child_page *page);
void flood_console(struct child_page *page);

/* More domains than there are 8-bit VMIDs, all running: numbers is how many. */
void many_domains(unsigned number);
/* Empty domains until there is no number left. */
void all_domains(void);

#endif
