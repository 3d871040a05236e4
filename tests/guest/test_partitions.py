# SPDX-License-Identifier: Apache-2.0
"""Static domains of the board's device tree: alone, together, beside dom0; and what is said of bad ones."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from partitions import Partition

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from counting import elf_range                      # noqa: E402


@pytest.fixture
def guest(out):
    return str(out / "arm64/guests/partition.img")


def said(outcome, name):
    """The lines of a partition, without its prefix."""
    return re.findall(rf"^\({name}\) (.*)$", outcome.text, re.MULTILINE)


def of_hypervisor(outcome):
    return re.findall(r"^\(Vinci\) (.*)$", outcome.text, re.MULTILINE)


def started(outcome):
    return [line.split()[1].rstrip(":") for line in of_hypervisor(outcome) if line.endswith("started") and line.startswith("partition")]


@pytest.mark.quick
def test_one_without_dom0(run_guest, guest):
    outcome = run_guest(None, partitions=[Partition("alone", guest, bootargs="hello world stay")], until=r"\(alone\) done")
    assert said(outcome, "alone")[0] == 'partition: "hello world stay"', outcome.tail()
    assert "memory 0x40000000-0x407fffff, foreign words: 0" in said(outcome, "alone")
    assert "hypervisor node: no" in said(outcome, "alone")


@pytest.mark.parametrize("smp, gic", [(1, 3), (1, 2), (2, 3)])
def test_two_in_order_of_priority(run_guest, guest, tmp_path, smp, gic):
    ramdisk = tmp_path / "ramdisk"
    ramdisk.write_bytes(bytes(range(256)) * 100 + b"end")
    checksum = 0
    for byte in ramdisk.read_bytes():
        checksum = (checksum * 31 + byte) & 0xFFFFFFFF
    partitions = [Partition("late", guest, cpus=3, bootargs="cpus stay"),
                  Partition("soon", guest, memory=16384, ramdisk=ramdisk, bootargs="stay",
                            properties=["vinci,priority = <7>;", "xen,enhanced;"])]
    outcome = run_guest(None, smp=smp, icount=False, machine=f"virt,virtualization=on,gic-version={gic}", partitions=partitions,
                        until=r"\(soon\) done.*\(late\) done|\(late\) done.*\(soon\) done")
    assert started(outcome) == ["soon", "late"], outcome.tail()
    assert "memory 0x40000000-0x40ffffff, foreign words: 0" in said(outcome, "soon")
    assert f"ramdisk {256 * 100 + 3} bytes, sum 0x{checksum:x}" in said(outcome, "soon")
    assert "hypervisor node: yes" in said(outcome, "soon")
    assert "further vCPUs: 2 started, 2 ran" in said(outcome, "late")


def test_pinned_to_another_cpu(run_guest, guest):
    """Who cannot run on CPU 0 waits for the others; who can run nowhere is refused."""
    partitions = [Partition("away", guest, cpus=2, bootargs="cpus stay", properties=['vinci,priority = <2>;', 'vinci,pin = "1", "0-1";']),
                  Partition("here", guest, bootargs="stay", properties=['vinci,priority = <1>;', 'vinci,pin = "0";']),
                  Partition("nowhere", guest, bootargs="stay", properties=['vinci,pin = "7";'])]
    outcome = run_guest(None, smp=2, partitions=partitions, until=r"\(away\) done.*\(here\) done|\(here\) done.*\(away\) done")
    assert started(outcome) == ["away", "here"], outcome.tail()
    assert "further vCPUs: 1 started, 1 ran" in said(outcome, "away")
    assert any("partition nowhere: its vCPUs (cpus, vinci,pin" in line for line in of_hypervisor(outcome))


STATIC = """#xen,static-mem-address-cells = <1>; #xen,static-mem-size-cells = <1>;
xen,static-mem = <0x60000000 0x400000 0x61000000 0x400000>;"""


@pytest.mark.parametrize("direct", [False, True])
def test_memory_of_somebody_before_is_not_seen(run_guest, guest, tmp_path, direct):
    """All memory that partitions may get was filled by the loader."""
    old = tmp_path / "old"
    old.write_bytes(b"old byte" * (96 * 1024 * 128))
    place = STATIC + (" direct-map;" if direct else "")
    outcome = run_guest(None, partitions=[Partition("fixed", guest, bootargs="stay", properties=[place]),
                                          Partition("anywhere", guest, memory=64 * 1024, bootargs="stay")],
                        extra=["-device", f"loader,file={old},addr=0x60000000,force-raw=on"],
                        until=r"\(fixed\) done.*\(anywhere\) done|\(anywhere\) done.*\(fixed\) done")
    ranges = (["0x60000000-0x603fffff", "0x61000000-0x613fffff"] if direct else
              ["0x40000000-0x403fffff", "0x40400000-0x407fffff"])
    for where in ranges:
        assert f"memory {where}, foreign words: 0" in said(outcome, "fixed"), outcome.tail()
    assert "memory 0x40000000-0x43ffffff, foreign words: 0" in said(outcome, "anywhere"), outcome.tail()


def test_a_hundred(run_guest, guest):
    """Each runs; the one with the highest priority, the last of the tree, is the first."""
    partitions = [Partition(f"p{n}", guest, memory=1024, bootargs="stay", properties=["vinci,priority = <1>;"] if n == 99 else [])
                  for n in range(100)]
    outcome = run_guest(None, partitions=partitions, mem=1024, timeout=120, icount=False, until=r"\(p98\) done")
    assert started(outcome) == ["p99"] + [f"p{n}" for n in range(99)], outcome.tail()
    for n in range(99):
        assert f'partition: "stay"' in said(outcome, f"p{n}"), outcome.tail()


def test_beside_dom0(run_guest, guest):
    outcome = run_guest("timer", partitions=[Partition("beside", guest, bootargs="stay")])
    outcome.assert_passed()
    assert started(outcome) == ["beside"], outcome.tail()


RTC = """/dts-v1/;
/ {
    #address-cells = <2>; #size-cells = <2>;
    passthrough {
        compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>;
        rtc@10010000 {
            compatible = "arm,pl031"; reg = <0 0x10010000 0 0x1000>; interrupts = <0 2 4>; interrupt-parent = <0xfde8>;
            xen,reg = <0 0x9010000 0 0x1000 0 0x10010000>; xen,path = "/pl031@9010000"; xen,force-assign-without-iommu;
        };
    };
};"""


def test_a_device_and_its_interrupt(run_guest, guest, tmp_path):
    """The board's clock belongs to the first; the second, which wants it too, is refused; dom0 does not see it."""
    partial = tmp_path / "rtc.dts"
    partial.write_text(RTC)
    partitions = [Partition("owner", guest, device_tree=partial, bootargs="rtc stay"),
                  Partition("envious", guest, device_tree=partial, bootargs="rtc stay")]
    outcome = run_guest(None, partitions=partitions, icount=False, tree_source="/ { pl031@9010000 { xen,passthrough; }; };",
                        until=r"\(owner\) done")
    assert "rtc at 0x10010000, id 0x31, interrupt 34" in said(outcome, "owner"), outcome.tail()
    assert "rtc: 1 alarms" in said(outcome, "owner"), outcome.tail()
    assert started(outcome) == ["owner"]
    assert any("/chosen/envious: interrupt 34 is given to two domains, here and in /chosen/owner" in line for line in of_hypervisor(outcome))


