#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the same probes and the same dom0 on Debian's Xen and on Vinci; prints and keeps the table.

The raw figures of each side stay in OUT/bench/raw-NAME.json; the table of both goes to
bench/results/ARCH.json and ARCH.md. `--only` measures one side again and takes the other from
its last raw figures, which the table then says. `--steps` measures some rows again, for which no
raw figures are needed: they take their places in the table that there is.
"""

import argparse
import json
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "guest"))
sys.path.insert(0, str(ROOT / "bench"))
sys.path.insert(0, str(ROOT / "tools"))

import code_metrics                                 # noqa: E402
import counting                                     # noqa: E402
from machine import Machine, X86Machine             # noqa: E402
from masked import PROBES, SCENARIOS, Measurement    # noqa: E402
from partitions import Partition                    # noqa: E402
from rows import SPENT, rows_of                      # noqa: E402
from scenario import Scenario                       # noqa: E402

GROUPS = {"arm64": ["calls", "interrupts", "domains", "grants", "yield", "lateness", "many"],
          "x86_64": ["calls", "interrupts", "domains", "grants", "yield", "many"]}
MACHINES = {"arm64": Machine, "x86_64": X86Machine}
GUESTS = {"arm64": "arm64/guests/{}.img", "x86_64": "x86_64/guests/{}.elf"}
# The steps that an architecture has.
STEPS = {"arm64": ["image", "groups", "boot", "static_guest", "crossipi", "masked", "system"],
         "x86_64": ["image", "groups", "boot", "system"]}
NOT_EXACT, NOT_QUICK = ("crossipi",), ("system",)
RESULTS = ROOT / "bench" / "results"
BOARD_MIB, DOM0_MIB = 2048, 64
CROSS_ROUNDS = 1000
LARGE_KERNEL = 33_000_000


def say(text):
    print(text, flush=True)


class Side:
    """The measurements of one hypervisor: rows, and for what is missing a note by row or by group."""

    def __init__(self, hypervisor, out, arch="arm64"):
        self.hypervisor, self.out, self.arch = hypervisor, out, arch
        self.rows, self.notes, self.about = {}, {}, {}

    def machine(self, **settings):
        defaults = {"mem": BOARD_MIB, "dom0_mem": DOM0_MIB, "options": "dom0_max_vcpus=2"}
        if self.arch == "x86_64":
            defaults["until"] = r"DONE \d+ passed"      # the reference stops the processor rather than switch the board off
        image = str(counting.image(self.hypervisor, self.out, self.arch))
        return MACHINES[self.arch](out=self.out, hypervisor=image, **{**defaults, **settings})

    def run(self, machine, guest, name, timeout):
        return machine.run(self.out / GUESTS[self.arch].format(guest) if guest else None, self.log(name), timeout)

    def log(self, name):
        return self.out / f"logs/bench/{self.arch}/{name}-{self.hypervisor}.log"

    def groups(self):
        """Each group of the probe on its own machine, so that a failure costs one group."""
        for group in GROUPS[self.arch]:
            began = time.monotonic()
            outcome = self.run(self.machine(bootargs=group), "probe", f"probe-{group}", 240)
            self.rows.update(outcome.rows)
            self.notes.update(outcome.missing)
            if "DONE probe" not in outcome.text:
                last = [line for line in outcome.text.splitlines() if line.strip()][-1][:120]
                self.notes[group] = f"the probe stopped after: {last}"
            say(f"  {self.hypervisor}: probe {group} ({time.monotonic() - began:.0f} s)"
                + (f": {self.notes[group]}" if group in self.notes else ""))
        if "host_free_pages" in self.rows:
            self.rows["host_memory_mib"] = round(BOARD_MIB - DOM0_MIB - self.rows["host_free_pages"] / 256, 1)

    def counted(self, name, guest, timeout, **settings):
        """A machine with the counting plugin; its marks."""
        marks = self.out / f"bench/marks-{name}-{self.arch}-{self.hypervisor}.txt"
        marks.unlink(missing_ok=True)
        words = counting.plugin_words(self.hypervisor, self.out, marks.resolve(), self.arch, self.log(name))
        extra = settings.pop("extra", [])
        self.run(self.machine(extra=extra + words, **settings), guest, name, timeout)
        return counting.read_marks(marks) if marks.exists() else []

    def boot(self):
        """dom0's first instruction on boards of 2 and 4 GiB, with a dom0 of 64 MiB."""
        totals = []
        for mem in (BOARD_MIB, 2 * BOARD_MIB):
            try:
                marks = self.counted(f"boot-{mem}", "probe", 240, mem=mem, bootargs="calls")
                totals.append(counting.entry(marks)["total"] - self.before_image(marks))
                if self.arch == "x86_64" and mem == BOARD_MIB:
                    said = counting.at(marks, counting.SAID_MARK, "nothing was said")
                    self.rows["boot_to_banner"] = said["total"] - self.before_image(marks)
            except counting.CountingError as error:
                self.notes["boot"] = str(error)
                return
        self.rows["boot_to_dom0_64m"] = totals[0]
        self.rows["boot_scaling"] = round((totals[1] - totals[0]) / (BOARD_MIB / 1024))
        say(f"  {self.hypervisor}: boot")

    def before_image(self, marks):
        """What firmware and loader take, on x86-64; on arm64 there is none."""
        return 0 if self.arch == "arm64" else counting.at(marks, counting.IMAGE_MARK, "the image was never entered")["total"]

    def static_guest(self):
        """The first instruction of a static domain, without dom0: alone, with four behind it, and with much memory."""
        image = self.out / "arm64/guests/partition.img"
        place = "xen,static-mem = <0 0x60000000 0 0x4000000>;"
        for row, count, mib, properties in (("boot_to_static_guest", 1, 64, []), ("boot_to_static_guest_of_5", 5, 64, []),
                                            ("boot_to_static_guest_of_100", 100, 64, []),
                                            ("boot_to_static_guest_1g", 1, 1024, []), ("boot_to_static_guest_fixed", 1, 64, [place])):
            nodes = [Partition(f"p{n}", kernel=str(image), memory=mib << 10, vpl011=True, properties=properties) for n in range(count)]
            try:
                marks = self.counted(row, None, 25, partitions=nodes, options="", until="partition: ")
                self.rows[row] = counting.entry(marks)["total"]
            except counting.CountingError as error:
                self.notes[row] = str(error)
        self.static_linux()
        self.restart_copy()
        say(f"  {self.hypervisor}: static guest")

    def static_linux(self):
        """The same with a kernel whose copying is most of it."""
        linux = Partition("linux", kernel=str(self.out / "images/dom0.kernel"), memory=256 << 10, vpl011=True)
        try:
            marks = self.counted("boot_to_static_linux", None, 60, partitions=[linux], options="", until="Booting Linux")
            self.rows["boot_to_static_linux"] = counting.entry(marks)["total"]
        except counting.CountingError as error:
            self.notes["boot_to_static_linux"] = str(error)

    def restart_copy(self):
        """What a large kernel adds to a restart: from the end of one life to the next's first instruction, inside the hypervisor."""
        if self.hypervisor != "vinci":
            self.notes["static_guest_restart_copy"] = "a static domain that ends is not started again"
            return
        small = self.out / "arm64/guests/partition.img"
        large = self.out / "bench/large.img"
        large.write_bytes(small.read_bytes().ljust(LARGE_KERNEL, b"\x5a"))
        spent = []
        for kernel in (small, large):
            # A busy neighbour, so that no idle time goes into cleaning free memory.
            nodes = [Partition("busy", kernel=str(small), bootargs="tick", properties=["vinci,priority = <1>;"]),
                     Partition("again", kernel=str(kernel), memory=64 << 10, bootargs="bare reboot",
                               properties=["vinci,restart-limit = <1 60>;"])]
            marks = self.counted("static_guest_restart_copy", None, 60, partitions=nodes, options="", until="it stays stopped")
            spent += [found["hv"] for found in counting.between(marks, 1, 0)[:1]]
        if len(spent) == 2:
            self.rows["static_guest_restart_copy"] = spent[1] - spent[0]
        else:
            self.notes["static_guest_restart_copy"] = "the guest was not started again"

    def crossipi(self):
        marks = self.counted("crossipi", "crossipi", 120, smp=2, icount=False, mem=1024,
                             options="dom0_max_vcpus=2 dom0_vcpus_pin", extra=["-accel", "tcg,thread=single"])
        found = counting.between(marks, 1, 2)
        if found:
            self.rows["ipi_cross_cpu"] = round(found[0]["hv"] / CROSS_ROUNDS)
        else:
            self.notes["crossipi"] = "the guest did not finish on two CPUs"
        say(f"  {self.hypervisor}: crossipi" + (f": {self.notes['crossipi']}" if not found else ""))

    def image(self):
        header = self.machine().image().read_bytes()
        self.rows["image_bytes"] = len(header)
        if self.arch == "arm64":
            self.rows["resident_bytes"] = struct.unpack_from("<Q", header, 16)[0]

    def system(self):
        rows, notes = Scenario(self.out, self.hypervisor, say, arch=self.arch).run()
        self.rows.update(rows)
        self.notes.update(notes)

    def masked(self, quick):
        """The longest stretch with interrupts masked, over scenarios on boards of their own."""
        found = Measurement(self.hypervisor, self.out, say).run(PROBES if quick else SCENARIOS)
        self.notes.update(found.notes)
        longest, about = found.worst()
        if longest is not None:
            self.rows["irq_masked_longest"] = longest
            self.about["irq_masked_longest"] = about

    def measure(self, quick, exact_only=False, steps=None):
        image = self.machine().image()
        if not image.exists():
            self.notes["all"] = f"{image} is not built"
            say(f"  {self.hypervisor}: {self.notes['all']}")
            return self
        for step in steps or STEPS[self.arch]:
            if quick and step in NOT_QUICK:
                self.notes[step] = "left out by --quick"
            elif step == "masked":
                self.masked(quick)
            elif not (exact_only and step in NOT_EXACT):
                getattr(self, step)()
        return self

    def raw(self):
        return {"rows": self.rows, "notes": self.notes, "about": self.about, "taken": time.strftime("%Y-%m-%d %H:%M")}


