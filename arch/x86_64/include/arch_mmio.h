/* SPDX-License-Identifier: Apache-2.0 */
#ifndef X86_ARCH_MMIO_H
#define X86_ARCH_MMIO_H

/* Devices snoop the caches; stores are seen in order. Only a later load could be seen before (AMD64 APM volume 2, 7.1). */
static inline void mmio_barrier(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

#endif
