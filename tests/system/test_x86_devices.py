# SPDX-License-Identifier: Apache-2.0
"""dom0's PCI devices on x86-64 and their interrupts: disks on AHCI, NVMe and virtio, a network card; with and without an IOMMU.
Guests' disks on them are test_io.py's."""

import hashlib
import os
import re

import pytest
from board import disk
from board_x86 import UNSAFE
from test_io import DISKS, MIB

pytestmark = pytest.mark.x86_64
LONG = pytest.mark.long
NAMES = {kind: device.format(virtio="vda") for kind, (device, _) in DISKS.items()}
DRIVERS = "for name in ahci sd_mod nvme virtio_pci virtio_blk e1000e; do modprobe $name || exit 1; done"


@pytest.fixture(autouse=True)
def _only_here(only_vinci):
    """Debian's Xen needs an IOMMU for a PVH dom0, and refuses nothing."""


def page(path, text):
    """A network card, and what a web server behind it would answer."""
    path.write_bytes(f"HTTP/1.0 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
    return ["-netdev", f"user,id=out,restrict=on,guestfwd=tcp:10.0.2.100:80-cmd:cat {path}", "-device", "e1000e,netdev=out,romfile="]


def counts(board, pattern):
    """Of the interrupts of these names: what kind each is, and how many came to each vCPU."""
    found = {}
    for line in board.out_of("cat /proc/interrupts").splitlines():
        words = line.split()
        if re.search(pattern, line):
            found[words[0].rstrip(":")] = (words[3], [int(words[1]), int(words[2])])
    return found


def assert_read(board, images):
    for kind, image in images.items():
        read = board.out_of(f"dd if={NAMES[kind]} bs=64k iflag=direct 2> /dev/null | sha256sum").split()[0]
        assert read == hashlib.sha256(image.read_bytes()).hexdigest(), kind


def assert_follows(board):
    """Every interrupt of the AHCI comes to the vCPU that it is sent to. The board has one of its own without a disk."""
    read = "dd if=/dev/sda bs=64k iflag=direct of=/dev/null 2> /dev/null count="
    irq = max(counts(board, "ahci").items(), key=lambda entry: sum(entry[1][1]))[0]
    for vcpu in (0, 1, 0):
        board.out_of(f"echo {vcpu} > /proc/irq/{irq}/smp_affinity_list; {read}1")
        before = counts(board, "ahci")[irq][1]
        board.out_of(f"{read}16")
        after = counts(board, "ahci")[irq][1]
        assert after[vcpu] >= before[vcpu] + 8 and after[1 - vcpu] == before[1 - vcpu], (before, after)


def assert_answers(board):
    """Packets go out and come in."""
    board.out_of("ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0")
    board.poll("ping -c 1 -W 1 10.0.2.2 > /dev/null", 20, "an answer over the network card")
    assert "carried by a network card" in board.out_of("printf 'GET /\\r\\n\\r\\n' | nc -w 20 10.0.2.100 80")
    assert "0% packet loss" in board.out_of("ping -c 3 -s 1400 10.0.2.2")


def start(make_board, image_of, page_at, iommu, messages):
    """A board with a disk of each kind and a network card, whose drivers dom0 has loaded."""
    devices = [word for kind, image in image_of.items() for word in disk(image, kind=kind, name=kind)]
    board = make_board(devices=devices + page(page_at, "carried by a network card\n"), mem=1280, iommu=iommu, options="dom0_max_vcpus=2",
                       dom0_cmdline="" if messages else "pci=nomsi")
    # What dom0 does with its own devices needs no leave.
    board.options = board.options.replace(UNSAFE, "")
    board.start()
    board.wait_ready()
    board.out_of(DRIVERS)
    for name in NAMES.values():
        board.poll(f"test -b {name}", 30, "waiting for a disk")
    return board


def assert_refused(board):
    """A guest is not created as if nothing were wrong: xl fails and leaves nothing, the hypervisor says why and what would help."""
    free = board.host_memory()
    status, text = board.run(f"xl create {board.config('store', disk=['phy:/dev/sda,xvdb,w'])}", timeout=90)
    assert status, text
    assert re.search(r"d0: grant maps are refused: no IOMMU .*gnttab=unsafe-dma", board.hypervisor_log())
    assert set(board.domains()) == {"Domain-0"}
    assert board.host_memory() == free


@pytest.mark.parametrize("iommu, messages", [(True, True), pytest.param(False, False, marks=LONG), pytest.param(True, False, marks=LONG),
                                             pytest.param(False, True, marks=LONG)],
                         ids=["iommu-messages", "lines", "iommu-lines", "messages"])
def test_disks_and_a_network_card(make_board, tmp_path, iommu, messages):
    """What dom0 reads past its caches is what the host wrote; by messages (AHCI has MSI, the others MSI-X) or by lines. Without an IOMMU
    that is all: grants of guests are refused."""
    images = {kind: tmp_path / f"{kind}.img" for kind in DISKS}
    for image in images.values():
        image.write_bytes(os.urandom(4 * MIB))
    board = start(make_board, images, tmp_path / "page", iommu, messages)
    assert_read(board, images)
    assert_answers(board)
    seen = counts(board, "ahci|nvme0q|eth0|virtio.*req")
    assert len(seen) >= (4 if messages else 2), seen
    assert all(("PCI-MSI" in kind) == messages for kind, _ in seen.values()), seen
    assert sum(sum(n) for _, n in seen.values()) > 20, seen
    assert_follows(board)
    if not iommu:
        assert_refused(board)
