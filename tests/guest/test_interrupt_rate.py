# SPDX-License-Identifier: Apache-2.0
"""A partition's device that never stops interrupting: `vinci,interrupt-rate` bounds what it takes of its neighbour's time."""

import re

from partitions import Partition
from test_partitions import RTC

RATE = 1000
TENTH = RATE // 10
LIMIT = f"vinci,interrupt-rate = <{RATE}>;"
UNTIL = r"(took \d+ in 100 ms[^$]*){4}"
UNTIL_BESIDE = r"(\(beside\) took \d+ in 100 ms[^$]*){6}"
STORMS = [("alone", None, []), ("free", "line", []), ("limited", "line", [LIMIT])]


def in_a_tenth(outcome, name="storm"):
    """What it took in each tenth of a second but the first."""
    found = [int(n) for n in re.findall(rf"^\({name}\) took (\d+) in 100 ms$", outcome.text, re.MULTILINE)]
    assert len(found) >= 2, outcome.tail()
    return found[1:]


def test_a_line_that_stays_high(run_guest, out, tmp_path):
    """So many interrupts and no more, and they go on."""
    partial = tmp_path / "rtc.dts"
    partial.write_text(RTC)
    guest = str(out / "arm64/guests/storm.img")
    taken = {}
    for word, properties in (("free", []), ("limited", [LIMIT])):
        storm = Partition("storm", guest, bootargs="line", device_tree=partial, properties=properties)
        outcome = run_guest(None, timeout=60, partitions=[storm],
                            tree_source="/ { pl031@9010000 { xen,passthrough; }; };", until=UNTIL)
        taken[word] = in_a_tenth(outcome)
    assert min(taken["free"]) > 50 * TENTH, taken
    assert all(0.9 * TENTH <= n <= 1.1 * TENTH for n in taken["limited"]), taken


def test_what_a_neighbour_gains(run_guest, out, tmp_path):
    """Both on one CPU, in instructions: a device without an end takes its owner's half of it; limited, next to nothing."""
    partial = tmp_path / "rtc.dts"
    partial.write_text(RTC)
    guest = str(out / "arm64/guests/storm.img")
    turns = {}
    for case, word, properties in STORMS:
        partitions = [Partition("beside", guest, bootargs="beside")]
        if word:
            partitions.append(Partition("storm", guest, bootargs=word, device_tree=partial, properties=properties))
        outcome = run_guest(None, timeout=60, partitions=partitions, until=UNTIL_BESIDE,
                            tree_source="/ { pl031@9010000 { xen,passthrough; }; };")
        found = in_a_tenth(outcome, "beside")
        turns[case] = sum(found) / len(found)
    print(turns)
    assert 0.4 * turns["alone"] < turns["free"] < 0.6 * turns["alone"], turns
    assert turns["limited"] > 0.97 * turns["alone"], turns


def test_messages(run_guest, out):
    """Each is an interrupt of the hypervisor; with a limit the host's ITS masks what is early."""
    guest, results = str(out / "arm64/guests/storm.img"), {}
    for word, properties in (("free", []), ("limited", [LIMIT])):
        storm = Partition("storm", guest, bootargs="messages", device_tree="tools/pci_bridge.dts", properties=properties)
        outcome = run_guest(None, icount=False, machine="virt,virtualization=on,gic-version=3,iommu=smmuv3", timeout=60,
                            extra=["-device", "edu,addr=2"], partitions=[storm], until=UNTIL,
                            tree_source="/ { pcie@10000000 { xen,passthrough; }; };")
        results[word] = in_a_tenth(outcome)
    assert max(results["free"]) > 3 * TENTH, results
    assert max(results["limited"]) <= 1.5 * TENTH and min(results["limited"]) > 0, results
