# SPDX-License-Identifier: Apache-2.0
"""What the scenarios do to dom0 and its guests, above the plain board."""

import base64
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from board import Board, BoardError     # noqa: E402,F401
from board_x86 import BochsBoard, X86Board      # noqa: E402

TINY = ("nap", "crash")      # kernels of a few instructions, without a ramdisk
CONSOLES = "/var/log/xen/console"


class Actions:
    """What is done to a board whose dom0 creates guests and looks at them."""

    def write(self, path, text):
        """A file in dom0, whatever its characters."""
        code = base64.b64encode(text.encode()).decode()
        self.out_of(f"printf %s {code} | base64 -d > {path}")

    def config(self, name, kernel="cloud", memory=96, vcpus=1, extra="", disk=(), vif=(), more="", ramdisk=None,
               store="/srv"):
        """Writes /tmp/NAME.cfg and returns its path. `nap` only waits, `crash` crashes at once; the ramdisk `peer` has more in it."""
        lines = [f'name="{name}"', 'type="pvh"', f'kernel="{store}/{kernel}.kernel"', f"memory={memory}", f"vcpus={vcpus}"]
        if kernel not in TINY:
            lines += [f'ramdisk="{store}/{ramdisk or kernel}.ramdisk"',
                      f'extra="console=hvc0 panic=1 vinci.test=1 vinci.name={name} {extra}"']
        lines += [f"disk={list(disk)}", f"vif={list(vif)}", more, ""]
        path = f"/tmp/{name}.cfg"
        self.write(path, "\n".join(lines))
        return path

    def create(self, name, *flags, wait=True, **settings):
        """xl create; for a Linux guest waits until its shell is there. Returns the domain's number."""
        path = self.config(name, **settings)
        self.run(f"rm -f {CONSOLES}/guest-{name}.log")
        self.run(f"xl create {' '.join(flags)} {path}", timeout=90, check=True)
        if wait and settings.get("kernel") not in TINY and "-p" not in flags:
            self.wait_console(name, f"guest: {name} ready")
        return self.domid(name)

    def wait_console(self, name, text, seconds=60):
        """Until the guest's console has said the text."""
        return self.poll(f"grep -a -F '{text}' {CONSOLES}/guest-{name}.log", seconds,
                         f"waiting for '{text}' on the console of {name}")

    def domid(self, name):
        return int(self.out_of(f"xl domid {name}"))

    def guest(self, name, command, timeout=30, check=True):
        """Runs a command in a guest; returns (status, output)."""
        limit = int(self.scale(timeout))
        quoted = command.replace("'", "'\\''")
        status, text = self.run(f"/usr/lib/vinci/guest-run {name} {limit} '{quoted}'", timeout + 10)
        if check and status:
            raise BoardError(f"{name}: {command}: exit {status}: {text.strip()}; log: {self.log}")
        return status, text

    def destroy(self, *names):
        for name in names:
            self.out_of(f"xl destroy {name}", timeout=60)

    def gone(self, name, seconds=30):
        """Until xl no longer knows the guest."""
        self.poll(f"! xl domid {name} 2>/dev/null", seconds, f"waiting for {name} to be gone")

    def domains(self):
        """xl list as name -> its columns."""
        rows = {}
        for line in self.out_of("xl list").splitlines()[1:]:
            match = re.match(r"(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+([\d.]+)", line)
            if match:
                rows[match[1]] = {"id": int(match[2]), "memory": int(match[3]), "vcpus": int(match[4]),
                                  "state": match[5], "time": float(match[6])}
        return rows

    def info(self):
        """xl info as a dictionary of strings."""
        pairs = (line.split(":", 1) for line in self.out_of("xl info").splitlines() if ":" in line)
        return {key.strip(): value.strip() for key, value in pairs}

    def host_memory(self):
        """Vinci: frames that are free or the hypervisor's own, and the small objects of its heap: exact, whatever slabs and tables it keeps.
        The reference: free MiB."""
        previous = None
        for _ in range(40):
            self.out_of("xl debug-keys m")
            lines = re.findall(r"frames: .*, free (\d+), .*heap (\d+), objects (\d+), tables of its own (\d+)", self.hypervisor_log())
            if not lines:
                return self.free_memory()
            free, heap, objects, tables = map(int, lines[-1])
            now = (free + heap + tables, objects)
            if now == previous:
                return now
            previous = now
            time.sleep(0.5)
        raise AssertionError("the host's memory does not settle")

    def free_memory(self, seconds=20):
        """Free memory in MiB, once two readings a moment apart agree."""
        previous = None
        for _ in range(int(seconds / 0.5)):
            now = self.info()["free_memory"]
            if now == previous:
                return int(now)
            previous = now
            self.run("sleep 0.5")
        raise BoardError(f"free_memory does not settle; log: {self.log}")

    def hypervisor_log(self):
        """xl dmesg; indented, so that it is not taken for lines that came in between."""
        return self.out_of("xl dmesg | sed 's/^/ /'")

    def tidy(self):
        """Removes guests that a failed test left. True when only dom0 is there."""
        for _ in range(3):
            others = {name: row for name, row in self.domains().items() if name != "Domain-0"}
            if not others:
                return True
            for row in others.values():
                self.run(f"xl destroy {row['id']}; sleep 1", timeout=60)
        return False


class Dom0(Actions, Board):
    """On arm64."""

    MACHINE, CLOUD = "aarch64", "cloud-arm64"       # uname's words for the processor, and for guests' usual kernel
    LEFT_OUT = 0                                    # MiB of memory below what the board has
    VIRT_TYPE = '<type arch="aarch64" machine="xenpv">xen</type>'   # libvirt's of a guest without a device model
    NOT_HERE = "Skip: -"    # what Xen's own test programs rightly leave out
    XENCTX = r"PC: +[0-9a-f]{16}"                   # how xenctx shows where a vCPU is


class Dom0X86(Actions, X86Board):
    """On x86-64."""

    MACHINE, CLOUD = "x86_64", "cloud-amd64"
    LEFT_OUT = 1            # the PC's hole below 1 MiB
    VIRT_TYPE = '<type arch="x86_64" machine="xenpvh">xenpvh</type>'
    NOT_HERE = "Skip: PV not available"
    XENCTX = r"cs:eip: +[0-9a-f]{4}:0010010"        # of a 32-bit vCPU in `nap`
    RAMDISK = 128           # MiB more where the store is in dom0's initramfs

    def __init__(self, store="initrd", mem=2048, dom0_mem=512, **settings):
        more = self.RAMDISK if store == "initrd" else 0
        super().__init__(store=store, mem=mem + more, dom0_mem=dom0_mem + more, **settings)


class BochsDom0(Actions, BochsBoard):
    """On x86-64, in Bochs. It does not exit for an interrupt while a guest that was entered with interrupts off keeps them off, as one
    does that unpacks its kernel; what is typed meanwhile is lost."""

    STORE = "bochs.cpio"

    def create(self, name, **settings):
        path = self.config(name, **settings)
        self.out_of(f"xl create {path}; until grep -a -F 'guest: {name} ready' {CONSOLES}/guest-{name}.log; do sleep 1; done", timeout=120)
        return self.domid(name)


DOM0 = {"arm64": Dom0, "x86_64": Dom0X86}
