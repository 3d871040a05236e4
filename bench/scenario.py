# SPDX-License-Identifier: Apache-2.0
"""The rows that need Linux: dom0 with xl, a guest with a disk and a network, counted between marks."""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tests" / "system"))

import counting                                     # noqa: E402
from board import BoardError                        # noqa: E402
from board_x86 import REFERENCE                     # noqa: E402
from guests import DOM0                             # noqa: E402
from imaging.tree import Tree                       # noqa: E402

MEM, DOM0_MEM = 2048, 1024
GUEST_MIB = 256
BLOCK_READS, BIG_READS, PINGS, TCP_MIB = 400, 32, 300, 16
GUEST_IP, DOM0_IP, PORT = "10.0.0.9", "10.0.0.1", 5001


def config(name, *lines):
    """An xl configuration. It is put into dom0's initramfs: long lines typed at a console can lose characters."""
    head = [f'name="{name}"', 'kernel="/srv/full.kernel"', 'ramdisk="/srv/full.ramdisk"', f"memory={GUEST_MIB}",
            f'extra="console=hvc0 panic=1 vinci.test=1 vinci.name={name} vinci.ip={GUEST_IP}/24"']
    return ("\n".join([*head, *lines]) + "\n").encode()


IMAGES = {"arm64": "images", "x86_64": "x86_64/images"}
WORK = {"arm64": "bench/work", "x86_64": "bench/work-x86_64"}
# Of one flavour: the ramdisk has the kernel's modules.
KERNEL = {"arm64": "dom0.kernel", "x86_64": "cloud.kernel"}
RAMDISK = {"arm64": "full.ramdisk", "x86_64": "cloud.ramdisk"}
# What a guest's disk and network need where there is no IOMMU for dom0's devices, none of which is asked to reach them here.
OPTIONS = {"arm64": "", "x86_64": " gnttab=unsafe-dma"}


def initramfs(out, arch="arm64"):
    """dom0's initramfs with the store in it and the bench's program in dom0 and in the guest's ramdisk. On x86-64 the guest's kernel is the
    cloud flavour, which libxc unpacks."""
    work, images, kind = out / WORK[arch], out / IMAGES[arch], 'type="pvh"' if arch == "x86_64" else ""
    guest = Tree({})
    guest.file("usr/bin/work", work, mode=0o755)
    guest.write_cpio(out / f"bench/{arch}-work-guest.cpio")
    ramdisk = out / f"bench/{arch}-guest.ramdisk"
    ramdisk.write_bytes((images / RAMDISK[arch]).read_bytes() + (out / f"bench/{arch}-work-guest.cpio").read_bytes())
    dom0 = Tree({})
    dom0.file("usr/bin/work", work, mode=0o755)
    dom0.file("srv/full.kernel", images / KERNEL[arch], mode=0o644)
    dom0.file("srv/full.ramdisk", ramdisk, mode=0o644)
    dom0.data("srv/built.cfg", config("built", kind))
    dom0.data("srv/io.cfg", config("io", kind, 'disk=["phy:/dev/loop0,xvdb,w"]', 'vif=["bridge=xenbr0"]'))
    dom0.write_cpio(out / f"bench/{arch}-work-dom0.cpio")
    target = out / f"bench/{arch}-dom0.cpio"
    target.write_bytes((images / "dom0.cpio").read_bytes() + (out / f"bench/{arch}-work-dom0.cpio").read_bytes())
    return target


