# SPDX-License-Identifier: Apache-2.0
"""What differs between the architectures that the board has: Debian's names, where images lie, kernels of a few instructions."""

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One architecture, by the name that `make ARCH=` has for it."""

    name: str
    debian: str         # Debian's name
    triplet: str        # of its compiler and its folder of libraries
    images: str         # the images' folder below OUT
    hypervisor: str     # Debian's, in its package's /boot
    grub: str           # GRUB's name for it with UEFI
    grub_module: str    # GRUB's commands for a hypervisor and its modules
    efi: str            # what UEFI starts from a disk
    console: str        # of Linux, the serial line
    deb_words: str      # for the hypervisor, as its Debian package comes
    nap: bytes          # a kernel that waits for ever
    crash: bytes        # a kernel that crashes at once
    programs: tuple     # of xen-utils that only this architecture has

    @property
    def packages(self):
        """What dom0 and the guests are made of."""
        return [
            f"linux-image-{self.debian}", f"linux-image-cloud-{self.debian}", f"xen-hypervisor-4.17-{self.debian}", "busybox-static",
            "bash", "base-files", "ncurses-base", "util-linux", "xen-utils-4.17", "xen-utils-common", "xenstore-utils", "nginx",
            "libvirt-daemon", "libvirt-daemon-driver-xen", "libvirt-clients", "libxen-dev",
        ]

    @property
    def grub_package(self):
        return f"grub-efi-{self.debian}-bin"

    @property
    def libraries(self):
        return f"usr/lib/{self.triplet}"


def arm64_image(*code):
    """An arm64 Image of a few instructions."""
    header = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0x80000, 4096, 0xA, 0, 0, 0, b"ARM\x64", 0)
    return (header + struct.pack(f"<{len(code)}I", *code)).ljust(4096, b"\0")


PVH_AT = 0x100000
PVH_CODE = 0x100        # of the file, behind its headers and its note


def pvh_elf(code, memory=0):
    """An ELF file of a few 32-bit instructions at 1 MiB, entered by its PVH note; `memory` bytes of zeros behind them."""
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", PVH_AT + PVH_CODE)
    size = PVH_CODE + len(code)
    header = struct.pack("<4sBBB9xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 2, 62, 1, PVH_AT + PVH_CODE, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, 0, PVH_AT, PVH_AT, size, size + memory, 4096)
    notes = struct.pack("<IIQQQQQQ", 4, 4, 176, PVH_AT + 176, PVH_AT + 176, len(note), len(note), 4)
    return (header + load + notes + note).ljust(PVH_CODE, b"\0") + code


# cpuid 0x40000002 names the MSR that fills a page with hypercalls: put it at 2 MiB; sched_op(shutdown, reason)
X86_CRASH = (b"\xb8\x02\x00\x00\x40\x0f\xa2\x89\xd9"        # mov $0x40000002, %eax; cpuid; mov %ebx, %ecx
             b"\xb8\x00\x00\x20\x00\x31\xd2\x0f\x30"        # mov $0x200000, %eax; xor %edx, %edx; wrmsr
             b"\xbb\x02\x00\x00\x00"                        # mov $SCHEDOP_shutdown, %ebx
             b"\xb9\x27\x01\x10\x00"                        # mov $reason, %ecx
             b"\xb8\xa0\x03\x20\x00\xff\xd0"                # mov $0x200000 + 29 * 32, %eax; call *%eax
             b"\xeb\xfe\x90\x90"                            # jmp .
             b"\x03\x00\x00\x00")                           # reason: SHUTDOWN_crash

ARM64 = Target(
    name="arm64", debian="arm64", triplet="aarch64-linux-gnu", images="images", hypervisor="xen-4.17-arm64", programs=("init-dom0less",),
    grub="arm64-efi", grub_module="xen_boot", efi="BOOTAA64.EFI", console="ttyAMA0", deb_words="console=dtuart dom0_mem=1024M",
    nap=arm64_image(0xD503207F, 0x17FFFFFF),                # wfi; b .-4
    # mov x0, #SCHEDOP_shutdown; mov x16, #sched_op; adr x1, reason; hvc #0xea1; b .; reason: SHUTDOWN_crash
    crash=arm64_image(0xD2800040, 0xD28003B0, 0x10000061, 0xD401D422, 0x14000000, 3))
X86_64 = Target(
    name="x86_64", debian="amd64", triplet="x86_64-linux-gnu", images="x86_64/images", hypervisor="xen-4.17-amd64.gz",
    programs=("xen-cpuid", "xen-hvmctx", "xen-hptool", "lsevtchn", "test-cpu-policy"),
    grub="x86_64-efi", grub_module="multiboot2", efi="BOOTX64.EFI", console="ttyS0",
    deb_words="console=com1 com1=115200 dom0_mem=1024M",
    nap=pvh_elf(b"\xfb\xf4\xeb\xfc"),                       # sti; hlt; jmp .-2
    crash=pvh_elf(X86_CRASH, memory=0x101000))

TARGETS = {target.name: target for target in (ARM64, X86_64)}
