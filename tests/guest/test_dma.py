# SPDX-License-Identifier: Apache-2.0
"""Devices that are told to reach memory which is not their owner's: the IOMMU refuses, the log says so."""

import re
import subprocess
from pathlib import Path

import pytest
from board_x86 import CPU, pc

from partitions import Partition

ROOT_TREE = "/ { pcie@10000000 { xen,passthrough; }; };"
BRIDGE = "tools/pci_bridge.dts"


@pytest.fixture
def disk(tmp_path):
    """A disk whose sectors hold i * 7 at byte i."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(i * 7 & 255 for i in range(512)) * 64)
    return ["-drive", f"if=none,id=d,file={image},format=raw,snapshot=on",
            "-device", "virtio-blk-pci,drive=d,disable-legacy=on,iommu_platform=on"]


def board(iommu=True):
    return "virt,virtualization=on,gic-version=3" + (",iommu=smmuv3" if iommu else "")


@pytest.fixture(autouse=True)
def _only_here(hypervisor):
    if hypervisor == "xen":
        pytest.skip("Debian's Xen is built without the driver")


@pytest.mark.parametrize("smp", [1, 2])
def test_granted_pages_only(run_guest, disk, smp):
    outcome = run_guest("dma_attack", timeout=60, smp=smp, icount=False, machine=board(), extra=disk)
    outcome.assert_passed()
    assert re.search(r"\(Vinci\) SMMUv3 0: stream 0x8 of d0: write at 0x[0-9a-f]+ refused: not mapped", outcome.text), outcome.tail()
    assert re.search(r"\(Vinci\) SMMUv3 0: stream 0x8 of d0: write at 0x[0-9a-f]+ refused: not permitted", outcome.text), outcome.tail()


def attacker(out, more="", properties=()):
    return Partition("attacker", str(out / "arm64/guests/dma_attack.img"), bootargs=f"partition {more}".strip(), device_tree=BRIDGE,
                     properties=list(properties))


def test_partition_reaches_its_memory_and_no_more(run_guest, out, disk):
    outcome = run_guest(None, timeout=60, icount=False, machine=board(), extra=disk, partitions=[attacker(out)],
                        tree_source=ROOT_TREE, until=r"DONE \d")
    assert re.search(r"\(Vinci\) SMMUv3 0: stream 0x8 of d1: write at 0x60000000 refused: not mapped", outcome.text), outcome.tail()
    assert "d1: ITS command 0x8 for device 0x10000 refused: the device is not its own" in outcome.text, outcome.tail()
    assert "(attacker) DONE 5 passed, 0 failed" in outcome.text, outcome.tail()


def test_device_works_in_the_next_life(run_guest, out, disk):
    """It crashes and is restarted: its disk was stopped, and is its own again."""
    crashing = attacker(out, "crash", ["vinci,restart-limit = <1 60>;"])
    outcome = run_guest(None, timeout=60, icount=False, machine=board(), extra=disk, partitions=[crashing], tree_source=ROOT_TREE,
                        until="stays stopped")
    assert outcome.text.count(" DONE 5 passed, 0 failed") == 2, outcome.tail()
    assert "runs again" in outcome.text, outcome.tail()


def test_refused_without_an_iommu(run_guest, out, disk):
    """The others run; with the word that says so the device is given all the same."""
    guest = str(out / "arm64/guests/partition.img")
    outcome = run_guest(None, timeout=60, machine=board(iommu=False), extra=disk, tree_source=ROOT_TREE, until=r"\(other\) done",
                        partitions=[attacker(out), Partition("other", guest, bootargs="stay")])
    assert "device /pcie@10000000 is behind no IOMMU" in outcome.text, outcome.tail()
    assert "(attacker) PASS" not in outcome.text, outcome.tail()


def functions(tmp_path, *names):
    """A partial tree that gives these functions."""
    tree = tmp_path / f"{'-'.join(names).replace(':', '.')}.dts"
    tree.write_text(Path("tools/pci_functions.dts").read_text().replace('"00:01.0"', ", ".join(f'"{name}"' for name in names)))
    return str(tree)


def owner(name, out, tree, words="", properties=()):
    return Partition(name, str(out / "arm64/guests/dma_attack.img"), bootargs=f"partition {words}".strip(), device_tree=tree,
                     properties=list(properties))


@pytest.fixture
def disks(tmp_path):
    """Two of them, functions 00:01.0 and 00:02.0."""
    both = []
    for n in (0, 1):
        image = tmp_path / f"disk{n}.img"
        image.write_bytes(bytes(i * 7 & 255 for i in range(512)) * 64)
        both += ["-drive", f"if=none,id=f{n},file={image},format=raw,snapshot=on",
                 "-device", f"virtio-blk-pci,drive=f{n},disable-legacy=on,iommu_platform=on,addr={n + 1}"]
    return both


def test_functions_of_one_bridge(run_guest, out, disks, tmp_path):
    """Two partitions have a disk each behind the same bridge: each works, reaches its owner's memory and not the other's (at 0x60000000 of the
    host), and messages are its owner's.
    One crashes twice and its disk works again, while the other's stays."""
    one = owner("one", out, functions(tmp_path, "00:01.0"), "crash", ["vinci,restart-limit = <1 60>;"])
    two = owner("two", out, functions(tmp_path, "00:02.0"), properties=[
        "#xen,static-mem-address-cells = <2>; #xen,static-mem-size-cells = <2>; xen,static-mem = <0 0x60000000 0 0x800000>;"])
    outcome = run_guest(None, timeout=60, icount=False, machine=board(), extra=disks, partitions=[one, two], tree_source=ROOT_TREE,
                        until="stays stopped")
    for stream, domain in (("0x8", "d1"), ("0x10", "d2")):
        assert f"stream {stream} of {domain}: write at 0x60000000 refused: not mapped" in outcome.text, outcome.tail()
    assert outcome.text.count("(one) DONE 5 passed, 0 failed") == 2, outcome.tail()
    assert outcome.text.count("(two) DONE 5 passed, 0 failed") == 1, outcome.tail()