def versions(out, arch):
    """What both sides were made and run with."""
    def first_line(*words):
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()[:1]

    machine, debian = {"arm64": ("aarch64", "arm64"), "x86_64": ("x86_64", "amd64")}[arch]
    found = first_line(f"qemu-system-{machine}", "--version") + first_line(f"{machine}-linux-gnu-gcc", "--version")
    for debs in (out / "debian" / "debs", out / arch / "debian" / "debs"):
        for pattern in (f"xen-hypervisor-4.17-{debian}_*", f"linux-image-6*-{debian}_*"):
            found += sorted(path.name.removesuffix(f"_{debian}.deb") for path in debs.glob(pattern) if "cloud" not in path.name)
    return found


def reason(side, row, where):
    """Why a side has no figure for a row."""
    notes = side.get("notes", {})
    for key in ("all", row, where):
        if key in notes:
            return notes[key]
    return "not measured" if where else None


def with_spent(note, arch, row, value, goal):
    """A row's note, which says where the instructions go while it is above its goal."""
    spent = SPENT[arch].get(row)
    if not spent:
        return note
    note = note.removesuffix(spent).removesuffix("; ")
    is_above = goal is not None and value is not None and value > goal
    return "; ".join(part for part in (note, spent if is_above else "") if part)


def build_table(raw, code, arch):
    """The list that goes to the JSON file."""
    table = []
    for row, unit, goal, where, note in rows_of(arch):
        values = {name: raw.get(name, {}).get("rows", {}).get(row) for name in ("xen", "vinci")}
        notes = [note] if note else []
        if where == "code":
            values["vinci"] = code_metrics.row(code, arch, row)
        else:
            for name in ("xen", "vinci"):
                if values[name] is None and (why := reason(raw.get(name, {}), row, where)):
                    notes.append(f"{name}: {why}")
        notes += [f"{name}: {about}" for name in raw if (about := raw[name].get("about", {}).get(row))]
        both = values["xen"] and values["vinci"] is not None
        table.append({"row": row, "unit": unit, "xen": values["xen"], "vinci": values["vinci"],
                      "ratio": float(f"{values['vinci'] / values['xen']:.3g}") if both else None, "goal": goal,
                      "note": with_spent("; ".join(notes), arch, row, values["vinci"], goal)})
    return table


