# SPDX-License-Identifier: Apache-2.0
"""A hundred guests come and go, some of them killed while they start; every page is back after."""

import pytest

BOARD = {"smp": 1, "mem": 1024, "dom0_mem": 384}

# One round in dom0's shell. Every tenth round `xl create` is killed in the middle of starting, each time at
# a later part of the time that the first one took, and what it left is destroyed as a person would do it.
ROUNDS = r"""
now() { echo $((${EPOCHREALTIME/./} / 1000)); }
fail() { echo "round $i: $1"; cat /tmp/round.err; exit 1; }
i=$1
begin=$(now)
xl create /tmp/round5.cfg >/dev/null 2>/tmp/round.err || fail create
took=$(($(now) - begin))
xl destroy round >/dev/null 2>/tmp/round.err || fail destroy
while [ $i -lt $2 ]; do
    config=/tmp/round.cfg
    [ $((i % 5)) = 2 ] && config=/tmp/round5.cfg
    if [ $((i % 10)) = 7 ]; then
        xl create $config >/dev/null 2>&1 &
        pid=$!
        delay=$((took * (i / 10 + 1) / 11))
        sleep $((delay / 1000)).$(printf %03d $((delay % 1000)))
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        for domid in $(xenstore-list /local/domain) $(xl list | awk 'NR > 2 { print $2 }' | grep -x '[0-9]*'); do
            [ "$domid" = 0 ] || xl destroy "$domid" >/dev/null 2>&1
        done
    else
        xl create $config >/dev/null 2>/tmp/round.err || fail create
        [ $((i % 3)) = 0 ] && sleep 0.1
        xl destroy round >/dev/null 2>/tmp/round.err || fail destroy
    fi
    i=$((i + 1))
done
echo "rounds done: $i"
"""


def rounds(board, first, last, timeout):
    board.config("round", kernel="nap", memory=32, vcpus=2)
    board.out_of("sed 's/vif=.*/vif=[\"bridge=xenbr0\"]/' /tmp/round.cfg > /tmp/round5.cfg")
    board.write("/tmp/rounds", ROUNDS)
    text = board.out_of(f"bash /tmp/rounds {first} {last}", timeout=timeout)
    assert f"rounds done: {last}" in text
    board.poll("test $(xl list | wc -l) -eq 2", 20, "waiting for the last guest to be gone")


def test_hundred_rounds_leave_no_page_behind(dom0):
    rounds(dom0, 0, 3, 60)      # whatever is allocated once is allocated now
    before = dom0.free_memory()
    rounds(dom0, 0, 100, 420)
    assert dom0.free_memory() == before
    assert list(dom0.domains()) == ["Domain-0"]


@pytest.mark.long
def test_thirty_rounds_of_linux(dom0):
    dom0.create("warm")
    dom0.destroy("warm")
    before = dom0.free_memory()
    for number in range(30):
        dom0.create("linux", wait=number % 2 == 0, vif=["bridge=xenbr0"])
        dom0.destroy("linux")
    assert dom0.free_memory() == before
