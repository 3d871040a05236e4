# SPDX-License-Identifier: Apache-2.0
"""Debian's dom0 and a guest in Bochs: on VMX, which no QEMU has, and on an SVM that says where the next instruction is."""

import pytest
from guests import BochsDom0

pytestmark = pytest.mark.long


@pytest.fixture(params=["corei7_skylake_x", "ryzen"])
def dom0(request, out, hypervisor, arch):
    if hypervisor != "vinci" or arch != "x86_64":
        pytest.skip("Bochs is for Vinci on x86_64")
    board = BochsDom0(cpu=request.param, out=out, hypervisor=hypervisor, mem=768, dom0_mem=448,
                      log=out / "logs" / "system" / f"bochs-{request.param}.log")
    board.start()
    try:
        board.wait_ready()
        yield board
    finally:
        board.stop()


def test_dom0_and_a_guest(dom0):
    """A Linux with a compressed kernel starts, answers and goes away; dom0's toolstack sees it all the while."""
    info = dom0.info()
    assert info["xen_version"] == "4.17-vinci" and "hvm" in info["virt_caps"]
    dom0.create("one", memory=96)
    assert dom0.domains()["one"]["vcpus"] == 1
    assert dom0.guest("one", "cat /sys/hypervisor/type")[1].strip() == "xen"
    dom0.destroy("one")
    dom0.gone("one")
    assert "assertion" not in dom0.out_of("xl dmesg").lower()
