# SPDX-License-Identifier: Apache-2.0
"""What static domains have in common: the one serial line, memory, event channels; and what each may take of it at most."""

import time

import pytest

from partitions import Partition

pytestmark = pytest.mark.usefixtures("only_vinci")

SWITCH = b"\x01\x01\x01"


def links(host, guest, port, own, peer):
    return f"""shared {{ compatible = "xen,domain-shared-memory-v1"; xen,shm-id = "words";
                 xen,shared-mem = <0x0 {host:#x} 0x0 {guest:#x} 0x0 0x400000>; }};
             {own}: channel {{ compatible = "xen,evtchn-v1"; xen,evtchn = <{port} &{peer}>; }};"""


def pair(out, first="", second="", properties=(), uart=False):
    guest = str(out / "arm64/guests/neighbour.img")
    return [Partition("rear", guest, bootargs=f"first {first}", children=links(0x60000000, 0x70000000, 10, "ec1", "ec2"), vpl011=uart),
            Partition("ivi", guest, bootargs=f"second {second}", children=links(0x60000000, 0x78000000, 11, "ec2", "ec1"), vpl011=uart,
                      properties=list(properties))]


@pytest.fixture
def board(make_board):
    def start(partitions, **settings):
        return make_board(kernel="", initrd="", store="none", mem=1024, partitions=partitions, **settings).start()
    return start


def said(board):
    return board.log.read_bytes().decode(errors="replace").replace("\r", "")


@pytest.mark.parametrize("smp", [1, 2])
def test_words_and_events(board, out, smp, tmp_path):
    """A word each way through memory that the loader had left full, each announced by an event."""
    old = tmp_path / "old"
    old.write_bytes(b"old byte" * 4096)
    machine = board(pair(out), smp=smp, qemu=["-device", f"loader,file={old},addr=0x60000000,force-raw=on"])
    for _ in range(2):
        machine.expect([rb"\((rear|ivi)\) done"], machine.scale(20), "both have met")
    text = said(machine)
    assert "(rear) shared 0x70000000, 0x400000 bytes, word 0" in text or "(rear) shared 0x70000000, 0x400000 bytes, word beef" in text
    assert "(ivi) shared 0x78000000, 0x400000 bytes, word 0" in text
    assert "(rear) event, words beef 0" in text
    assert "(ivi) event, words beef cafe" in text
    assert text.count("sent: 0") == 2


def test_a_neighbour_crashes(board, out):
    """Memory and channel are there again in its second life, without a word of the other one."""
    machine = board(pair(out, "again", "again"))
    machine.expect([rb"\(ivi\) rung (again|never)"], machine.scale(20), "the second life's event")
    text = said(machine)
    assert machine.child.match[1] == b"again" and "(rear) second life, words beef cafe, sent: 0" in text, text[-1500:]


def test_the_line_moves(board, out):
    machine = board(pair(out, "uart", "uart", uart=True))
    # The first one has the line and its colours, the other one's lines are whole and plain.
    machine.expect([rb"\x1b\[1muart ready\x1b\[0m\r+\n> "], machine.scale(20), "the first partition's prompt")
    if "(ivi) uart ready\n" not in said(machine):      # before it or after
        machine.expect([rb"\(ivi\) uart ready\r*\n"], machine.scale(20), "the other one's line, whole and plain")
    machine.child.send(b"one\r")
    machine.expect([rb"\nheard one\r+\n> |heard one\r+\n> "], machine.scale(10), "the first partition's answer")
    machine.child.send(SWITCH)
    machine.expect([rb"\*\*\* input goes to ivi \(Ctrl-A three times to switch\)\r+\n> "], machine.scale(10), "the line moves on")
    machine.child.send(b"two\r")
    machine.expect([rb"heard two\r+\n> "], machine.scale(10), "the second partition's answer")
    machine.child.send(SWITCH + b"q")
    machine.expect([rb"input goes to the debug keys"], machine.scale(10), "the debug keys' turn")
    machine.expect([rb"\(Vinci\) d2: alive"], machine.scale(10), "a debug key's answer")
    machine.child.send(SWITCH)
    machine.expect([rb"input goes to rear"], machine.scale(10), "the first one's turn again")
    machine.child.send(b"three\r")
    machine.expect([rb"heard three\r+\n> "], machine.scale(10), "the first partition's second answer")


def test_most_lines_and_events_of_a_second(board, out):
    """Who has a limit gets that much, and his neighbour all the rest."""
    limits = ["vinci,console-rate = <20>;", "vinci,event-rate = <500>;", "vinci,hypercall-share = <10>;"]
    machine = board(pair(out, second="noise", properties=limits))
    machine.expect([rb"\(ivi\) noise 10\b"], machine.scale(20), "noise")
    machine.expect([rb"\(ivi\) noise 40\b"], machine.scale(20), "more noise")
    begin = time.monotonic()
    machine.expect([rb"\(ivi\) noise 100\b"], machine.scale(20), "much noise")
    assert 2.7 < time.monotonic() - begin < 6       # 60 lines

    machine = board(pair(out, second="send", properties=limits[1:2]))
    counts = []
    for _ in range(3):
        machine.expect([rb"\(ivi\) sent (\d+) in a second"], machine.scale(20), "events")
        counts.append(int(machine.child.match[1]))
    # Not less than a busy machine's timers make of it.
    assert all(50 < n < 520 for n in counts[1:]), counts


def test_what_does_not_agree_is_said(board, out):
    partitions = pair(out)
    partitions[1].children = partitions[1].children.replace("0x400000", "0x200000")
    machine = board(partitions)
    said = set()                # rear runs while ivi is looked at: in either order
    for _ in range(2):
        machine.expect([rb"(/chosen/ivi: shared memory \"words\" at 0x60000000, 0x200000 bytes, does not agree with|\(rear\) shared)"],
                       machine.scale(20), "a line about ivi, and rear's own")
        said.add(machine.child.match[1][:7])
    assert said == {b"/chosen", b"(rear) "}
