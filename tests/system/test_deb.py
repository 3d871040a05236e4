# SPDX-License-Identifier: Apache-2.0
"""The Debian package: GRUB's own script finds what it installs, and what the script writes boots."""

import os
import shutil
import subprocess
from pathlib import Path

import deb
import pytest
from uefi import UefiBoard, make_disk

SCRIPT = Path("/etc/grub.d/20_linux_xen")
VERSION = "6.1.0-test-arm64"


def unpack(package, root):
    subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, timeout=60)
    subprocess.run(["dpkg-deb", "-e", str(package), str(root / "DEBIAN")], check=True, timeout=60)


def add_linux(board, root):
    """What Debian's kernel package brings, as far as the script looks at it."""
    kernel, initrd = board.modules
    shutil.copy(kernel, root / f"boot/vmlinuz-{VERSION}")
    shutil.copy(initrd, root / f"boot/initrd.img-{VERSION}")
    (root / f"boot/config-{VERSION}").write_text("CONFIG_XEN_DOM0=y\n")


def menu(root, cmdline):
    """Debian's 20_linux_xen over root/boot. Only what it asks of the running machine's own disks is answered here."""
    script = root / "script"
    script.write_text(SCRIPT.read_text().replace("/boot/", f"{root}/boot/"))
    probe, relative = root / "probe", root / "relative"
    probe.write_text("#!/bin/sh\nexit 0\n")
    relative.write_text(f'#!/bin/sh\necho "${{1#{root}}}"\n')
    for path in (probe, relative):
        path.chmod(0o755)
    environment = {**os.environ, "LC_ALL": "C", "pkgdatadir": "/usr/share/grub", "grub_probe": str(probe), "grub_mkrelpath": str(relative),
                   "GRUB_DISTRIBUTOR": "Debian", "GRUB_DEVICE": "/dev/vda2", "GRUB_DEVICE_BOOT": "/dev/vda2", "GRUB_DISABLE_UUID": "true",
                   "GRUB_CMDLINE_LINUX": cmdline, "GRUB_DISABLE_RECOVERY": "true"}
    words = f". {root}/etc/default/grub.d/vinci.cfg; export GRUB_CMDLINE_XEN_DEFAULT; sh {script}"
    return subprocess.run(["sh", "-c", words], env=environment, check=True, timeout=60, capture_output=True, text=True).stdout


def test_grubs_script_finds_it(out, hypervisor, tmp_path, request, only_vinci):
    log = out / "logs" / "system" / f"{request.node.name}.log"
    board = UefiBoard(out=out, hypervisor=hypervisor, log=log, mem=1792, store="none")
    root = tmp_path / "root"
    unpack(deb.make(board.hypervisor, tmp_path), root)
    assert "update-grub" in (root / "DEBIAN/postinst").read_text()
    add_linux(board, root)
    text = menu(root, board.dom0_cmdline)
    assert f"xen_hypervisor /{deb.IMAGE} placeholder console=dtuart dom0_mem=1024M" in " ".join(text.split()), text
    make_disk(board.disk, {
        "EFI/BOOT/BOOTAA64.EFI": out / "images/grub.efi", "boot/grub/grub.cfg": f"set timeout=0\nset grub_platform=efi\n{text}",
        **{f"boot/{path.name}": path for path in (root / "boot").iterdir()}})
    try:
        board.start()
        board.wait_ready()
        assert "Domain-0" in board.domains()
    finally:
        board.stop()


@pytest.mark.parametrize("argument", ["configure", "remove"])
def test_the_menu_is_made_again(out, hypervisor, tmp_path, argument, only_vinci):
    """postinst and postrm call update-grub, and do without where there is none."""
    image = out / "arm64/vinci" if hypervisor == "vinci" else Path(hypervisor)
    root = tmp_path / "root"
    unpack(deb.make(image, tmp_path), root)
    script = root / "DEBIAN" / ("postinst" if argument == "configure" else "postrm")
    update = tmp_path / "bin/update-grub"
    update.parent.mkdir()
    update.write_text(f"#!/bin/sh\necho called > {tmp_path}/mark\n")
    subprocess.run(["/bin/sh", str(script), argument], env={"PATH": "/nonexistent"}, check=True, timeout=30)
    update.chmod(0o755)
    subprocess.run(["/bin/sh", str(script), argument], env={"PATH": str(update.parent)}, check=True, timeout=30)
    assert (tmp_path / "mark").exists()
