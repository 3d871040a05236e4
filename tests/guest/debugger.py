# SPDX-License-Identifier: Apache-2.0
"""A board that a debugger stops once, changes and lets go."""

import os
import subprocess
import tempfile
import time


def wait_for(condition, otherwise):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)


def debug(command, symbols, log, words, stop, how="break", until=None):
    """`command(extra)` starts the board with more words for QEMU; it stops in the function `stop`, where gdb says `words` and lets go.
    What the debugger and what the board said, which is kept in `log`. until: the board's last words, when it does not switch itself off."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        line = f"{place}/gdb"
        with open(log, "wb") as stream:
            board = subprocess.Popen(command(["-S", "-gdb", f"unix:{line},server=on,wait=off"]), stdin=subprocess.DEVNULL,
                                     stdout=stream, stderr=stream)
        try:
            wait_for(lambda: os.path.exists(line), "the board offers no debugger's line")
            debugger = ["gdb-multiarch", "-q", "-batch", "-nx", str(symbols)]
            for word in [f"target remote {line}", f"{how} {stop}", "continue", *words, "detach"]:
                debugger += ["-ex", word]
            done = subprocess.run(debugger, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            assert "Breakpoint 1, " in done.stdout and stop in done.stdout, done.stdout + done.stderr
            if until:
                wait_for(lambda: until in log.read_text(errors="replace"), "the board does not come to its end")
            else:
                board.wait(timeout=60)
        finally:
            if board.poll() is None:
                board.kill()
                board.wait()
    return done.stdout + done.stderr, log.read_text(errors="replace").replace("\r", "")
