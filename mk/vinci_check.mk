# SPDX-License-Identifier: Apache-2.0
#
# vinci-check: the checker of configurations, for the machine that one works on. It links the hypervisor's own parser.
#
#   make vinci-check        build/vinci-check        make test-check    its tests

CHECK_OUT := $(O)/check
CHECK_SRC := $(wildcard tools/vinci_check/*.c) $(filter-out boot/arm64/static_start.c boot/arm64/static_pools_start.c,$(wildcard boot/arm64/static_*.c)) \
	boot/arm64/boot_info.c boot/arm64/chosen_scan.c boot/efi_map.c boot/ranges.c boot/modules.c lib/devicetree.c lib/devicetree_skim.c lib/print.c lib/string.c lib/bitmap.c

$(CHECK_OUT)/%.c.o: %.c mk/vinci_check.mk
	@mkdir -p $(@D)
	@echo "  CHECKCC $<"
	@$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(O)/vinci-check: $(CHECK_SRC:%=$(CHECK_OUT)/%.o)
	@echo "  LINK    $@"
	@$(HOST_CC) $(HOST_CFLAGS) $^ -lfdt -o $@

.PHONY: vinci-check test-check
vinci-check:
	@sh tools/deps tools/packages.check
	@$(MAKE) --no-print-directory $(O)/vinci-check
	@echo 'vinci-check: $(O)/vinci-check BOARD.dtb ($(O)/vinci-check --help)'

test-check: $(O)/vinci-check
	@$(PYTHON) -m pytest tests/check -q -p no:cacheprovider --checker $(O)/vinci-check

-include $(CHECK_SRC:%=$(CHECK_OUT)/%.d)