def entries(profile, elf):
    """How often the hypervisor was entered from a guest: the first instructions of the vectors for a lower level (DDI 0487, D1.10.2)."""
    table = subprocess.run(["aarch64-linux-gnu-nm", str(elf)], check=True, capture_output=True, text=True).stdout
    start = int(re.search(r"^(\w+) \w vectors$", table, re.MULTILINE)[1], 16)
    counts = {int(address, 16): int(count) for address, count in (line.split() for line in profile.read_text().splitlines())}
    return {kind: counts.get(start + offset, 0) for kind, offset in (("synchronous", 0x400), ("IRQ", 0x480), ("FIQ", 0x500), ("SError", 0x580))}


@pytest.mark.parametrize("gic, smp", [(3, 1), (2, 1), (3, 2)])
def test_null_leaves_a_partition_alone(run_guest, guest, tmp_path, out, gic, smp):
    """Pinned under null with a device and a timer of its own, its CPU enters the hypervisor once for each of their interrupts in a quarter
    of a second, and for nothing else."""
    plugin, profile, elf = out / "bench/libprofile.so", tmp_path / "profile", out / "arm64/vinci.elf"
    subprocess.run(["make", "-s", f"O={out}", str(plugin)], check=True, timeout=300, cwd=Path(__file__).resolve().parents[2])
    begin, end = elf_range(elf)
    partial = tmp_path / "rtc.dts"
    partial.write_text(RTC)
    alone = Partition("alone", guest, device_tree=partial, bootargs="rtc steady stay", properties=[f'vinci,pin = "{smp - 1}";'])
    outcome = run_guest(None, partitions=[alone], smp=smp, machine=f"virt,virtualization=on,gic-version={gic}",
                        options="sched=null", tree_source="/ { pl031@9010000 { xen,passthrough; }; };", until=r"\(alone\) done", timeout=120,
                        extra=["-rtc", "clock=vm", "-plugin", f"{plugin},hv_start={begin:#x},hv_end={end:#x},first={0x64},last={0x65},out={profile}"])
    assert "rtc: 1 alarms" in said(outcome, "alone") and profile.exists(), outcome.tail()
    steady = [re.match(r"steady: (\d+) interrupts of the device, (\d+) of the timer", line) for line in said(outcome, "alone")]
    device, timer = next((int(m[1]), int(m[2])) for m in steady if m)
    assert device == 100 and timer >= 20, outcome.tail()
    assert entries(profile, elf) == {"synchronous": 0, "IRQ": device + timer, "FIQ": 0, "SError": 0}


