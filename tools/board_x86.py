# SPDX-License-Identifier: Apache-2.0
"""QEMU's q35 board (x86-64, SVM) and Bochs' PC (VMX, or SVM with next RIP) with a hypervisor and dom0, driven like the arm64 one."""

import signal
import time
from pathlib import Path

from board import Board, disk

# -rdtscp: QEMU reports its interception as RDTSC's; -monitor: MWAIT with an extension is refused.
CPU = "EPYC,+svm,+npt,-rdtscp,-monitor"
# What Debian's Xen needs beside: a PVH dom0, and not to see an access check of this QEMU's.
REFERENCE = "dom0=pvh smap=0 cpuidle=0 loglvl=all"
# A board without an IOMMU: guests' disks are no devices', then, but behind a loop device.
UNSAFE = "gnttab=unsafe-dma"
# Without one Debian's Xen starts no PVH dom0. Its interrupt remapping is there for Xen.
IOMMU = "amd-iommu,intremap=on"


def pc(cpu=CPU, smp=1, mem=512, machine="q35"):
    """QEMU's words for the PC that everything runs on, its serial line on standard output.

    One thread for all CPUs: at each exit of a guest QEMU 7.2 writes its word of requested interrupts without the lock that other
    CPUs' threads write it under, and loses a request (a timer's, an IPI) or brings one back.
    """
    return ["qemu-system-x86_64", "-machine", machine, "-accel", "tcg,thread=single", "-cpu", cpu, "-smp", str(smp),
            "-m", str(mem), "-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio", "-monitor", "none"]


class X86Board(Board):
    """The board of x86-64. With gdb or a kernel of None it is as on arm64; there is no device tree."""

    IMAGES = "x86_64/images"
    VINCI = "x86_64/vinci"
    CONSOLE = "console=com1 com1=115200"
    CPU = CPU
    IOMMU = IOMMU           # QEMU's words for the device; None: there is none

    def __init__(self, hypervisor="vinci", machine="", options="", iommu=None, **settings):
        self.iommu = self.IOMMU if iommu is None or iommu is True else iommu
        added = REFERENCE if hypervisor == "xen" else "" if self.iommu else UNSAFE
        super().__init__(hypervisor=hypervisor, options=f"{added} {options}".strip(), **settings)
        self.machine = f"q35{machine}"

    @property
    def loop_disks(self):
        """dom0's devices do not reach granted pages."""
        return not self.iommu

    def modules(self):
        """QEMU's list of multiboot modules: `file words,file`, where a comma in the words is two."""
        words = self.dom0_cmdline.replace(",", ",,")
        return ",".join(word for word in (f"{self.kernel} {words}" if self.kernel else "", str(self.initrd or "")) if word)

    def _loading(self):
        words = ["-kernel", str(self.hypervisor), "-append", self.options]
        return words + (["-initrd", self.modules()] if self.modules() else [])

    def command(self):
        words = [*pc(self.cpu, self.smp, self.mem, self.machine), *(["-device", self.iommu] if self.iommu else []), *self._loading()]
        if self.store == "disk":
            words += disk(self.images / "store.img", name="store", extra=",read-only=on")
        if self.gdb:
            words += ["-gdb", "tcp:127.0.0.1:1234"]
        return words + self.devices + self.qemu


class BochsBoard(X86Board):
    """Bochs runs some 50 million instructions a second: limits are for QEMU, and are stretched. Its PC has no disk that dom0 drives."""

    IOMMU = None
    SLOWNESS = 10
    TYPING_PAUSE = 0.5
    COMMAND_END = "; "          # nothing is typed while the command runs: it may be lost
    LEAVE_SECONDS = 10

    def __init__(self, cpu="corei7_skylake_x", store="initrd", **settings):
        super().__init__(cpu=cpu, store="none" if store == "disk" else store, **settings)

    def scale(self, seconds):
        return super().scale(seconds) * self.SLOWNESS

    def command(self):
        words = [str(Path(__file__).resolve().parent / "bochs"), "--cpu", self.cpu, "--smp", str(self.smp), "--mem", str(self.mem),
                 "--kernel", str(self.hypervisor), "--append", self.options]
        for module in (f"{self.kernel} {self.dom0_cmdline}", str(self.initrd or "")):
            words += ["--module", module] if module else []
        return words + self.qemu

    def stop(self):
        """Asks first: tools/bochs takes its CD away, and Bochs with it."""
        deadline = time.monotonic() + self.LEAVE_SECONDS
        if self.child is not None and self.child.isalive():
            self.child.kill(signal.SIGTERM)
            while self.child.isalive() and time.monotonic() < deadline:
                time.sleep(0.1)
        super().stop()
