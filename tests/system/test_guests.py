# SPDX-License-Identifier: Apache-2.0
"""Linux guests' lives: start, console, shutdown, reboot, crash, pause, hot-plugged disks and networks, ballooning."""

import hashlib
import re
import time

import pytest

BOARD = {"smp": 1, "mem": 1536, "dom0_mem": 512}
VIF = "bridge=xenbr0"


@pytest.mark.quick
def test_guest_to_its_shell(dom0):
    dom0.create("one", vif=[VIF], extra="vinci.ip=10.0.0.11/24")
    assert dom0.CLOUD in dom0.guest("one", "uname -r")[1]
    assert dom0.guest("one", "cat /sys/hypervisor/type")[1].strip() == "xen"
    assert "0% packet loss" in dom0.out_of("ping -c 3 10.0.0.11")
    dom0.out_of("xl shutdown -w one", timeout=60)
    dom0.gone("one")


def test_shutdown_from_inside_and_reason(dom0):
    dom0.create("two", more='on_poweroff="preserve"')
    dom0.run("/usr/lib/vinci/guest-run two 1 'poweroff -f'")
    dom0.poll("xl list two | grep -q -- '--ps--\\|---s--'", 30, "waiting for two to be shut down")
    dom0.destroy("two")


def test_console_takes_what_is_typed(dom0):
    dom0.create("typed")
    dom0.send("xl console typed; echo @'C'left\n")
    dom0.expect(rb"\S*", 5, "xl console")
    time.sleep(1)
    dom0.send("echo con'so'le; cat /proc/sys/kernel/hostname\n")
    dom0.expect(rb"console\r*\ntyped\r*\n", dom0.scale(20), "the guest's answer over xl console")
    dom0.child.send(b"\x1d")
    dom0.expect(rb"@Cleft", dom0.scale(20), "leaving xl console with Ctrl-]")
    dom0.destroy("typed")


def test_pause_stops_a_guest_and_unpause_lets_it_go_on(dom0):
    dom0.create("clock")
    dom0.guest("clock", "(while true; do date > /tmp/now; sleep 0.1; done) & true")
    dom0.out_of("xl pause clock")
    assert dom0.domains()["clock"]["state"][2] == "p"
    before = dom0.domains()["clock"]["time"]
    time.sleep(2)
    assert dom0.domains()["clock"]["time"] == before
    dom0.out_of("xl unpause clock")
    assert dom0.guest("clock", "uptime")[0] == 0
    dom0.destroy("clock")


def test_reboot_by_xl(dom0):
    number = dom0.create("again")
    dom0.run("rm -f /var/log/xen/console/guest-again.log")
    dom0.out_of("xl reboot again", timeout=60)
    dom0.poll(f"test $(xl domid again) -gt {number}", 60, "waiting for again to be created anew")
    dom0.wait_console("again", "guest: again ready")
    assert dom0.guest("again", "uname")[1].strip() == "Linux"
    dom0.destroy("again")


def test_reboot_from_inside(dom0):
    number = dom0.create("inner")
    dom0.run("/usr/lib/vinci/guest-run inner 1 'reboot -f'")
    dom0.poll(f"test $(xl domid inner) -gt {number}", 60, "waiting for inner to be created anew")
    dom0.wait_console("inner", "guest: inner ready")
    dom0.destroy("inner")


def test_crash_is_a_crash(dom0):
    dom0.create("bad", kernel="crash", memory=16, more='on_crash="preserve"')
    dom0.poll("xl list bad | grep -q 'c- '", 30, "waiting for bad to crash")
    dom0.destroy("bad")


def test_crash_destroys_by_default(dom0):
    free = dom0.free_memory()
    dom0.config("gone", kernel="crash", memory=16)
    dom0.run("xl create /tmp/gone.cfg", timeout=60)
    dom0.gone("gone")
    assert dom0.free_memory() == free


def test_a_panic_starts_the_guest_anew(dom0):
    """Linux reports a panic as a reboot on arm64, as a crash on x86-64."""
    number = dom0.create("phoenix", more='on_crash="restart"')
    dom0.run("/usr/lib/vinci/guest-run phoenix 1 'echo c > /proc/sysrq-trigger'")
    dom0.poll(f"test $(xl domid phoenix) -gt {number}", 60, "waiting for phoenix to be created anew")
    dom0.wait_console("phoenix", "guest: phoenix ready")
    dom0.destroy("phoenix")


def test_sysrq_reaches_a_guest(dom0):
    number = dom0.create("keys")
    dom0.out_of("xl sysrq keys b")
    dom0.poll(f"test $(xl domid keys) -gt {number}", 60, "waiting for keys to be created anew")
    dom0.destroy("keys")


def test_a_guest_that_no_longer_feeds_its_watchdog(dom0):
    number = dom0.create("dog", ramdisk="peer", more='on_watchdog="restart"\non_crash="preserve"\non_poweroff="preserve"')
    dom0.guest("dog", "modprobe xen_wdt timeout=6; exec 3>/dev/watchdog; for i in 1 2 3 4 5 6 7 8; do sleep 1; echo >&3; done", timeout=60)
    assert dom0.domid("dog") == number
    dom0.poll(f"test $(xl domid dog) -gt {number}", 60, "waiting for dog to be created anew")
    dom0.wait_console("dog", "guest: dog ready")
    dom0.destroy("dog")


