# SPDX-License-Identifier: Apache-2.0
"""QEMU with the counting plugin: command-line words, address ranges, the marks it wrote."""

import re
import subprocess
from pathlib import Path

# Where each hypervisor executes. Xen's 2 MiB image is linked there (XEN_VIRT_START).
XEN_RANGE = (0x200000, 0x400000)
ENTRY_MARK = 0x20
GUEST_MARK = 0x60
LINE = re.compile(r"^MARK (\d+) (.*)$")
ICOUNT = ["-icount", "shift=0,sleep=off"]


class CountingError(Exception):
    """The marks that a measurement needs are not there."""


# The images that are measured: ours without assertions, as it is shipped.
IMAGES = {"xen": "images/xen", "vinci": "arm64-release/vinci"}


def image(hypervisor, out):
    """The path of the image that is measured; absolute, so that it is taken as a path everywhere."""
    return (Path(out) / IMAGES[hypervisor]).resolve()


def elf_range(elf):
    """(start, end) of the addresses that an ELF file is loaded to."""
    text = subprocess.run(["aarch64-linux-gnu-readelf", "-lW", str(elf)], check=True, capture_output=True,
                          text=True).stdout
    loads = [line.split() for line in text.splitlines() if line.strip().startswith("LOAD")]
    spans = [(int(words[2], 16), int(words[2], 16) + int(words[5], 16)) for words in loads]
    if not spans:
        raise CountingError(f"{elf} has no segments")
    return min(span[0] for span in spans), max(span[1] for span in spans)


def address_range(hypervisor, out):
    """(start, end) of the hypervisor's own addresses; ours is read from its ELF file."""
    return XEN_RANGE if hypervisor == "xen" else elf_range(image(hypervisor, out).with_suffix(".elf"))


def plugin_words(hypervisor, out, marks):
    """The -plugin argument that writes to the file `marks`."""
    start, end = address_range(hypervisor, out)
    library = Path(out) / "bench/libcount.so"
    return ["-plugin", f"{library},hv_start={start:#x},hv_end={end:#x},out={marks}"]


def read_marks(path):
    """A list of (number, counters) in the order they were written."""
    marks = []
    for line in Path(path).read_text().splitlines():
        match = LINE.match(line)
        if match:
            words = match[2].split()
            marks.append((int(match[1]), dict(zip(words[::2], map(int, words[1::2])))))
    return marks


def between(marks, first, last):
    """The counters from each mark `first` to the next mark `last`, as a list of differences."""
    found, begin = [], None
    for number, counters in marks:
        if number == GUEST_MARK + first:
            begin = counters
        elif number == GUEST_MARK + last and begin is not None:
            found.append({key: counters[key] - begin[key] for key in counters})
            begin = None
    return found


def entry(marks):
    """Counters at dom0's first instruction."""
    for number, counters in marks:
        if number == ENTRY_MARK:
            return counters
    raise CountingError("dom0 was never entered")
