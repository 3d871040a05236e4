# SPDX-License-Identifier: Apache-2.0
#
# The tables of hypercalls against the public headers: a call that no table names fails the build; docs/abi.md is the list.

O         ?= build
ABI_STAMP := $(O)/abi.stamp

# A 32-bit compiler's view of the headers, from which the narrow callers' layouts are.
NARROW_CC := x86_64-linux-gnu-gcc -m32 -std=gnu11 -ffreestanding -D_LIBC_LIMITS_H_ -Wall -Wextra -Werror -I. -Iarch/x86_64/include -isystem $(O)/include

$(ABI_STAMP): abi/xen/narrow.h core/shared_info.h tests/narrow/layout.c $(wildcard abi/xen/*.c abi/xen/*/*.c /usr/include/xen/*.h /usr/include/xen/*/*.h) tools/abi_table.py | $(O)/include/xen
	@mkdir -p $(@D)
	@/usr/bin/python3 tools/abi_table.py --write docs/abi.md
	@$(NARROW_CC) -fsyntax-only tests/narrow/layout.c
	@touch $@

.PHONY: abi
abi: $(ABI_STAMP)

build hypervisor host: $(ABI_STAMP)
$(O)/arm64/vinci $(O)/arm64/vinci.elf: | $(ABI_STAMP)
