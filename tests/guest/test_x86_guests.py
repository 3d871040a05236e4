# SPDX-License-Identifier: Apache-2.0
"""Our small x86-64 guests, each as dom0 of a fresh board: every line that it prints is a check of its own."""

import re
import subprocess
import threading
from pathlib import Path

import pytest
from board_x86 import CPU, pc

RESULT = re.compile(r"^(PASS|FAIL) (.*)$", re.M)
DONE = re.compile(r"^DONE (\d+) passed, (\d+) failed$", re.M)


@pytest.fixture(autouse=True)
def only_vinci(hypervisor):
    if hypervisor != "vinci":
        pytest.skip("the reference is started in another way")


def run(out, guest, cpu=CPU, smp=1, limit=60, options="", words="guest", more=()):
    """All that a board says until the guest has switched it off."""
    image, kernel = Path(out) / "x86_64/vinci", Path(out) / f"x86_64/guests/{guest}.elf"
    assert image.exists() and kernel.exists(), "make build guests-x86 ARCH=x86_64"
    log = Path(out) / f"logs/guest/x86_{guest}_{smp}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [*pc(cpu, smp), "-kernel", str(image), "-append",
               f"console=com1 com1=115200 dom0_mem=128M gnttab=unsafe-dma {options}", "-initrd", f"{kernel} {words}", *more]
    with open(log, "wb") as stream:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.DEVNULL, timeout=limit, check=False)
    return log.read_text(errors="replace").replace("\r", "")


def expect_all(said, least, not_here=()):
    failed = [name for verdict, name in RESULT.findall(said) if verdict == "FAIL" and name not in not_here]
    assert not failed, said
    done = DONE.search(said)
    assert done and int(done[1]) >= least and int(done[2]) <= len(not_here), said
    assert "dom0 powers off" in said, said


@pytest.mark.parametrize("cpu", [CPU, "max,+svm,+npt,-rdtscp,-monitor", f"{CPU},-xsave"])
def test_exits(out, cpu):
    """Also where the processor has everything QEMU has, and where it has no XSAVE."""
    said = run(out, "exits", cpu)
    expect_all(said, 30)


@pytest.mark.parametrize("time", [(), ("-icount", "shift=0,sleep=off")], ids=["", "icount"])
def test_interrupts(out, time):
    """With instructions counted QEMU stops at every timer's time, wherever the guest is."""
    expect_all(run(out, "interrupts", more=time), 34)


def test_narrow_calls(out):
    expect_all(run(out, "compat"), 74)


def run_in_bochs(out, guest, cpu, smp=1, options="", words="guest"):
    """All that it says until the guest has ended: switched the machine off, or crashed."""
    bochs = Path(__file__).resolve().parents[2] / "tools/bochs"
    command = [str(bochs), "--cpu", cpu, "--kernel", f"{out}/x86_64/vinci", "--append", f"console=com1 com1=115200 dom0_mem=128M gnttab=unsafe-dma {options}",
               "--smp", str(smp),
               "--module", f"{out}/x86_64/guests/{guest}.elf {words}"]
    said = ""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as process:
        alarm = threading.Timer(120, process.terminate)
        alarm.start()
        for line in process.stdout:
            said += line
            if any(end in line for end in ("dom0 has crashed", "boot stops", "PANIC")):
                process.terminate()
        alarm.cancel()
    log = Path(out) / f"logs/guest/x86_{guest}_{cpu}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(said)
    return said.replace("\r", "")


# VMX with EPT, and an SVM that says where the next instruction is. That one forgets which breakpoint it was when the exception exits (the
# manual's 15.12.2 has it in DR6).
BOCHS_CPUS = ["corei7_skylake_x", "ryzen"]


@pytest.mark.parametrize("guest", ["exits", "compat"])
@pytest.mark.parametrize("cpu", BOCHS_CPUS)
def test_in_bochs(out, cpu, guest):
    expect_all(run_in_bochs(out, guest, cpu), 21, not_here=["DR6 says which"] if cpu == "ryzen" else ())


# Its VMX delivers no interrupts by itself, and has no large pages of the larger size.
OLDER_VMX = "corei7_sandy_bridge_2600k"


@pytest.mark.parametrize("cpu, does_it_deliver", [("corei7_skylake_x", True), (OLDER_VMX, False), ("ryzen", False)])
def test_interrupts_in_bochs(out, cpu, does_it_deliver):
    """A cycle is an instruction there, the hypervisor's too: a processor that delivers does what an x2APIC is asked for without an exit."""
    said = run_in_bochs(out, "interrupts", cpu)
    expect_all(said, 50)
    assert ("virtual interrupt delivery; without" in said) == does_it_deliver, said
    priority, message = (int(n) for n in re.search(r"cycles of a task priority (\d+), of a message to itself (\d+)", said).groups())
    assert (priority < 20 and message < 200) == does_it_deliver, (priority, message)


# The fourth has no unrestricted guest: real mode, and protected mode without paging, are done by other modes' means.
RESTRICTED_VMX = "corei5_lynnfield_750"


