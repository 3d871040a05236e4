/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test starts with: cmocka and the simulated machine. A test program is one file tests/unit/test_NAME.c. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/host/host.h"
#include "lib/compiler.h"
#include "lib/error.h"
#include "mem/frame.h"
#include "mem/heap.h"

/* Fail allocation 1, 2, 3 ... of `attempt` until it succeeds with none left to fail; after each failure `check` (may be NULL)
 * looks whether anything half-done stayed. attempt returns 0, or a negative error. Returns how many allocations there are. */
static inline unsigned oom_loop(int (*attempt)(void *arg), void (*check)(void *arg), void *arg)
{
    for (unsigned n = 1;; n++) {
        int r;

        assert_true(n < 10000);
        alloc_fail_nth(n);
        r = attempt(arg);
        alloc_fail_nth(0);
        if (r == 0)
            return n - 1;
        assert_int_equal(r, -E_NOMEM);
        frame_check_all();
        if (check)
            check(arg);
    }
}

#endif
