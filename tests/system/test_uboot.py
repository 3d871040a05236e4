# SPDX-License-Identifier: Apache-2.0
"""Started by U-Boot's booti, with the modules in a device tree that U-Boot's fdt commands made (docs/boards.md)."""

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

    def boot(self):
        self.start()
        self.expect(rb"Hit any key to stop autoboot", self.scale(60), "waiting for U-Boot")
        self.child.send(" ")
        self.prompt("U-Boot's prompt")
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
        self.child.send(f"booti {HYPERVISOR_AT:#x} - {TREE_AT:#x}\r")


@pytest.mark.parametrize("gic", [3, 2])
def test_booti(out, hypervisor, gic):
    log = out / "logs" / "system" / f"test_booti-{gic}.log"
    board = UBootBoard(out=out, hypervisor=hypervisor, log=log, smp=2, mem=1536, gic=gic)
    try:
        board.boot()
        board.wait_ready()
        assert board.info()["nr_cpus"] == "2"
        board.create("one", kernel="nap", memory=16)
        assert board.domains()["one"]["vcpus"] == 1
    finally:
        board.stop()
