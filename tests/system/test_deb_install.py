# SPDX-License-Identifier: Apache-2.0
"""The Debian package on a machine: dpkg installs it under a running Linux, the next start is Vinci with Debian's dom0, and when it is
removed the menu forgets it. Catches a package that Debian's tools refuse and a menu that its scripts make and GRUB cannot start."""

import subprocess

import deb
import pytest
from board import Board, disk
from imaging.target import TARGETS
from uefi import UEFI, make_disk, run

MENU = "/boot/grub/grub.cfg"
# GRUB's word for a hypervisor, and dom0's programs in the package.
ENTRY = {"arm64": "xen_hypervisor", "x86_64": "multiboot2"}
# What GRUB's own installation writes to the EFI system partition.
STUB = "set root=hd0,gpt2\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
ESP_MIB = 64


def debugfs(image, command):
    done = subprocess.run(["/sbin/debugfs", "-w", "-R", command, str(image)], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


class Machine:
    """A machine with a disk of its own: Linux on it, GRUB, dpkg; no hypervisor yet."""

    def __init__(self, package, **settings):
        super().__init__(mem=1792, store="none", **settings)
        self.devices = disk(self.disk, name="boot", snapshot=False)
        root = self.log.with_suffix(".root")
        root.parent.mkdir(parents=True, exist_ok=True)
        run("cp", "--sparse=always", self.images / "machine.img", root)
        debugfs(root, f"write {package} root/vinci.deb")
        version = debugfs(root, "ls -p /boot").split("vmlinuz-")[1].split("/")[0]
        menu = self.log.with_suffix(".menu")
        menu.write_text(f"linux /boot/vmlinuz-{version} vinci.root=/dev/vda2 init=/usr/lib/vinci/install console={self.TARGET.console} quiet\n"
                        f"initrd /boot/initrd.img-{version}\nboot\n")
        debugfs(root, f"write {menu} {MENU}")
        make_disk(self.disk, {f"EFI/BOOT/{self.TARGET.efi}": self.images / "grub.efi", "boot/grub/grub.cfg": STUB}, mib=ESP_MIB, second=root)
        root.unlink()

    def install(self):
        self.start()
        self.expect(rb"machine: dpkg ended with 0", self.scale(90), "waiting for dpkg")
        self.expect(rb"reboot: Power down", self.scale(30), "waiting for the end")
        Board.stop(self)


class ArmMachine(Machine, UEFI["arm64"]):
    pass


class Pc(Machine, UEFI["x86_64"]):
    pass


MACHINES = {"arm64": ArmMachine, "x86_64": Pc}


@pytest.fixture
def machine(out, hypervisor, tmp_path, request, arch, only_vinci):
    target = TARGETS[arch]
    package = deb.make(out / arch / "vinci" if hypervisor == "vinci" else hypervisor, tmp_path, out / target.images, target)
    one = MACHINES[arch](package, out=out, hypervisor=hypervisor, log=out / "logs" / "system" / f"{request.node.name}-{arch}.log")
    yield one
    one.stop()


def test_install_start_remove(machine, arch):
    target, programs = TARGETS[arch], deb.PROGRAMS[arch]
    machine.install()
    machine.start()
    machine.wait_ready()
    assert machine.domains()["Domain-0"]["memory"] == 1024
    entry = " ".join(machine.out_of(f"grep {ENTRY[arch]} {MENU}").split())
    assert f"{ENTRY[arch]} /{deb.IMAGE} placeholder {target.deb_words}" in entry
    assert machine.out_of("dpkg-query --show --showformat '${db:Status-Status}' vinci").strip() == "installed"
    assert machine.out_of("; ".join(f"{name} --help" for name in programs)).count("usage: vinci-") == len(programs)
    machine.out_of("dpkg --purge vinci", timeout=120)
    assert machine.out_of(f"grep -c {ENTRY[arch]} {MENU} || true").strip() == "0"
    machine.poweroff()
