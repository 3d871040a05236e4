#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a hypervisor keeps interrupts masked: the longest stretch, in instructions, over scenarios that stress it.

  bench/masked.py                     Vinci: the longest stretches of each scenario, with the functions they were spent in
  bench/masked.py --hypervisor xen    the reference, by address
  bench/masked.py --only crowd        one scenario
"""

import argparse
import bisect
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "guest"))
sys.path.insert(0, str(ROOT / "bench"))

import counting                                     # noqa: E402
from machine import Machine                         # noqa: E402
from profile import symbols                         # noqa: E402
from scenario import DOM0, BoardError, Scenario, initramfs          # noqa: E402

REPORT = 12_000
PROBES = ("crowd", "many", "domains", "grants")
SCENARIOS = ("dom0", *PROBES)
MEM, DOM0_MEM = 4096, 1024


class Busy(Scenario):
    """dom0 with xl on a board with room for a guest of 1 GiB; nothing is counted but the stretches."""

    def run(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.board = DOM0["arm64"](out=self.out, hypervisor=str(counting.image(self.hypervisor, self.out)),
                          log=self.log, mem=MEM, dom0_mem=DOM0_MEM, store="initrd", initrd=initramfs(self.out),
                          qemu=[*counting.ICOUNT, *self.qemu])
        self.board.options = f"console=dtuart dom0_mem={DOM0_MEM}M"
        step = None
        try:
            self.board.start()
            for step in (self.ready, self.large, self.start_guest, self.traffic):
                step()
        except (BoardError, counting.CountingError, OSError) as error:
            self.notes["masked"] = f"{step.__name__ if step else 'boot'}: {str(error).split('; log:')[0]}"
        finally:
            self.board.run("poweroff -f >/dev/null 2>&1 &", timeout=5) if self.board.child else None
            self.board.stop()
        return self.notes

    def ready(self):
        self.board.wait_ready(timeout=300)

    def large(self):
        """Twice: memory as the loader left it, and as the guest left it."""
        for memory in (256, 1024, 1024):
            self.board.out_of(f"sed 's/memory=.*/memory={memory}/' /srv/built.cfg > /tmp/large.cfg")
            self.board.out_of("xl create -q -p /tmp/large.cfg", timeout=180)
            self.board.out_of("xl destroy built", timeout=90)
            self.board.gone("built")

    def traffic(self):
        self.board.guest("io", "work block /dev/xvdb 4096 200", timeout=60)
        self.board.run("work serve 5001 >/dev/null 2>&1 &")
        self.board.guest("io", "work send 10.0.0.1 5001 4", timeout=120)
        self.board.guest("io", "work recv 10.0.0.1 5001 4", timeout=120)
        self.board.out_of("xl destroy io", timeout=60)


class Measurement:
    """One hypervisor: its scenarios, each on its own board, and what the plugin wrote about each."""

    def __init__(self, hypervisor, out, say=print):
        self.hypervisor, self.out, self.say = hypervisor, Path(out).resolve(), say
        self.longest, self.where, self.notes, self.stretches = {}, {}, {}, {}

    def plugin(self, path):
        start, end = counting.address_range(self.hypervisor, self.out)
        path.unlink(missing_ok=True)
        return ["-plugin", f"{self.out}/bench/libmasked.so,hv_start={start:#x},hv_end={end:#x},report={REPORT},out={path}"]

    def take(self, name, path):
        """(instructions, {address: instructions}) of each reported stretch; the longest of all."""
        found, longest = [], None
        for line in path.read_text().splitlines() if path.exists() else ():
            words = line.split()
            if words[0] == "LONGEST":
                longest = int(words[1])
            elif words[0] == "STRETCH" and len(words) > 2 and line[-1].isdigit():
                pairs = (word.split(":") for word in words[2:] if ":" in word)
                found.append((int(words[1]), {int(at, 16): int(count) for at, count in pairs}))
        if longest is None:
            self.notes[name] = "the plugin wrote nothing"
            return
        self.longest[name] = longest
        self.stretches[name] = sorted(found, key=lambda stretch: -stretch[0])

    def run(self, scenarios=SCENARIOS):
        for name in scenarios:
            began = time.monotonic()
            path = self.out / f"bench/masked-{name}-{self.hypervisor}.txt"
            words = self.plugin(path)
            if name == "dom0":
                self.notes.update(Busy(self.out, self.hypervisor, self.say, qemu=words).run())
            else:
                image = str(counting.image(self.hypervisor, self.out))
                machine = Machine(out=self.out, hypervisor=image, mem=2048, dom0_mem=64, options="dom0_max_vcpus=2",
                                  bootargs=name, extra=words)
                log = self.out / f"logs/bench/masked-{name}-{self.hypervisor}.log"
                machine.run(self.out / "arm64/guests/probe.img", log, 300)
            self.take(name, path)
            self.say(f"  {self.hypervisor}: masked {name}: {self.longest.get(name)} ({time.monotonic() - began:.0f} s)")
        return self

    def functions(self, blocks):
        """The functions that a stretch was spent in, most first."""
        counts = Counter()
        if self.hypervisor == "vinci":
            addresses, names = symbols(counting.image("vinci", self.out).with_suffix(".elf"))
            for at, count in blocks.items():
                counts[names[bisect.bisect_right(addresses, at) - 1]] += count
        else:
            counts.update({f"{at:#x}": count for at, count in blocks.items()})
        return counts.most_common(8)

    def worst(self):
        """(instructions, words about the longest stretch)."""
        if not self.longest:
            return None, None
        name = max(self.longest, key=self.longest.get)
        found = [blocks for total, blocks in self.stretches[name] if total == self.longest[name]]
        spent = ", ".join(function for function, _ in self.functions(found[0])[:3]) if found else "short ones only"
        return self.longest[name], f"the longest: {name}, in {spent}"


def report(measurement, most):
    for name, stretches in measurement.stretches.items():
        print(f"{name}: longest {measurement.longest[name]:,}; {len(stretches)} above {REPORT:,}")
        seen = set()
        for total, blocks in stretches:
            functions = measurement.functions(blocks)
            kind = tuple(function for function, _ in functions[:3])
            if kind not in seen and len(seen) < most:
                seen.add(kind)
                print(f"  {total:>8,}  " + ", ".join(f"{function} {count:,}" for function, count in functions))
    for name, note in measurement.notes.items():
        print(f"{name}: {note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hypervisor", choices=["xen", "vinci"], default="vinci")
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--only", choices=SCENARIOS)
    parser.add_argument("--most", type=int, default=12, help="kinds of stretches shown for each scenario")
    arguments = parser.parse_args()
    measurement = Measurement(arguments.hypervisor, arguments.out).run([arguments.only] if arguments.only else SCENARIOS)
    report(measurement, arguments.most)
    print("longest: {:,}; {}".format(*measurement.worst()))


if __name__ == "__main__":
    main()
