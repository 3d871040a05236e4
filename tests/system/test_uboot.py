# SPDX-License-Identifier: Apache-2.0
"""Started by U-Boot's booti, with the modules in a device tree that U-Boot's fdt commands made (docs/boards.md)."""

import subprocess
from pathlib import Path

import pytest
from board import DOM0_INITRD_AT, DOM0_KERNEL_AT
from guests import Dom0

UBOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
HYPERVISOR_AT, TREE_AT = 0x60000000, 0x49000000


class UBootBoard(Dom0):
    """The board with U-Boot as its firmware; hypervisor, kernel and ramdisk lie in memory as if U-Boot had loaded them."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.modules = ((DOM0_KERNEL_AT, Path(self.kernel), "kernel"), (DOM0_INITRD_AT, Path(self.initrd), "ramdisk"))
        self.kernel = self.initrd = ""

    def _loading(self):
        words = ["-bios", str(UBOOT)]
        for address, path in [(HYPERVISOR_AT, self.hypervisor)] + [module[:2] for module in self.modules]:
            words += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
        return words

    def prompt(self, what):
        self.expect(rb"\n=> ", self.scale(30), what)

    def type(self, line):
        """One command at U-Boot's prompt, which answers nothing when all is well."""
        for begin in range(0, len(line), 16):
            self.child.send(line[begin:begin + 16])
        self.child.send("\r")
        self.prompt(f"U-Boot: {line}")

    def to_prompt(self):
        self.start()
        self.expect(rb"Hit any key to stop autoboot", self.scale(60), "waiting for U-Boot")
        self.child.send(" ")
        self.prompt("U-Boot's prompt")

    def boot(self, how="booti"):
        self.to_prompt()
        # The firmware's tree, moved to where it may grow.
        self.type("fdt addr ${fdt_addr}")
        self.type(f"fdt move ${{fdt_addr}} {TREE_AT:#x} 0x110000")
        self.type("fdt set /chosen \\#address-cells <2>")
        self.type("fdt set /chosen \\#size-cells <2>")
        self.type(f'fdt set /chosen xen,xen-bootargs "{self.options}"')
        for address, path, kind in self.modules:
            node = f"/chosen/module@{address:x}"
            self.type(f"fdt mknod /chosen module@{address:x}")
            self.type(f'fdt set {node} compatible "multiboot,{kind}" "multiboot,module"')
            self.type(f"fdt set {node} reg <0 {address:#x} 0 {path.stat().st_size:#x}>")
        self.type(f'fdt set /chosen/module@{DOM0_KERNEL_AT:x} bootargs "{self.dom0_cmdline}"')
        self.child.send(f"booti {HYPERVISOR_AT:#x} - {TREE_AT:#x}\r" if how == "booti" else f"bootefi {HYPERVISOR_AT:#x}:{self.hypervisor.stat().st_size:x} {TREE_AT:#x}\r")


def domain(number, kernel, at, bootargs):
    """The lines that Xilinx' ImageBuilder writes for one domU of its configuration file."""
    path = f"/chosen/domU{number}"
    return [f"fdt mknod /chosen domU{number}", f'fdt set {path} compatible "xen,domain"',
            f"fdt set {path} \\#address-cells <0x2>", f"fdt set {path} \\#size-cells <0x2>", f"fdt set {path} memory <0 0x2000>",
            f"fdt set {path} cpus <1>", f"fdt mknod {path} module{at:#x}",
            f'fdt set {path}/module{at:#x} compatible  "multiboot,kernel" "multiboot,module"',
            f"fdt set {path}/module{at:#x} reg <0x0 {at:#x} 0x0 {kernel.stat().st_size:#x}>",
            f'fdt set {path}/module{at:#x} bootargs "{bootargs}"']


def write_script(to, lines):
    """A script image for U-Boot's `source`."""
    source = to.with_suffix(".source")
    source.write_text("\n".join(lines) + "\n")
    subprocess.run(["mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", str(source), str(to)], check=True, timeout=30,
                   stdout=subprocess.DEVNULL)


def test_script_with_static_domains(out, hypervisor, only_vinci, tmp_path):
    """Two static domains and no dom0, all described by a script of fdt commands."""
    kernel, script = out / "arm64/guests/partition.img", tmp_path / "boot.scr"
    board = UBootBoard(out=out, hypervisor=hypervisor, log=out / "logs/system/test_script.log", mem=1024, store="none")
    board.modules = [(DOM0_KERNEL_AT, kernel, "kernel"), (DOM0_INITRD_AT, script, "script")]
    lines = ["fdt addr ${fdt_addr}", f"fdt move ${{fdt_addr}} {TREE_AT:#x} 0x110000", "fdt set /chosen \\#address-cells <0x2>",
             "fdt set /chosen \\#size-cells <0x2>", f'fdt set /chosen xen,xen-bootargs "{board.options}"']
    for number, name in enumerate(("front", "rear")):
        lines += domain(number, kernel, DOM0_KERNEL_AT, "stay")
        lines.append(f'fdt set /chosen/domU{number} vinci,name "{name}"')
    write_script(script, lines + ["setenv fdt_high 0xffffffffffffffff", f"booti {HYPERVISOR_AT:#x} - {TREE_AT:#x}"])
    try:
        board.to_prompt()
        board.child.send(f"source {DOM0_INITRD_AT:#x}\r")
        started = set()
        while len(started) < 2:
            board.expect(rb"partition (front|rear): d\d+,", board.scale(60), "waiting for the domains")
            started.add(board.child.match[1])
        board.expect(rb"\((front|rear)\) partition: \"stay\"", board.scale(30), "waiting for what they say")
    finally:
        board.stop()


@pytest.mark.parametrize("gic,how", [(3, "booti"), (2, "booti"), (3, "bootefi")])
def test_booti(out, hypervisor, gic, how):
    """`bootefi` starts the same file as an EFI application, with the tree as it is given."""
    log = out / "logs" / "system" / f"test_{how}-{gic}.log"
    board = UBootBoard(out=out, hypervisor=hypervisor, log=log, smp=2, mem=1536, gic=gic)
    try:
        board.boot(how)
        board.wait_ready()
        assert board.info()["nr_cpus"] == "2"
        board.create("one", kernel="nap", memory=16)
        assert board.domains()["one"]["vcpus"] == 1
    finally:
        board.stop()
