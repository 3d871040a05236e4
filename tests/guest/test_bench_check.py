# SPDX-License-Identifier: Apache-2.0
"""bench/check.py's comparison: it must not be possible to lose a row or to grow one without being told."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from check import compare  # noqa: E402


def test_growth_beyond_the_tolerance_is_named():
    grown, missing = compare({"null_hypercall": 100, "yield": 100}, {"null_hypercall": 104, "yield": 103})
    assert grown == [("null_hypercall", 100, 104)] and not missing


def test_a_row_that_is_no_longer_measured_is_named():
    assert compare({"null_hypercall": 100}, {}) == ([], ["null_hypercall"])


def test_rows_without_exact_counts_are_left_out():
    assert compare({"tcp_tx_mib": 1, "guests_max": 1023}, {"tcp_tx_mib": 9, "guests_max": 2000}) == ([], [])
