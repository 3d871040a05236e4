# SPDX-License-Identifier: Apache-2.0
"""Debian's other kernels: 32-bit guests, the real-time kernel, and 6.12 as dom0 and as a guest."""

import pytest
from board import disk

VIF = "bridge=xenbr0"
STORE = "/mnt"
READY = 60


def start(make_board, out, **settings):
    """A board with the disk of more kernels, seen by dom0 at STORE."""
    devices = disk(out / "images/kernels.img", name="kernels", extra=",read-only=on")
    board = make_board(mem=1536, devices=devices, **settings).start()
    board.wait_ready(READY)
    board.out_of(f"mkdir -p {STORE}; mount -t ext4 -o ro LABEL=vinci-kernels {STORE} || mount -t ext4 -o ro /dev/vdb {STORE}")
    board.out_of("modprobe loop; dd if=/dev/urandom of=/tmp/extra bs=64k count=16 2>/dev/null; losetup /dev/loop0 /tmp/extra")
    return board


def create(board, name, kernel, number, **settings):
    """With memory for 6.12, which sets 64 MiB of it aside (CMA) and with 128 MiB and two CPUs has none left for its front ends."""
    board.create(name, kernel=kernel, memory=192, store=STORE, vif=[VIF], disk=["phy:/dev/loop0,xvda,r"],
                 extra=f"vinci.ip=10.0.0.{number}/24", **settings)


def front_ends_work(board, name, number):
    """The network answers, and the disk holds in the guest what it holds in dom0."""
    assert "0% packet loss" in board.out_of(f"ping -c 3 10.0.0.{number}")
    want = board.out_of("sha256sum < /tmp/extra").split()[0]
    assert want in board.guest(name, "sha256sum < /dev/xvda")[1]


def test_32_bit_guest(make_board, out):
    """Each vCPU has a CPU of its own: QEMU mixes up the saved states of 32-bit vCPUs that share one (docs/limits.md)."""
    board = start(make_board, out, smp=2, dom0_mem=512, options="dom0_max_vcpus=1")
    assert "xen-3.0-armv7l" in board.info()["xen_caps"]
    before = board.host_memory()
    create(board, "narrow", "armhf", 31, vcpus=2, more='cpus=["0", "1"]')
    assert board.guest("narrow", "uname -m")[1].strip() == "armv7l"
    assert board.guest("narrow", "grep -c ^processor /proc/cpuinfo")[1].strip() == "2"
    front_ends_work(board, "narrow", 31)
    # Down and up again by PSCI, and interrupts between the two
    board.guest("narrow", "echo 0 > /sys/devices/system/cpu/cpu1/online; echo 1 > /sys/devices/system/cpu/cpu1/online")
    assert board.guest("narrow", "nproc")[1].strip() == "2"
    board.out_of("xl pause narrow; xl unpause narrow")
    board.out_of("xl shutdown -w narrow", timeout=60)
    board.gone("narrow")
    assert board.host_memory() == before


def test_32_bit_guest_alone(make_board, out):
    board = start(make_board, out, dom0_mem=512)
    before = board.host_memory()
    create(board, "narrow", "armhf", 31)
    front_ends_work(board, "narrow", 31)
    board.destroy("narrow")
    assert board.host_memory() == before


def test_newer_kernel_as_dom0_and_guest(make_board, out):
    """6.12 puts foreign pages and grants into the extended regions of the `hypervisor` node."""
    images = out / "images"
    board = start(make_board, out, dom0_mem=512, kernel=images / "dom0-new.kernel", initrd=images / "dom0-new.cpio")
    assert board.out_of("uname -r").startswith("6.12.")
    before = board.host_memory()
    create(board, "new", "new", 32)
    board.create("old", vif=[VIF], extra="vinci.ip=10.0.0.33/24")
    assert board.guest("new", "uname -r")[1].startswith("6.12.")
    assert "Xen scratch" in board.out_of("cat /proc/iomem")     # Linux's name for what it took of the regions
    front_ends_work(board, "new", 32)
    assert "0% packet loss" in board.guest("new", "ping -c 3 10.0.0.33")[1]
    board.destroy("old")
    board.out_of("xl shutdown -w new", timeout=60)
    board.gone("new")
    assert board.host_memory() == before
    assert board.domains()["Domain-0"]["memory"] == 512


@pytest.mark.long
@pytest.mark.parametrize("kernel", ["rt", "new"])
def test_guest_with_two_cpus(make_board, out, kernel):
    board = start(make_board, out, smp=2, dom0_mem=512)
    create(board, "guest", kernel, 34, vcpus=2)
    assert board.guest("guest", "nproc")[1].strip() == "2"
    front_ends_work(board, "guest", 34)
    board.destroy("guest")
