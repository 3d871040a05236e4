# SPDX-License-Identifier: Apache-2.0
"""Progress lines: one per step, rewritten in place on a terminal, whole lines elsewhere."""

import contextlib
import sys
import time


@contextlib.contextmanager
def step(title):
    """Says what is being done; the yielded function reports how far it is; ends with the time taken."""
    begin = time.monotonic()
    tty = sys.stdout.isatty()

    def report(text):
        if tty:
            sys.stdout.write(f"\r\033[K  {title} ... {text}")
            sys.stdout.flush()

    if tty:
        report("")
    else:
        print(f"  {title} ...", flush=True)
    try:
        yield report
    except BaseException:
        if tty:
            sys.stdout.write("\n")
        raise
    took = time.monotonic() - begin
    if tty:
        sys.stdout.write(f"\r\033[K  {title}: done in {took:.1f} s\n")
    elif took > 2:
        print(f"  {title}: done in {took:.1f} s", flush=True)
    sys.stdout.flush()