BAD = [
    (Partition("typed", "G", memory=None, properties=['memory = "lots";']), r'/chosen/typed: memory = "lots": expects'),
    (Partition("crowd", "G", cpus=65), r"/chosen/crowd: cpus = <0x41>: expects"),
    (Partition("empty"), r"/chosen/empty: no kernel"),
    (Partition("huge", "G", memory=1 << 29), r"partition huge: its memory could not be set up"),
    (Partition("tiny", "G", memory=64), r"partition tiny: memory of 64 KiB is too little"),
    (Partition("text", "README.md"), r"partition text: kernel at 0x\w+: it is no arm64 Linux Image"),
    (Partition("twin", "G", properties=['vinci,name = "good";']), r'/chosen/twin: vinci,name "good" is the name of /chosen/good already'),
    (Partition("over", "G", properties=["xen,static-mem = <0 0x40000000 0 0x800000>;"]),
     r"/chosen/over: xen,static-mem 0x40000000, 0x800000 bytes, lies over"),
    (Partition("mapped", "G", properties=["direct-map;"]), r"/chosen/mapped: direct-map needs xen,static-mem"),
]


def test_bad_ones_are_named_and_the_others_run(run_guest, guest):
    for partition, _ in BAD:
        partition.kernel = partition.kernel.replace("G", guest) if partition.kernel == "G" else partition.kernel
    partitions = [Partition("good", guest, bootargs="stay", properties=["vinci,prioritty = <1>;"])] + [p for p, _ in BAD]
    outcome = run_guest(None, partitions=partitions, until=r"\(good\) done")
    lines = of_hypervisor(outcome)
    begin = next(n for n, line in enumerate(lines) if line.startswith("partition good: d"))
    assert not any("/chosen/" in line and "/chosen/good:" not in line for line in lines[:begin]), "others are looked at before the first runs"
    for partition, pattern in BAD:
        found = [line for line in lines if re.search(pattern, line)]
        assert len(found) == 1, f"{partition.name}: {pattern}: {found}\n{outcome.tail(60)}"
    assert any("vinci,prioritty is not known, ignored: did you mean vinci,priority?" in line for line in lines)
    assert started(outcome) == ["good"]


def test_a_hundred(run_guest, guest):
    partitions = [Partition(f"p{n}", guest, memory=2048, bootargs="stay", properties=[f"vinci,priority = <{n % 10}>;"]) for n in range(100)]
    outcome = run_guest(None, partitions=partitions, timeout=120, icount=False, until=r"\(p90\) done")
    order = [int(name[1:]) for name in started(outcome)]
    assert order == sorted(range(100), key=lambda n: (-(n % 10), n)), outcome.tail()


def test_none_at_all(run_guest):
    outcome = run_guest(None)
    assert "boot stops: no dom0" in outcome.text, outcome.tail()
