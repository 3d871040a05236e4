# SPDX-License-Identifier: Apache-2.0
"""Every small guest on one CPU (in instruction time: the same every run), some on two."""

import pytest

GUESTS = ["hypercalls", "toolstack", "events", "grants", "matrix", "gic", "priority", "timer", "psci", "sysreg",
          "hostile", "smp", "registers", "fairness"]
ON_TWO = ["events", "grants", "priority", "psci", "hostile", "smp", "registers"]


@pytest.mark.quick
@pytest.mark.parametrize("name", GUESTS)
def test_one_cpu(run_guest, name):
    # A guest that faults at its own vectors executes nothing: instruction time would stand still.
    run_guest(name, timeout=90, icount=name != "hostile").assert_passed()


@pytest.mark.parametrize("name", ON_TWO)
def test_two_cpus(run_guest, name):
    run_guest(name, timeout=120, smp=2).assert_passed()


ON_GICV2 = ["hypercalls", "toolstack", "events", "grants", "gic", "priority", "timer", "psci", "sysreg", "hostile", "smp"]
GICV2 = "virt,virtualization=on,gic-version=2"


@pytest.mark.parametrize("name", ON_GICV2)
def test_gicv2(run_guest, name):
    run_guest(name, timeout=90, machine=GICV2, icount=name != "hostile").assert_passed()


@pytest.mark.parametrize("name", ["events", "priority", "psci", "smp", "crossipi"])
def test_gicv2_on_two_cpus(run_guest, name):
    run_guest(name, timeout=120, smp=2, machine=GICV2).assert_passed()


@pytest.mark.parametrize("name", ["sysreg", "matrix"])
def test_newest_processor(run_guest, name):
    run_guest(name, timeout=90, cpu="max").assert_passed()


@pytest.mark.quick
@pytest.mark.parametrize("group", ["calls", "interrupts", "domains", "grants", "yield"])
def test_probe_has_every_row(run_guest, group):
    outcome = run_guest("probe", timeout=90, bootargs=group)
    assert outcome.status == 0, outcome.tail()
    assert "DONE probe" in outcome.text, outcome.tail()
    assert not outcome.missing, outcome.missing
    assert outcome.rows["calibration"] == 8
    assert outcome.rows.get("guest_pages_lost", 0) == 0
    assert outcome.rows.get("empty_domain_pages_lost", 0) == 0


@pytest.mark.long
def test_as_many_domains_as_the_reference(run_guest):
    outcome = run_guest("probe", timeout=300, mem=2048, bootargs="many")
    assert outcome.rows["guests_max"] >= 253, outcome.tail()


def test_interrupt_between_cpus(run_guest):
    run_guest("crossipi", timeout=120, smp=2).assert_passed()
