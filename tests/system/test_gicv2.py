# SPDX-License-Identifier: Apache-2.0
"""A board whose interrupt controller is a GICv2: dom0, and a guest with two vCPUs, a disk and a network, as on any other."""

import pytest

VIF = "bridge=xenbr0"


# With several CPUs QEMU's GICv2 keeps an interrupt active for a CPU that is not the one that ended it.
@pytest.mark.parametrize("smp", [1, 4])
def test_dom0_and_a_guest_with_disk_and_network(make_board, smp, only_vinci):
    board = make_board(gic=2, smp=smp, mem=1536).start()
    board.wait_ready()
    interrupts = board.out_of("cat /proc/interrupts")
    assert "GIC-0" in interrupts and "GICv3" not in interrupts
    assert board.out_of("nproc").strip() == str(smp)
    board.out_of("modprobe loop; dd if=/dev/zero of=/tmp/d.img bs=1M count=16 && losetup /dev/loop0 /tmp/d.img")
    board.create("two", vcpus=2, vif=[VIF], disk=["phy:/dev/loop0,xvdb,w"], extra="vinci.ip=10.0.0.11/24")
    assert board.guest("two", "nproc")[1].strip() == "2"
    assert "GIC-0" in board.guest("two", "cat /proc/interrupts")[1]
    assert "0% packet loss" in board.out_of("ping -c 3 10.0.0.11")
    board.guest("two", "dd if=/dev/urandom of=/dev/xvdb bs=1M count=8 oflag=direct")
    seen = board.guest("two", "dd if=/dev/xvdb bs=1M count=8 iflag=direct 2>/dev/null | sha256sum")[1].split()[0]
    assert board.out_of("dd if=/dev/loop0 bs=1M count=8 2>/dev/null | sha256sum").split()[0] == seen
    board.out_of("xl shutdown -w two", timeout=60)
    board.gone("two")


def test_no_more_vcpus_than_it_has_interfaces(make_board, only_vinci):
    board = make_board(gic=2, smp=1, mem=1024, options="dom0_max_vcpus=12").start()
    board.wait_ready()
    assert board.out_of("nproc").strip() == "8"
    path = board.config("nine", kernel="nap", vcpus=9)
    assert board.run(f"xl create {path}", timeout=60)[0] != 0
