# SPDX-License-Identifier: Apache-2.0
"""The board with an SMMUv3 in front of its PCI devices."""

import os

import pytest
from board import disk
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
