# SPDX-License-Identifier: Apache-2.0
"""Real devices of the board for a guest: a disk by DMA, packets through a network card.

dom0's drivers program DMA with the frames of another domain here, so a wrong translation of a
granted page shows as a wrong checksum, on the host's side or the guest's.
"""

import hashlib
import os
import sys
from pathlib import Path

from board import disk

MIB = 1 << 20
PEER = Path(__file__).with_name("peer.py")
SIZE = 48      # MiB
# name: where dom0 finds it, what has to be loaded for it
DISKS = {"nvme": ("/dev/nvme0n1", "nvme"), "ahci": ("/dev/sda", "ahci; modprobe sd_mod"), "virtio": ("/dev/{virtio}", "virtio_pci; modprobe virtio_blk")}


def write_and_read(board, device, wanted):
    """The guest reads what the host wrote (its checksum: wanted) and writes; the checksum of what it wrote. All O_DIRECT."""
    board.create("store", kernel="full", memory=192, disk=[f"phy:{device},xvdb,w"])
    read = f"dd if=/dev/xvdb iflag=direct bs=1M count={SIZE} 2>/dev/null | sha256sum"
    assert board.guest("store", read, timeout=90)[1].split()[0] == wanted
    text = board.guest("store", "dd if=/dev/urandom of=/tmp/new bs=1M count=16 2>/dev/null; "
                       f"dd if=/tmp/new of=/dev/xvdb oflag=direct bs=64k seek={SIZE * 8} 2>/dev/null && "
                       "sync && sha256sum /tmp/new; echo 3 > /proc/sys/vm/drop_caches; "
                       f"dd if=/dev/xvdb iflag=direct bs=4k skip={SIZE * 128} count=4096 2>/dev/null | sha256sum",
                       timeout=120)[1]
    written, read_back = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert written == read_back
    board.out_of("xl shutdown -w store", timeout=60)
    board.gone("store")
    return written


def test_disks_by_dma(make_board, tmp_path):
    """A disk on each kind of controller, one after the other; the host looks at them when the board is off."""
    contents = {kind: os.urandom(SIZE * MIB) for kind in DISKS}
    images = {kind: tmp_path / f"{kind}.img" for kind in DISKS}
    devices = []
    for kind, image in images.items():
        image.write_bytes(contents[kind])
        devices += disk(image, kind=kind, name=f"{kind}disk", snapshot=False)
    board = make_board(devices=devices, mem=1280).start()
    board.wait_ready()
    written = {}
    for kind, (name, module) in DISKS.items():
        # The board's own store, if it is a disk, is the first.
        device = name.format(virtio="vdb" if board.store == "disk" else "vda")
        board.out_of(f"modprobe {module}")
        board.poll(f"test -b {device}", 20, f"waiting for {device}")
        written[kind] = write_and_read(board, device, hashlib.sha256(contents[kind]).hexdigest())
    board.poweroff()
    half = SIZE * MIB // 2
    for kind, image in images.items():
        data = image.read_bytes()
        assert hashlib.sha256(data[half:half + 16 * MIB]).hexdigest() == written[kind], kind
        assert data[:half] == contents[kind][:half], kind


def outside(forward):
    """A network card of the board whose other end knows one TCP service and nothing of the world."""
    return ["-netdev", f"user,id=out,restrict=on,guestfwd=tcp:10.0.2.100:99-cmd:{forward}",
            "-device", "e1000e,netdev=out,mac=52:54:00:00:00:01,romfile="]


def test_packets_through_a_network_card(make_board):
    """A guest talks through dom0's bridge and an e1000e with a program on the host."""
    board = make_board(devices=outside(f"{sys.executable} {PEER}"), mem=1280).start()
    board.wait_ready()
    board.out_of("modprobe e1000e")
    board.poll("test -e /sys/class/net/eth0", 20, "waiting for the network card")
    board.out_of("ip link set eth0 master xenbr0 || brctl addif xenbr0 eth0; ip link set eth0 up")
    board.create("talker", memory=128, vif=["bridge=xenbr0"], extra="vinci.ip=10.0.2.20/24")
    assert "0% packet loss" in board.guest("talker", "ping -c 5 10.0.2.2; ping -c 5 -s 1400 10.0.2.2")[1]
    send = ("dd if=/dev/urandom of=/tmp/up bs=64k count=64 2>/dev/null; sha256sum < /tmp/up; "
            "nc 10.0.2.100 99 < /tmp/up > /tmp/down; head -c 65 /tmp/down; "
            "tail -c +66 /tmp/down | head -c 65; tail -c +131 /tmp/down | sha256sum")
    text = board.guest("talker", send, timeout=120)[1]
    sent, arrived, announced, received = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert arrived == sent
    assert received == announced
    board.destroy("talker")
