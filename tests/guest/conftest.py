# SPDX-License-Identifier: Apache-2.0
"""Machines for the small guests of guests/: one fresh board per test."""

from pathlib import Path

import pytest
from machine import Machine

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--hypervisor", default="vinci", help="vinci, xen, or the path of an arm64 Image")
    parser.addoption("--out", default="build", help="where the build is")


@pytest.fixture(scope="session")
def out(request):
    return ROOT / request.config.getoption("--out")


@pytest.fixture(scope="session")
def hypervisor(request):
    return request.config.getoption("--hypervisor")


@pytest.fixture
def run_guest(request, out, hypervisor):
    """run_guest("name", timeout=, smp=, ...) boots guests/name and returns its Outcome."""

    def run(name, timeout=60, **settings):
        machine = Machine(out=out, hypervisor=hypervisor, **settings)
        guest = None if name is None else out / "arm64/guests" / f"{name}.img"
        if name and "/" in str(name):
            guest = name
        log = out / "logs/guest" / f"{request.node.name.replace('/', '_')}.log"
        assert machine.image().exists(), f"{machine.image()} is missing: build it first"
        assert guest is None or Path(guest).exists(), f"{guest} is missing: say `make guests`"
        return machine.run(guest, log, timeout)

    return run
