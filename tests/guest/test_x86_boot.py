# SPDX-License-Identifier: Apache-2.0
"""The x86-64 hypervisor's start on a PC: what it says of the board, what it says where something is missing, and that its own memory
keeps the rules. A debugger breaks one rule at a time; each must end in a panic that names the fault and the way to it."""

import re
import subprocess
import time
from pathlib import Path

import debugger
import pytest
from board_x86 import CPU, pc

STACK_BOTTOM = 0xFFFFFF80C0004000       # arch/x86_64/include/layout.h: CPU 0's stack begins above a guard page


@pytest.fixture(autouse=True)
def only_vinci(hypervisor):
    if hypervisor != "vinci":
        pytest.skip("this is about Vinci's own start")


@pytest.fixture(name="image")
def find_image(out):
    image = out / "x86_64/vinci"
    assert image.exists(), f"{image} is missing: make build ARCH=x86_64"
    return image


def command(image, cpu=CPU, smp=1, mem=512, options="", extra=()):
    return [*pc(cpu, smp, mem), "-kernel", str(image), "-append", options, *extra]


def boot(out, image, name, limit=60, **settings):
    """All that a board says until it is off."""
    log = Path(out) / f"logs/guest/x86_boot_{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as stream:
        subprocess.run(command(image, **settings), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.DEVNULL, timeout=limit, check=False)
    return log.read_text(errors="replace").replace("\r", "")


@pytest.mark.parametrize("cpus", [1, 4])
def test_the_board_is_found(out, image, cpus):
    said = boot(out, image, f"found_{cpus}", smp=cpus)
    assert re.search(r"^\(Vinci\) Vinci \S+, Xen ABI 4\.17, x86-64", said, re.M), said
    assert re.search(r"memory: 51[01] MiB", said), said
    assert re.search(rf"ACPI: \d+ tables, {cpus} CPUs, 1 IO-APICs", said), said
    assert re.search(rf"\b{cpus} CPUs? up", said), said
    assert "boot stops: no dom0" in said, said


def test_without_x2apic(out, image):
    assert "2 CPUs up" in boot(out, image, "xapic", smp=2, cpu=f"{CPU},-x2apic")


def test_a_limit_of_cpus(out, image):
    assert "2 CPUs up" in boot(out, image, "maxcpus", smp=4, options="maxcpus=2")


