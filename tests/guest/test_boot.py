# SPDX-License-Identifier: Apache-2.0
"""What a hypervisor that cannot start says: one clear line, then it stops; it never hangs silently."""

import re
import struct

import pytest

# Lines that a board's firmware-less boot can produce without anybody having decided anything.
ENDS = 40


def says(outcome, *words):
    """A line that holds every one of the words (regular expressions, any case)."""
    return [line for line in outcome.text.splitlines()[1:]
            if all(re.search(word, line, re.IGNORECASE) for word in words)]


def test_no_dom0_module(run_guest):
    outcome = run_guest(None, timeout=ENDS)
    assert says(outcome, "dom0|kernel|module|domain", "no|missing|unable|could not|error|not"), outcome.tail()


@pytest.fixture
def file_as_kernel(tmp_path):
    def make(content):
        path = tmp_path / "kernel"
        path.write_bytes(content)
        return str(path)

    return make


def test_module_is_no_kernel(run_guest, file_as_kernel):
    outcome = run_guest(file_as_kernel(b"this is not a kernel\n" * 4096), timeout=ENDS)
    assert says(outcome, "kernel|image|dom0|domain", "no|invalid|magic|unable|could not|error"), outcome.tail()


def test_kernel_header_lies_about_its_size(run_guest, file_as_kernel):
    header = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0, 1 << 60, 0xA, 0, 0, 0, b"ARM\x64", 0)
    outcome = run_guest(file_as_kernel(header.ljust(65536, b"\0")), timeout=ENDS)
    assert "Hypervisor fault" not in outcome.text
    assert outcome.text.count("\n") > 1, outcome.tail()


def test_more_memory_for_dom0_than_there_is(run_guest):
    outcome = run_guest("probe", timeout=ENDS, dom0_mem=64 * 1024)
    assert says(outcome, "mem|dom0|alloc", "unable|fail|not|too|more than|cannot|panic"), outcome.tail()


def test_started_without_el2(run_guest, hypervisor):
    """The board has no EL2: nothing but a message is possible."""
    if hypervisor == "xen":
        pytest.skip("Debian's Xen is built without the early console that would say it")
    outcome = run_guest("probe", timeout=10, machine="virt,gic-version=3")
    assert says(outcome, "el2|hyp|el1|mode"), outcome.tail()


def test_unknown_options_do_no_harm(run_guest):
    outcome = run_guest("probe", timeout=90, options="bootscrub=0 dom0_max_vcpus=2 nonsense=1 sched=nonsense2 =")
    assert "DONE probe" in outcome.text, outcome.tail()


@pytest.mark.parametrize("cpus", [1, 4, 8])
def test_cpus(run_guest, cpus):
    outcome = run_guest("gic", timeout=150, smp=cpus, options="bootscrub=0 dom0_max_vcpus=1")
    outcome.assert_passed()
