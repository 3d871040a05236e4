# SPDX-License-Identifier: Apache-2.0
"""Four CPUs in pools: made, filled, emptied; guests that are born in one and move while they work; the null scheduler."""

import re

BOARD = {"smp": 4, "mem": 1536, "dom0_mem": 512}


def pools(dom0):
    """name -> (CPUs, scheduler, domains)"""
    rows = re.findall(r"^(\S+) +(\d+) +(\S+) +[yn] +(\d+)", dom0.out_of("xl cpupool-list"), re.M)
    return {name: (int(cpus), scheduler, int(domains)) for name, cpus, scheduler, domains in rows}


def make_pool(dom0, name, scheduler, *cpus):
    for cpu in cpus:
        dom0.out_of(f"xl cpupool-cpu-remove Pool-0 {cpu}")
    words = ", ".join(f'"{cpu}"' for cpu in cpus)
    dom0.write(f"/tmp/{name}.pool", f'name="{name}"\nsched="{scheduler}"\ncpus=[{words}]\n')
    dom0.out_of(f"xl cpupool-create /tmp/{name}.pool")


def end_pool(dom0, name, *cpus):
    """Empty a pool whose guests are gone. A domain that has just ended may still count for a moment."""
    for cpu in cpus:
        dom0.poll(f"xl cpupool-cpu-remove {name} {cpu} && xl cpupool-cpu-add Pool-0 {cpu}", 20, f"taking CPU {cpu} from {name}")
    dom0.poll(f"xl cpupool-list {name} >/dev/null 2>&1 || exit 0; xl cpupool-destroy {name}", 20, f"ending {name}")
    assert pools(dom0)["Pool-0"][0] == 4


def where(dom0, guest):
    """The CPUs that xl vcpu-list shows for a guest, without those of vCPUs that are down."""
    return set(re.findall(rf"^{guest} +\d+ +\d+ +(\d+)", dom0.out_of(f"xl vcpu-list {guest}"), re.M))


def test_make_and_end(dom0):
    assert pools(dom0) == {"Pool-0": (4, "credit2", 1)}
    make_pool(dom0, "second", "credit2", 2, 3)
    assert pools(dom0) == {"Pool-0": (2, "credit2", 1), "second": (2, "credit2", 0)}
    text = dom0.out_of("xl cpupool-list -c")
    assert re.search(r"Pool-0 +0,1\s", text) and re.search(r"second +2,3\s", text)
    dom0.out_of("xl cpupool-rename second other")
    assert "other" in pools(dom0)
    end_pool(dom0, "other", 2, 3)
    assert list(pools(dom0)) == ["Pool-0"]


def test_refusals(dom0):
    dom0.write("/tmp/x.pool", 'name="x"\nsched="credit"\n')
    assert dom0.run("xl cpupool-create /tmp/x.pool")[0] != 0        # one that Debian's Xen has and Vinci has not
    dom0.write("/tmp/x.pool", 'name="x"\nsched="credit2"\n')
    dom0.out_of("xl cpupool-create /tmp/x.pool")
    assert dom0.run("xl cpupool-migrate Domain-0 x")[0] != 0
    dom0.create("nap", kernel="nap", memory=16)
    assert dom0.run("xl cpupool-migrate nap x")[0] != 0         # it has no CPU
    assert "Error" in dom0.run("xl cpupool-cpu-add x 1")[1]     # not free; xl ends well all the same
    dom0.destroy("nap")
    dom0.out_of("xl cpupool-destroy x")
    assert dom0.run("xl cpupool-destroy Pool-0")[0] != 0


def test_reservations(dom0, only_vinci):
    """rtds: what xl sets is what it shows, of a domain and of a vCPU, and what makes no sense is refused."""
    make_pool(dom0, "timed", "rtds", 3)
    dom0.create("there", memory=128, vcpus=2, more='pool="timed"')
    dom0.out_of("xl sched-rtds -d there -v all -p 20000 -b 5000 -e 0")
    shown = dom0.out_of("xl sched-rtds -d there -v all")
    assert shown.count("20000") == 2 and shown.count("5000") >= 2, shown
    dom0.out_of("xl sched-rtds -d there -v 1 -p 10000 -b 2500 -e 1")
    rows = [line.split() for line in dom0.out_of("xl sched-rtds -d there -v all").splitlines() if line.startswith("there")]
    assert [row[2:5] for row in rows] == [["0", "20000", "5000"], ["1", "10000", "2500"]], rows
    assert dom0.run("xl sched-rtds -d there -v 1 -p 1000 -b 2500")[0] != 0
    assert dom0.guest("there", "nproc")[1].strip() == "2"
    dom0.destroy("there")
    end_pool(dom0, "timed", 3)


