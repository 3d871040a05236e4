#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How the cost of one operation grows with the number of domains and of CPUs, on the simulated processor under callgrind, which counts
instructions exactly. The simulated processor's own instructions are left out. Writes bench/results/growth.json and docs/growth.svg, or
compares with what is written there (--check)."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOMAINS, CPUS = [1, 100, 10_000], [1, 64, 1024]
OPERATIONS = {
    "domain_find": "domain look-up", "event_send": "event send", "grant_map": "grant map and unmap",
    "frame_alloc": "frame allocation and release", "timer_set": "timer set and cancel", "sched_pick": "scheduling decision",
    "sched_wake": "vCPU sleeps and wakes", "vmid_load": "VMID switch",
}
RESULT = ROOT / "bench/results/growth.json"
TOLERANCE = 0.25
ROUNDS = int(re.search(r"#define ROUNDS (\d+)", (ROOT / "bench/growth/growth.c").read_text())[1])
# The simulated processor, and this program's own loop.
NOT_COUNTED = re.compile(r"(^|/)(arch/host|bench/growth)/|^\?\?\?$|/libc|\.so")


def own_cost(dump):
    """Instructions of the hypervisor's own functions in one dump of callgrind's format."""
    names, total, file, calls = {}, 0, "", False
    for line in dump.splitlines():
        if line.startswith("calls="):
            calls = True
            continue
        if match := re.match(r"(fl|fi|fe)=(?:\((\d+)\))?\s*(.*)", line):
            if match[3]:
                names[match[2]] = match[3]
            file = names.get(match[2], match[3])
        elif match := re.match(r"[+\-*\d]\S*(?: [+\-*\d]\S*)* (\d+)$", line):
            if not calls and not NOT_COUNTED.search(file):
                total += int(match[1])
            calls = False
        elif match := re.match(r"(?:cfi|cfl)=\((\d+)\)\s*(.+)", line):
            names[match[1]] = match[2]
    return total


def measure(program, domains, cpus):
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={place}/out", "--max-stackframe=100000000",
             str(program), str(domains), str(cpus)], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            sys.exit(f"growth: {domains} domains, {cpus} CPUs: {done.stderr[-2000:]}")
        row = {}
        for part in Path(place).glob("out.*"):
            text = part.read_text()
            trigger = re.search(r"Trigger: Client Request: (\w+)", text)
            if trigger and trigger[1] in OPERATIONS:
                row[trigger[1]] = round(own_cost(text) / ROUNDS)
    if missing := set(OPERATIONS) - set(row):
        sys.exit(f"growth: {domains} domains, {cpus} CPUs: no figure for {', '.join(sorted(missing))}")
    return row


def picture(table):
    """One small chart per operation: bars for the numbers of domains, a group for each number of CPUs."""
    width, height, columns = 300, 190, 3
    rows = -(-len(OPERATIONS) // columns)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * columns} {height * rows + 30}" font-family="sans-serif">',
           f'<rect width="{width * columns}" height="{height * rows + 30}" fill="white"/>',
           '<text x="12" y="20" font-size="13">Instructions of one operation: 1, 100, 10,000 domains (light to dark), '
           '1, 64, 1,024 CPUs (left to right)</text>']
    shades = ["#a6cee3", "#4393c3", "#08519c"]
    for index, (name, title) in enumerate(OPERATIONS.items()):
        left, top = width * (index % columns), 30 + height * (index // columns)
        most = max(row[name] for row in table.values())
        out.append(f'<text x="{left + 12}" y="{top + 16}" font-size="12" font-weight="bold">{title}</text>')
        for c, cpus in enumerate(CPUS):
            for d, domains in enumerate(DOMAINS):
                value = table[f"{domains},{cpus}"][name]
                tall = max(1, round(value / most * (height - 70)))
                x, y = left + 20 + c * 92 + d * 27, top + height - 28 - tall
                out.append(f'<rect x="{x}" y="{y}" width="24" height="{tall}" fill="{shades[d]}"/>')
                out.append(f'<text x="{x + 12}" y="{y - 3}" font-size="8" text-anchor="middle">{value:,}</text>')
            out.append(f'<text x="{left + 58 + c * 92}" y="{top + height - 14}" font-size="9" text-anchor="middle">'
                       f'{cpus:,} CPU{"s" if cpus > 1 else ""}</text>')
    return "\n".join(out + ["</svg>", ""])


def check(table):
    """The exit status. Generous, because a curve is meant that is not flat any more, not an instruction."""
    committed = json.loads(RESULT.read_text())
    grown = [(size, name) for size, row in table.items() for name in row if row[name] > committed[size][name] * (1 + TOLERANCE)]
    for size, name in grown:
        print(f"growth: {OPERATIONS[name]} with {size.replace(',', ' domains and ')} CPUs: {table[size][name]:,} instructions, "
              f"{committed[size][name]:,} in the table")
    print("growth: failed; if it is meant, `make bench-growth` writes the table anew" if grown else
          f"growth: passed, {len(OPERATIONS)} operations with up to {DOMAINS[-1]:,} domains and {CPUS[-1]:,} CPUs")
    return bool(grown)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", type=Path, help="the measured program (make bench-growth builds it)")
    parser.add_argument("--check", action="store_true", help="fail where a figure is a quarter above the committed one")
    arguments = parser.parse_args()
    sizes = [(domains, cpus) for cpus in CPUS for domains in DOMAINS]
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(lambda size: measure(arguments.program.resolve(), *size), sizes))
    table = {f"{domains},{cpus}": row for (domains, cpus), row in zip(sizes, rows)}
    if arguments.check:
        sys.exit(check(table))
    print("domains   CPUs  " + "  ".join(f"{name:>12}" for name in OPERATIONS))
    for (domains, cpus), row in zip(sizes, rows):
        print(f"{domains:>7}  {cpus:>5}  " + "  ".join(f"{row[name]:>12,}" for name in OPERATIONS))
    RESULT.write_text(json.dumps(table, indent=1) + "\n")
    (ROOT / "docs/growth.svg").write_text(picture(table))


if __name__ == "__main__":
    main()
