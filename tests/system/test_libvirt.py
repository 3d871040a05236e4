# SPDX-License-Identifier: Apache-2.0
"""Debian's libvirt in dom0: a guest's whole life by virsh, its console by a person's hands. And Xen's less known programs."""

import re
import time
import xml.etree.ElementTree as tree

import pytest

BOARD = {"smp": 1, "mem": 1536, "dom0_mem": 640, "dom0": "dom0-libvirt"}

GUEST = """<domain type="xen">
  <name>virt</name>
  <memory unit="MiB">128</memory>
  <vcpu>2</vcpu>
  <os>
    %s
    <kernel>/srv/cloud.kernel</kernel>
    <initrd>/srv/cloud.ramdisk</initrd>
    <cmdline>console=hvc0 panic=1 vinci.test=1 vinci.name=virt</cmdline>
  </os>
  <devices>
    <console type="pty"><target type="xen"/></console>
    <interface type="bridge"><source bridge="xenbr0"/></interface>
  </devices>
</domain>
"""


def virsh(board, command, timeout=60):
    return board.out_of(f"virsh -c xen:///system {command}", timeout=timeout)


def table(board, command):
    """What virsh shows as "Name: value" lines."""
    return dict(re.findall(r"^([^:\n]+): +(.*?)\r?$", virsh(board, command), re.M))


def states(board):
    """Every domain that libvirt knows, and its state."""
    return dict(re.findall(r"^ *(?:\d+|-) +(\S+) +(\S.*?)\r?$", virsh(board, "list --all"), re.M))


def test_host(dom0):
    assert re.search(r"Running hypervisor: Xen 4\.17", virsh(dom0, "version"))
    node = table(dom0, "nodeinfo")
    assert node["CPU model"] == dom0.MACHINE and node["CPU(s)"] == "1"
    kib, unit = node["Memory size"].split()
    assert unit == "KiB" and int(kib) // 1024 == dom0.mem - dom0.LEFT_OUT
    free = int(re.search(r"(\d+) KiB", virsh(dom0, "freecell"))[1])
    assert abs(free // 1024 - dom0.free_memory()) <= 1
    capabilities = tree.fromstring(virsh(dom0, "capabilities"))
    assert capabilities.find("host/cpu/arch").text == dom0.MACHINE
    assert dom0.MACHINE in [arch.get("name") for arch in capabilities.findall("guest/arch")]
    assert states(dom0) == {"Domain-0": "running"}


def console(board):
    """Types at the guest through `virsh console` and leaves it with its escape."""
    board.send("virsh -c xen:///system console virt; echo @'C'left\n")
    board.expect(rb"Escape character", board.scale(30), "virsh console")
    time.sleep(1)           # it throws away what was typed before it listens
    board.send("\necho to'ld'$((41+1))\n")
    board.expect(rb"told42", board.scale(30), "an answer on virsh's console")
    board.child.send(b"\x1d")
    board.expect(rb"@Cleft", board.scale(20), "leaving virsh's console with Ctrl-]")


def test_a_guest_from_define_to_undefine(dom0):
    before = dom0.host_memory()
    dom0.write("/tmp/virt.xml", GUEST % dom0.VIRT_TYPE)
    virsh(dom0, "define /tmp/virt.xml")
    assert states(dom0)["virt"] == "shut off"
    virsh(dom0, "start virt", timeout=90)
    dom0.wait_console("virt", "guest: virt ready")
    info = table(dom0, "dominfo virt")
    assert info["State"] == "running" and info["CPU(s)"] == "2" and info["Max memory"] == f"{128 * 1024} KiB"
    assert int(info["Id"]) == dom0.domid("virt")
    assert dom0.guest("virt", "grep -c ^processor /proc/cpuinfo; test -e /sys/class/net/eth0")[1].strip() == "2"
    assert re.search(r"bridge +xenbr0", virsh(dom0, "domiflist virt"))
    virsh(dom0, "vcpupin virt 0 0")
    assert len(re.findall("CPU Affinity: +y", virsh(dom0, "vcpuinfo virt"))) == 2
    virsh(dom0, "suspend virt")
    assert states(dom0)["virt"] == "paused" and dom0.domains()["virt"]["state"][2] == "p"
    virsh(dom0, "resume virt")
    console(dom0)
    virsh(dom0, "destroy virt")
    assert states(dom0)["virt"] == "shut off"
    virsh(dom0, "undefine virt")
    assert states(dom0) == {"Domain-0": "running"}
    assert dom0.host_memory() == before


def test_xens_other_programs(dom0):
    """What looks into guests works; what asks for a build with counters, locks' statistics or patches is told no."""
    number = dom0.create("nap", kernel="nap", memory=16)
    assert re.search(dom0.XENCTX, dom0.out_of(f"xenctx {number}"))
    assert re.search(r"max.*64", dom0.out_of(f"xen-diag gnttab_query_size {number}"))
    for refused in ("xenlockprof", "xencov reset", "xen-livepatch list"):
        assert re.search("not implemented|not supported", dom0.run(f"{refused} 2>&1")[1]), refused
    dom0.out_of("xenwatchdogd 60 20 && sleep 1 && kill $(pidof xenwatchdogd)")
    dom0.destroy("nap")


@pytest.mark.long
def test_reboot_and_shutdown(dom0):
    dom0.write("/tmp/virt.xml", GUEST % dom0.VIRT_TYPE)
    virsh(dom0, "create /tmp/virt.xml", timeout=90)
    dom0.wait_console("virt", "guest: virt ready")
    first = dom0.domid("virt")
    virsh(dom0, "reboot virt")
    dom0.poll(f"test $(xl domid virt) -gt {first}", 60, "waiting for virt to come again")
    dom0.poll(f"test $(grep -c 'guest: virt ready' /var/log/xen/console/guest-virt.log) -ge 2", 60, "virt's second start")
    virsh(dom0, "shutdown virt")
    dom0.gone("virt", 60)
    dom0.poll("! virsh -c xen:///system list --all | grep -q virt", 30, "libvirt to see it gone")
