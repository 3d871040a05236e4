# SPDX-License-Identifier: Apache-2.0
"""The board with an SMMUv3 in front of its PCI devices."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from board import disk
from imaging.tree import Tree
from partitions import Partition, compile_tree
from test_io import MIB, SIZE, write_and_read


@pytest.fixture(autouse=True)
def _only_here(only_vinci):
    """Debian's Xen is built without the driver."""


def test_dom0s_disk_reaches_granted_pages(make_board, tmp_path):
    """dom0's NVMe disk moves data to and from a guest's granted pages: they are in the IOMMU's tables as long as they are granted."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(SIZE * MIB))
    wanted = hashlib.sha256(image.read_bytes()).hexdigest()
    board = make_board(devices=disk(image, kind="nvme", name="dma", snapshot=False), mem=1280, machine=",iommu=smmuv3").start()
    board.wait_ready()
    assert b"SMMUv3 at" in board.log.read_bytes()
    board.out_of("modprobe nvme")
    board.poll("test -b /dev/nvme0n1", 20, "waiting for the disk")
    assert "ITS-MSI" in board.out_of("grep nvme0q1 /proc/interrupts")
    written = write_and_read(board, "/dev/nvme0n1", wanted)
    assert b"refused" not in board.log.read_bytes()
    board.poweroff()
    half = SIZE * MIB // 2
    assert hashlib.sha256(image.read_bytes()[half:half + 16 * MIB]).hexdigest() == written


# The board's PCI host bridge is not dom0's.
BRIDGE_APART = "/ { pcie@10000000 { xen,passthrough; }; };"


def page(path, text):
    """What a web server would answer."""
    path.write_bytes(f"HTTP/1.0 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
    return ["-netdev", f"user,id=out,restrict=on,guestfwd=tcp:10.0.2.100:80-cmd:cat {path}",
            "-device", "virtio-net-pci,netdev=out,disable-legacy=on,iommu_platform=on,romfile="]


@pytest.mark.parametrize("its", [True, False], ids=["messages", "lines"])
def test_partition_with_a_disk_and_a_network_card(make_board, out, tmp_path, its):
    """Linux as a partition: every byte of its disk and its packets, and their interrupts, come and go by DMA through the SMMU. A board
    without an ITS has the interrupt lines of the bridge."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(16 * MIB))
    wanted = hashlib.sha256(image.read_bytes()[:8 * MIB]).hexdigest()
    devices = disk(image, name="own", snapshot=False) + page(tmp_path / "page", "carried by a network card of its own\n")
    machine = ",iommu=smmuv3" + ("" if its else ",its=off")
    linux = Partition("linux", out / "images/cloud.kernel", ramdisk=out / "images/pci.ramdisk", memory=256 * 1024,
                      device_tree="tools/pci_bridge.dts", properties=["xen,enhanced;"],
                      bootargs="earlycon=xenboot keep_bootcon panic=1 vinci.name=linux vinci.log=1 vinci.copy=/dev/vda "
                               "vinci.ip=10.0.2.15/24 vinci.fetch=http://10.0.2.100/")
    board = make_board(devices=devices, mem=1024, machine=machine, kernel="", initrd="", store="none", partitions=[linux],
                       tree_source=BRIDGE_APART).start()
    board.expect([rb"guest: linux ready"], board.scale(60), "waiting for the partition's Linux")
    text = board.log.read_bytes().decode(errors="replace")
    assert re.findall(r"guest: (?:first|second) half ([0-9a-f]{64})", text) == [wanted, wanted]
    assert "guest: fetched http://10.0.2.100/" in text and "carried by a network card of its own" in text
    assert "refused" not in text
    if its:
        requests = re.search(r"guest: interrupts by message: *\d+: +(\d+) +ITS-MSI.* virtio\d+-req.0", text)
        assert requests and int(requests[1]) > 10, "the disk's interrupts are messages"
    else:
        assert "by message" not in text
    board.stop()
    assert hashlib.sha256(image.read_bytes()[8 * MIB:]).hexdigest() == wanted


def function(tmp_path, name, line=None):
    """A partial tree that gives this function of the bridge; its pin is on that line."""
    tree = tmp_path / f"{name.replace(':', '.')}.dts"
    text = Path("tools/pci_functions.dts").read_text().replace('"00:01.0"', f'"{name}"')
    if line is not None:
        device = int(name[3:5], 16) << 11
        text = text.replace("dma-coherent;", f"#interrupt-cells = <1>; interrupt-map-mask = <0xf800 0 0 7>; "
                            f"interrupt-map = <{device:#x} 0 0 1 0xfde8 0 {line} 4>; dma-coherent;")
    tree.write_text(text)
    return str(tree)


def linux(name, out, tree, words, properties):
    return Partition(name, out / "images/cloud.kernel", ramdisk=out / "images/pci.ramdisk", memory=192 * 1024, device_tree=tree,
                     properties=["xen,enhanced;", *properties],
                     bootargs=f"earlycon=xenboot keep_bootcon panic=1 vinci.name={name} vinci.log=1 {words}")


