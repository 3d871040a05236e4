# SPDX-License-Identifier: Apache-2.0
"""A guest that does its worst beside a neighbour: dom0 and the neighbour go on, and nothing is lost.

`guests/hostile_storm` fills every structure of every hypercall with what is likely to hurt, while its second vCPU rewrites them;
between the calls it executes generated instructions and touches devices and holes. A run follows from its seed.
"""

import re
import time

import pytest
from board import disk

STORMS_MOST = 100
# No parameter is the guest's own to set, in the reference either.
NEVER = {"HVMOP_set_param"}
NEIGHBOUR_SUM = "dd if=/dev/xvda iflag=direct bs=64k 2>/dev/null | sha256sum"


@pytest.fixture
def storm_disk(out, tmp_path):
    """A disk that holds the guest's kernel."""
    image = (out / "arm64/guests/hostile_storm.img").read_bytes()
    path = tmp_path / "storm.disk"
    path.write_bytes(image.ljust(-(-len(image) // 65536) * 65536, b"\0"))
    return path


@pytest.fixture
def dom0(make_board, storm_disk):
    board = make_board(smp=2, mem=1536, dom0_mem=512, devices=disk(storm_disk, name="storm")).start()
    board.wait_ready()
    board.out_of("dd if=/dev/vdb of=/tmp/storm.kernel bs=64k 2>/dev/null")
    return board


def start_storm(dom0, seed, calls, peer):
    dom0.write("/tmp/storm.cfg", "\n".join([
        'name="storm"', 'kernel="/tmp/storm.kernel"', "memory=16", "vcpus=3", 'on_poweroff="preserve"', 'on_crash="preserve"',
        'on_reboot="preserve"', 'on_watchdog="preserve"', f'extra="seed={seed} calls={calls} peer={peer}"', ""]))
    print(f"storm: seed {seed}, {calls} calls")
    dom0.out_of("xl create /tmp/storm.cfg", timeout=60)
    return dom0.domid("storm")


def blow_over(dom0, seed, calls, peer, seconds):
    """One storm from its creation to its end; the calls that it made, and how it ended."""
    number = start_storm(dom0, seed, calls, peer)
    dom0.poll("xl list storm | grep -q -- '--ps--\\|---s-\\|-c-'", seconds, f"waiting for the storm of seed {seed} to end")
    log = dom0.log.read_bytes().decode(errors="replace")
    assert "stands still" not in log
    done = re.findall(rf"\(d{number}\) .*storm: done, seed {seed}, calls (\d+) \+ (\d+), without error (\d+) \+ (\d+)", log)
    at = [int(n) for n in re.findall(rf"\(d{number}\) .*storm: seed {seed}, at (\d+)", log)]
    dom0.destroy("storm")
    if done:
        return [int(n) for n in done[-1]]
    return [max(at, default=0), 0, 0, 0]


def storms(dom0, first_seed, calls, peer, seconds):
    """Storms until so many calls are made: one may kill itself, its next of kin goes on."""
    made, succeeded = 0, 0
    for seed in range(first_seed, first_seed + STORMS_MOST):
        counts = blow_over(dom0, seed, calls - made, peer, seconds)
        print(f"storm: seed {seed}: {counts[0]} + {counts[1]} calls, {counts[2]} + {counts[3]} without an error")
        made += counts[0] + counts[1]
        succeeded += counts[2] + counts[3]
        if made >= calls:
            return made, succeeded
    raise AssertionError(f"{made} of {calls} calls by {STORMS_MOST} storms")


def reached(dom0):
    """What guests reached since the last time, by sub-call."""
    dom0.out_of("xl dmesg -c >/dev/null; xl debug-keys c")
    return {name: int(count) for name, count in re.findall(r"reached (\w+) (\d+)", dom0.hypervisor_log())}


def start_neighbour(dom0):
    dom0.out_of("modprobe loop; dd if=/dev/urandom of=/tmp/neighbour bs=64k count=32 2>/dev/null; "
                "losetup /dev/loop0 /tmp/neighbour")
    number = dom0.create("neighbour", disk=["phy:/dev/loop0,xvda,w"])
    return number, dom0.out_of("sha256sum < /tmp/neighbour").split()[0]


def check_neighbour(dom0, wanted):
    assert dom0.guest("neighbour", NEIGHBOUR_SUM)[1].split()[0] == wanted


def rough_weather(dom0, seed, calls, seconds):
    number, wanted = start_neighbour(dom0)
    reached(dom0)
    before = dom0.host_memory()
    made, succeeded = storms(dom0, seed, calls, number, seconds)
    assert made >= calls
    # Enough of it gets somewhere: a storm that is always refused tests nothing.
    assert succeeded > made / 10
    assert "panic" not in dom0.hypervisor_log()
    assert dom0.host_memory() == before
    check_neighbour(dom0, wanted)
    assert dom0.domains()["Domain-0"]
    dom0.create("after", memory=64)
    assert dom0.guest("after", "uname")[1].strip() == "Linux"
    dom0.destroy("after", "neighbour")


def test_every_subcall_is_reached(dom0, only_vinci):
    """Of those that a guest without privilege may make, each gets past its checks. (Nobody else calls: dom0 is not counted.)"""
    reached(dom0)
    before = dom0.host_memory()
    storms(dom0, 1, 200_000, 0, 120)
    counts = reached(dom0)
    assert len(counts) > 50
    assert {name for name, count in counts.items() if not count} == NEVER
    assert dom0.host_memory() == before


def test_storm_beside_a_neighbour(dom0, only_vinci):
    rough_weather(dom0, 100, 800_000, 180)


@pytest.mark.long
def test_ten_million_calls(dom0, only_vinci):
    rough_weather(dom0, 1000, 10_000_000, 1800)
