#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where the hypervisor's instructions of one Linux row go, function by function.

    bench/profile.py tcp_rx_mib            (needs what `make bench` builds)

boot_to_dom0 is arm64's alone: from power-on.
"""

import argparse
import bisect
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))

import counting                                     # noqa: E402
from scenario import Scenario                       # noqa: E402

# row: (first mark, last mark, the scenario's step); boot_to_dom0 ends by itself, at a guest's first instruction
STEPS = {"boot_to_dom0": (None, None, "boot"), "xl_create": (0, 1, "create"), "xl_destroy": (2, 3, "create"), "pv_block_4k": (4, 5, "block"),
         "ping_round_trip": (6, 7, "ping"), "tcp_tx_mib": (8, 9, "tcp"), "tcp_rx_mib": (10, 11, "tcp")}


def symbols(elf):
    """Sorted addresses and names of the functions of an ELF file."""
    text = subprocess.run(["nm", "-n", str(elf)], check=True, capture_output=True, text=True).stdout
    pairs = [line.split() for line in text.splitlines()]
    pairs = [(int(words[0], 16), words[2]) for words in pairs if len(words) == 3 and words[1] in "tTwW"
             and not words[2].startswith("$")]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def by_function(profile, elf):
    addresses, names = symbols(elf)
    counts, calls = Counter(), Counter()
    for line in profile.read_text().splitlines():
        if len(line.split()) != 2:
            continue
        address, count = int(line.split()[0], 16), int(line.split()[1])
        index = bisect.bisect_right(addresses, address) - 1
        counts[names[index]] += count
        if address == addresses[index]:
            calls[names[index]] += count
    return counts, calls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("row", choices=sorted(STEPS))
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--arch", choices=sorted(counting.IMAGES), default="arm64", help="arm64 (default) or x86_64")
    arguments = parser.parse_args()
    out, arch = arguments.out.resolve(), arguments.arch
    first, last, step = STEPS[arguments.row]
    start, end = counting.address_range("vinci", out, arch)
    profile = out / "bench/profile.txt"
    marks = f"first={counting.GUEST_MARK + first},last={counting.GUEST_MARK + last}," if step != "boot" else ""
    words = ["-plugin", f"{out}/bench/libprofile.so,hv_start={start:#x},hv_end={end:#x},{marks}"
             f"out={profile}{',x86=on' if arch == 'x86_64' else ''}"]
    scenario = Scenario(out, "vinci", qemu=words, only=step, arch=arch)
    scenario.run()
    counts, calls = by_function(profile, counting.image("vinci", out, arch).with_suffix(".elf"))
    total = sum(counts.values())
    print(f"{arguments.row}: {total:,} instructions in the hypervisor, in all")
    for name, count in counts.most_common(40):
        print(f"{100 * count / total:5.1f} %  {count:>12,}  {calls[name]:>9,} calls  {name}")


if __name__ == "__main__":
    main()
