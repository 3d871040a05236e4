# SPDX-License-Identifier: Apache-2.0
"""Guests that use up what there is: guests/hostile_limits. In instruction time the neighbour's lateness is exact, too."""

import re


def test_limits_in_instruction_time(run_guest):
    outcome = run_guest("hostile_limits", timeout=240, bootargs="timed")
    outcome.assert_passed()
    # One who floods the log loses its lines; its neighbour's come through.
    noise = re.findall(r"\(d\d+\) noise (\d+)", outcome.text)
    assert noise and len(noise) <= 80 < int(noise[-1])
    during = outcome.text[outcome.text.index(f"noise {noise[0]}"):outcome.text.index(f"noise {noise[-1]}")]
    assert "the neighbour speaks" in during


def test_limits_on_two_cpus(run_guest):
    run_guest("hostile_limits", timeout=240, smp=2).assert_passed()
