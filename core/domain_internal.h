/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about the life of a domain share. */
#ifndef CORE_DOMAIN_INTERNAL_H
#define CORE_DOMAIN_INTERNAL_H

#include "core/domain.h"

/* No look-up finds d any more. */
void domain_unpublish(struct domain *d);
/* The number may be given out again. */
void domain_number_free(domid id);
/* owner.emptied of a domain. */
void domain_owner_emptied(struct owner *o);

/* A large extent (order above EXTENT_SMALL, gfn aligned) comes or goes: see domain_populate. */
int domain_extent(struct domain *d, bool populate, gfn_t gfn, unsigned order) MUST_CHECK;
/* Give back a piece of what is half populated; -E_RESTART while there is more. Under domain control of a dying domain. */
int domain_extent_undo(struct domain *d) MUST_CHECK;

/* Take a vCPU of a dying, quiet domain out of the scheduler, stop its timers, let go of the pages it registered. Idempotent. */
void vcpu_retire(struct vcpu *v);
/* poll_timer: the time that SCHEDOP_poll was to wait is over. */
void vcpu_poll_timed_out(struct timer *t);
/* hold_timer: it may run again. */
void vcpu_hold_over(struct timer *t);
/* vcpu_info before the guest registers one: the first vCPUs have a place in shared_info. */
void *vcpu_initial_info(struct vcpu *v);
/* domain_reset: a quiescent period after its pages were taken back, they leave the arena. */
void vcpu_let_go_former(struct vcpu *v);
/* Its memory; nobody can have found it any more. */
void vcpu_free(struct vcpu *v);

#endif