def test_two_partitions_share_a_bridge(make_board, out, tmp_path):
    """One has the disk, the other the network card, which are functions of one bridge: the disk's bytes and messages come and go while the other
    is restarted by its watchdog, again and again, and fetches its page in each life."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(64 * MIB))
    wanted = hashlib.sha256(image.read_bytes()[:32 * MIB]).hexdigest()
    devices = disk(image, name="own", snapshot=False) + page(tmp_path / "page", "carried by a function of its own\n")
    store = linux("store", out, function(tmp_path, "00:01.0"), "vinci.copy=/dev/vda", [])
    net = linux("net", out, function(tmp_path, "00:02.0"), "vinci.ip=10.0.2.15/24 vinci.fetch=http://10.0.2.100/",
                ["vinci,watchdog = <60>;", "vinci,restart-limit = <20 60>;"])
    board = make_board(devices=devices, mem=1024, machine=",iommu=smmuv3", kernel="", initrd="", store="none", partitions=[store, net],
                       tree_source=BRIDGE_APART).start()
    board.expect([rb"guest: store ready"], board.scale(200), "waiting for the disk's partition")
    board.expect([rb"runs again[\s\S]*guest: fetched http"], board.scale(300), "waiting for the network's next life")
    text = board.log.read_bytes().decode(errors="replace")
    assert re.findall(r"guest: (?:first|second) half ([0-9a-f]{64})", text) == [wanted, wanted]
    assert "carried by a function of its own" in text and "refused" not in text
    requests = re.search(r"guest: interrupts by message: *\d+: +(\d+) +ITS-MSI.* virtio\d+-req.0", text)
    assert requests and int(requests[1]) > 10, "the disk's interrupts are messages"
    board.stop()
    assert hashlib.sha256(image.read_bytes()[32 * MIB:]).hexdigest() == wanted


def test_a_function_with_a_line(make_board, out, tmp_path):
    """No ITS: the function has the line of its pin."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(16 * MIB))
    wanted = hashlib.sha256(image.read_bytes()[:8 * MIB]).hexdigest()
    store = linux("store", out, function(tmp_path, "00:01.0", line=4), "vinci.copy=/dev/vda", [])
    board = make_board(devices=disk(image, name="own", snapshot=False), mem=1024, machine=",iommu=smmuv3,its=off", kernel="", initrd="", store="none",
                       partitions=[store], tree_source=BRIDGE_APART).start()
    board.expect([rb"guest: store ready"], board.scale(120), "waiting for the partition")
    text = board.log.read_bytes().decode(errors="replace")
    assert re.findall(r"guest: (?:first|second) half ([0-9a-f]{64})", text) == [wanted, wanted]
    assert "by message" not in text and "refused" not in text
    board.stop()


def dom0_with(out, scratch, files):
    """dom0's initramfs with these files in /srv."""
    tree = Tree({})
    for name, path in files.items():
        tree.file(f"srv/{name}", Path(path))
    tree.write_cpio(scratch / "srv.cpio")
    both = scratch / "dom0.cpio"
    both.write_bytes((out / "images/dom0.cpio").read_bytes() + (scratch / "srv.cpio").read_bytes())
    return both


GIVEN = """dtdev=["/pcie@10000000"]
iomem=["0x4010000,0x100", "0x10000,0x1000"]
irqs=[35, 36, 37, 38]
device_tree="/srv/bridge.dtb"
"""


def test_xl_gives_a_bridge_to_a_guest(make_board, out, tmp_path):
    """dtdev=, iomem=, irqs=, device_tree=: a guest of xl drives a PCI disk; another cannot have it as well; it comes back."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(8 * MIB))
    wanted = hashlib.sha256(image.read_bytes()[:4 * MIB]).hexdigest()
    compile_tree(Path("tools/pci_bridge.dts").read_text(), tmp_path / "bridge.dtb")
    initrd = dom0_with(out, tmp_path, {"cloud.kernel": out / "images/cloud.kernel", "pci.ramdisk": out / "images/pci.ramdisk",
                                       "bridge.dtb": tmp_path / "bridge.dtb"})
    board = make_board(devices=disk(image, name="own", snapshot=False), mem=1536, machine=",iommu=smmuv3", initrd=initrd, store="none",
                       tree_source=BRIDGE_APART).start()
    board.wait_ready()
    board.create("owner", memory=192, ramdisk="pci", extra="vinci.copy=/dev/vda", more=GIVEN)
    said = board.out_of("cat /var/log/xen/console/guest-owner.log")
    assert re.findall(r"guest: (?:first|second) half ([0-9a-f]{64})", said) == [wanted, wanted]
    for more, word in (GIVEN, "irq 35"), ('dtdev=["/pcie@10000000"]', "xc_assign_dtdevice"):
        status, text = board.run(f"xl create {board.config('second', memory=96, ramdisk='pci', more=more)}")
        assert status and word in text, text
    board.destroy("owner")
    board.create("third", "-p", memory=96, ramdisk="pci", more=GIVEN)
    assert b"refused" not in board.log.read_bytes()