def with_measured(kept, table, raw, arch):
    """The rows of `table` that were measured now, the others of `kept`; of a row that one side has, the other's figure stays."""
    old, rows = {item["row"]: item for item in kept}, []
    for item in table:
        sides = [name for name in raw if item["row"] in raw[name]["rows"]]
        before = old.get(item["row"])
        if not sides:
            rows += [before] if before else []
            continue
        for name in ("xen", "vinci"):
            if before and name not in sides:
                item[name] = before[name]
        item["ratio"] = float(f"{item['vinci'] / item['xen']:.3g}") if item["xen"] and item["vinci"] is not None else None
        note = before["note"] if before else item["note"]
        item["note"] = with_spent(note, arch, item["row"], item["vinci"], item["goal"])
        rows.append(item)
    return rows


def shown(value):
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value}"


BOARDS = {"arm64": "QEMU `virt`, GICv3, cortex-a57, one CPU", "x86_64": "QEMU `q35`, SVM with NPT and without next RIP, one CPU"}


ABOUT = {"x86_64": ["The exit rows come from a 64-bit guest: without next RIP the reference reads the instruction of nearly every exit "
                    "through the guest's page tables.",
                    "From a guest without paging its CPUID takes 2,681 and its RDTSC 2,608."]}


TABLE_HEAD = "| row | unit | Xen 4.17 | Vinci | ratio | goal | note |"