MISSING = {
    "no_virtualisation": ("qemu64,-svm", "SVM Mode"),
    "no_nested_paging": ("EPYC,+svm,-npt", "without nested paging"),
    "no_long_mode": ("qemu64,-lm", "no 64-bit mode"),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_said(out, image, name):
    cpu, words = MISSING[name]
    log = Path(out) / f"logs/guest/x86_boot_{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as stream:
        board = subprocess.Popen(command(image, cpu=cpu), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while words not in log.read_text(errors="replace") and time.monotonic() < end:
        time.sleep(0.1)
    board.kill()
    board.wait()
    assert words in log.read_text(errors="replace"), log.read_text(errors="replace")


# name: (MiB of the board, dom0's kernel, what is said)
TOO_LITTLE = {
    "for_itself": (6, None, ["no free stretch of 2048 KiB for the frame table", "boot stops: too little memory"]),
    "for_dom0": (96, "exits", ["128 MiB wanted (dom0_mem)", "MiB are free and 16 stay with the hypervisor", "boot stops: no dom0"]),
}


@pytest.mark.parametrize("name", TOO_LITTLE)
def test_too_little_memory(out, image, name):
    mem, guest, words = TOO_LITTLE[name]
    extra = ["-initrd", str(out / f"x86_64/guests/{guest}.elf")] if guest else []
    said = boot(out, image, f"too_little_{name}", mem=mem, options="dom0_mem=128M", extra=extra)
    assert all(word in said for word in words) and "PANIC" not in said, said


def test_kernel_without_a_note(out, image, tmp_path):
    kernel = tmp_path / "kernel"
    subprocess.run(["x86_64-linux-gnu-objcopy", "--remove-section", ".note", out / "x86_64/guests/exits.elf", kernel], check=True)
    said = boot(out, image, "no_note", options="dom0_mem=128M", extra=["-initrd", str(kernel)])
    assert "the kernel has no PVH entry (note XEN_ELFNOTE_PHYS32_ENTRY; Linux: CONFIG_PVH)" in said, said
    assert "dom0 has crashed" in said and "PANIC" not in said, said


def test_a_tsc_that_is_not_invariant(out, image):
    """As QEMU's: it is used, and the log says what that means."""
    assert "NOT invariant: time is only as good as the processor's frequency is constant" in boot(out, image, "tsc")


# name: (the debugger's words in a function that has been called by boot, what the panic says)
BREAKS = {
    "data_is_not_executed": (["set $pc = (unsigned long)&cpu_blocks"], "page fault"),
    "text_is_not_written": (["set $rdi = (unsigned long)&heap_init", "set $rsi = 0", "set $rdx = 64", "set $pc = (unsigned long)&memset"],
                            "page fault"),
    "constants_are_not_written": (["set $rdi = (unsigned long)&symbol_count", "set $rsi = 0", "set $rdx = 64",
                                   "set $pc = (unsigned long)&memset"], "page fault"),
    "a_stack_that_overflows_hits_its_guard": ([f"set $rsp = {STACK_BOTTOM + 8:#x}"], "page fault"),
    "nothing_lies_at_address_0": (["set $pc = 0"], "page fault"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_ends_in_a_panic(name, out, image):
    words, expected = BREAKS[name]
    log = out / f"logs/guest/x86_boot_{name}.log"
    _, text = debugger.debug(lambda extra: command(image, extra=extra), f"{image}.elf", log, ["delete", *words], "frame_add_free", how="hbreak")
    panic = [row for row in text.splitlines() if "PANIC" in row]
    assert panic and expected in panic[0], text[-2000:]
    assert re.search(r"  cr2 [0-9a-f]{16}", text, re.M), text[-2000:]
    assert re.search(r"^  (at  |from) [0-9a-f]+  \w+\+0x", text, re.M), text[-2000:]


PAGE = re.compile(r"^([0-9a-f]{16}): [0-9a-f]{16} ([XGPDACTUW-]{9})\s*$", re.M)
# Tables seen as pages of themselves: all behind one entry, the last of this walk (arch/x86_64/include/layout.h: SELF_SLOT).
SELF_SLOT, SELF_ENTRY = 510, 0xFFFFFF7FBFDFE000
CR0_WP, EFER_NXE = 1 << 16, 1 << 11
CR4 = {"UMIP": 1 << 11, "SMEP": 1 << 20, "SMAP": 1 << 21}


def test_its_own_map_and_control_registers(out, image):
    """When boot ends nothing that is mapped is writable and executable, or a user's, and on every CPU the processor looks after that."""
    log = out / "logs/guest/x86_boot_map.log"
    words = ["delete", "monitor info tlb", *(f"thread apply all print/x ${name}" for name in ("cr0", "cr4", "efer"))]
    said = debugger.debug(lambda extra: command(image, smp=2, cpu=f"{CPU},+umip", extra=extra), f"{image}.elf", log, words, "boot_stop", how="hbreak")[0]
    pages = {int(at, 16): flags for at, flags in PAGE.findall(said)}
    assert "X" in pages[SELF_ENTRY], said[-2000:]
    kinds = {("X" not in flags and at >> 39 & 511 != SELF_SLOT, "W" in flags, "U" in flags) for at, flags in pages.items()}
    assert kinds == {(True, False, False), (False, True, False), (False, False, False)}, said[-2000:]      # code, data, constants
    values = [int(value, 16) for value in re.findall(r"^\$\d+ = (0x[0-9a-f]+)$", said, re.M)]
    assert len(values) == 6, said[-2000:]
    for cr0, cr4, efer in zip(values[:2], values[2:4], values[4:], strict=True):
        assert cr0 & CR0_WP and efer & EFER_NXE and all(cr4 & bit for bit in CR4.values()), (hex(cr0), hex(cr4), hex(efer))
