/* SPDX-License-Identifier: Apache-2.0 */
/* What arch/include/cpu.h reads from a CPU's block, wherever the processor has it. Of its arch_cpu.h, which has struct cpu_block with
 * `current`, `online` and `work`, and this_cpu(). */
#ifndef ARCH_COMMON_CPU_BLOCK_H
#define ARCH_COMMON_CPU_BLOCK_H

static inline struct vcpu *cpu_current_vcpu(void)
{
    return this_cpu()->current;
}

static inline void cpu_set_current_vcpu(struct vcpu *v)
{
    this_cpu()->current = v;
}

static inline uint32_t *cpu_work_word(unsigned cpu)
{
    return &cpu_blocks[cpu].work;
}

static inline uint32_t *this_cpu_work_word(void)
{
    return &this_cpu()->work;
}

/* This CPU counts from now on (cpu_count, cpu_is_online). */
void cpu_setup_online(void);

#endif
