# SPDX-License-Identifier: Apache-2.0
"""What the hypervisor does to itself when its own memory or control flow is abused. A debugger breaks one rule at a time in a
board that has just started; each must end in a panic that names the fault. Without the protection the board would go on."""

import re

import debugger
import pytest
from machine import Machine

STACK_BOTTOM = 0x7F8040004000  # arch/arm64/include/layout.h: CPU 0's stack begins above a guard page


@pytest.fixture(autouse=True)
def only_vinci(hypervisor):
    if hypervisor != "vinci":
        pytest.skip("the debugger knows Vinci's symbols")


# name: (processor, the debugger's words at a stop in a function with a frame, what the panic says)
BREAKS = {
    "data_is_not_executed": ("cortex-a57", ["set $pc = (unsigned long)&cpu_blocks"], "instruction abort"),
    "text_is_not_written": (
        "cortex-a57", ["set $x0 = (unsigned long)&heap_init", "set $x1 = 0", "set $x2 = 64", "set $pc = (unsigned long)&memset"],
        "data abort"),
    "constants_are_not_written": (
        "cortex-a57", ["set $x0 = (unsigned long)&symbol_count", "set $x1 = 0", "set $x2 = 64",
                       "set $pc = (unsigned long)&memset"], "data abort"),
    "a_stack_that_overflows_hits_its_guard": (
        "cortex-a57", [f"set $sp = {STACK_BOTTOM:#x}", "set $pc = (unsigned long)&command_line_parse"], "data abort"),
    "an_overwritten_frame_is_seen": ("cortex-a57", ["delete", "break format_string_v", "continue", "set var __stack_chk_guard = 1", "delete"], "stack overwritten"),
    "a_forged_return_address_is_refused": (
        "max", ["set *(unsigned long *)($x29 + 8) = *(unsigned long *)($x29 + 8) & 0xffffffffffff"], "instruction abort"),
    "a_jump_into_a_function_is_refused": (
        "max", ["set $cpsr = $cpsr | 0xc00", "set $pc = (unsigned long)&command_line_parse + 8"], "branch target"),
}


def debug(out, log, cpu, words, guest="psci", stop="frame_add_free"):
    """A board stopped in a function, where the debugger says `words` and lets go. What the debugger and the board said."""
    def command(extra):
        return Machine(out=out, cpu=cpu, icount=False, extra=extra).command(out / f"arm64/guests/{guest}.img")

    return debugger.debug(command, out / "arm64/vinci.elf", log, words, stop)


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_ends_in_a_panic(name, out):
    cpu, words, expected = BREAKS[name]
    log = out / f"logs/guest/hardening_{name}.log"
    _, text = debug(out, log, cpu, words)
    panic = [line for line in text.splitlines() if "panic" in line.lower()]
    assert panic and expected in panic[0], f"expected '{expected}' in a panic; log: {log}\n{text[-2000:]}"


def test_keys_differ_between_starts(out):
    """The stack guard and the signing key come from seeds, not from the image."""
    seen = set()
    for start in range(3):
        said, _ = debug(out, out / f"logs/guest/hardening_keys_{start}.log", "max",
                        ["print/x __stack_chk_guard", "print/x hardening_key"])
        values = [line for line in said.splitlines() if line.startswith("$")]
        assert len(values) == 2, said
        seen.update(line.split("=", 1)[1] for line in values)
    assert len(seen) == 6, seen


# enum entry_guard and its parameter, as speculation_choose returns them in x0. Firmware's workaround is stood in for by PSCI_VERSION,
# which answers in x0 too.
GUARDS = {"loop": 1 | 24 << 32, "clrbhb": 2, "firmware": 3 | 0x84000000 << 32}


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_at_entry_keeps_the_registers(guard, out):
    """The guards run before the guest's registers are stored: one that spoils a register is seen by a guest that compares them all."""
    words = ["finish", f"set $x0 = {GUARDS[guard]:#x}", "delete"]
    _, text = debug(out, out / f"logs/guest/hardening_guard_{guard}.log", "cortex-a57", words, guest="registers",
                    stop="speculation_choose")
    meant = {"loop": "overwritten at entry", "clrbhb": "cleared at entry", "firmware": "firmware clears"}[guard]
    assert meant in text, text[-2000:]
    assert re.search(r"^DONE [1-9]\d* passed, 0 failed", text, re.M), text[-2000:]
