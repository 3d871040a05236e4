# SPDX-License-Identifier: Apache-2.0
"""Static domains beside a dom0: its tools know them by name, attach a disk and a network card to them, and end them."""

import pytest
from partitions import Partition

MEMORY = 131072     # KiB


@pytest.fixture
def board(make_board, out, only_vinci):
    linux = Partition("penguin", out / "images/cloud.kernel", memory=MEMORY, ramdisk=out / "images/cloud.ramdisk",
                      properties=["xen,enhanced;"])
    plain = Partition("plain", out / "arm64/guests/partition.img", bootargs="stay")
    return make_board(smp=1, mem=1536, dom0_mem=384, partitions=[plain, linux]).start()


def test_tools_know_static_domains(board):
    listed = board.out_of("xl list")
    assert [line.split()[:3] for line in listed.splitlines()[2:]] == [["plain", "1", "8"], ["penguin", "2", "128"]]

    board.poll("xenstore-read /local/domain/2/control/feature-reboot", 60, "the guest's connection to xenstore")
    board.run("xl block-attach penguin phy:/dev/vda xvda r")
    board.run("xl network-attach penguin bridge=xenbr0")
    board.poll("xenstore-read /local/domain/2/device/vbd/51712/state | grep 4", 20, "the disk")
    board.poll("xenstore-read /local/domain/2/device/vif/0/state | grep 4", 20, "the network card")

    board.run("xl pause plain")
    assert "p" in board.out_of("xl list plain").split()[-2]
    board.run("xl unpause plain")
    assert "p" not in board.out_of("xl list plain").split()[-2]
    board.run("xl destroy plain")
    assert "plain" not in board.out_of("xl list")

    board.run("xl reboot penguin")
    board.poll("xl dmesg | grep 'partition penguin (d2) runs again'", 60, "the restart")
    assert "penguin" in board.out_of("xl list")
