# SPDX-License-Identifier: Apache-2.0
"""Debian's dom0 and guests in Bochs: on VMX, which no QEMU has, and on an SVM that says where the next instruction is."""

import pytest
from guests import BochsDom0

pytestmark = pytest.mark.long
# One board for each, which takes most of the time to start; a worker has all tests of one.
CPUS = [pytest.param(cpu, marks=pytest.mark.xdist_group(cpu)) for cpu in ("corei7_skylake_x", "ryzen")]


@pytest.fixture(scope="module", params=CPUS)
def dom0(request, out, logs, hypervisor, arch):
    if hypervisor != "vinci" or arch != "x86_64":
        pytest.skip("Bochs is for Vinci on x86_64")
    board = BochsDom0(cpu=request.param, out=out, hypervisor=hypervisor, mem=768, dom0_mem=448, log=logs / f"bochs-{request.param}.log")
    board.start()
    try:
        board.wait_ready()
        yield board
    finally:
        board.stop()


def test_dom0(dom0):
    info = dom0.info()
    assert info["xen_version"] == "4.17-vinci" and "hvm" in info["virt_caps"]
    assert list(dom0.domains()) == ["Domain-0"]


def there_and_gone(dom0, name, kernel, machine):
    """A Linux with a compressed kernel starts, answers and goes away; dom0's toolstack sees it all the while."""
    dom0.create(name, kernel=kernel, memory=96)
    assert dom0.domains()[name]["vcpus"] == 1
    assert dom0.guest(name, "uname -m; cat /sys/hypervisor/type")[1].split() == [machine, "xen"]
    dom0.destroy(name)
    dom0.gone(name)
    assert "assertion" not in dom0.out_of("xl dmesg").lower()


def test_guest(dom0):
    there_and_gone(dom0, "one", "cloud", "x86_64")


def test_32_bit_guest(dom0):
    """Debian's kernel for processors of 32 bits, with PAE: its hypercalls are those of narrow callers, of a 64-bit dom0."""
    there_and_gone(dom0, "two", "narrow", "i686")