NO_FUNCTION = [
    ("00:09.0", "PCI function 00:09.0 of /pcie@10000000: there is none"),
    ("00:03.0", "PCI function 00:03.0 of /pcie@10000000: it is a bridge"),
    ("01:00.0", "only functions of the bridge's bus 00 can be given"),
    ("00:1.0", 'expects bus:device.function, such as "00:02.0"'),
    ("00:01.1", "lacks function 0 of a device"),
]


@pytest.mark.parametrize("name, line", NO_FUNCTION, ids=[name for name, _ in NO_FUNCTION])
def test_a_function_that_cannot_be_given(run_guest, out, disks, tmp_path, name, line):
    """One line, and the other partition runs."""
    bad, good = owner("bad", out, functions(tmp_path, name)), owner("good", out, functions(tmp_path, "00:02.0"))
    outcome = run_guest(None, timeout=60, icount=False, machine=board(), extra=[*disks, "-device", "pcie-root-port,addr=3"],
                        partitions=[bad, good], tree_source=ROOT_TREE, until=r"DONE \d")
    assert line in outcome.text, outcome.tail()
    assert "(good) DONE 5 passed, 0 failed" in outcome.text and "(bad)" not in outcome.text, outcome.tail()


def test_a_function_given_twice(run_guest, out, disks, tmp_path):
    tree = functions(tmp_path, "00:01.0")
    outcome = run_guest(None, timeout=60, icount=False, machine=board(), extra=disks, partitions=[owner("one", out, tree), owner("two", out, tree)],
                        tree_source=ROOT_TREE, until=r"DONE \d")
    assert re.search(r"/chosen/\S+: PCI function 00:01.0 of /pcie@10000000 \(vinci,pci\) is given to two domains, here and in", outcome.text), outcome.tail()
    assert "(one) DONE 5 passed, 0 failed" in outcome.text and "(two)" not in outcome.text, outcome.tail()


def test_a_function_without_an_iommu(run_guest, out, disks, tmp_path):
    outcome = run_guest(None, timeout=60, machine=board(iommu=False), extra=disks, tree_source=ROOT_TREE, until=r"\(other\) done",
                        partitions=[owner("one", out, functions(tmp_path, "00:01.0")),
                                    Partition("other", str(out / "arm64/guests/partition.img"), bootargs="stay")])
    assert "device /pcie@10000000 00:01.0 is behind no IOMMU" in outcome.text, outcome.tail()
    assert "(one) PASS" not in outcome.text, outcome.tail()


def run_x86(out, disk, iommu, words="guest", options="", smp=1):
    """What the board says on which the guest is dom0, with 512 MiB, until it has switched it off."""
    command = [*pc(CPU, smp), *(["-device", iommu] if iommu else []), *disk, "-kernel", f"{out}/x86_64/vinci", "-append",
               f"console=com1 com1=115200 dom0_mem=128M {options}", "-initrd", f"{out}/x86_64/guests/dma_attack.elf {words}"]
    log = out / f"logs/guest/x86_dma_{(iommu or 'none').replace(',', '_')}_{words}_{smp}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as stream:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.DEVNULL, timeout=60, check=False)
    return log.read_text(errors="replace").replace("\r", "")


@pytest.mark.parametrize("iommu", ["amd-iommu", "intel-iommu,aw-bits=48", "intel-iommu,aw-bits=39,caching-mode=on"])
@pytest.mark.parametrize("smp", [1, 2])
def test_granted_pages_only_on_a_pc(out, disk, iommu, smp):
    """dom0's devices are told dom0's own addresses there. QEMU's AMD-Vi reports nothing."""
    said = run_x86(out, disk, iommu, smp=smp)
    assert "DONE 22 passed, 0 failed" in said, said
    if not iommu.startswith("amd"):
        for place in ("0xa0003000", "0x18000000", "0xfec00000"):
            assert re.search(rf"\(Vinci\) VT-d 0: device .* of d0: write at {place} refused", said), said


def test_no_iommu_no_grants(out, disk):
    """Nothing keeps the disk to what is granted: no page is."""
    for iommu, options in (None, ""), ("amd-iommu", "iommu=off"):
        said = run_x86(out, disk, iommu, "refused", options)
        assert "DONE 7 passed, 0 failed" in said and "grant maps are refused" in said, said
