# SPDX-License-Identifier: Apache-2.0
"""A guest that does its worst beside a neighbour: dom0 and the neighbour go on, and nothing is lost.

`guests/hostile_storm`, on x86-64 `guests/x86_64/storm`, fills every structure of every hypercall with what is likely to hurt, while its second
vCPU rewrites them; between the calls it executes generated instructions and touches devices and holes. A run follows from its seed.
"""

import re
import time

import pytest
from board import disk

STORMS_MOST = 1000
KERNEL = {"arm64": "arm64/guests/hostile_storm.img", "x86_64": "x86_64/guests/storm.elf"}
# x86-64's lies where it is linked to, and has RAM behind it in which long lists end.
CONFIG = {"arm64": ["memory=16", "vcpus=3"], "x86_64": ['type="pvh"', "memory=80", "vcpus=4"]}
# Calls of one storm's first vCPU at most; the second makes many more on x86-64.
EACH = {"arm64": 10_000_000, "x86_64": 50_000}
# Calls of each test: on x86-64 as many instructions come between them, each of which is an exit.
SHORT = {"arm64": 200_000, "x86_64": 20_000}
DAILY = {"arm64": 800_000, "x86_64": 5_000}
# No parameter is the guest's own to set, in the reference either.
NEVER = {"arm64": {"HVMOP_set_param"}, "x86_64": set()}
FPU_TURNS = 3000
NEIGHBOUR_SUM = "dd if=/dev/xvda iflag=direct bs=64k 2>/dev/null | sha256sum"


def start_board(make_board, image, tmp_path, **settings):
    """A board whose dom0 has the guest's kernel in /tmp/hostile.kernel, by way of a disk."""
    data, path = image.read_bytes(), tmp_path / "hostile.disk"
    path.write_bytes(data.ljust(-(-len(data) // 65536) * 65536, b"\0"))
    board = make_board(mem=1536, dom0_mem=512, devices=disk(path, name="hostile"), **settings).start()
    board.wait_ready()
    device = "vdb" if board.store == "disk" else "vda"
    board.out_of("modprobe virtio_pci; modprobe virtio_blk")
    board.poll(f"test -b /dev/{device}", 20, f"waiting for {device}")
    board.out_of(f"dd if=/dev/{device} of=/tmp/hostile.kernel bs=64k 2>/dev/null")
    return board


@pytest.fixture
def dom0(make_board, out, arch, tmp_path):
    board = start_board(make_board, out / KERNEL[arch], tmp_path, smp=2)
    board.storm_config, board.storm_calls = CONFIG[arch], EACH[arch]
    return board


def start_storm(dom0, seed, calls, peer):
    dom0.write("/tmp/storm.cfg", "\n".join([
        'name="storm"', 'kernel="/tmp/hostile.kernel"', *dom0.storm_config, 'on_poweroff="preserve"', 'on_crash="preserve"',
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
    at = re.findall(rf"\(d{number}\) .*storm: seed {seed}, at (\d+), (\d+) without error", log)
    dom0.destroy("storm")
    if done:
        return [int(n) for n in done[-1]]
    return [int(at[-1][0]), 0, int(at[-1][1]), 0] if at else [0, 0, 0, 0]


def storms(dom0, first_seed, calls, peer, seconds):
    """Storms until so many calls are made: one may kill itself, its next of kin goes on."""
    made, succeeded = 0, 0
    for seed in range(first_seed, first_seed + STORMS_MOST):
        counts = blow_over(dom0, seed, min(calls - made, dom0.storm_calls), peer, seconds)
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
    dom0.create("after")
    assert dom0.guest("after", "uname")[1].strip() == "Linux"
    dom0.destroy("after", "neighbour")


def test_every_subcall_is_reached(dom0, arch, only_vinci):
    """Of those that a guest without privilege may make, each gets past its checks. (Nobody else calls: dom0 is not counted.)"""
    reached(dom0)
    before = dom0.host_memory()
    storms(dom0, 1, SHORT[arch], 0, 120)
    counts = reached(dom0)
    assert len(counts) > 50
    print("\n".join(f"{name} {count}" for name, count in sorted(counts.items())))
    assert {name for name, count in counts.items() if not count} == NEVER[arch]
    assert dom0.host_memory() == before


def test_storm_beside_a_neighbour(dom0, arch, only_vinci):
    rough_weather(dom0, 100, DAILY[arch], 180)


@pytest.mark.long
def test_ten_million_calls(dom0, only_vinci):
    rough_weather(dom0, 1000, 10_000_000, 1800)


@pytest.mark.x86_64
def test_guests_fight_over_the_fpu(make_board, out, tmp_path, only_vinci):
    """Two guests of two vCPUs each on one CPU: no value of another's in any register, and none at the start."""
    dom0 = start_board(make_board, out / "x86_64/guests/fpu_fight.elf", tmp_path, smp=1)
    numbers = []
    for name in ("left", "right"):
        dom0.write(f"/tmp/{name}.cfg", f'name="{name}"\ntype="pvh"\nkernel="/tmp/hostile.kernel"\nmemory=32\nvcpus=2\n'
                   f'on_poweroff="preserve"\non_crash="preserve"\nextra="turns={FPU_TURNS}"\n')
        dom0.out_of(f"xl create -p /tmp/{name}.cfg", timeout=60)
        numbers.append(dom0.domid(name))
    dom0.out_of("xl unpause left; xl unpause right")
    dom0.poll("test $(xl list | grep -c -- '---s-\\|-ps-\\|--c-') -eq 2", 120, "waiting for the fights to end")
    log = dom0.log.read_bytes().decode(errors="replace").replace("\r", "")
    assert log.index(f"(d{numbers[1]}) fpu_fight") < log.index(f"(d{numbers[0]}) DONE")
    for number in numbers:
        said = "\n".join(re.findall(rf"^\(Vinci\) \(d{number}\) (.*)$", log, re.M))
        assert "FAIL" not in said and re.search(r"^DONE \d+ passed, 0 failed$", said, re.M), said
        assert said.count("PASS turns") == 2, said
