# SPDX-License-Identifier: Apache-2.0
"""GRUB starts the x86-64 hypervisor by each of its protocols, on a BIOS and on UEFI, and what it hands over arrives."""

import re
import shutil
import subprocess

import pexpect
import pytest
from board import end
from board_x86 import pc

WORDS = "placeholder console=com1 com1=115200 dom0_mem=256M"
OVMF = "/usr/share/OVMF/OVMF_{}_4M.fd"
UEFI = ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF.format('CODE')}",
        "-drive", f"if=pflash,format=raw,snapshot=on,file={OVMF.format('VARS')}"]
MENU = """serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
menuentry vinci {{
 {load} /boot/vinci {words}
 {module} /boot/kernel placeholder console=hvc0
 {module} /boot/ramdisk
}}
"""


@pytest.fixture(autouse=True)
def only_vinci(hypervisor):
    if hypervisor != "vinci":
        pytest.skip("this is about Vinci's own start")


@pytest.fixture
def make_disc(out, tmp_path):
    """A disc from which GRUB loads the hypervisor, on a BIOS or on UEFI. The modules are no kernel: how dom0 goes on is tested elsewhere."""
    def make(load, module):
        files = tmp_path / "files"
        (files / "boot/grub").mkdir(parents=True)
        shutil.copy(out / "x86_64/vinci", files / "boot/vinci")
        (files / "boot/kernel").write_bytes(b"no kernel" * 1000)
        (files / "boot/ramdisk").write_bytes(bytes(100000))
        (files / "boot/grub/grub.cfg").write_text(MENU.format(load=load, module=module, words=WORDS))
        disc = tmp_path / "disc.iso"
        subprocess.run(["grub-mkrescue", "-o", disc, files], check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return disc

    return make


@pytest.mark.parametrize("load, module", [("multiboot", "module"), ("multiboot2", "module2")])
@pytest.mark.parametrize("firmware", [[], UEFI], ids=["bios", "uefi"])
def test_grub(make_disc, firmware, load, module):
    if firmware and load == "multiboot":
        pytest.skip("multiboot 1 has no word for where UEFI keeps ACPI's tables")
    program, *words = pc()
    board = pexpect.spawn(program, [*words, "-cdrom", str(make_disc(load, module)), *firmware], timeout=90)
    try:
        board.expect(r"is no kernel[^\n]*\n")
        said = (board.before + board.after).decode(errors="replace").replace("\r", "")
    finally:
        end(board)
    assert f"command line: {WORDS}\n" in said
    assert re.search(r"ACPI: [4-9] tables, 1 CPUs, 1 IO-APICs", said), said
    assert re.search(r"dom0: the module at 0x[0-9a-f]+ is no kernel: it is neither a Linux bzImage nor an ELF file", said), said
