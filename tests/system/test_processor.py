# SPDX-License-Identifier: Apache-2.0
"""What a guest's x86 processor is told to be, and what is sent to it, by xl."""

import re

import pytest

pytestmark = pytest.mark.x86_64
BOARD = {"smp": 1, "mem": 2048, "dom0_mem": 640, "store": "initrd"}


@pytest.fixture(autouse=True)
def only_x86(request):
    if request.config.getoption("--arch") != "x86_64":
        pytest.skip("of x86-64")


def processor(dom0, name, **settings):
    """The flags, and the family, of a guest's processor."""
    dom0.create(name, **settings)
    _, said = dom0.guest(name, "grep -m1 -w flags /proc/cpuinfo; grep -m1 family /proc/cpuinfo")
    dom0.destroy(name)
    flags, family = said.strip().splitlines()
    return set(flags.split()), int(family.split()[-1])


@pytest.mark.quick
def test_features_by_name(dom0):
    """What needs a feature that is taken away goes too; what no guest has stays away; what is not spoken of is there."""
    flags, family = processor(dom0, "named", more='cpuid="host,avx=0,sse4.2=0,vmx=1,svm=1,mtrr=1,family=6"')
    assert not flags & {"avx", "avx2", "fma", "f16c", "sse4_2", "vmx", "svm", "mtrr"}, flags
    assert flags >= {"sse4_1", "xsave", "aes", "hypervisor", "x2apic", "lm"}, flags
    assert family == 6


def test_features_by_bits(dom0):
    """Leaf 1's ECX: bit 28 is AVX, bit 25 AES."""
    flags, _ = processor(dom0, "bits", more='cpuid=["0x1:ecx=xxx0xx0xxxxxxxxxxxxxxxxxxxxxxxxx"]')
    assert not flags & {"avx", "avx2", "fma", "aes"}, flags
    assert flags >= {"sse4_2", "xsave", "hypervisor"}, flags


def test_more_leaves_than_there_are(dom0):
    path = dom0.config("leaves", more='cpuid=["0x0:eax=00000000000000000000000011111111"]')
    status, said = dom0.run(f"xl create {path}", timeout=60)
    assert status and "CPUID" in said.upper(), said
    dom0.gone("leaves")


def test_policies(dom0):
    """Xen's own test of the code that toolstacks share with it, and what they are told of the host, of any guest, and of one."""
    said = dom0.out_of("test-cpu-policy", timeout=60)
    assert "Testing policy compatibility failure" in said and "Done: all ok" in said, said
    dom0.create("nap", kernel="nap", memory=16)
    said = dom0.out_of("xen-cpuid -p 2>/dev/null") + dom0.out_of(f"xen-cpuid -p {dom0.domid('nap')}")
    counts = [int(n) for n in re.findall(r"policy: (\d+) leaves, 2 MSRs", said)]
    assert len(counts) == 5 and counts[0] >= counts[2] > 20, said      # raw, host, what a guest may have, what it has by default, nap's
    dom0.destroy("nap")


@pytest.mark.quick
def test_nmi(dom0):
    """It reaches a vCPU that waits, once each."""
    dom0.create("nmi")
    for count in (1, 2):
        dom0.run("xl trigger nmi nmi 0", check=True)
        _, said = dom0.guest("nmi", "grep NMI: /proc/interrupts")
        assert int(said.split()[1]) == count, said
    _, said = dom0.run("xl trigger nmi power")
    assert "Operation not supported" in said, said
    dom0.destroy("nmi")
