# SPDX-License-Identifier: Apache-2.0
"""A PC whose ACPI tables are damaged starts all the same with what can be known, and says what is missing. A debugger damages them in memory,
before they are read."""

import debugger
import pytest
from board_x86 import CPU, pc

# In the debugger, by physical addresses: the byte at `offset` of a table (of the root table: "") becomes `value`; a sum is put right by `sum`.
SCRIPT = """
gdb.execute("maint packet Qqemu.PhyMemMode:1", to_string=True)
memory = gdb.selected_inferior()
word = lambda at: int.from_bytes(memory.read_memory(at, 4).tobytes(), "little")
bios = memory.read_memory(0xe0000, 0x20000).tobytes()
root = word(0xe0000 + bios.index(b"RSD PTR ") + 16)
tables = [word(root + at) for at in range(36, word(root + 4), 4)]
named = {memory.read_memory(table, 4).tobytes().decode(): table for table in tables}
at = named[NAME] if NAME else root
bytes = bytearray(memory.read_memory(at, word(at + 4)).tobytes())
bytes[OFFSET] = VALUE
if SUM:
    bytes[9] = 0
    bytes[9] = -sum(bytes) % 256
print("damaged", at)
memory.write_memory(at, memoryview(bytes).tobytes())
"""

# name: (table, offset, value, is the sum right?), what is said
DAMAGE = {
    "a_wrong_checksum": (("APIC", 10, 0x55, False), ["1 tables have a wrong length or checksum and are not used", "there is no MADT; one CPU only"]),
    "no_madt": (("APIC", 0, ord("X"), True), ["there is no MADT; one CPU only", "1 CPU up"]),
    "an_entry_without_length": (("APIC", 45, 0, True), ["an entry of the MADT is longer than the table or has no length; one CPU only"]),
    "no_fadt": (("FACP", 0, ord("X"), True), ["there is no FADT; no power-off", "2 CPUs up"]),
    "a_root_table_that_is_too_long": (("", 6, 0xff, True), ["the root table has a wrong length or checksum; one CPU only, and no power-off"]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_tables(name, out, tmp_path, hypervisor):
    if hypervisor != "vinci":
        pytest.skip("this is about Vinci's own start")
    (table, offset, value, has_sum), expected = DAMAGE[name]
    script, image = tmp_path / "damage.py", out / "x86_64/vinci"
    script.write_text(f"NAME, OFFSET, VALUE, SUM = {table!r}, {offset}, {value}, {has_sum}\n{SCRIPT}")
    told, said = debugger.debug(lambda extra: [*pc(CPU, 2), "-kernel", str(image), *extra], f"{image}.elf", out / f"logs/guest/x86_acpi_{name}.log",
                             ["delete", f"source {script}"], "board_read", how="hbreak", until="boot stops")
    assert "damaged" in told, told
    for line in expected:
        assert line in said, said
    assert "PANIC" not in said and "boot stops: no dom0" in said, said
