# SPDX-License-Identifier: Apache-2.0
"""A hostile frontend and a hostile backend: see guests/hostile_storm/pair.c. Several CPUs, so never in instruction time."""

import pytest


@pytest.mark.parametrize("cpus", [1, 2])
def test_pair(run_guest, cpus):
    run_guest("hostile_storm", timeout=180, smp=cpus, icount=False).assert_passed()
