# SPDX-License-Identifier: Apache-2.0
"""QEMU's virt board with a hypervisor and dom0, driven over its serial line with hard time limits.

    board = Board(out="build", hypervisor="xen", log="build/logs/x.log")
    board.start(); board.wait_ready()
    status, text = board.run("xl list")
    board.stop()

Used by the launcher (tools/run) and by the system tests.
"""

import itertools
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pexpect

from partitions import with_partitions

# Lines of the hypervisor and of kernels that can fall between a command's own.
NOISE = re.compile(r"^(\((XEN|Vinci)\)|\(d\d+\)|\[ *\d+\.\d+\])")
DOM0_KERNEL_AT = 0x4A000000
DOM0_INITRD_AT = 0x50000000
# For a board that starts with a device tree of ours instead of QEMU's.
HYPERVISOR_AT, TREE_AT, STUB_AT = 0x40200000, 0x48000000, 0x47F00000


class BoardError(Exception):
    """A step that failed or took too long: says which, and where the log is."""


def disk(path, kind="virtio", name="disk", snapshot=True, extra=""):
    """QEMU's arguments for a disk whose DMA goes through dom0's DMA API (never virtio's bypass)."""
    devices = {
        "virtio": f"virtio-blk-pci,drive={name},disable-legacy=on,iommu_platform=on",
        "nvme": f"nvme,drive={name},serial={name}",
        "ahci": f"ide-hd,drive={name},bus={name}-ahci.0",
    }
    words = ["-drive", f"if=none,id={name},file={path},format=raw,snapshot={'on' if snapshot else 'off'}{extra}"]
    if kind == "ahci":
        words += ["-device", f"ahci,id={name}-ahci"]
    return words + ["-device", devices[kind]]


def end(child):
    """Kills a program started by pexpect, and waits until it is gone: its own close() gives that a tenth of a second, which a loaded machine
    takes longer than to give up a board's memory."""
    if child.isalive():
        child.kill(signal.SIGKILL)
        child.wait()
    child.close()


