/* SPDX-License-Identifier: Apache-2.0 */
/* PASS and FAIL lines. */

#include "guests/lib/hypercall.h"

static unsigned passed, failed;

void check(bool ok, const char *name, const char *format, ...)
{
    char why[256];
    __builtin_va_list args;

    if (ok) {
        passed++;
        print("PASS %s\n", name);
        return;
    }
    failed++;
    __builtin_va_start(args, format);
    format_va(why, sizeof(why), format, args);
    __builtin_va_end(args);
    print("FAIL %s %s\n", name, why);
}

void check_eq(const char *name, long got, long want)
{
    check(got == want, name, "got %ld (0x%lx), want %ld (0x%lx)", got, (unsigned long)got, want,
          (unsigned long)want);
}

void check_either(const char *name, long got, long want, long also, const char *reason)
{
    if (got == also && got != want)
        print("NOTE %s is %ld where %ld is usual: %s\n", name, got, want, reason);
    check(got == want || got == also, name, "got %ld, want %ld or %ld", got, want, also);
}

void test_summary(void)
{
    print("DONE %u passed, %u failed\n", passed, failed);
}

void test_done(void)
{
    test_summary();
    guest_shutdown(SHUTDOWN_poweroff);
}
