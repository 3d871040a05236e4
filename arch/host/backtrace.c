/* SPDX-License-Identifier: Apache-2.0 */
#include <sanitizer/common_interface_defs.h>
#include "arch/include/cpu.h"

void machine_print_backtrace(void)
{
    __sanitizer_print_stack_trace();
}
