# SPDX-License-Identifier: Apache-2.0
"""The board of `make demo-ivi`: two partitions, a display, QEMU's monitor for screenshots. docs/demo-ivi.md says what happens on it.

    ivi = Ivi(out="build", log="build/logs/ivi.log").start()
    ivi.first_frame(); ivi.screenshot("camera.png"); ivi.gear("d"); ...; ivi.stop()
"""

import json
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from board import Board, BoardError
from partitions import Partition

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))

import counting                                         # noqa: E402

FRAMES_PER_SECOND = 30
# Bus addresses: the configuration page of slot 1 of the host bridge, and a window of it for the display's memory and registers.
CONFIG_PAGE, WINDOW, WINDOW_SIZE = 0x4010008000, 0x10000000, 0x2000000
# Memory of the board that both partitions see, at the same guest-physical address.
SHARED, SHARED_GUEST, SHARED_SIZE = 0x70000000, 0x60000000, 0x400000
MARK_START, MARK_FIRST_FRAME, MARK_LOGIN = (counting.GUEST_MARK + n for n in range(3))
SWITCH = "\x01\x01\x01"                                 # moves the console's input on


def cells(*values):
    """64-bit values as pairs of cells."""
    return " ".join(f"{value >> 32:#x} {value & 0xFFFFFFFF:#x}" for value in values)


def display_tree():
    """The partial device tree that gives the display to the camera's partition: nothing else of PCI."""
    return f"""/dts-v1/;
/ {{
    #address-cells = <2>; #size-cells = <2>;
    passthrough {{
        compatible = "simple-bus"; #address-cells = <2>; #size-cells = <2>; ranges;
        display@{WINDOW:x} {{
            compatible = "vinci,bochs-display";
            reg = <{cells(CONFIG_PAGE, 0x1000, WINDOW, WINDOW_SIZE)}>;
            xen,reg = <{cells(CONFIG_PAGE, 0x1000, CONFIG_PAGE, WINDOW, WINDOW_SIZE, WINDOW)}>;
            xen,force-assign-without-iommu;
        }};
    }};
}};
"""


def shared_memory(role):
    """Child node of a partition: the memory through which pictures go."""
    return (f'shared-memory@{SHARED:x} {{ compatible = "xen,domain-shared-memory-v1"; role = "{role}"; xen,shm-id = "frames";'
            f' xen,shared-mem = <{cells(SHARED, SHARED_GUEST, SHARED_SIZE)}>; }};')


