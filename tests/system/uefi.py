# SPDX-License-Identifier: Apache-2.0
"""A board whose firmware is UEFI and which starts from a disk with a GPT that is made here, without root."""

import os
import subprocess
from pathlib import Path

from board import disk
from guests import Dom0, Dom0X86
from imaging.target import TARGETS

FIRMWARE = Path("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")
OVMF = "/usr/share/OVMF/OVMF_{}_4M.fd"
FIRST_SECTOR, SECTOR, MIB = 2048, 512, 1 << 20
GPT_END = 34        # sectors of the second table


def run(*words):
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run([str(word) for word in words], check=True, env=environment, timeout=120, stdout=subprocess.DEVNULL)


def make_disk(path, files, mib=128, second=None):
    """One EFI system partition that holds `files`: path there -> a file here, or text; and behind it the image of a second partition."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    second_mib = second.stat().st_size // MIB + 1 if second else 0
    with open(path, "wb") as file:
        file.truncate((mib + second_mib) * MIB)
    run("sgdisk", "-o", "-n", f"1:{FIRST_SECTOR}:{mib * MIB // SECTOR - GPT_END - 1}", "-t", "1:ef00", path)
    if second:
        run("sgdisk", "-n", f"2:{mib * MIB // SECTOR}:0", "-t", "2:8300", path)
        run("dd", f"if={second}", f"of={path}", "bs=1M", f"seek={mib}", "conv=notrunc,sparse", "status=none")
    volume = f"{path}@@{FIRST_SECTOR * SECTOR}"
    run("mformat", "-i", volume, "-F", "-T", mib * MIB // SECTOR - FIRST_SECTOR - GPT_END, "::")
    folders = sorted({str(parent) for name in files for parent in Path(name).parents if str(parent) != "."})
    for folder in folders:
        run("mmd", "-i", volume, f"::{folder}")
    for name, content in files.items():
        source = content
        if isinstance(content, str):
            source = path.with_suffix(".text")
            source.write_text(content)
        run("mcopy", "-i", volume, source, f"::{name}")


class FromDisk:
    """Starts what the disk's EFI/BOOT/ has for the processor."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.files = (Path(self.kernel), Path(self.initrd))
        self.kernel = self.initrd = ""
        self.disk = self.log.with_suffix(".disk")
        self.devices = disk(self.disk, name="boot") + self.devices

    def grub_entry(self):
        """What GRUB's own scripts write for a hypervisor (/etc/grub.d/20_linux_xen)."""
        load, module = self.GRUB_WORDS
        return "\n".join(["set timeout=0", "menuentry vinci {",
                          f"{load} /boot/vinci placeholder {self.options} no-real-mode edd=off",
                          f"{module} /boot/dom0.kernel placeholder {self.dom0_cmdline}",
                          f"{module} --nounzip /boot/dom0.cpio", "}", ""])

    def boot(self):
        """Through GRUB."""
        kernel, initrd = self.files
        make_disk(self.disk, {
            f"EFI/BOOT/{self.TARGET.efi}": self.images / "grub.efi", "boot/grub/grub.cfg": self.grub_entry(),
            "boot/vinci": self.hypervisor, "boot/dom0.kernel": kernel, "boot/dom0.cpio": initrd})
        return self.start()

    def stop(self):
        super().stop()
        self.disk.unlink(missing_ok=True)
        self.disk.with_suffix(".text").unlink(missing_ok=True)


class UefiBoard(FromDisk, Dom0):
    """Debian's qemu-efi-aarch64."""

    TARGET = TARGETS["arm64"]
    GRUB_WORDS = "xen_hypervisor", "xen_module"

    def __init__(self, acpi=False, **settings):
        super().__init__(**settings)
        self.acpi = acpi

    def _loading(self):
        return ["-bios", str(FIRMWARE)] + ([] if self.acpi else ["-no-acpi"])


class UefiPc(FromDisk, Dom0X86):
    """Debian's ovmf."""

    TARGET = TARGETS["x86_64"]
    GRUB_WORDS = "multiboot2", "module2"

    def _loading(self):
        return ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF.format('CODE')}",
                "-drive", f"if=pflash,format=raw,snapshot=on,file={OVMF.format('VARS')}"]


UEFI = {"arm64": UefiBoard, "x86_64": UefiPc}
