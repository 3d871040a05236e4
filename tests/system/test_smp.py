# SPDX-License-Identifier: Apache-2.0
"""Two CPUs: dom0 on both, a guest with more vCPUs than CPUs, pinning, pools, a guest that moves while it works."""

import re

import pytest

BOARD = {"smp": 2, "mem": 1280, "dom0_mem": 448, "options": "dom0_max_vcpus=2"}


@pytest.mark.quick
def test_dom0_on_two_cpus(dom0):
    assert dom0.info()["nr_cpus"] == "2"
    assert dom0.domains()["Domain-0"]["vcpus"] == 2
    assert dom0.out_of("grep -c ^processor /proc/cpuinfo").strip() == "2"


def test_pins(dom0):
    dom0.create("nap", kernel="nap", memory=16, vcpus=2)
    for cpu in (0, 1):
        dom0.out_of(f"xl vcpu-pin nap 0 {cpu}")
        assert re.search(rf"nap +\d+ +0 +\S+ +\S+ +[\d.]+ +{cpu} / all", dom0.out_of("xl vcpu-list nap"))
    dom0.out_of("xl vcpu-pin nap all all 1")
    assert re.search(r"nap +\d+ +1 +\S+ +\S+ +[\d.]+ +all / 1", dom0.out_of("xl vcpu-list nap"))
    dom0.destroy("nap")


def test_four_vcpus_on_two_cpus(dom0):
    dom0.create("wide", memory=192, vcpus=4)
    assert dom0.guest("wide", "grep -c ^processor /proc/cpuinfo")[1].strip() == "4"
    # Every vCPU works, and their results agree.
    text = dom0.guest("wide", "dd if=/dev/urandom of=/tmp/a bs=1M count=8 2>/dev/null; for i in 0 1 2 3; do "
                      "taskset $((1 << i)) sha256sum /tmp/a > /tmp/sum$i & done; wait; cat /tmp/sum?", timeout=120)[1]
    sums = text.split()[::2]
    assert len(sums) == 4 and len(set(sums)) == 1
    rows = re.findall(r"^wide +\d+ +(\d) +(\S+) +(\S+) +([\d.]+)", dom0.out_of("xl vcpu-list wide"), re.M)
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert all(float(row[3]) > 0 for row in rows)
    # It moves while it works.
    dom0.guest("wide", "(while true; do sha256sum /tmp/a; done) >/dev/null 2>&1 & true")
    for cpus in ("0", "1", "all", "0", "1", "all"):
        dom0.out_of(f"xl vcpu-pin wide all {cpus}")
    assert dom0.guest("wide", "sha256sum /tmp/a", timeout=60)[1].split()[0] == sums[0]
    dom0.destroy("wide")


def test_vcpus_go_and_come(dom0):
    dom0.create("flex", memory=128, vcpus=2)
    dom0.out_of("xl vcpu-set flex 1")
    dom0.poll("/usr/lib/vinci/guest-run flex 20 'test $(cat /sys/devices/system/cpu/online) = 0'", 40,
              "waiting for flex to have one CPU")
    dom0.out_of("xl vcpu-set flex 2")
    # Linux makes the CPU present again; bringing it online is the guest's own (udev's on a whole Debian).
    dom0.poll("/usr/lib/vinci/guest-run flex 20 'echo 1 > /sys/devices/system/cpu/cpu1/online && "
              "test $(cat /sys/devices/system/cpu/online) = 0-1'", 40, "waiting for flex to have two CPUs")
    dom0.destroy("flex")


def test_cpupool(dom0):
    assert re.search(r"Pool-0 +2 +credit2 +y +1", dom0.out_of("xl cpupool-list"))


def test_two_guests_side_by_side(dom0):
    for name, address in (("left", 51), ("right", 52)):
        dom0.create(name, vif=["bridge=xenbr0"], extra=f"vinci.ip=10.0.0.{address}/24")
    dom0.out_of("xl vcpu-pin left all 0; xl vcpu-pin right all 1")
    assert dom0.guest("left", "ping -c 1 -w 30 10.0.0.52")[0] == 0      # the bridge and both backends are up
    assert " 0% packet loss" in dom0.guest("left", "ping -c 20 -i 0.1 10.0.0.52")[1]
    dom0.destroy("left", "right")
