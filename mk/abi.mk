# SPDX-License-Identifier: Apache-2.0
#
# The tables of hypercalls against the public headers: a call that no table names fails the build; docs/abi.md is the list.

O         ?= build
ABI_STAMP := $(O)/abi.stamp

$(ABI_STAMP): $(wildcard abi/xen/*.c abi/xen/*/*.c /usr/include/xen/*.h /usr/include/xen/*/*.h) tools/abi_table.py
	@mkdir -p $(@D)
	@/usr/bin/python3 tools/abi_table.py --write docs/abi.md
	@touch $@

.PHONY: abi
abi: $(ABI_STAMP)

build hypervisor host: $(ABI_STAMP)
$(O)/arm64/vinci $(O)/arm64/vinci.elf: | $(ABI_STAMP)
