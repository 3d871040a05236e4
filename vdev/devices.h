/* SPDX-License-Identifier: Apache-2.0 */
/* What the emulated hardware of a domain has to do in the course of its life. Each processor's vdev/ has one definition of each. */
#ifndef VDEV_DEVICES_H
#define VDEV_DEVICES_H

#include "lib/types.h"

struct domain;
struct vcpu;

/* The domain ends or starts anew: messages of the host's devices reach it no more. No vCPU of it runs. Idempotent. */
void devices_stop(struct domain *d);
/* It ends, under domain control: emulated devices let go of other domains, of pages and of timers. Idempotent. */
void devices_retire(struct domain *d);
/* Nobody refers to d any more: their memory. */
void devices_free(struct domain *d);
/* It starts anew: a bounded piece of what its vCPUs share goes to power-on state, from *next on. True: all of it has. */
bool devices_reset_some(struct domain *d, uint32_t *next) MUST_CHECK;
/* The same for what is v's own, apart from its registers. */
void devices_reset_vcpu(struct vcpu *v);

#endif