def table_lines(table):
    lines = [TABLE_HEAD, "|---|---|--:|--:|--:|--:|---|"]
    for item in table:
        cells = [item["row"], item["unit"], shown(item["xen"]), shown(item["vinci"]), shown(item["ratio"]),
                 shown(item["goal"]), item["note"]]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def with_table(page, table):
    """The page with another table; when and with what the rest was measured stays."""
    lines = page.splitlines()
    first = lines.index(TABLE_HEAD)
    last = next(n for n in range(first, len(lines) + 1) if n == len(lines) or not lines[n].startswith("|"))
    return "\n".join(lines[:first] + table_lines(table) + lines[last:]) + "\n"


def markdown(table, raw, rooms, out, arch):
    lines = [f"# Vinci beside Debian's Xen 4.17, {arch}", "",
             f"Instructions executed in the hypervisor on the same emulated board ({BOARDS[arch]}),",
             "by `make bench`. The ratio is Vinci's figure divided by Xen's. A dash: not measured, the note says why.",
             *ABOUT.get(arch, []), ""]
    lines += [f"- {name}: taken {raw[name]['taken']}" for name in raw]
    lines += [f"- {line}" for line in versions(out, arch)]
    lines += ["", *table_lines(table)]
    if arch == "arm64":
        lines += what_looks_free(raw)
    lines += ["", "## Size and shape of the code", "", code_metrics.table(rooms), "", code_metrics.shared_part(rooms), ""]
    return "\n".join(lines)


def what_looks_free(raw):
    lines = ["", "## What instruction counts make look free", "",
              "Per operation, inside the hypervisor: returns to a guest, TLB invalidations that every CPU takes part in and those of one CPU,",
              "barriers, accesses to the GIC's hypervisor registers.", "",
              "| row | eret xen / vinci | tlbi, all CPUs | tlbi, this CPU | dsb | ICH registers |", "|---|---|---|---|---|---|"]
    for row in ("xl_create", "xl_destroy", "pv_block_4k", "pv_block_1m_nonpersistent", "ping_round_trip", "tcp_tx_mib",
                "tcp_rx_mib"):
        lines.append(f"| {row} | " + " | ".join(counts(raw, row, kinds) for kinds in
                                               (["eret"], ["tlbi"], ["tlbi_local"], ["dsb"], ["ich_low", "ich_lr"])) + " |")
    return lines


def counts(raw, row, kinds):
    cells = []
    for name in ("xen", "vinci"):
        values = [raw.get(name, {}).get("rows", {}).get(f"{row}.{kind}") for kind in kinds]
        cells.append("–" if None in values else f"{sum(values):,.0f}")
    return " / ".join(cells)


def measure_steps(arguments, out):
    """Some rows again."""
    arch, names = arguments.arch, [arguments.only] if arguments.only else ["xen", "vinci"]
    raw = {name: Side(name, out, arch).measure(False, steps=arguments.steps).raw() for name in names}
    results, page = RESULTS / f"{arch}.json", RESULTS / f"{arch}.md"
    table = with_measured(json.loads(results.read_text()), build_table(raw, code_metrics.metrics(), arch), raw, arch)
    results.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    page.write_text(with_table(page.read_text(), table))
    for name in names:
        for row, value in raw[name]["rows"].items():
            say(f"  {name}: {row} {shown(value)}")
        for row, note in raw[name]["notes"].items():
            say(f"  {name}: {row}: {note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--arch", choices=sorted(STEPS), default="arm64")
    parser.add_argument("--only", choices=["xen", "vinci"], help="measure one side, keep the other's last figures")
    parser.add_argument("--quick", action="store_true", help="without the rows that need Linux")
    parser.add_argument("--steps", nargs="+", metavar="STEP", choices=sorted({step for steps in STEPS.values() for step in steps}),
                        help="measure these again, the other rows stay: " + ", ".join(STEPS["arm64"]))
    arguments = parser.parse_args()
    out, arch = arguments.out.resolve(), arguments.arch
    if arguments.steps:
        measure_steps(arguments, out)
        return
    raw = {}
    for name in ("xen", "vinci"):
        kept = out / (f"bench/raw-{name}.json" if arch == "arm64" else f"bench/raw-{arch}-{name}.json")
        if arguments.only in (None, name):
            raw[name] = Side(name, out, arch).measure(arguments.quick).raw()
            kept.write_text(json.dumps(raw[name], indent=1) + "\n")
        elif kept.exists():
            raw[name] = json.loads(kept.read_text())
    rooms = code_metrics.metrics()
    table = build_table(raw, rooms, arch)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{arch}.json").write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    text = markdown(table, raw, rooms, out, arch)
    (RESULTS / f"{arch}.md").write_text(text)
    say(text)


if __name__ == "__main__":
    main()
