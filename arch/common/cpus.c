/* SPDX-License-Identifier: Apache-2.0 */
/* The CPUs' blocks, which of them are up, and what the compiler's stack protector calls. */
#include "arch/include/cpu.h"
#include "lib/assert.h"
#include "lib/atomic.h"

struct cpu_block cpu_blocks[MAX_CPUS];
static unsigned count = 1;

/* What -fstack-protector compares; set before the first function that looks at it. */
uint64_t __stack_chk_guard;
void __stack_chk_fail(void) NORETURN;

void __stack_chk_fail(void)
{
    panic("stack overwritten: caller %p", __builtin_return_address(0));
}

unsigned cpu_count(void)
{
    return atomic_load(&count);
}

bool cpu_is_online(unsigned cpu)
{
    return cpu < MAX_CPUS && atomic_load_acquire(&cpu_blocks[cpu].online) == 1;
}

void cpu_setup_online(void)
{
    unsigned self = cpu_id();

    atomic_store_release(&this_cpu()->online, 1);
    if (self >= atomic_load(&count))
        atomic_store(&count, self + 1);
}
