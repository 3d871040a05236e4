# SPDX-License-Identifier: Apache-2.0
"""Static domains beside a dom0: its tools know them by name, attach a disk and a network card to them, show their consoles, and end them;
what is attached carries data, in a domain's next life too."""

import re
import time

import pytest
from partitions import Partition

MEMORY = 131072     # KiB
# What is copied each way, in pieces of 64 KiB.
PIECES = 48
ADDRESS, DOM0 = "10.0.0.9", "10.0.0.1"
DISK, CARD = "device/vbd/51712", "device/vif/0"


def connected(board, domain, device, what, seconds=60):
    """Until both sides of a device are connected."""
    place = f"$(xenstore-read /libxl/{domain}/{device}/backend)"
    board.poll(f"[ $(xenstore-read /local/domain/{domain}/{device}/state) = 4 ] && [ $(xenstore-read {place}/state) = 4 ]", seconds, what)


@pytest.fixture
def board(make_board, out, only_vinci):
    linux = Partition("penguin", out / "images/cloud.kernel", memory=MEMORY, ramdisk=out / "images/cloud.ramdisk",
                      properties=["xen,enhanced;"])
    plain = Partition("plain", out / "arm64/guests/partition.img", bootargs="stay")
    return make_board(smp=1, mem=1536, dom0_mem=384, partitions=[plain, linux]).start()


def test_tools_know_static_domains(board):
    listed = board.out_of("xl list")
    assert [line.split()[:3] for line in listed.splitlines()[2:]] == [["plain", "1", "8"], ["penguin", "2", "128"]]

    board.run("xl block-attach penguin phy:/dev/vda xvda r")
    board.run("xl network-attach penguin bridge=xenbr0")
    connected(board, 2, DISK, "the disk")
    connected(board, 2, CARD, "the network card")

    board.run("xl pause plain")
    assert "p" in board.out_of("xl list plain").split()[-2]
    board.run("xl unpause plain")
    assert "p" not in board.out_of("xl list plain").split()[-2]
    board.run("xl destroy plain")
    assert "plain" not in board.out_of("xl list")

    board.run("xl reboot penguin")
    board.poll("xl dmesg | grep 'partition penguin (d2) runs again'", 60, "the restart")
    assert "penguin" in board.out_of("xl list")


@pytest.fixture
def linux(make_board, out, only_vinci):
    """One that copies the first half of a disk over the second, fetches a page from dom0 and serves it."""
    words = (f"vinci.log=1 vinci.ip={ADDRESS}/24 vinci.copy=/dev/xvda vinci.mirror=http://{DOM0}/page "
             "sysrq_always_enabled panic=1")
    penguin = Partition("penguin", out / "images/cloud.kernel", memory=MEMORY, ramdisk=out / "images/cloud.ramdisk", bootargs=words,
                        properties=["xen,enhanced;"])
    one = make_board(smp=1, mem=1536, dom0_mem=384, partitions=[penguin]).start()
    one.wait_ready()
    one.out_of(f"modprobe loop; mkdir /tmp/www; dd if=/dev/zero of=/tmp/disk bs=64k count={2 * PIECES} 2>/dev/null")
    one.out_of("losetup /dev/loop0 /tmp/disk && httpd -h /tmp/www")
    return one


def renew(board):
    """Other data for the disk's first half and for the page."""
    board.out_of(f"dd if=/dev/urandom of=/tmp/disk bs=64k count={PIECES} conv=notrunc 2>/dev/null; "
                 f"dd if=/dev/urandom of=/tmp/www/new bs=64k count={PIECES} 2>/dev/null; mv /tmp/www/new /tmp/www/page")


def assert_data_arrives(board):
    """What the domain has written to the disk is what dom0 has, and what it serves is what it fetched."""
    half = "sha256sum <(dd if=/tmp/disk bs=64k count={} skip={} 2>/dev/null) | cut -d' ' -f1"
    first, second = half.format(PIECES, 0), half.format(PIECES, PIECES)
    board.poll(f'[ "$({first})" = "$({second})" ]', 60, "the disk's second half to be the first", interval=2)
    there = f"timeout 20 wget -q -O - http://{ADDRESS}/page | sha256sum"
    board.poll(f'[ "$({there})" = "$(sha256sum < /tmp/www/page)" ]', 60, "the page to come back as it was", interval=2)