class Tee:
    """A log that is also shown."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, data):
        self.stream.write(data)
        sys.stdout.write(data.decode(errors="replace").replace("\r", ""))

    def flush(self):
        sys.stdout.flush()


class Board:
    """One board. Every wait has a limit; what the board says goes to `log`."""

    IMAGES = "images"           # below the output folder
    STORE = "guests.cpio"       # the store as a part of dom0's initramfs
    loop_disks = False
    VINCI = "arm64/vinci"
    CONSOLE = "console=dtuart"
    CPU = "cortex-a57"
    TYPING_PAUSE = 0.05         # seconds, after 48 bytes
    COMMAND_END = "\n"          # between a command and what says how it ended

    def __init__(self, out="build", hypervisor="vinci", log="board.log", smp=1, mem=2048, dom0_mem=512,
                 options="", dom0_cmdline="", mode="test", store="disk", devices=(), cpu=None,
                 kernel=None, initrd=None, dom0="dom0", gdb=False, machine="", gic=3, tree=None, qemu=(),
                 partitions=(), tree_source=""):
        self.out = Path(out)
        self.images = self.out / self.IMAGES
        self.log = Path(log)
        self.smp, self.mem, self.dom0_mem = smp, mem, dom0_mem
        self.hypervisor = self._file(hypervisor)
        self.options = f"{self.CONSOLE} dom0_mem={dom0_mem}M bootscrub=0 {options}".strip()
        self.dom0_cmdline = (f"console=hvc0 panic=5 vinci.mode={mode} vinci.store={store} "
                             f"{dom0_cmdline}").strip()
        self.store = store
        self.devices = list(devices)
        self.cpu = cpu or self.CPU
        self.machine = f"virt,virtualization=on,gic-version={gic}{machine}"
        self.tree = tree
        # "" is a board without that module.
        self.kernel = self.images / "dom0.kernel" if kernel is None else kernel
        self.initrd = self._initrd(dom0) if initrd is None else initrd
        # Static domains (tools/partitions.py), and more device tree source for the board's tree.
        self.partitions, self.tree_source = list(partitions), tree_source
        self.gdb = gdb
        self.qemu = list(qemu)
        self.child = None
        self._tags = itertools.count(1)

    def _file(self, hypervisor):
        path = Path(hypervisor)
        return path if "/" in str(hypervisor) else self.out / {"xen": f"{self.IMAGES}/xen", "vinci": self.VINCI}[hypervisor]

    def _initrd(self, name):
        """dom0's initramfs of that name; with the store in it when the board is to have no disk."""
        dom0 = self.images / f"{name}.cpio"
        if self.store != "initrd":
            return dom0
        both = self.log.with_suffix(".cpio")
        both.parent.mkdir(parents=True, exist_ok=True)
        both.write_bytes(dom0.read_bytes() + (self.images / self.STORE).read_bytes())
        return both

    def command(self):
        words = [
            "qemu-system-aarch64", "-machine", self.machine, "-cpu", self.cpu,
            "-smp", str(self.smp), "-m", str(self.mem), "-display", "none", "-nodefaults", "-no-reboot",
            "-serial", "stdio", "-monitor", "none", *self._loading(),
        ]
        if self.kernel:
            words += ["-device", f"guest-loader,addr={DOM0_KERNEL_AT:#x},kernel={self.kernel},"
                      f"bootargs={self.dom0_cmdline}"]
        if self.initrd:
            words += ["-device", f"guest-loader,addr={DOM0_INITRD_AT:#x},initrd={self.initrd}"]
        if self.store == "disk":
            words += disk(self.images / "store.img", name="store", extra=",read-only=on")
        if self.gdb:
            words += ["-gdb", "tcp:127.0.0.1:1234"]
        return words + self.devices + self.qemu

    def _loading(self):
        """The hypervisor by QEMU's own loader, or by a stub that hands it a device tree of ours."""
        if self.tree is None:
            return ["-kernel", str(self.hypervisor), "-append", self.options]
        stub = self.log.with_suffix(".stub")
        stub.parent.mkdir(parents=True, exist_ok=True)
        # x0 = TREE_AT; jump to HYPERVISOR_AT
        stub.write_bytes(struct.pack("<5I", 0xD2800001, 0xD2800002, 0xD2A00000 | TREE_AT >> 16 << 5,
                                     0xD2A00004 | HYPERVISOR_AT >> 16 << 5, 0xD61F0080))
        return ["-device", f"loader,file={self.hypervisor},addr={HYPERVISOR_AT:#x},force-raw=on",
                "-device", f"loader,file={self.tree},addr={TREE_AT:#x},force-raw=on",
                "-device", f"loader,file={stub},addr={STUB_AT:#x},force-raw=on",
                "-device", f"loader,addr={STUB_AT:#x},cpu-num=0"]

    def dump_tree(self, path):
        """Writes the device tree that QEMU would hand over."""
        words = self.command()
        words[words.index("-machine") + 1] += f",dumpdtb={path}"
        subprocess.run(words, check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        for path in (self.hypervisor, self.kernel, self.initrd):
            if path and not Path(path).exists():
                raise BoardError(f"{path} is missing: say `make build images`")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.stream = open(self.log, "wb", buffering=0)
        words = self.command()
        if self.partitions or self.tree_source:
            words = with_partitions(words, self.partitions, self.log.with_suffix(".dtb"), self.tree_source)
        self.stream.write((" ".join(words) + "\n").encode())
        self.child = pexpect.spawn(words[0], words[1:], timeout=30, maxread=65536, echo=False)
        self.child.logfile_read = self.stream
        self.child.delaybeforesend = None
        return self

    def echo(self):
        """Shows the serial line on standard output as well as in the log."""
        self.child.logfile_read = Tee(self.stream)

    def expect(self, pattern, timeout, what):
        """Waits for a pattern (bytes or list of them); returns the index of the one that came."""
        try:
            return self.child.expect(pattern, timeout=timeout)
        except pexpect.TIMEOUT:
            raise BoardError(f"{what}: nothing within {timeout} s; log: {self.log}") from None
        except pexpect.EOF:
            raise BoardError(f"{what}: the board went away (exit {self._exit()}); log: {self.log}") from None

    def _exit(self):
        self.child.wait()
        self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus

    def scale(self, seconds):
        """A limit for one busy CPU, stretched where the machine emulates several or is loaded."""
        factor = float(os.environ.get("VINCI_TIME_FACTOR", "2"))
        return seconds * factor * (1 if self.smp == 1 else 3)

    def wait_ready(self, timeout=120, progress=None):
        """Until dom0's start-up script says ready; failures it names are an error."""
        deadline = time.monotonic() + self.scale(timeout)
        failures = []
        while True:
            left = max(0.1, deadline - time.monotonic())
            self.expect([rb"\ndom0: ([^\r\n]*)\r*(?=\n)"], left, "waiting for dom0 to come up")
            said = self.child.match[1].decode(errors="replace").strip()
            if progress:
                progress(said)
            if said.startswith("FAILED"):
                failures.append(said)
            if said == "ready":
                break
        if failures:
            raise BoardError(f"dom0 came up with errors: {'; '.join(failures)}; log: {self.log}")

    def send(self, text):
        """Types text at a pace that a console ring of 128 bytes can take."""
        data = text.encode()
        for begin in range(0, len(data), 48):
            self.child.send(data[begin:begin + 48])
            if begin + 48 < len(data):
                time.sleep(self.TYPING_PAUSE)

    def run(self, command, timeout=60, check=False):
        """Runs a command at dom0's shell; returns (exit status, output without foreign lines)."""
        tag = f"{os.getpid()}x{next(self._tags)}"
        # The tags are split so that an echo of the line typed does not look like its answer.
        self.send(f"echo; echo @'B'{tag}; {command}{self.COMMAND_END}echo @'E'{tag}:$?\n")
        what = f"dom0: {command}"
        self.expect(f"@B{tag}\r*\n".encode(), self.scale(timeout), what)
        self.expect(f"@E{tag}:(\\d+)\r*\n".encode(), self.scale(timeout), what)
        status = int(self.child.match[1])
        text = clean(self.child.before)
        if check and status:
            raise BoardError(f"dom0: {command}: exit {status}: {text.strip()}; log: {self.log}")
        return status, text

    def out_of(self, command, timeout=60):
        """The output of a command that must succeed."""
        return self.run(command, timeout, check=True)[1]

    def poll(self, command, seconds, what, interval=0.5):
        """Repeats a command until it succeeds; returns its output."""
        deadline = time.monotonic() + self.scale(seconds)
        while True:
            status, text = self.run(command)
            if not status:
                return text
            if time.monotonic() > deadline:
                raise BoardError(f"{what}: not within {seconds} s; last: {text.strip()[-300:]}; log: {self.log}")
            time.sleep(interval)

    def poweroff(self, timeout=60):
        """Asks dom0 to power the board off and waits for QEMU to leave."""
        self.send("poweroff\n")
        try:
            self.child.expect(pexpect.EOF, timeout=self.scale(timeout))
        except pexpect.TIMEOUT:
            raise BoardError(f"poweroff: the board is still there after {timeout} s; log: {self.log}") from None
        return self._exit()

    def stop(self):
        """Ends QEMU whatever it is doing."""
        if self.child is not None:
            end(self.child)
            self.stream.close()
        if self.store == "initrd":
            self.log.with_suffix(".cpio").unlink(missing_ok=True)


def clean(data):
    """A command's output as text: no carriage returns, no lines of the hypervisor or of kernels."""
    lines = data.decode(errors="replace").replace("\r", "").split("\n")
    return "\n".join(line for line in lines if not NOISE.match(line))
