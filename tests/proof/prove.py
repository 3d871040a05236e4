#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the models of the lock-free protocols with spin, and the accounting of frames and grants with Frama-C's Eva. What holds must hold,
and each mutant, the same with one mistake put in, must be found. docs/assurance.md says what this shows and what not."""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/proof"
LIMIT = 600

# model: its mutants (macros)
MODELS = {
    "vmid": ["MUTANT_NO_BARRIER", "MUTANT_FORGET_LOADED", "MUTANT_NO_WAIT"],
    "quiescence": ["MUTANT_EPOCH_FIRST", "MUTANT_NO_BARRIER", "MUTANT_NO_SECOND_LOOK", "MUTANT_READ_TWICE"],
    "fifo_queue": ["MUTANT_HEAD_ALWAYS", "MUTANT_LINK_BLINDLY", "MUTANT_READY_FIRST"],
}

# model: how else it holds than as it is (macros)
VARIANTS = {"vmid": ["PAGE"], "quiescence": ["THREE"]}

# harness: (the source it looks at, its entry points, mutants: entry point, what is replaced, by what)
HARNESSES = {
    "grant_eva": ("core/grant.c", ["pin_from_any_state", "pin_beyond_the_table", "unpin_from_any_state", "unpin_of_a_former_life"], [
        ("pin_from_any_state", "a->readers : a->writers) < UINT16_MAX", "a->readers : a->writers) <= UINT16_MAX"),
        ("pin_beyond_the_table", "if (!r.entry)", "if (0)"),
        ("unpin_from_any_state", "if (read_only)\n        use->readers--;", "if (!read_only)\n        use->readers--;"),
        ("unpin_of_a_former_life", "(*at)->use.mfn != mfn.v", "(*at)->use.mfn == mfn.v"),
    ]),
    "frame_eva": ("mem/frame.c", ["get_any_frame", "get_by_state", "charge_any_owner", "put_used_frame"], [
        ("get_any_frame", "if (mfn.v >= frame_top)\n        return false;\n    mfn.v = array", "mfn.v = array"),
        ("get_by_state", "|| !count || count >= FRAME_COUNT_MAX", "|| !count"),
        ("get_by_state", "!frame_in_use(word) || !count", "!count"),
        ("charge_any_owner", "if (o->dying)\n        return -E_INVAL;", ""),
        ("put_used_frame", "ASSERT(mfn.v < frame_top);\n    word", "word = frame_words[frame_top];\n    word"),
    ]),
}
# Casts that are meant: a domain's number is 16 bits of an entry or of a frame's word.
MEANT = re.compile(r"(core/grant_entry|mem/frame_table)\.h:\d+")


def run(words, where):
    return subprocess.run(words, cwd=where, capture_output=True, text=True, timeout=LIMIT, check=False)


def model_holds(name, mutant):
    """Does spin search the whole model and find nothing?"""
    with tempfile.TemporaryDirectory() as place:
        words = ["spin", "-a"] + ([f"-D{mutant}"] if mutant else []) + [str(HERE / f"{name}.pml")]
        made = run(words, place)
        built = run(["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], place)
        if made.returncode or built.returncode:
            sys.exit(f"prove: {name}: {made.stdout}{made.stderr}{built.stderr}")
        said = run(["./pan", "-m1000000"] + ([] if name == "fifo_queue" else ["-E"]), place).stdout
    errors = re.search(r"errors: (\d+)", said)
    if not errors or "max search depth too small" in said or "out of memory" in said:
        sys.exit(f"prove: {name}: the search did not end:\n{said[-1000:]}")
    return errors[1] == "0"


def eva_holds(harness, source, entry, change=None):
    """Does Eva raise no alarm, with the source as it is or changed?"""
    with tempfile.TemporaryDirectory() as place:
        flags = "-I. -Iarch/host/include -isystem build/include -DCONFIG_HOST=1 -include tests/proof/eva.h"
        look_at, wanted = HERE / f"{harness}.c", f'#include "{source}"'
        if change:
            text = (ROOT / source).read_text()
            if change[0] not in text:
                sys.exit(f"prove: {source} does not contain what a mutant changes: {change[0]}")
            mutant = Path(place) / "mutant.c"
            mutant.write_text(text.replace(change[0], change[1], 1))
            look_at = Path(place) / "harness.c"
            look_at.write_text((HERE / f"{harness}.c").read_text().replace(wanted, f'#include "{mutant}"'))
        done = run(["frama-c", "-machdep", "gcc_x86_64", f"-cpp-extra-args={flags}", str(look_at), "-eva", "-main", entry,
                    "-eva-precision", "6", "-warn-unsigned-downcast"], ROOT)
    if done.returncode or "ANALYSIS SUMMARY" not in done.stdout:
        sys.exit(f"prove: {harness}: {done.stdout[-2000:]}{done.stderr[-1000:]}")
    alarms = [line for line in done.stdout.splitlines() if "[eva:alarm]" in line and not MEANT.search(line)]
    return not alarms and "never terminates" not in done.stdout


def cases():
    for name, mutants in MODELS.items():
        good = [None, *VARIANTS.get(name, [])]
        for macro in [*good, *mutants]:
            yield "spin", name + (f" {macro}" if macro else ""), macro in good, lambda n=name, m=macro: model_holds(n, m)
    for harness, (source, entries, mutants) in HARNESSES.items():
        for entry in entries:
            yield "eva", f"{harness} {entry}", True, lambda h=harness, s=source, e=entry: eva_holds(h, s, e)
        for entry, old, new in mutants:
            yield ("eva", f"{harness} {entry} mutant: {' '.join(old.split())[:50]}", False,
                   lambda h=harness, s=source, e=entry, c=(old, new): eva_holds(h, s, e, c))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", choices=["spin", "eva"], help="one of the two")
    arguments = parser.parse_args()
    failed = 0
    for tool, name, expected, check in cases():
        if arguments.only not in (None, tool):
            continue
        if not shutil.which({"spin": "spin", "eva": "frama-c"}[tool]):
            sys.exit(f"prove: {tool} is not installed: say `make deps` (Debian's spin and frama-c-base)")
        began = time.monotonic()
        good = check() == expected
        failed += not good
        verdict = ("holds" if expected else "found") if good else ("DOES NOT HOLD" if expected else "NOT FOUND")
        print(f"  {tool:4} {verdict:13} {time.monotonic() - began:5.1f} s  {name}", flush=True)
    print("prove: " + (f"{failed} failed" if failed else "all hold, every mutant is found"))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
