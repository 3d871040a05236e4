# SPDX-License-Identifier: Apache-2.0
"""QEMU's model of Xilinx' ZCU102 with Debian's device tree for that board: a GIC-400 whose pages are 64 KiB apart, a Cadence UART that
stdout-path names by an alias, memory from 0 (docs/boards.md)."""

import pytest
from guests import Dom0
from partitions import Partition, compile_tree, node, source_of, Layout

KERNEL_AT, INITRD_AT, PARTITIONS_AT = 0x10000000, 0x18000000, 0x30000000


def module(at, size, kind, bootargs=""):
    return (f'module@{at:x} {{ compatible = "multiboot,{kind}", "multiboot,module"; reg = <0 {at:#x} 0 {size:#x}>; '
            f'bootargs = "{bootargs}"; }};')


class Zcu102(Dom0):
    def command(self):
        layout = Layout(PARTITIONS_AT, self.log)
        nodes = [node(one, layout) for one in self.partitions]
        words = ["qemu-system-aarch64", "-machine", "xlnx-zcu102,virtualization=on,secure=off", "-smp", "4", "-m", str(self.mem), "-display",
                 "none", "-nodefaults", "-no-reboot", "-serial", "stdio", "-monitor", "none", "-kernel", str(self.hypervisor)]
        for path, at, kind, text in ((self.kernel, KERNEL_AT, "kernel", self.dom0_cmdline), (self.initrd, INITRD_AT, "ramdisk", "")):
            if path:
                nodes.append(module(at, path.stat().st_size, kind, text))
                words += ["-device", f"loader,file={path},addr={at:#x},force-raw=on"]
        tree = self.log.with_suffix(".dtb")
        tree.parent.mkdir(parents=True, exist_ok=True)
        compile_tree(f"{source_of(self.out / 'images/zcu102.dtb')}\n/ {{ chosen {{ #address-cells = <2>; #size-cells = <2>; "
                     f'xen,xen-bootargs = "{self.options}"; {" ".join(nodes)} }}; }};\n', tree)
        self.partitions = []
        return words + ["-dtb", str(tree)] + layout.loaders()


@pytest.fixture
def board(request, out, hypervisor):
    boards = []

    def make(**settings):
        log = out / "logs" / "system" / f"{request.node.name}.log"
        boards.append(Zcu102(out=out, hypervisor=hypervisor, log=log, smp=4, store="initrd", **settings))
        return boards[-1]

    yield make
    for one in boards:
        one.stop()


def test_dom0(board):
    """Linux as dom0 on four CPUs, a guest, and typing at the Cadence UART."""
    one = board(mem=2048).start()
    one.wait_ready()
    assert one.info()["nr_cpus"] == "4"
    one.create("one", kernel="nap", memory=16)
    assert one.domains()["one"]["vcpus"] == 1


def test_static_domain(board, out, only_vinci):
    """A static domain alone; what it says comes out at the Cadence UART."""
    one = board(mem=2048, kernel="", initrd="", partitions=[Partition(
        "linux", out / "images/cloud.kernel", ramdisk=out / "images/cloud.ramdisk", memory=128 * 1024, vpl011=True,
        bootargs="console=ttyAMA0 loglevel=4 vinci.name=linux")]).start()
    one.expect(rb"there is no dom0", one.scale(60), "waiting for the hypervisor")
    one.expect(rb"guest: linux runs Linux", one.scale(60), "waiting for the partition's Linux")
