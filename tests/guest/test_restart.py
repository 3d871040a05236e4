# SPDX-License-Identifier: Apache-2.0
"""Static domains that end: restarted alone, in their place, by their policy; the others do not notice."""

import re

import pytest

from partitions import Partition


@pytest.fixture
def guest(out):
    return str(out / "arm64/guests/partition.img")


def lines_of(outcome, name):
    return re.findall(rf"^\({name}\) (.*)$", outcome.text, re.MULTILINE)


def lives(outcome, name):
    return sum(line.startswith("partition: ") for line in lines_of(outcome, name))


@pytest.mark.parametrize("memory", [
    [], ["xen,static-mem = <0 0x60000000 0 0x1000000>;"], ["xen,static-mem = <0 0x60000000 0 0x1000000>; direct-map;"]],
    ids=["anywhere", "static", "direct"])
def test_crashes_are_restarted_up_to_the_limit_and_a_neighbour_misses_no_beat(run_guest, guest, memory):
    """One CPU, and the neighbour's interrupt is due every millisecond."""
    partitions = [Partition("steady", guest, bootargs="beat", properties=["vinci,priority = <1>;"]),
                  Partition("frail", guest, memory=16384, cpus=2, bootargs="cpus crash",
                            properties=["vinci,restart-limit = <3 60>;", "xen,enhanced;", *memory])]
    outcome = run_guest(None, partitions=partitions, until=r"stays stopped.*\(steady\) beat \d+: [^\n]*\n.*\(steady\) beat")
    assert lives(outcome, "frail") == 4, outcome.tail(60)
    # Each life fills half of its memory with bytes that the next one looks for.
    found = [line for line in lines_of(outcome, "frail") if "foreign words" in line]
    assert len(found) == 4 and all(line.endswith("foreign words: 0") for line in found), outcome.tail(60)
    assert lines_of(outcome, "frail").count("further vCPUs: 1 started, 1 ran") == 4, outcome.tail(60)
    assert outcome.text.count("partition frail (d2) has crashed: restart") == 3
    assert "partition frail (d2) has crashed again after 3 restarts in 60 s: it stays stopped" in outcome.text
    beats = [line for line in lines_of(outcome, "steady") if line.startswith("beat")]
    assert beats and all(" 0 missed" in line for line in beats), beats


def test_a_neighbours_restart_leaves_vector_registers_alone(run_guest, guest):
    """Memory is copied through vector registers, on the CPU whose guest has numbers in them."""
    partitions = [Partition("steady", guest, bootargs="vectors stay", properties=["vinci,priority = <1>;"]),
                  Partition("frail", guest, bootargs="bare reboot", properties=["vinci,restart-limit = <100 60>;"])]
    outcome = run_guest(None, partitions=partitions, icount=False, until=r"\(steady\) vectors: ")
    assert lines_of(outcome, "steady")[-1] == "vectors: 0 lost", outcome.tail()
    assert outcome.text.count("partition frail (d2) asks to be restarted: restart") >= 2, outcome.tail()


def test_every_end_and_policy(run_guest, guest):
    partitions = [Partition("off", guest, bootargs="poweroff"),
                  Partition("again", guest, bootargs="reboot", properties=["vinci,restart-limit = <2 60>;"]),
                  Partition("once", guest, bootargs="crash", properties=['vinci,on-crash = "stop";']),
                  Partition("never", guest, bootargs="crash", properties=["vinci,restart-limit = <0 60>;"]),
                  Partition("hungry", guest, bootargs="stay", properties=["vinci,watchdog = <1>;", 'vinci,on-watchdog = "restart";',
                                                                          "vinci,restart-limit = <1 60>;", 'vinci,on-crash = "stop";'])]
    outcome = run_guest(None, partitions=partitions, until=r"hungry \(d\d\) has not fed its watchdog again")
    assert [lives(outcome, p.name) for p in partitions] == [1, 3, 1, 1, 2], outcome.tail(60)
    for text in ("off (d1) has switched itself off: it stays stopped", "once (d3) has crashed: it stays stopped",
                 "never (d4) has crashed: it stays stopped", "again (d2) asks to be restarted again after 2 restarts in 60 s: it stays"):
        assert f"partition {text}" in outcome.text, outcome.tail(60)


def test_the_board_restarts(run_guest, guest):
    outcome = run_guest(None, partitions=[Partition("vital", guest, bootargs="crash", properties=['vinci,on-crash = "restart-board";'])])
    assert "partition vital (d1) has crashed: the board restarts" in outcome.text, outcome.tail()
