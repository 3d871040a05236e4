#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The size and shape of the code: lines per room, function lengths, assertions per thousand lines."""

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ["boot", "partition", "abi", "core", "vdev", "sched", "mem", "drivers", "lib", "arch/include", "arch/common", "arch/arm64",
         "arch/x86_64", "arch/host", "guests"]
HYPERVISOR = [room for room in ROOMS if room not in ("arch/host", "guests")]
# What of a room is one processor's.
X86_ONLY = re.compile(r"(^|/)x86_64/|(^|/)x86_\w+\.h$|^drivers/(ns16550|iommu_x86|amdvi\w*|vtd\w*)\.")
ARM64_ONLY = re.compile(r"(^|/)arm64/|^partition/|^drivers/(cadence|pl011|smmuv3\w*)\.|^mem/vmid\.|^boot/efi_map\.")
ASSERTION = re.compile(r"\b(ASSERT|PANIC_IF)\s*\(")
BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
LINE_COMMENT = re.compile(r"//[^\n]*")


def code_lines(text):
    """Lines that hold code: neither blank nor comment only."""
    bare = LINE_COMMENT.sub("", BLOCK_COMMENT.sub(lambda m: "\n" * m[0].count("\n"), text))
    return sum(1 for line in bare.splitlines() if line.strip())


def files_of(room):
    return sorted(path for path in (ROOT / room).rglob("*") if path.suffix in (".c", ".h", ".S"))


def functions(paths):
    """[(lines, name, file)] by ctags, from the line of a function's name to its closing brace."""
    sources = [str(path.relative_to(ROOT)) for path in paths if path.suffix == ".c"]
    if not sources:
        return []
    text = subprocess.run(["ctags", "--fields=+ne", "--c-kinds=f", "--sort=no", "-f", "-", *sources], cwd=ROOT,
                          check=True, capture_output=True, text=True).stdout
    found = []
    for line in text.splitlines():
        if line.startswith("!_"):
            continue
        name, path = line.split("\t")[:2]
        fields = dict(re.findall(r"\t(line|end):(\d+)", line))
        if "end" in fields:
            found.append((int(fields["end"]) - int(fields["line"]) + 1, name, path))
    return sorted(found)


def percentile(lengths, part):
    return lengths[min(len(lengths) - 1, int(part * len(lengths)))] if lengths else 0


def shape(rooms, without=None, only=None):
    """Figures of some rooms together, without the files that an expression matches, or of those alone."""
    paths = [path for room in rooms for path in files_of(room) if not (without and without.search(str(path.relative_to(ROOT))))]
    paths = [path for path in paths if not only or only.search(str(path.relative_to(ROOT)))]
    texts = {path: path.read_text(errors="replace") for path in paths}
    sources = sum(code_lines(text) for path, text in texts.items() if path.suffix != ".h")
    headers = sum(code_lines(text) for path, text in texts.items() if path.suffix == ".h")
    assertions = sum(len(ASSERTION.findall(text)) for path, text in texts.items() if path.suffix == ".c")
    found = functions(paths)
    lengths = [length for length, _, _ in found]
    return {"files": len(paths), "sources": sources, "headers": headers, "functions": len(lengths),
            "p50": percentile(lengths, 0.5), "p90": percentile(lengths, 0.9), "max": lengths[-1] if lengths else 0,
            "longest": f"{found[-1][1]} ({found[-1][2]})" if found else "", "assertions": assertions,
            "assertions_per_kloc": round(1000 * assertions / sources, 1) if sources else 0}


def metrics():
    """Per room, and `arm64`: what is built into the hypervisor for arm64."""
    rooms = {room: shape([room]) for room in ROOMS if files_of(room)}
    built = [room for room in HYPERVISOR if files_of(room)]
    rooms["arm64"] = shape(built, X86_ONLY)
    rooms["x86_64"] = shape(built, ARM64_ONLY)
    rooms["x86_64 alone"] = shape(built, only=X86_ONLY)
    return rooms


def row(rooms, arch, name):
    """The lines of code that an architecture's table shows: what is built for arm64; what x86-64 adds."""
    figures = rooms["arm64" if arch == "arm64" else "x86_64 alone"]
    return figures["sources"] + (figures["headers"] if name.endswith("headers") else 0)


def shared_part(rooms):
    """How much of what is built for x86-64 is built for arm64 too, in words."""
    lines = {name: rooms[name]["sources"] + rooms[name]["headers"] for name in ("x86_64", "x86_64 alone")}
    shared = lines["x86_64"] - lines["x86_64 alone"]
    return (f"Of {lines['x86_64']:,} lines built for x86-64 (with headers) {shared:,} are arm64's too, {100 * shared / lines['x86_64']:.0f} %; "
            f"{lines['x86_64 alone']:,} are x86-64's alone.")


BUILT = {"arm64": "**built for arm64**", "x86_64": "**built for x86-64**", "x86_64 alone": "**of that, for x86-64 alone**"}


def table(rooms):
    head = ["room", "files", "sources", "headers", "functions", "p50", "p90", "max", "assertions_per_kloc"]
    lines = ["| " + " | ".join(head).replace("assertions_per_kloc", "assertions/1000") + " |",
             "|" + "---|" * len(head)]
    for room, figures in rooms.items():
        name = BUILT.get(room, f"`{room}`")
        lines.append(f"| {name} | " + " | ".join(str(figures[key]) for key in head[1:]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    result = metrics()
    print(table(result))
    print(shared_part(result))
    print(json.dumps(result["arm64"]))
