/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of the host at which interrupts of its devices arrive, and whose they are. */
#ifndef VDEV_X86_64_HOST_VECTOR_H
#define VDEV_X86_64_HOST_VECTOR_H

#include "lib/types.h"

struct domain;

/* A vector that nobody has, for a line of d's IO-APICs. Negative: -E_NOSPC. Locks of classes before LOCK_ITS may be held. */
int host_vector_for_line(struct domain *d, uint32_t gsi) MUST_CHECK;
/* The same for messages of a device: the nth of this function of PCI. Nothing is delivered before host_vector_say. */
int host_vector_for_message(struct domain *d, uint16_t function, uint32_t n) MUST_CHECK;
/* It is nobody's again. What is on its way to a CPU is lost. */
void host_vector_free(unsigned vector);
/* What the guest would have its device send: an address below 4 GiB, and the data (Intel SDM volume 3, 10.11). Any guest's value. */
void host_vector_say(unsigned vector, uint32_t address, uint32_t data);
/* The CPU that it is to come to: a good one for what the guest said. */
unsigned host_vector_cpu(unsigned vector);
/* It came. False: it is nobody's. No lock held. */
bool host_vector_deliver(unsigned vector);
/* How many are nobody's. For tests. */
unsigned host_vectors_free_count(void);

#endif
