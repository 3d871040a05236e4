# SPDX-License-Identifier: Apache-2.0
"""Static domains for a QEMU board: their xen,domain nodes are added to the device tree that QEMU would hand over, and their
modules are loaded into memory.

    one = Partition("one", kernel="build/arm64/guests/partition.img", memory=8192, bootargs="tick",
                    properties=['vinci,priority = <10>;'])
    words = with_partitions(words, [one], "build/logs/x.dtb")

`words` is QEMU's command line for the board without them (-machine virt..., -kernel the hypervisor, perhaps dom0's modules).
"""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

RAM = 0x40000000
ALIGN = 0x200000


@dataclass
class Partition:
    """One xen,domain node. memory: KiB. properties: further lines of device tree source, as they are."""

    name: str
    kernel: str = ""
    memory: int = 8192
    cpus: int = 1
    ramdisk: str = ""
    device_tree: str = ""       # a partial device tree: a .dtb, or source (.dts)
    bootargs: str = ""
    properties: list = field(default_factory=list)
    children: str = ""          # further child nodes, as device tree source
    vpl011: bool = False

    def modules(self):
        """(compatible, file, bootargs) of what there is."""
        kinds = [("multiboot,kernel", self.kernel, self.bootargs), ("multiboot,ramdisk", self.ramdisk, ""),
                 ("multiboot,device-tree", self.device_tree, "")]
        return [(kind, Path(path), text) for kind, path, text in kinds if path]


def size_of(path):
    return Path(path).stat().st_size


def up(value):
    return (value + ALIGN - 1) // ALIGN * ALIGN


def compile_tree(source, to):
    """Device tree source (text) to a blob."""
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", str(to), "-"], input=source.encode(), check=True, timeout=60)


def source_of(blob):
    return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", str(blob)], check=True, timeout=60,
                          capture_output=True).stdout.decode()


class Layout:
    """Where modules lie: from `at` upwards; the same file lies in one place however many domains use it."""

    def __init__(self, at, scratch):
        self.at = at
        self.scratch = Path(scratch)
        self.places = {}

    def place(self, path):
        if path.suffix == ".dts":
            blob = self.scratch.with_suffix(f".{path.stem}.dtb")
            compile_tree(path.read_text(), blob)
            path = blob
        if path not in self.places:
            self.places[path] = self.at
            self.at += up(size_of(path))
        return self.places[path], size_of(path)

    def loaders(self):
        words = []
        for path, at in self.places.items():
            words += ["-device", f"loader,file={path},addr={at:#x},force-raw=on"]
        return words


def node(partition, layout):
    """The xen,domain node as device tree source."""
    lines = [f"{partition.name} {{", 'compatible = "xen,domain";', "#address-cells = <2>;", "#size-cells = <2>;"]
    if partition.memory is not None:
        lines.append(f"memory = <{partition.memory >> 32:#x} {partition.memory & 0xffffffff:#x}>;")
    if partition.cpus is not None:
        lines.append(f"cpus = <{partition.cpus}>;")
    if partition.vpl011:
        lines.append("vpl011;")
    lines += partition.properties
    for kind, path, text in partition.modules():
        at, size = layout.place(path)
        lines += [f"module@{at:x} {{" if kind != "multiboot,device-tree" else f"module-tree@{at:x} {{",
                  f'compatible = "{kind}", "multiboot,module";', f"reg = <{at >> 32:#x} {at & 0xffffffff:#x} 0 {size:#x}>;"]
        if text:
            lines.append(f'bootargs = "{text}";')
        lines.append("};")
    return "\n".join(lines + [partition.children, "};"])


def top_of_memory(words):
    return RAM + int(words[words.index("-m") + 1]) * 1024 * 1024


def modules_at(words, partitions):
    """Below the top of memory, with room for the hypervisor's own tables above."""
    files = {path for p in partitions for _, path, _ in p.modules()}
    return (top_of_memory(words) - sum(up(size_of(f)) for f in files) - 32 * ALIGN) // ALIGN * ALIGN


def with_partitions(words, partitions, tree, more=""):
    """QEMU's command line for the same board with static domains; `tree`: where its device tree is written. `more`: device tree source
    appended to the board's, for what is no partition (pools, host nodes that are given away)."""
    tree = Path(tree)
    tree.parent.mkdir(parents=True, exist_ok=True)
    plain = tree.with_suffix(".plain.dtb")
    dumping = list(words)
    dumping[dumping.index("-machine") + 1] += f",dumpdtb={plain}"
    subprocess.run(dumping, check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    layout = Layout(modules_at(words, partitions), tree)
    nodes = "\n".join(node(p, layout) for p in partitions)
    compile_tree(f"{source_of(plain)}\n/ {{ chosen {{ #address-cells = <2>; #size-cells = <2>;\n{nodes}\n}}; }};\n{more}\n", tree)
    plain.unlink()
    return list(words) + ["-dtb", str(tree)] + layout.loaders()