@pytest.mark.parametrize("cpu", [*BOCHS_CPUS, OLDER_VMX, RESTRICTED_VMX])
def test_two_processors_in_bochs(out, cpu):
    expect_all(run_in_bochs(out, "smp", cpu, smp=2, options="dom0_max_vcpus=2"), 17)


@pytest.mark.parametrize("cpu", [*BOCHS_CPUS, RESTRICTED_VMX])
def test_real_mode_in_bochs(out, cpu):
    expect_all(run_in_bochs(out, "real_mode", cpu, smp=2, options="dom0_max_vcpus=2"), 18)


# Extensions that have less, and what is said of them.
@pytest.mark.parametrize("cpu, report", [("phenom_8650_toliman", "SVM: with nothing more; without next RIP"),
                                         (RESTRICTED_VMX, "VMX: with VPID, virtual NMIs, RDTSCP; without unrestricted guest, pages of 1 GiB, INVPCID"),
                                         (OLDER_VMX, "VMX: with unrestricted guest, VPID, virtual NMIs, RDTSCP; without pages of 1 GiB, INVPCID, XSAVES"),
                                         ("broadwell_ult", "VMX: with unrestricted guest, pages of 1 GiB, VPID, virtual NMIs, RDTSCP, INVPCID, exits of spinning guests, "
                                                           "virtual interrupt delivery; without XSAVES")])
def test_older_processor_in_bochs(out, cpu, report):
    said = run_in_bochs(out, "exits", cpu)
    assert report in said, said
    expect_all(said, 40, not_here=["DR6 says which"] if "SVM" in report else ())


@pytest.mark.parametrize("cpu, reason", [("turion64_tyler", "SVM without nested paging (NPT)"),
                                         ("core2_penryn_t9600", "VMX is too old: it lacks maps of ports and MSRs")])
def test_too_old_processor_in_bochs(out, cpu, reason):
    said = run_in_bochs(out, "exits", cpu)
    assert reason in said and "guests cannot run on this machine" in said and "PANIC" not in said, said


def test_control_registers(out):
    """What 64-bit code may do with them, and EFER.LME where there is no PAE, from where QEMU's processor does not find back by itself."""
    expect_all(run(out, "paging"), 24)


@pytest.mark.parametrize("cpu", BOCHS_CPUS)
def test_control_registers_in_bochs(out, cpu):
    expect_all(run_in_bochs(out, "paging", cpu), 24)


def test_64bit_code_without_pae(out):
    """QEMU lets it clear PAE, and paging behind that: its guest ends, not the machine."""
    said = run(out, "no_pae")
    assert "d0 crashed: " in said and "dom0 has crashed" in said and "PANIC" not in said, said


def expect_its_end(said):
    assert "d0 crashed: triple fault" in said and "dom0 has crashed" in said and "PANIC" not in said, said


def test_exception_in_real_mode(out):
    expect_its_end(run(out, "real"))


# Bochs' SVM ends Bochs where a guest's triple fault should exit.
def test_exception_in_real_mode_in_bochs(out):
    expect_its_end(run_in_bochs(out, "real", "corei7_skylake_x"))


@pytest.mark.parametrize("cpus", [1, 2])
def test_two_processors(out, cpus):
    """On one CPU they take turns; on two a page goes away under the one that reads it."""
    expect_all(run(out, "smp", smp=cpus, options="dom0_max_vcpus=2"), 17)


def test_real_mode(out):
    expect_all(run(out, "real_mode", smp=2, options="dom0_max_vcpus=2"), 18)


@pytest.mark.parametrize("cpu", [CPU, f"{CPU},-avx", f"{CPU},-xsave"])
def test_two_vcpus_fight_over_the_fpu(out, cpu):
    """On one CPU, with the longest state that QEMU has and the shortest."""
    expect_all(run(out, "fpu_fight", cpu, options="dom0_max_vcpus=2"), 16)


STORM_CALLS = 6000
STORM_ENDS = ("storm: done", "d0 crashed: triple fault", "d0 crashed: the processor refused its state", "FAIL exception")


def test_storm(out):
    """Hypercalls, instructions and device accesses by chance, rewritten meanwhile, an INIT now and then: what ends is the guest, and its next of
    kin goes on."""
    made, instructions = 0, 0
    for seed in range(1, 20):
        said = run(out, "storm", options="dom0_max_vcpus=3", limit=120, words=f"seed={seed} calls=3000")
        assert "PANIC" not in said and any(end in said for end in STORM_ENDS), said[-3000:]
        counts = re.search(r"storm: done, seed \d+, calls (\d+) \+ (\d+), without error (\d+) \+ (\d+), instructions (\d+)", said)
        if counts:
            calls, others, good, _, executed = (int(n) for n in counts.groups())
            made, instructions = made + calls + others, instructions + executed
            assert good > calls / 10, said[-3000:]
        if made >= STORM_CALLS:
            break
    assert made >= STORM_CALLS and instructions >= 3000, (made, instructions)
