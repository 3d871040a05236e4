# SPDX-License-Identifier: Apache-2.0
"""Debian's Linux as a static domain: on a board without dom0, and beside dom0."""

import re

import pytest

from partitions import Partition

UART = "console=ttyAMA0 loglevel=4"

pytestmark = pytest.mark.usefixtures("only_vinci")      # its lines tell partitions apart


def linux(out, name="linux", **settings):
    """Debian's cloud kernel and its busybox ramdisk, on an emulated UART."""
    words = {"memory": 96 * 1024, "cpus": 1, "bootargs": f"{UART} vinci.name={name}", "vpl011": True, **settings}
    return Partition(name, out / "images/cloud.kernel", ramdisk=out / "images/cloud.ramdisk", **words)


def test_linux_without_dom0(make_board, out):
    board = make_board(kernel="", initrd="", store="none", mem=1024, partitions=[
        linux(out, "one", cpus=2, properties=["xen,enhanced;"]),
        linux(out, "two", properties=["vinci,priority = <1>;"])]).start()
    seen = set()
    while len(seen) < 2:
        board.expect([rb"guest: (\w+) runs Linux (\S+) on (\d) CPU"], board.scale(90), "waiting for both Linux partitions")
        name, kernel, cpus = (text.decode() for text in board.child.match.groups())
        assert "cloud-arm64" in kernel
        assert cpus == {"one": "2", "two": "1"}[name]
        seen.add(name)


def test_linux_beside_dom0(make_board, out):
    board = make_board(store="none", partitions=[
        linux(out), Partition("small", out / "arm64/guests/partition.img", bootargs="stay")]).start()
    board.expect([rb"partition linux: d1,"], board.scale(60), "waiting for the partition to be started")
    board.wait_ready()
    free = int(re.search(r"free_memory +: (\d+)", board.out_of("xl info"))[1])
    listed = {fields[-5]: fields[-4] for fields in map(str.split, board.out_of("xl list").splitlines()[1:])}
    assert listed["1"] == "96" and listed["2"] == "8", listed
    board.run("xl destroy 2")
    board.poll("test $(xl list | wc -l) = 3", 20, "the destroyed partition leaves the list")
    # A partition that is gone leaves what it had: 8 MiB, some of which are tables of both.
    assert int(re.search(r"free_memory +: (\d+)", board.out_of("xl info"))[1]) >= free + 7
    board.poll("xl dmesg | grep -q 'guest: linux runs Linux'", 60, "the Linux partition comes up")