def identity(board):
    """What a restart does not change, and no second look of dom0's: UUID, limit of memory, and where the tools have them."""
    return board.out_of("xl vm-list | tail -1; xl list -l penguin | grep memkb; ls /var/lib/xen; "
                        "xenstore-ls -fp | grep -v -e ring-ref -e event-channel -e /local/domain/0/ | sort")


def test_attached_devices_outlive_a_crash(linux):
    renew(linux)
    linux.out_of("xl block-attach penguin phy:/dev/loop0 xvda w; xl network-attach penguin bridge=xenbr0")
    assert_data_arrives(linux)
    before = identity(linux)
    for life in (1, 2):
        renew(linux)
        linux.out_of("xl sysrq penguin c")
        linux.poll(f"xl dmesg | grep 'restart {life},' && xl dmesg | grep -c 'runs again' | grep {life}", 60, "the restart")
        assert_data_arrives(linux)
        connected(linux, 1, DISK, "the disk")
        connected(linux, 1, CARD, "the network card")
        assert identity(linux) == before
    linux.out_of("/usr/lib/vinci/partitions")
    assert identity(linux) == before
    assert "runs already" in linux.run("vinci-partitions 2>&1")[1]


JOURNAL = "/local/domain/0/vinci-partitions"


def take_away(board):
    """As vinci-partitions leaves it when it is killed while it takes what is the last life's: noted whose it was, and dom0's now."""
    listed = board.out_of("xenstore-ls -fp /local/domain")
    nodes = re.findall(r"^(/local/domain/1(?:/\S*)?) = .*\((n[^)]*)\)\s*$", listed, re.MULTILINE)
    for number, (path, who) in enumerate(nodes):
        pairs = " ".join(f"{word[1:]}:{'nrwb'.index(word[0])}" for word in who.split(","))
        board.out_of(f"xenstore-write {JOURNAL}/1/{number} '{pairs} {path}'; xenstore-chmod {path} n0")
    assert len(nodes) > 10, listed


def test_the_program_is_killed_half_way(linux):
    before = identity(linux)
    linux.out_of("kill -9 $(pidof vinci-partitions)")
    linux.out_of("xl sysrq penguin c")
    linux.poll("xl dmesg | grep 'runs again'", 60, "the restart")
    take_away(linux)
    assert identity(linux) != before
    linux.out_of("vinci-partitions > /tmp/again 2>&1 &")
    linux.poll("grep 'penguin (1): connected again' /tmp/again", 60, "the second copy to go on")
    assert identity(linux) == before
    linux.out_of("xl network-attach penguin bridge=xenbr0")
    connected(linux, 1, CARD, "the network card")


def answers(board, word):
    """A person at `xl console` types a command, reads what it says, and leaves."""
    board.send("xl console penguin; echo @'C'left\n")
    time.sleep(2)
    board.send(f"\necho {word}-$((6*7))\n")
    board.expect(f"{word}-42".encode(), board.scale(20), "the partition's answer")
    board.send("\x1d")
    board.expect(rb"@Cleft", board.scale(20), "leaving xl console with Ctrl-]")
    board.run("true")


def test_console_and_shutdown(make_board, out, only_vinci):
    """The console that is prefixed on the serial line is xl's as well, in each life; both have everything."""
    penguin = Partition("penguin", out / "images/cloud.kernel", memory=MEMORY, ramdisk=out / "images/cloud.ramdisk", vpl011=True,
                        bootargs="console=ttyAMA0 sysrq_always_enabled panic=1", properties=["xen,enhanced;"])
    board = make_board(smp=1, mem=1536, dom0_mem=384, partitions=[penguin]).start()
    board.wait_ready()
    log = "/var/log/xen/console/guest-penguin.log"
    board.poll("xenstore-exists /local/domain/1/console/tty", 60, "xenconsoled to have its console")
    answers(board, "first")
    assert "first-42" in board.out_of(f"cat {log}")
    board.out_of("xl sysrq penguin c")
    board.poll(f"xl dmesg | grep 'partition penguin (d1) runs again' && grep -a -A1000 first-42 {log} | grep -a 'guest ready'", 60,
               "what the next life says, at xl's console")
    answers(board, "second")
    assert "second-42" in board.out_of(f"cat {log}")
    board.out_of("xl shutdown -w penguin", timeout=60)
    assert "s" in board.out_of("xl list penguin").split()[-2]