class Monitor:
    """QEMU's machine protocol over a socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "error" in answer:
                raise BoardError(f"QEMU's monitor: {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def close(self):
        self.socket.close()


class Ivi:
    """The board. measure: board time is counted in instructions, exactly; otherwise it runs with the clock of the host."""

    def __init__(self, out="build", log="ivi.log", hypervisor=None, measure=True, display=None, plugin=True):
        self.out, self.log, self.measure = Path(out).resolve(), Path(log), measure
        self.scratch = Path(tempfile.mkdtemp(prefix="vinci-ivi-"))
        self.marks = self.scratch / "marks.txt"
        self.focus = "camera"
        self.monitor = None
        hypervisor = Path(hypervisor or counting.image("vinci", self.out))
        words = ["-device", "bochs-display,addr=1,romfile=", "-qmp", f"unix:{self.scratch / 'qmp'},server=on,wait=off"]
        words += counting.ICOUNT if measure else []
        words += counting.plugin_words("vinci", self.out, self.marks) if measure and plugin else []
        words += ["-display", display] if display else []
        self.board = Board(out=self.out, hypervisor=hypervisor, log=self.log, mem=1024, kernel="", initrd="", store="none", qemu=words,
                           partitions=self.partitions())

    def partitions(self):
        tree = self.scratch / "display.dts"
        tree.write_text(display_tree())
        camera = Partition("camera", self.out / "arm64/guests/camera.img", memory=16 * 1024, device_tree=tree, vpl011=True,
                           properties=["vinci,priority = <10>;", "vinci,weight = <4096>;"], children=shared_memory("owner"))
        infotainment = Partition("infotainment", self.out / "images/cloud.kernel", memory=192 * 1024, vpl011=True,
                                 ramdisk=self.out / "images/infotainment.ramdisk", bootargs="console=ttyAMA0 quiet panic=-1",
                                 properties=["xen,enhanced;"], children=shared_memory("borrower"))
        return [camera, infotainment]

    def start(self):
        for path in (path for p in self.board.partitions for _, path, _ in p.modules()):
            if not Path(path).exists():
                raise BoardError(f"{path} is missing: say `make demo-ivi`, which makes it")
        self.board.start()
        return self

    def stop(self):
        if self.monitor:
            self.monitor.close()
        self.board.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def expect(self, pattern, seconds, what):
        """Waits for a line of the camera; its groups as integers where they are numbers."""
        self.board.expect([rb"camera: " + pattern.encode()], self.board.scale(seconds), what)
        return [int(group) if group.isdigit() else group.decode() for group in self.board.child.match.groups()]

    def screenshot(self, path):
        """What the display shows, as PNG."""
        self.monitor = self.monitor or Monitor(self.scratch / "qmp")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.monitor.call("screendump", filename=str(Path(path).resolve()), format="png")

    def _focus(self, name):
        """Moves the console's input to a partition."""
        for _ in range(4):
            if name == self.focus:
                return
            self.board.send(SWITCH)
            self.board.expect([rb"\*\*\* input goes to ([^(\r\n]+) \(Ctrl-A"], self.board.scale(20), "moving the console's input")
            self.focus = self.board.child.match[1].decode()
        raise BoardError(f"the console's input does not go to {name}; log: {self.log}")

    def key(self, key):
        """A key on the console of the camera's partition."""
        self._focus("camera")
        self.board.send(key)

    def gear(self, letter):
        """Puts the gear in; (frame from which on it shows, milliseconds of board time)."""
        self.key(letter)
        return self.expect(rf"gear {letter.upper()} from frame (\d+) on at (\d+) ms", 20, f"gear {letter}")

    def type(self, text):
        """Types at the console of the infotainment."""
        self._focus("infotainment")
        self.board.send(text)

    def first_frame(self):
        """Nanoseconds of board time until the display showed the camera."""
        return self.expect(r"first frame at (\d+) ns", 30, "waiting for the camera's first frame")[0]

    def infotainment(self):
        """Milliseconds of board time until the infotainment showed its first picture, and until it asked for a login."""
        pictures, = self.expect(r"infotainment shows pictures at (\d+) ms", 120, "waiting for the infotainment's first picture")
        login, = self.expect(r"infotainment asks for a login at (\d+) ms", 120, "waiting for the infotainment's login")
        return pictures, login

    def log_in(self):
        """root has no password there."""
        self.type("\n")
        self.board.expect([rb"login: "], self.board.scale(30), "the infotainment's login")
        self.type("root\n")
        self.board.expect([rb"# "], self.board.scale(30), "the infotainment's shell")

    def crash(self):
        """The infotainment's kernel panics by sysrq; milliseconds of board time at which the camera missed its pictures."""
        self.type("echo c > /proc/sysrq-trigger\n")
        return self.expect(r"infotainment is silent at (\d+) ms", 60, "waiting for the infotainment's pictures to stop")[0]

    def status(self):
        """How the camera's partition does: a dictionary."""
        self.key("s")
        names = ("gear", "frame", "lost", "slowest_us", "pictures", "torn")
        return dict(zip(names, self.expect(r"gear (\w) frame (\d+) lost (\d+) slowest (\d+) us infotainment (\d+) torn (\d+)\s", 20,
                                           "asking the camera how it does")))

    def instructions(self):
        """Executed until each mark was first reached: {mark: all of them, and the hypervisor's own}."""
        found = {}
        for number, counters in counting.read_marks(self.marks):
            found.setdefault(number, counters)
        return found
