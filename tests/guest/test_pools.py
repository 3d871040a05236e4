# SPDX-License-Identifier: Apache-2.0
"""CPU pools of the board's device tree, each with its scheduler, and static domains in them."""

import re

from partitions import Partition


def tree(*pools):
    """Device tree source: pool i of (CPUs, further properties)."""
    nodes = ""
    for i, (cpus, more) in enumerate(pools):
        phandles = " ".join(f"&{{/cpus/cpu@{cpu}}}" for cpu in cpus)
        nodes += f'pool{i} {{ compatible = "xen,cpupool"; phandle = <{0x5000 + i}>; cpupool-cpus = <{phandles}>; {more} }};\n'
    return f"/ {{ chosen {{ {nodes} }}; }};"


def in_pool(name, i, guest, cpus=1, more=()):
    return Partition(name, guest, cpus=cpus, bootargs="cpus stay" if cpus > 1 else "stay",
                     properties=[f"domain-cpupool = <{0x5000 + i}>;", *more])


def test_one_of_each(run_guest, out):
    guest = str(out / "arm64/guests/partition.img")
    pools = tree(([1], 'cpupool-sched = "null";'), ([2], 'cpupool-sched = "rtds";'),
                 ([3], 'cpupool-sched = "arinc653"; vinci,major-frame = <10000>; vinci,windows = "framed:0:3000", "-:0:1000", "framed:1:2000";'))
    partitions = [Partition("usual", guest, bootargs="stay"), in_pool("alone", 0, guest), in_pool("timed", 1, guest, cpus=2, more=[
        "vinci,rtds = <10000 2000 0 20000 5000 1>;"]), in_pool("framed", 2, guest, cpus=2)]
    outcome = run_guest(None, smp=4, icount=False, partitions=partitions, tree_source=pools,
                        until="".join(rf"(?=.*\({p.name}\) done)" for p in partitions))
    for line in ("CPU pool 1 (pool0): 1 CPU, null", "CPU pool 2 (pool1): 1 CPU, rtds", "CPU pool 3 (pool2): 1 CPU, arinc653"):
        assert line in outcome.text, outcome.tail()
    for name in ("timed", "framed"):
        assert f"({name}) further vCPUs: 1 started, 1 ran" in outcome.text, outcome.tail()


def test_the_boot_cpu_and_what_is_wrong(run_guest, out):
    """The boot CPU's pool is pool 0; a pool that cannot be costs its CPUs and its domains, nobody else."""
    guest = str(out / "arm64/guests/partition.img")
    pools = tree(([0], 'cpupool-sched = "rtds";'), ([1], 'cpupool-sched = "credit3";'), ([0, 2], ""), ([2], ""))
    partitions = [in_pool("boot", 0, guest), in_pool("nowhere", 1, guest), in_pool("usual", 3, guest)]
    outcome = run_guest(None, smp=3, icount=False, partitions=partitions, tree_source=pools,
                        until=r"(?=.*\(boot\) done)(?=.*\(usual\) done)")
    assert "CPU pool 0 (pool0): 2 CPUs, rtds" in outcome.text, outcome.tail()
    assert re.search(r'/chosen/pool1: cpupool-sched = "credit3": expects', outcome.text)
    assert re.search(r"/chosen/pool2: cpupool-cpus = .*names a CPU of another pool", outcome.text)
    assert re.search(r"partition nowhere: its domain .*could not be set up", outcome.text)
