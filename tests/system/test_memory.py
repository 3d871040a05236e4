# SPDX-License-Identifier: Apache-2.0
"""A large guest on a board with much memory: mapped by blocks of 1 GiB, which ballooning and the guest's end take apart again."""

import re

BOARD = {"smp": 1, "mem": 5120, "dom0_mem": 512}


def entries(dom0, domid):
    """How many entries of 1 GiB, 2 MiB and 4 KiB map the domain's memory."""
    dom0.out_of("xl dmesg -c >/dev/null")
    dom0.out_of("xl debug-keys m")
    log = dom0.hypervisor_log()
    found = re.search(rf"d{domid}: maps (\d+) of 1 GiB, (\d+) of 2 MiB, (\d+) of 4 KiB", log)
    assert found, log
    return tuple(int(n) for n in found.groups())


def test_large_guests_come_again(dom0, only_vinci):
    """Memory that large guests have left, scrubbed or not yet, makes large blocks again."""
    for _ in range(3):
        domid = dom0.create("large", memory=2048, wait=False)
        assert entries(dom0, domid)[0] >= 1
        dom0.destroy("large")


def test_a_large_guest_has_large_mappings(dom0, only_vinci):
    before = dom0.free_memory()
    domid = dom0.create("large", memory=2048)
    blocks = entries(dom0, domid)[0]
    assert blocks >= 1
    assert before - dom0.free_memory() >= 2048

    # More than lies outside the blocks goes back, so some of it comes from within one.
    for mib in (900, 2048):
        dom0.out_of(f"xenstore-write /local/domain/{domid}/memory/target {mib * 1024}")
        dom0.poll(f"test $(xl list large | awk 'NR==2 {{print $3}}') -eq {mib}", 60, f"waiting for the guest to have {mib} MiB")
    assert entries(dom0, domid)[0] < blocks
    assert dom0.guest("large", "echo works")[1].strip() == "works"

    dom0.destroy("large")
    assert abs(dom0.free_memory() - before) <= 1


def test_killed_while_it_is_built(dom0, only_vinci):
    before = dom0.free_memory()
    path = dom0.config("large", memory=2048)
    for delay in ("0.2", "0.4", "0.7", "1.1"):
        dom0.run(f"xl create {path} >/dev/null 2>&1 & pid=$!; sleep {delay}; kill -9 $pid; wait $pid; "
                 "for d in $(xl list | awk 'NR > 2 { print $2 }'); do xl destroy $d; done", timeout=60)
    dom0.tidy()
    assert abs(dom0.free_memory() - before) <= 1
