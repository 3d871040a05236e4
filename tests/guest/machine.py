# SPDX-License-Identifier: Apache-2.0
"""One fresh QEMU machine per small guest: boots it as dom0, keeps what it said, never waits for ever."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from board_x86 import CPU, IOMMU, pc                    # noqa: E402
from partitions import with_partitions                  # noqa: E402

IMAGES = {"xen": "images/xen", "vinci": "arm64/vinci"}
GUEST_AT = 0x4A000000
RESULT = re.compile(r"^(PASS|FAIL) (.*)$")
DONE = re.compile(r"^DONE (\d+) passed, (\d+) failed$")
ROW = re.compile(r"^ROW (\S+) (-?\d+)$")
MISSING = re.compile(r"^MISSING (\S+) (.*)$")


@dataclass
class Machine:
    """What is fixed about a board: where the build is, which hypervisor, and the processor."""

    out: Path
    hypervisor: str = "vinci"
    cpu: str = "cortex-a57"
    smp: int = 1
    mem: int = 1024
    dom0_mem: int = 128
    options: str = "bootscrub=0 dom0_max_vcpus=2"
    icount: bool = True
    machine: str = "virt,virtualization=on,gic-version=3"
    bootargs: str = ""
    extra: list = field(default_factory=list)
    partitions: list = field(default_factory=list)      # static domains: tools/partitions.py
    tree_source: str = ""                               # more device tree source for the board's tree
    until: str = ""                                     # the test is over when this has been said (a regular expression)

    def image(self):
        """The hypervisor's file: one of ours by name, or a path."""
        if "/" in self.hypervisor:
            return Path(self.hypervisor)
        return Path(self.out) / IMAGES[self.hypervisor]

    def command(self, guest):
        """QEMU's command line; guest is None for a board without a dom0 module."""
        options = f"console=dtuart dom0_mem={self.dom0_mem}M {self.options}"
        bootargs = f"{'reference' if self.hypervisor == 'xen' else 'test'} {self.bootargs}".strip()
        words = ["qemu-system-aarch64", "-machine", self.machine, "-cpu", self.cpu, "-smp", str(self.smp),
                 "-m", str(self.mem), "-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio",
                 "-monitor", "none", "-kernel", str(self.image()), "-append", options]
        if guest:
            words += ["-device", f"guest-loader,addr={GUEST_AT:#x},kernel={guest},bootargs={bootargs}"]
        if self.icount and self.smp == 1:
            words += ["-icount", "shift=0,sleep=off"]
        return words + self.extra

    def wait(self, child, log, limit):
        """Until the machine is off, or has said what is waited for (then None)."""
        if not self.until:
            return child.wait(timeout=limit)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if child.poll() is not None:
                return child.returncode
            if re.search(self.until, log.read_bytes().decode(errors="replace"), re.DOTALL):
                return None
            time.sleep(0.1)
        raise subprocess.TimeoutExpired(child.args, limit)

    def run(self, guest, log, timeout=60):
        """Runs until the machine powers off or the time is over; the log keeps everything."""
        limit = timeout * float(os.environ.get("VINCI_TIME_FACTOR", "1"))
        log = Path(log)
        log.parent.mkdir(parents=True, exist_ok=True)
        words = self.command(guest)
        if self.partitions or self.tree_source:
            words = with_partitions(words, self.partitions, log.with_suffix(".dtb"), self.tree_source)
        with open(log, "wb") as stream:
            stream.write((" ".join(words) + "\n").encode())
            stream.flush()
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
                                     start_new_session=True)
            try:
                status = self.wait(child, log, limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        text = log.read_bytes().decode(errors="replace").replace("\r", "")
        return Outcome(text=text, status=status, log=log)


@dataclass
class X86Machine(Machine):
    """QEMU's q35 with SVM; the guest is an ELF file with a PVH note. Debian's Xen starts a PVH dom0 only beside an IOMMU."""

    cpu: str = CPU
    machine: str = "q35"
    images = {"xen": "x86_64/images/xen", "vinci": "x86_64/vinci"}

    def image(self):
        return Path(self.hypervisor) if "/" in self.hypervisor else Path(self.out) / self.images[self.hypervisor]

    def command(self, guest):
        reference = self.image().name == "xen"
        options = f"console=com1 com1=115200 dom0_mem={self.dom0_mem}M {self.options}"
        words = [*pc(self.cpu, self.smp, self.mem, self.machine), "-kernel", str(self.image()), "-append",
                 f"{options} dom0=pvh smap=0 cpuidle=0" if reference else f"{options} gnttab=unsafe-dma"]
        words += ["-device", IOMMU] if reference else []
        words += ["-initrd", f"{guest} {'reference' if reference else 'test'} {self.bootargs}".strip()] if guest else []
        words += ["-icount", "shift=0,sleep=off"] if self.icount and self.smp == 1 else []
        return words + self.extra


@dataclass
class Outcome:
    """What a machine said. status is QEMU's exit code, None when it had to be killed."""

    text: str
    status: int
    log: Path

    def lines(self, pattern):
        return [m for m in map(pattern.match, self.text.splitlines()) if m]

    @property
    def passed(self):
        return [m[2] for m in self.lines(RESULT) if m[1] == "PASS"]

    @property
    def failed(self):
        return [m[2] for m in self.lines(RESULT) if m[1] == "FAIL"]

    @property
    def done(self):
        """(passed, failed) of the DONE line, None if the guest did not reach it."""
        found = self.lines(DONE)
        return (int(found[-1][1]), int(found[-1][2])) if found else None

    @property
    def rows(self):
        return {m[1]: int(m[2]) for m in self.lines(ROW)}

    @property
    def missing(self):
        return {m[1]: m[2] for m in self.lines(MISSING)}

    def tail(self, count=25):
        return "\n".join(self.text.splitlines()[-count:])

    def assert_passed(self):
        """The guest reached its end, counted no failure, and the machine powered off by itself."""
        where = f"log: {self.log}"
        assert not self.failed, "failed: " + "; ".join(self.failed) + f"; {where}"
        assert self.done, f"the guest did not finish; {where}\n{self.tail()}"
        assert self.done == (len(self.passed), 0), f"{self.done} but {len(self.passed)} PASS lines; {where}"
        assert self.status == 0, f"the machine did not power off (status {self.status}); {where}"
