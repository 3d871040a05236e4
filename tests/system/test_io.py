# SPDX-License-Identifier: Apache-2.0
"""Real devices of the board for a guest: a disk by DMA, packets through a network card.

dom0's drivers program DMA with the frames of another domain here, so a wrong translation of a
granted page shows as a wrong checksum, on the host's side or the guest's.
"""

import hashlib
import os
import sys
from pathlib import Path

import pytest
from board import disk

MIB = 1 << 20
PEER = Path(__file__).with_name("peer.py")
PERSISTENT = {"persistent grants": "", "grants mapped for each request": "xen_blkfront.feature_persistent=0"}


def write_and_read(board, device, out_file, size):
    """The guest reads what the host wrote and writes what the host then reads, both O_DIRECT."""
    wanted = hashlib.sha256(out_file.read_bytes()).hexdigest()
    board.create("store", kernel="full", memory=192, disk=[f"phy:{device},xvdb,w"])
    read = f"dd if=/dev/xvdb iflag=direct bs=1M count={size} 2>/dev/null | sha256sum"
    assert board.guest("store", read, timeout=90)[1].split()[0] == wanted
    text = board.guest("store", "dd if=/dev/urandom of=/tmp/new bs=1M count=16 2>/dev/null; "
                       f"dd if=/tmp/new of=/dev/xvdb oflag=direct bs=64k seek={size * 8} 2>/dev/null && "
                       "sync && sha256sum /tmp/new; echo 3 > /proc/sys/vm/drop_caches; "
                       f"dd if=/dev/xvdb iflag=direct bs=4k skip={size * 128} count=4096 2>/dev/null | sha256sum",
                       timeout=120)[1]
    written, read_back = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert written == read_back
    board.out_of("xl shutdown -w store", timeout=60)
    board.gone("store")
    board.poweroff()
    data = out_file.read_bytes()
    assert hashlib.sha256(data[size * MIB // 2:size * MIB // 2 + 16 * MIB]).hexdigest() == written
    assert hashlib.sha256(data[:size * MIB // 2]).hexdigest() != wanted


@pytest.mark.parametrize("kind, device, module", [
    ("nvme", "/dev/nvme0n1", "nvme"), ("ahci", "/dev/sda", "ahci; modprobe sd_mod"), ("virtio", "/dev/vdb", "")])
def test_disk_by_dma(make_board, tmp_path, kind, device, module):
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(48 * MIB))
    board = make_board(devices=disk(image, kind=kind, name="dma", snapshot=False), mem=1280).start()
    board.wait_ready()
    if module:
        board.out_of(f"modprobe {module}")
        board.poll(f"test -b {device}", 20, f"waiting for {device}")
    write_and_read(board, device, image, 48)


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
