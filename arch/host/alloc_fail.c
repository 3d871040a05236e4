/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail at a chosen one. */
#include "mem/frame.h"

static uint64_t fail_in;

void alloc_fail_nth(uint64_t n)
{
    fail_in = n;
}

bool alloc_should_fail(void)
{
    return fail_in && --fail_in == 0;
}