class Scenario:
    """One boot of dom0 on one hypervisor; each step adds rows or says why it cannot."""

    def __init__(self, out, hypervisor, say=print, qemu=(), only=None, arch="arm64"):
        """qemu: more words for QEMU; only: of the steps that measure, this one."""
        self.out, self.hypervisor, self.say = Path(out), hypervisor, say
        self.arch = arch
        self.marks = self.out / f"bench/marks-system-{arch}-{hypervisor}.txt"
        self.log = self.out / f"logs/bench/{arch}/system-{hypervisor}.log"
        self.rows, self.notes = {}, {}
        self.board = None
        self.qemu, self.only = list(qemu), only

    def run(self):
        """Boots, measures, powers off; (rows, notes) whatever happened on the way."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        plugin = counting.plugin_words(self.hypervisor, self.out, self.marks, self.arch)
        self.board = self.make_board([*counting.ICOUNT, *plugin, *self.qemu])
        steps = [self.boot, self.create, self.start_guest, self.block, self.ping, self.tcp, self.big_blocks]
        if self.only:
            steps = [step for step in steps if step.__name__ in ("boot", "start_guest", self.only)]
        try:
            for step in steps:
                began = time.monotonic()
                step()
                self.say(f"  {self.hypervisor}: {step.__name__} ({time.monotonic() - began:.0f} s)")
        except (BoardError, counting.CountingError, OSError) as error:
            self.notes["system"] = f"{step.__name__}: {str(error).split('; log:')[0]}"
            self.say(f"  {self.hypervisor}: {step.__name__} failed: {error}")
        finally:
            self.board.stop()
        return self.rows, self.notes

    def make_board(self, qemu):
        """Options are the board's own, but that free memory is scrubbed as by default."""
        more = {"iommu": self.hypervisor == "xen"} if self.arch == "x86_64" else {}
        board = DOM0[self.arch](out=self.out, hypervisor=str(counting.image(self.hypervisor, self.out, self.arch)),
                                log=self.log, mem=MEM, dom0_mem=DOM0_MEM, store="initrd", initrd=initramfs(self.out, self.arch),
                                qemu=qemu, **more)
        reference = f" {REFERENCE}" if more.get("iommu") else OPTIONS[self.arch]
        board.options = f"{board.CONSOLE} dom0_mem={DOM0_MEM}M{reference}"
        return board

    def span(self, first, last):
        found = counting.between(counting.read_marks(self.marks), first, last)
        if not found:
            raise counting.CountingError(f"no counters between marks {first} and {last}")
        return found[-1]

    def put(self, name, counters, operations):
        self.rows[name] = round(counters["hv"] / operations)
        self.rows[f"{name}.total"] = round(counters["total"] / operations)
        for kind in ("eret", "tlbi", "tlbi_local", "dsb", "ich_low", "ich_lr") if self.arch == "arm64" else ():
            self.rows[f"{name}.{kind}"] = round(counters[kind] / operations, 1)

    def boot(self):
        self.board.start()
        self.board.wait_ready(timeout=240)
        marks = counting.read_marks(self.marks)
        self.rows["boot_to_dom0"] = counting.entry(marks)["total"]
        if self.arch == "x86_64":
            self.rows["boot_to_dom0"] -= counting.at(marks, counting.IMAGE_MARK, "the image was never entered")["total"]

    def create(self):
        """A paused guest: only the building counts. The second round; the first warms dom0's caches."""
        for _ in range(2):
            self.board.out_of("work mark 0; xl create -q -p /srv/built.cfg && work mark 1", timeout=120)
            self.board.out_of("sleep 1; work mark 2; xl destroy built && work mark 3", timeout=60)
            self.board.gone("built")
        built, gone = self.span(0, 1), self.span(2, 3)
        self.put("xl_create", built, 1)
        self.rows["xl_create_machine"] = built["total"]
        self.rows["xl_create_dom0"] = built["kernel"] + built["rest"]
        self.put("xl_destroy", gone, 1)

    def start_guest(self):
        for command in ("modprobe loop", "dd if=/dev/zero of=/tmp/disk bs=1M count=16", "losetup /dev/loop0 /tmp/disk"):
            self.board.out_of(command)
        self.board.out_of("xl create -q /srv/io.cfg", timeout=120)
        self.board.wait_console("io", "guest: io ready", seconds=600)      # wall clock, on a machine that may be busy

    def block(self):
        self.board.guest("io", f"work block /dev/xvdb 4096 {BLOCK_READS}", timeout=60)
        self.put("pv_block_4k", self.span(4, 5), BLOCK_READS)

    def ping(self):
        self.board.guest("io", f"work ping {DOM0_IP} {PINGS}", timeout=60)
        self.put("ping_round_trip", self.span(6, 7), PINGS)

    def tcp(self):
        self.board.run(f"work serve {PORT} >/dev/null 2>&1 &")
        self.board.guest("io", f"work send {DOM0_IP} {PORT} {TCP_MIB}", timeout=120)
        self.put("tcp_tx_mib", self.span(8, 9), TCP_MIB)
        self.board.guest("io", f"work recv {DOM0_IP} {PORT} {TCP_MIB}", timeout=120)
        self.put("tcp_rx_mib", self.span(10, 11), TCP_MIB)

    def big_blocks(self):
        """The same disk again without persistent grants."""
        self.board.out_of("echo 0 > /sys/module/xen_blkback/parameters/feature_persistent")
        for command in ("xl block-detach io xvdb; sleep 1", "xl block-attach io phy:/dev/loop0 xvdc w; sleep 1"):
            self.board.out_of(command, timeout=60)
        self.board.guest("io", f"work block /dev/xvdc 1048576 {BIG_READS}", timeout=60)
        self.put("pv_block_1m_nonpersistent", self.span(4, 5), BIG_READS)
