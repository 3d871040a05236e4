# SPDX-License-Identifier: Apache-2.0
"""QEMU with the counting plugin: command-line words, address ranges, the marks it wrote."""

import re
import subprocess
from pathlib import Path

# Where each hypervisor executes. Xen's image is linked there (XEN_VIRT_START): 2 MiB on arm64, 1 GiB on x86-64.
XEN_RANGE = {"arm64": (0x200000, 0x400000), "x86_64": (0xFFFF82D040000000, 0xFFFF82D080000000)}
IMAGE_MARK, ENTRY_MARK, SAID_MARK = 0x10, 0x20, 0x30
GUEST_MARK = 0x60
LINE = re.compile(r"^MARK (\d+) (.*)$")
ICOUNT = ["-icount", "shift=0,sleep=off"]


class CountingError(Exception):
    """The marks that a measurement needs are not there."""


# The images that are measured: ours without assertions, as it is shipped.
IMAGES = {"arm64": {"xen": "images/xen", "vinci": "arm64-release/vinci"},
          "x86_64": {"xen": "x86_64/images/xen", "vinci": "x86_64-release/vinci"}}
TOOLS = {"arm64": "aarch64-linux-gnu-", "x86_64": "x86_64-linux-gnu-"}


def image(hypervisor, out, arch="arm64"):
    """The path of the image that is measured; absolute, so that it is taken as a path everywhere."""
    return (Path(out) / IMAGES[arch][hypervisor]).resolve()


def elf_range(elf, arch="arm64"):
    """(start, end) of the addresses that an ELF file runs at: on x86-64 those in the top half."""
    text = subprocess.run([f"{TOOLS[arch]}readelf", "-lW", str(elf)], check=True, capture_output=True,
                          text=True).stdout
    loads = [line.split() for line in text.splitlines() if line.strip().startswith("LOAD")]
    spans = [(int(words[2], 16), int(words[2], 16) + int(words[5], 16)) for words in loads]
    spans = [span for span in spans if arch == "arm64" or span[0] >> 63]
    if not spans:
        raise CountingError(f"{elf} has no segments")
    return min(span[0] for span in spans), max(span[1] for span in spans)


def address_range(hypervisor, out, arch="arm64"):
    """(start, end) of the hypervisor's own addresses; ours is read from its ELF file."""
    return XEN_RANGE[arch] if hypervisor == "xen" else elf_range(image(hypervisor, out, arch).with_suffix(".elf"), arch)


def image_entry(hypervisor, out):
    """Where an x86-64 image is entered by its loader: an ELF file's entry point, below 2 GiB as the first code is."""
    path = image(hypervisor, out, "x86_64")
    path = path if hypervisor == "xen" else path.with_suffix(".elf")
    text = subprocess.run([f"{TOOLS['x86_64']}readelf", "-hW", str(path)], check=True, capture_output=True,
                          text=True).stdout
    return int(re.search(r"Entry point address:\s+(0x[0-9a-f]+)", text)[1], 16) & 0x7FFFFFFF


def plugin_words(hypervisor, out, marks, arch="arm64", said=None):
    """The -plugin argument that writes to the file `marks`; said: where the serial line goes, to mark when something is first said."""
    start, end = address_range(hypervisor, out, arch)
    words = f"{Path(out) / 'bench/libcount.so'},hv_start={start:#x},hv_end={end:#x},out={marks}"
    if arch == "x86_64":
        words += f",x86=on,image={image_entry(hypervisor, out):#x}" + (f",said={said}" if said else "")
    return ["-plugin", words]


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


def at(marks, wanted, what):
    """Counters at the first mark of this number."""
    for number, counters in marks:
        if number == wanted:
            return counters
    raise CountingError(what)


def entry(marks):
    """Counters at dom0's first instruction."""
    return at(marks, ENTRY_MARK, "dom0 was never entered")
