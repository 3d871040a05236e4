# SPDX-License-Identifier: Apache-2.0
"""What a person or a program asks for that cannot be: an error that names it, nothing left behind, the host goes on."""

import json
import re

import pytest

BOARD = {"smp": 1, "mem": 1024, "dom0_mem": 384}


def refused(board, text=None, **settings):
    """xl create must fail, say why, and leave neither a domain nor a page taken."""
    before = board.free_memory()
    path = board.config("bad", **{"kernel": "nap", "memory": 16, **settings})
    status, said = board.run(f"xl create {path}", timeout=90)
    assert status != 0, said
    assert "rror" in said or "ailed" in said, said
    if text:
        assert text in said, said
    board.poll("test $(xl list | wc -l) -eq 2", 20, "waiting for what was left of bad to be gone")
    assert board.free_memory() == before
    return said


@pytest.mark.quick
def test_more_memory_than_there_is(dom0):
    refused(dom0, memory=8192)


def test_all_memory_and_one_more(dom0):
    refused(dom0, memory=dom0.free_memory() + 1)


def test_more_memory_at_most_than_at_the_start(dom0):
    """maxmem= above memory=: on arm64 libxl populates the former and allows the latter, which the hypervisor keeps to."""
    refused(dom0, more="maxmem=64")


def test_too_many_vcpus(dom0):
    refused(dom0, vcpus=1000)


def test_more_vcpus_than_the_hypervisor_has(dom0):
    refused(dom0, vcpus=129)


def test_no_such_kernel(dom0):
    path = dom0.config("bad", kernel="nap", memory=16)
    dom0.out_of(f"sed -i 's,/srv/nap.kernel,/srv/none,' {path}")
    status, said = dom0.run(f"xl create {path}", timeout=60)
    assert status != 0 and "/srv/none" in said
    assert list(dom0.domains()) == ["Domain-0"]


def test_kernel_that_is_none(dom0):
    before = dom0.free_memory()
    dom0.out_of("dd if=/dev/urandom of=/tmp/noise.kernel bs=64k count=4 2>/dev/null")
    path = dom0.config("bad", kernel="nap", memory=32)
    dom0.out_of(f"sed -i 's,/srv/nap.kernel,/tmp/noise.kernel,' {path}")
    assert dom0.run(f"xl create {path}", timeout=60)[0] != 0
    dom0.poll("test $(xl list | wc -l) -eq 2", 20, "waiting for what was left of bad to be gone")
    assert dom0.free_memory() == before


def test_kernel_larger_than_the_guest(dom0):
    refused(dom0, kernel="cloud", memory=16)


def test_no_such_bridge(dom0):
    refused(dom0, vif=["bridge=xenbr9"])


def test_no_such_disk(dom0):
    refused(dom0, disk=["phy:/dev/nothing,xvda,w"])


@pytest.mark.x86_64
@pytest.mark.usefixtures("only_vinci")
@pytest.mark.parametrize("kind, more", [("pv", 'kernel="/srv/nap.kernel"'), ("hvm", "")])
def test_guests_of_other_kinds(dom0, kind, more):
    """xl can only say that the hypervisor refuses; the hypervisor's log says why, and what to write instead."""
    before = dom0.free_memory()
    dom0.write("/tmp/other.cfg", f'name="other"\ntype="{kind}"\nmemory=16\n{more}\n')
    status, said = dom0.run("xl create /tmp/other.cfg 2>&1", timeout=60)
    assert status != 0 and "domain creation fail: Invalid argument" in said, said
    assert re.search(rf'type = "{kind}"; say "pvh"', dom0.hypervisor_log())
    assert list(dom0.domains()) == ["Domain-0"] and dom0.free_memory() == before


@pytest.mark.x86_64
@pytest.mark.usefixtures("only_vinci")
def test_a_guest_that_cannot_be_saved_goes_on(dom0):
    """xl finds out when the guest has suspended itself, and calls that off."""
    dom0.create("kept", memory=128)
    status, said = dom0.run("xl save kept /tmp/kept", timeout=60)
    assert status != 0 and "Function not implemented" in said, said
    assert dom0.domains()["kept"]["state"][3] == "-"
    assert dom0.guest("kept", "cat /proc/uptime")[1]
    dom0.destroy("kept")


def test_two_of_one_name(dom0):
    dom0.create("twin", kernel="nap", memory=16)
    assert dom0.run("xl create /tmp/twin.cfg")[0] != 0
    assert set(dom0.domains()) == {"Domain-0", "twin"}
    dom0.destroy("twin")


def test_commands_on_guests_that_are_not(dom0):
    for command in ("destroy", "pause", "unpause", "shutdown", "vcpu-list", "domname", "uptime"):
        status, said = dom0.run(f"xl {command} 4242")
        assert status != 0 or "4242" not in said.splitlines()[-1:], command
    assert dom0.run("xl destroy 0")[0] != 0
    assert list(dom0.domains()) == ["Domain-0"]


def test_destroyed_twice_at_once(dom0):
    before = dom0.free_memory()
    dom0.create("double", kernel="nap", memory=64)
    dom0.run("xl destroy double & xl destroy double; wait", timeout=60)
    dom0.poll("test $(xl list | wc -l) -eq 2", 20, "waiting for double to be gone")
    assert dom0.free_memory() == before


def test_paused_guest_dies(dom0):
    dom0.create("still", "-p", kernel="nap", memory=16)
    dom0.destroy("still")
    assert list(dom0.domains()) == ["Domain-0"]


def test_json_of_nothing_wrong(dom0):
    assert [row["domid"] for row in json.loads(dom0.out_of("xl list -l"))] == [0]
