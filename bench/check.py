#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Vinci's quick rows again and fails where one has grown by more than 3 % over the committed table
(bench/results/ARCH.json). Rows that are not counted exactly, on two CPUs, are left out."""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))

from rows import rows_of                            # noqa: E402
from run import RESULTS, Side, say                  # noqa: E402

TOLERANCE = 0.03
# Where larger is better, or where the number is not a cost.
NOT_COSTS = {"guests_max"}
MEASURED_EXACTLY = {"calls", "interrupts", "domains", "grants", "yield", "lateness", "many", "boot", "image", "memory"}


def compare(committed, rows, arch="arm64"):
    """(row, before, now) of every row that has grown too much, and of every one that is no longer measured."""
    grown, missing = [], []
    for row, _, _, where, _ in rows_of(arch):
        before = committed.get(row)
        if where not in MEASURED_EXACTLY or row in NOT_COSTS or before is None:
            continue
        now = rows.get(row)
        if now is None:
            missing.append(row)
        elif now > before * (1 + TOLERANCE):
            grown.append((row, before, now))
    return grown, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--arch", default="arm64")
    arguments = parser.parse_args()
    arch = arguments.arch
    committed = {item["row"]: item["vinci"] for item in json.loads((RESULTS / f"{arch}.json").read_text())}
    side = Side("vinci", arguments.out.resolve(), arch).measure(quick=True, exact_only=True)
    grown, missing = compare(committed, side.rows, arch)
    for row, before, now in grown:
        say(f"bench-check: {arch}: {row}: {now:,} now, {before:,} in the table: {100 * (now / before - 1):.1f} % more")
    for row in missing:
        say(f"bench-check: {arch}: {row}: not measured any more")
    if grown or missing:
        say("bench-check: failed; if it is meant, `make bench` writes the table anew")
        sys.exit(1)
    say(f"bench-check: passed, no row of {arch} has grown by more than 3 %")


if __name__ == "__main__":
    main()
