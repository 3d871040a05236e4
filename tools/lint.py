#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house's size and hygiene rules, over the files that git knows.

Checks: an SPDX line first; C functions of at most 80 lines with a 90th percentile of at most 30; files of at most 600 lines;
no conditional compilation inside C functions; no unfinished business in comments; no absolute paths of a build machine.
Prints one line per finding and exits 1 when there is any.
"""
import argparse
import re
import subprocess
import sys

SOURCE = (".c", ".h", ".S", ".py", ".mk", ".lds")
MAX_FUNCTION, MAX_P90, MAX_FILE = 80, 30, 600
# Written in pieces so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w$).])/(home|root|wo" + r"rk|farm)/[a-z]")
IN_FUNCTION_IF = re.compile(r"^\s+#\s*if")


def tracked():
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")
    return [n for n in names if n]


def functions(files):
    """(file, line, name, length) of every C function, by Universal Ctags."""
    command = ["ctags", "-x", "--_xformat=%F %n %{end} %N", "--languages=C", "--kinds-C=f", "--fields=+ne", "-f", "-"]
    out = subprocess.run(command + files, capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        name_file, start, end, name = line.split(" ", 3)
        yield name_file, int(start), name, int(end) - int(start) + 1


def check_text(name, lines):
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        yield f"{name}:1: no SPDX-License-Identifier line"
    if len(lines) > MAX_FILE:
        yield f"{name}: {len(lines)} lines, at most {MAX_FILE}"
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield f"{name}:{number}: unfinished business in a comment"
        if MACHINE_PATH.search(line):
            yield f"{name}:{number}: a path of one machine"
        if name.endswith(".c") and IN_FUNCTION_IF.match(line):
            yield f"{name}:{number}: conditional compilation inside a function"


def check_functions(files):
    lengths = []
    for name, line, function, length in functions(files):
        lengths.append(length)
        if length > MAX_FUNCTION:
            yield f"{name}:{line}: {function} has {length} lines, at most {MAX_FUNCTION}"
    lengths.sort()
    p90 = lengths[len(lengths) * 9 // 10] if lengths else 0
    print(f"{len(lengths)} functions, 90th percentile {p90} lines, longest {lengths[-1] if lengths else 0}")
    if p90 > MAX_P90:
        yield f"functions: the 90th percentile is {p90} lines, at most {MAX_P90}"


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    files = tracked()
    findings = []
    for name in files:
        if name.endswith(SOURCE):
            with open(name, encoding="utf-8") as f:
                findings += check_text(name, f.read().splitlines())
    findings += check_functions([n for n in files if n.endswith(".c")])
    for finding in findings:
        print(finding)
    print(f"lint: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