def test_frames(dom0, only_vinci):
    """arinc653: the command shows what it has set, a guest runs in its windows, and what makes no sense is said and refused."""
    command = "/srv/vinci-arinc653"
    assert dom0.out_of(f"{command} --help").startswith("usage: vinci-arinc653")
    make_pool(dom0, "framed", "arinc653", 3)
    assert "framed" in dom0.out_of(command) and "no frame" in dom0.out_of(f"{command} framed")
    dom0.create("there", memory=128, more='pool="framed"')
    uuid = re.search(r"([0-9a-f-]{36}) .*there", dom0.out_of("xl vm-list"))[1]
    dom0.out_of(f"{command} framed 10000 {uuid}:0:6000 -:0:2000")
    assert dom0.out_of(f"{command} framed").split("\n")[:3] == [
        "major frame 10000 us", f"{uuid} vCPU 0: 6000 us", "ffffffff-ffff-ffff-ffff-ffffffffffff vCPU 0: 2000 us"]
    assert dom0.guest("there", "echo well", timeout=60)[1].strip() == "well"
    for words, said in (("framed 5000 -:0:6000", "windows are 6000 us long together, the major frame 5000"),
                        ("framed 0 -:0:9", "window 1: a window is 10 to"), ("framed 0 12ab:0:100", "window 1: a UUID has 32"),
                        ("framed 0 100", "window 1: a window is UUID:VCPU:US"), ("Pool-0 0 -:0:100", "does not run under arinc653"),
                        ("none 0 -:0:100", "there is no pool none"), ("framed " + "0 " + "-:0:10 " * 65, "64 windows at most")):
        status, text = dom0.run(f"{command} {words} 2>&1")
        assert status != 0 and said in text, (words, text)
    assert "major frame 10000 us" in dom0.out_of(f"{command} framed")
    dom0.destroy("there")
    end_pool(dom0, "framed", 3)


def test_born_in_a_pool(dom0):
    make_pool(dom0, "second", "credit2", 3)
    dom0.create("there", memory=128, vcpus=2, more='pool="second"')
    assert pools(dom0)["second"] == (1, "credit2", 1)
    assert where(dom0, "there") == {"3"}
    assert dom0.run("xl vcpu-pin there 0 1")[0] != 0            # not of its pool
    assert dom0.run("xl cpupool-cpu-remove second 3; xl cpupool-list second | grep -q ' 1 *credit2'")[0] == 0
    dom0.out_of("xl sched-credit2 -d there -w 512 -c 50")
    assert re.search(r"there +\d+ +512 +50", dom0.out_of("xl sched-credit2 -p second"))
    dom0.destroy("there")
    dom0.gone("there")
    end_pool(dom0, "second", 3)


def test_moves_while_it_works(dom0):
    make_pool(dom0, "second", "credit2", 2, 3)
    dom0.create("busy", memory=160, vcpus=2)
    dom0.guest("busy", "dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null; sha256sum /tmp/a > /tmp/sum; "
               "(while sha256sum -c /tmp/sum >/dev/null 2>&1; do sleep 0; done; echo bad > /tmp/bad) >/dev/null 2>&1 & true")
    for _ in range(8):
        dom0.out_of("xl cpupool-migrate busy second; xl cpupool-migrate busy Pool-0")
    dom0.out_of("xl cpupool-migrate busy second")
    assert dom0.guest("busy", "sleep 1; test ! -e /tmp/bad && echo well", timeout=60)[1].strip().endswith("well")
    assert where(dom0, "busy") <= {"2", "3"}
    dom0.out_of("xl cpupool-cpu-remove second 2")
    assert dom0.guest("busy", "test ! -e /tmp/bad && echo well", timeout=60)[1].strip().endswith("well")
    assert where(dom0, "busy") == {"3"}
    dom0.out_of("xl cpupool-cpu-add Pool-0 2")
    dom0.destroy("busy")
    dom0.gone("busy")
    end_pool(dom0, "second", 3)


def test_null_scheduler(dom0):
    make_pool(dom0, "quiet", "null", 2, 3)
    dom0.create("alone", memory=128, vcpus=2, more='pool="quiet"')
    assert where(dom0, "alone") == {"2", "3"}
    assert dom0.guest("alone", "nproc")[1].strip() == "2"
    # A vCPU that goes leaves its CPU to one that waits.
    dom0.create("nap", kernel="nap", memory=16, more='pool="quiet"')
    dom0.out_of("xl vcpu-set alone 1")
    dom0.poll("/usr/lib/vinci/guest-run alone 20 'test $(cat /sys/devices/system/cpu/online) = 0'", 40,
              "waiting for alone to have one CPU")
    dom0.poll("xl vcpu-list nap | grep -Eq 'nap +[0-9]+ +0 +3 +.b'", 20, "waiting for nap to run")
    dom0.destroy("alone", "nap")
    dom0.gone("alone")
    end_pool(dom0, "quiet", 2, 3)
