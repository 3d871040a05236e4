# SPDX-License-Identifier: Apache-2.0
"""Boards for the scenarios: one shared by a module's tests (`dom0`), or made for one test (`make_board`)."""

from pathlib import Path

import pytest
from guests import DOM0, BoardError

ROOT = Path(__file__).resolve().parents[2]
# What takes longest goes first: workers take whole files, and the last to end should be a short one.
LONGEST = ("test_rounds", "test_guests", "test_deb_install", "test_pools", "test_kernels", "test_hostile", "test_xl", "test_io", "test_memory",
           "test_smp", "test_uboot", "test_demo", "test_libvirt")

# What only the boards of arm64 have. A test of one processor in a module of both has that one's marker.
ARM64_ALONE = ("test_consoles", "test_gicv2", "test_ivi", "test_kernels", "test_smmu", "test_static", "test_static_xl", "test_uboot",
               "test_uefi", "test_vuart", "test_zcu102")

# What is left to the long run on x86-64, so that both architectures have room in the daily one.
X86_LONG = ("test_guests", "test_libvirt", "test_memory", "test_pools", "test_rounds")


def pytest_addoption(parser):
    parser.addoption("--hypervisor", default="vinci", help="vinci, xen, or the path of an arm64 Image")
    parser.addoption("--arch", choices=sorted(DOM0), default="arm64", help="arm64 (default) or x86_64")
    parser.addoption("--out", default="build", help="where the build is")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.stem in ARM64_ALONE:
            item.add_marker("arm64")
        if item.path.stem in X86_LONG and config.getoption("--arch") == "x86_64":
            item.add_marker("long")
    others = [arch for arch in DOM0 if arch != config.getoption("--arch")]
    left_out = [item for item in items if any(item.get_closest_marker(arch) for arch in others)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def out(request):
    return ROOT / request.config.getoption("--out")


@pytest.fixture(scope="session")
def hypervisor(request):
    return request.config.getoption("--hypervisor")


@pytest.fixture(scope="session")
def arch(request):
    return request.config.getoption("--arch")


@pytest.fixture(scope="session")
def dom0_class(arch):
    return DOM0[arch]


@pytest.fixture(scope="session")
def logs(out, arch):
    return out / "logs" / "system" / arch


@pytest.fixture
def only_vinci(hypervisor):
    """For what Debian's Xen does not do or says otherwise."""
    if hypervisor == "xen":
        pytest.skip("Debian's Xen behaves otherwise here")


@pytest.fixture
def make_board(request, out, logs, hypervisor, dom0_class):
    """Makes boards that end with the test: make_board(smp=2, mem=...).start()"""
    boards = []

    def make(**settings):
        name = f"{request.node.name.replace('/', '_')}-{len(boards)}"
        settings.setdefault("log", logs / f"{name}.log")
        board = dom0_class(**{"out": out, "hypervisor": hypervisor, **settings})
        boards.append(board)
        return board

    yield make
    for board in boards:
        board.stop()


@pytest.fixture(scope="module")
def shared(request, out, logs, hypervisor, dom0_class):
    """The module's board: kept while it is healthy, replaced when a test has broken it."""
    state = {"board": None, "count": 0}
    settings = getattr(request.module, "BOARD", {})

    def boot():
        state["count"] += 1
        log = logs / f"{request.module.__name__}-{state['count']}.log"
        board = dom0_class(out=out, hypervisor=hypervisor, log=log, **settings).start()
        state["board"] = board
        board.wait_ready()
        return board

    def healthy():
        board = state["board"]
        if board is None or not board.child.isalive():
            return False
        try:
            return board.run("true", timeout=10)[0] == 0 and board.tidy()
        except BoardError:
            return False

    def get():
        if healthy():
            return state["board"]
        if state["board"] is not None:
            state["board"].stop()
        return boot()

    yield get
    if state["board"] is not None:
        state["board"].stop()


@pytest.fixture
def dom0(shared):
    return shared()
