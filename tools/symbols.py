#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The hypervisor's table of its own functions, as assembler, made from the output of `nm -n`.

    symbols.py NM            the table
    symbols.py --empty       a table without entries, for the first link
    symbols.py --compare A B fail unless the functions lie at the same addresses in both

The table: symbol_count; symbol_offsets, 32 bits each from image_start, ascending; symbol_names, NUL-ended in the same order.
"""
import sys


def functions(path):
    """(address, name) of every text symbol, one name per address, and image_start's address."""
    start, by_address = None, {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) != 3:
                continue
            address, kind, name = words
            if name == "image_start":
                start = int(address, 16)
            elif kind in "tT" and not name.startswith("$"):
                by_address.setdefault(int(address, 16), name)
    return start, sorted(by_address.items())


def emit(start, symbols):
    out = ['.section .symbols, "a"', ".balign 8", ".globl symbol_count, symbol_offsets, symbol_names",
           f"symbol_count: .quad {len(symbols)}", "symbol_offsets:"]
    out += [f"    .long {address - start:#x}" for address, _ in symbols]
    out.append("symbol_names:")
    out += [f'    .asciz "{name}"' for _, name in symbols]
    out.append("    .byte 0")
    out.append('.section .note.GNU-stack, "", %progbits')
    print("\n".join(out))


def main(args):
    if args == ["--empty"]:
        emit(0, [])
    elif len(args) == 3 and args[0] == "--compare":
        if functions(args[1]) != functions(args[2]):
            sys.exit("symbols: functions moved between the two links")
    elif len(args) == 1:
        emit(*functions(args[0]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
