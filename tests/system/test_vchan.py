# SPDX-License-Identifier: Apache-2.0
"""libxenvchan: data in both directions between dom0 and a guest and between two guests, checked by sums at both ends.

Debian's Xen keeps guests from talking with each other unless it is told xsm=dummy."""

import re

import pytest

BYTES = 3000000


@pytest.fixture
def peers(make_board, hypervisor):
    board = make_board(smp=1, mem=1024, dom0_mem=384, options="xsm=dummy" if hypervisor == "xen" else "").start()
    board.wait_ready()
    for name in ("left", "right"):
        board.create(name, ramdisk="peer")
        board.guest(name, "ls /dev/xen/gntalloc")
    return board


def offer(board, name, peer, path):
    """The server in a guest, in the background; what it says goes to /tmp/said there."""
    board.guest(name, f"vchan-peer server {peer} {path} {BYTES} >/tmp/said 2>&1 & true")


def agree(client, server):
    ends = [re.search(r"sent (\w+) received (\w+)", text) for text in (client, server)]
    assert all(ends), (client, server)
    assert ends[0][1] == ends[1][2] and ends[0][2] == ends[1][1] and ends[0][1] != ends[0][2]


def test_channels(peers):
    left = peers.domid("left")
    path = f"/local/domain/{left}/data/vchan"
    # dom0 and a guest, both ways round.
    offer(peers, "left", 0, path)
    client = peers.out_of(f"/srv/vchan-peer client {left} {path} {BYTES}", timeout=90)
    agree(client, peers.guest("left", "sleep 1; cat /tmp/said")[1])
    peers.out_of(f"(/srv/vchan-peer server {left} /local/domain/0/data/vchan {BYTES} > /tmp/said 2>&1) & true")
    client = peers.guest("left", f"vchan-peer client 0 /local/domain/0/data/vchan {BYTES}", timeout=90)[1]
    agree(client, peers.out_of("sleep 1; cat /tmp/said"))
    # Two guests.
    offer(peers, "left", peers.domid("right"), f"{path}2")
    client = peers.guest("right", f"vchan-peer client {left} {path}2 {BYTES}", timeout=90)[1]
    agree(client, peers.guest("left", "sleep 1; cat /tmp/said")[1])
    peers.destroy("left", "right")
    peers.poll("test $(xl list | wc -l) -eq 2", 20, "waiting for both to be gone")
