# SPDX-License-Identifier: Apache-2.0
"""Started by UEFI: through GRUB's xen_hypervisor and xen_module, and what is said where nothing can be started (docs/boards.md)."""

import pytest
from uefi import UefiBoard, make_disk


@pytest.fixture
def board(request, out, hypervisor):
    boards = []

    def make(**settings):
        log = out / "logs" / "system" / f"{request.node.name}.log"
        boards.append(UefiBoard(out=out, hypervisor=hypervisor, log=log, mem=1536, **settings))
        return boards[-1]

    yield make
    for one in boards:
        one.stop()


def test_grub(board):
    """dom0 and a guest; two CPUs, which UEFI has left to PSCI."""
    one = board(smp=2)
    one.boot()
    one.wait_ready()
    info = one.info()
    assert info["nr_cpus"] == "2"
    # What firmware keeps is not given away, but little of the board's memory is that.
    assert 1400 < int(info["total_memory"]) <= 1536
    one.create("one", kernel="cloud")
    assert one.domains()["one"]["vcpus"] == 1


def test_acpi_only(board, only_vinci):
    """Firmware that describes the board by ACPI: one clear line, and back to GRUB."""
    one = board(acpi=True)
    one.boot()
    one.expect(rb"not started: the firmware describes the board by ACPI only", one.scale(60), "waiting for the refusal")


def test_without_modules(board, only_vinci):
    """Started by the firmware itself, with nothing to start in turn."""
    one = board()
    make_disk(one.disk, {"EFI/BOOT/BOOTAA64.EFI": one.hypervisor}, mib=64)
    one.start()
    one.expect(rb"\(Vinci\) boot stops: no dom0", one.scale(60), "waiting for the end")
    assert "no kernel" in one.log.read_text(errors="replace")


def test_not_at_el2(board, only_vinci):
    """Firmware at EL1: a clear line from the EFI application."""
    one = board()
    one.machine = one.machine.replace("virtualization=on", "virtualization=off")
    make_disk(one.disk, {"EFI/BOOT/BOOTAA64.EFI": one.hypervisor}, mib=64)
    one.start()
    one.expect(rb"not started: the firmware does not run at EL2", one.scale(60), "waiting for the refusal")
