/* SPDX-License-Identifier: Apache-2.0 */
/* What the misbehaving guests do; each runs in vCPU 0 of its own domain. */
#ifndef GUESTS_HOSTILE_HOSTILE_H
#define GUESTS_HOSTILE_HOSTILE_H

#include "guests/lib/hypercall.h"

/* A child reports up to this many results; each with the source line that asked. */
#define CHILD_CHECKS 32

void ask_for_everything(struct child_page *page);
void touch_others(struct child_page *page);
void unmap_self_stage1(struct child_page *page);
void unmap_self_stage2(struct child_page *page);
void spin_forever(struct child_page *page);
void sleep_forever(struct child_page *page);
void jump_nowhere(struct child_page *page);
void crash_self(struct child_page *page);
void power_off_self(struct child_page *page);
void reset_self(struct child_page *page);
void poke_gic(struct child_page *page);
void storm(struct child_page *page);
void hypercall_storm(struct child_page *page);
void reregister(struct child_page *page);

#endif
