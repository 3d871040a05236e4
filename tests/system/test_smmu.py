# SPDX-License-Identifier: Apache-2.0
"""The board with an SMMUv3 in front of its PCI devices."""

import hashlib
import os
import re

import pytest
from board import disk
from partitions import Partition, with_partitions
from test_io import MIB, write_and_read


@pytest.fixture(autouse=True)
def _only_here(only_vinci):
    """Debian's Xen is built without the driver."""


def test_dom0s_disk_reaches_granted_pages(make_board, tmp_path):
    """dom0's NVMe disk moves data to and from a guest's granted pages: they are in the IOMMU's tables as long as they are granted."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(32 * MIB))
    board = make_board(devices=disk(image, kind="nvme", name="dma", snapshot=False), mem=1280, machine=",iommu=smmuv3").start()
    board.wait_ready()
    assert b"SMMUv3 at" in board.log.read_bytes()
    board.out_of("modprobe nvme")
    board.poll("test -b /dev/nvme0n1", 20, "waiting for the disk")
    write_and_read(board, "/dev/nvme0n1", image, 32)
    assert b"refused" not in board.log.read_bytes()


class Bridge:
    """A board without dom0, whose PCI host bridge belongs to a partition."""

    def __init__(self, board, scratch):
        self.board, self.scratch = board, scratch

    def start(self, partitions):
        words = with_partitions(self.board.command(), partitions, self.scratch / "board.dtb",
                                "/ { pcie@10000000 { xen,passthrough; }; };")
        self.board.command = lambda: words
        return self.board.start()


def page(path, text):
    """What a web server would answer."""
    path.write_bytes(f"HTTP/1.0 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
    return ["-netdev", f"user,id=out,restrict=on,guestfwd=tcp:10.0.2.100:80-cmd:cat {path}",
            "-device", "virtio-net-pci,netdev=out,disable-legacy=on,iommu_platform=on,romfile="]


def test_partition_with_a_disk_and_a_network_card(make_board, out, tmp_path):
    """Linux as a partition: every byte of its disk and its packets comes and goes by DMA through the SMMU."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(16 * MIB))
    wanted = hashlib.sha256(image.read_bytes()[:8 * MIB]).hexdigest()
    devices = disk(image, name="own", snapshot=False) + page(tmp_path / "page", "carried by a network card of its own\n")
    board = make_board(devices=devices, mem=1024, machine=",iommu=smmuv3", kernel="", initrd="", store="none")
    linux = Partition("linux", out / "images/cloud.kernel", ramdisk=out / "images/pci.ramdisk", memory=256 * 1024,
                      device_tree="tools/pci_bridge.dts", properties=["xen,enhanced;"],
                      bootargs="earlycon=xenboot keep_bootcon panic=1 vinci.name=linux vinci.log=1 vinci.copy=/dev/vda "
                               "vinci.ip=10.0.2.15/24 vinci.fetch=http://10.0.2.100/")
    Bridge(board, tmp_path).start([linux])
    board.expect([rb"guest: linux ready"], board.scale(60), "waiting for the partition's Linux")
    text = board.log.read_bytes().decode(errors="replace")
    assert re.findall(r"guest: (?:first|second) half ([0-9a-f]{64})", text) == [wanted, wanted]
    assert "guest: fetched http://10.0.2.100/" in text and "carried by a network card of its own" in text
    assert "refused" not in text
    board.stop()
    assert hashlib.sha256(image.read_bytes()[8 * MIB:]).hexdigest() == wanted
