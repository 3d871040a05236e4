# SPDX-License-Identifier: Apache-2.0
"""The board with Intel's IOMMU before its PCI devices, in the shapes that QEMU has."""

import hashlib
import os
import re

import pytest
from board import disk
from test_io import MIB, SIZE, write_and_read

pytestmark = pytest.mark.x86_64

THREE_LEVELS = "intel-iommu,intremap=on"
KEEPS_ABSENT = "intel-iommu,intremap=off,aw-bits=48,caching-mode=on,snoop-control=on"
MEM = 1280
CARD = ["-netdev", "user,id=out,restrict=on", "-device", "e1000e,netdev=out,romfile="]


@pytest.fixture(autouse=True)
def _only_here(only_vinci):
    """Debian's Xen starts no PVH dom0 on this processor with this IOMMU."""


def said(board, pattern):
    return re.search(pattern, board.log.read_bytes().decode(errors="replace"))


@pytest.mark.parametrize("iommu, described", [
    (THREE_LEVELS, "3 levels, pages up to 1 GiB"), pytest.param(KEEPS_ABSENT, "4 levels.*keeps what is absent", marks=pytest.mark.long)],
                         ids=["three-levels", "keeps-absent"])
def test_dom0s_disk_reaches_granted_pages(make_board, tmp_path, iommu, described):
    """dom0's NVMe disk moves data to and from its own pages, and a guest's granted ones."""
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(SIZE * MIB))
    wanted = hashlib.sha256(image.read_bytes()).hexdigest()
    board = make_board(devices=disk(image, kind="nvme", name="dma", snapshot=False), mem=MEM, iommu=iommu).start()
    board.wait_ready()
    assert said(board, f"VT-d at 0xfed90000: {described}")
    assert said(board, "interrupts are remapped" if iommu == THREE_LEVELS else "interrupts are not remapped: firmware does not want it")
    board.out_of("modprobe nvme")
    board.poll("test -b /dev/nvme0n1", 20, "waiting for the disk")
    assert board.out_of("dd if=/dev/nvme0n1 iflag=direct bs=1M 2>/dev/null | sha256sum").split()[0] == wanted
    written = write_and_read(board, "/dev/nvme0n1", wanted)
    assert not said(board, "refused")
    board.poweroff()
    half = SIZE * MIB // 2
    assert hashlib.sha256(image.read_bytes()[half:half + 16 * MIB]).hexdigest() == written


def beyond(board):
    """A frame of the board's memory that is not dom0's."""
    ram = [[int(end, 16) for end in line.split()[0].split("-")] for line in board.out_of("grep 'System RAM' /proc/iomem").splitlines()]
    return next(at for at in range(16 * MIB, MEM * MIB, MIB) if not any(first <= at <= last for first, last in ram))


def test_an_access_elsewhere_is_refused(make_board):
    """A network card without a driver is told to fetch its descriptors from where dom0 has nothing."""
    board = make_board(devices=CARD, mem=MEM, store="none", iommu=THREE_LEVELS).start()
    board.wait_ready()
    at = beyond(board)
    card = board.out_of("grep -l 0x10d3 /sys/bus/pci/devices/*/device").strip().removesuffix("/device")
    registers = int(board.out_of(f"head -1 {card}/resource").split()[0], 16)
    board.out_of(f"printf '\\006\\000' | dd of={card}/config bs=1 seek=4 conv=notrunc 2>/dev/null")
    # Base, length, head of the ring; transmission on; tail (82574 datasheet, 10.2.6).
    for register, value in (0x3800, at), (0x3804, 0), (0x3808, 128), (0x3810, 0), (0x400, 0xA), (0x3818, 1):
        board.out_of(f"devmem {registers + register:#x} 32 {value:#x}")
    name = card.rsplit("/", 1)[1].removeprefix("0000:")
    board.poll(f"xl dmesg | grep 'device {name} of d0: read at {at:#x} refused: not readable'", 10, "waiting for the line of the fault")
    assert board.out_of("echo alive").strip() == "alive"