def test_several_guests_talk_to_each_other(dom0):
    for number in (1, 2, 3):
        dom0.create(f"peer{number}", vif=[VIF], extra=f"vinci.ip=10.0.0.2{number}/24")
    assert set(dom0.domains()) == {"Domain-0", "peer1", "peer2", "peer3"}
    for one, other in ((1, 2), (2, 3), (3, 1)):
        assert "0% packet loss" in dom0.guest(f"peer{one}", f"ping -c 3 10.0.0.2{other}")[1]
    dom0.guest("peer2", "nc -l -p 77 -e sha256sum >/dev/null 2>&1 & true")
    text = dom0.guest("peer1", "dd if=/dev/urandom of=/tmp/sent bs=64k count=64 2>/dev/null; sleep 1; "
                      "sha256sum < /tmp/sent; nc 10.0.0.22 77 < /tmp/sent")[1]
    sent, received = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert received == sent
    dom0.destroy("peer1", "peer2", "peer3")


def test_block_attach_and_detach(dom0):
    dom0.create("disks")
    dom0.out_of("modprobe loop; dd if=/dev/urandom of=/tmp/extra bs=64k count=32 2>/dev/null")
    dom0.out_of("losetup /dev/loop0 /tmp/extra")
    dom0.out_of("xl block-attach disks phy:/dev/loop0 xvdb w", timeout=60)
    assert "xvdb" in dom0.guest("disks", "for i in 1 2 3 4 5 6 7 8 9; do grep xvdb /proc/partitions && break; "
                                "sleep 1; done")[1]
    wanted = dom0.out_of("sha256sum < /tmp/extra").split()[0]
    assert dom0.guest("disks", "dd if=/dev/xvdb iflag=direct bs=64k 2>/dev/null | sha256sum")[1].split()[0] == wanted
    assert re.search(r"^51728 ", dom0.out_of("xl block-list disks"), re.M)
    dom0.out_of("xl block-detach disks xvdb", timeout=60)
    dom0.guest("disks", "for i in 1 2 3 4 5; do grep -q xvdb /proc/partitions || exit 0; sleep 1; done; exit 1")
    dom0.poll("losetup -d /dev/loop0", 20, "releasing the loop device")
    dom0.destroy("disks")


def test_network_attach_and_detach(dom0):
    dom0.create("cards")
    dom0.out_of("xl network-attach cards bridge=xenbr0", timeout=60)
    dom0.guest("cards", "for i in 1 2 3 4 5 6 7 8 9; do test -e /sys/class/net/eth0 && break; sleep 1; done; "
               "ip addr add 10.0.0.31/24 dev eth0 && ip link set eth0 up")
    dom0.poll("ping -c 1 -W 1 10.0.0.31 >/dev/null", 20, "an answer over the new network card")
    assert re.search(r"^0 ", dom0.out_of("xl network-list cards"), re.M)
    dom0.out_of("xl network-detach cards 0", timeout=60)
    dom0.guest("cards", "for i in 1 2 3 4 5; do test -e /sys/class/net/eth0 || exit 0; sleep 1; done; exit 1")
    dom0.destroy("cards")


def balloon(dom0, name, mib):
    number = dom0.domid(name)
    dom0.out_of(f"xenstore-write /local/domain/{number}/memory/target {mib * 1024}")
    dom0.poll(f"test $(xl list {name} | awk 'NR==2 {{print $3}}') -eq {mib}", 30,
              f"waiting for {name} to have {mib} MiB")


def test_balloon_by_the_memory_target(dom0):
    free = dom0.free_memory()
    dom0.create("fat", memory=192)
    full = dom0.free_memory()
    balloon(dom0, "fat", 128)
    assert 62 <= dom0.free_memory() - full <= 64
    balloon(dom0, "fat", 192)
    assert abs(dom0.free_memory() - full) <= 1
    # What came back is memory like any other.
    text = dom0.guest("fat", "mount -t tmpfs -o size=90% tmpfs /new; dd if=/dev/urandom of=/new/a bs=1M count=60 "
                      "2>/dev/null; cp /new/a /new/b; sha256sum < /new/a; sha256sum < /new/b; umount /new")[1]
    first, second = [line.split()[0] for line in text.split("\n") if line.strip()]
    assert first == second != hashlib.sha256().hexdigest()
    dom0.destroy("fat")
    assert dom0.free_memory() == free


def test_dom0_balloons_and_gets_the_same_frames_back(dom0):
    """dom0 is mapped one to one: what it gave away and took back must still be reachable by DMA."""
    for mib in (448, 512):
        dom0.out_of(f"xenstore-write /local/domain/0/memory/target {mib * 1024}")
        dom0.poll(f"grep -x {mib * 1024} /sys/devices/system/xen_memory/xen_memory0/info/current_kb", 30,
                  f"waiting for dom0 to have {mib} MiB")
    dom0.out_of("echo 3 > /proc/sys/vm/drop_caches; sha256sum /srv/full.kernel > /tmp/sum; "
                "echo 3 > /proc/sys/vm/drop_caches; sha256sum -c /tmp/sum", timeout=90)


def test_destroyed_at_any_moment(dom0):
    """A guest that goes while its disk and network are in use leaves nothing behind."""
    free = dom0.free_memory()
    dom0.out_of("dd if=/dev/zero of=/tmp/scratch bs=1M count=16 2>/dev/null; losetup /dev/loop1 /tmp/scratch")
    for delay in (0, 0.4, 1.1, 2.3):
        dom0.create("busy", wait=False, disk=["phy:/dev/loop1,xvdb,w"], vif=[VIF], extra="vinci.ip=10.0.0.41/24")
        if delay > 2:
            dom0.wait_console("busy", "guest: busy ready")
            dom0.guest("busy", "(dd if=/dev/xvdb of=/dev/null bs=64k iflag=direct; ping -f -c 500 10.0.0.1) "
                       ">/dev/null 2>&1 & true")
        time.sleep(delay)
        dom0.destroy("busy")
    dom0.out_of("losetup -d /dev/loop1; rm /tmp/scratch")
    assert dom0.free_memory() == free
