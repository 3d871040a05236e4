# SPDX-License-Identifier: Apache-2.0
#
# `make bench`: the same probe and the same dom0 on Debian's Xen and on Vinci, counted in instructions.

BENCH_OUT := $(O)/bench
PYTHON    ?= /usr/bin/python3

$(BENCH_OUT)/lib%.so: bench/plugin/%.c bench/plugin/qemu_plugin_7_2.h bench/plugin/arguments.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@gcc -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -I. $< -o $@

# The program that the bench runs within dom0 and a guest: no library, so it runs on any Linux of its processor.
$(BENCH_OUT)/work: bench/payload/work.c bench/payload/linux.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@aarch64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector -nostdlib -static -I. $< -o $@

$(BENCH_OUT)/work-x86_64: bench/payload/work.c bench/payload/linux.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@x86_64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector -mno-sse -nostdlib -static -I. $< -o $@

.PHONY: bench bench-tools bench-code bench-check bench-check-rows bench-check-rows-x86 bench-check-isolation bench-isolation
bench-tools: $(BENCH_OUT)/libcount.so $(BENCH_OUT)/libprofile.so $(BENCH_OUT)/libmasked.so $(BENCH_OUT)/libwakes.so $(BENCH_OUT)/work $(BENCH_OUT)/work-x86_64 guests guests-x86

# BENCH_ARGS: --only xen|vinci, --quick, --steps STEP ... (some rows again)
bench: deps bench-tools
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) RELEASE=1 build
	@$(MAKE) --no-print-directory image-files
	@$(PYTHON) bench/run.py --arch $(ARCH) --out $(O) $(BENCH_ARGS)

# Vinci's quick rows against the committed table.
bench-check: bench-tools
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) RELEASE=1 build
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) bench-check-growth
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) -Oline bench-check-isolation bench-check-rows bench-check-rows-x86
bench-check-rows:
	@$(PYTHON) bench/check.py --out $(O)
bench-check-rows-x86:
	@$(MAKE) --no-print-directory RELEASE=1 ARCH=x86_64 build
	@$(PYTHON) bench/check.py --arch x86_64 --out $(O)
bench-check-isolation:
	@$(PYTHON) bench/isolation.py --out $(O) --check

# How late a guest is beside each kind of neighbour: docs/isolation.md.
bench-isolation: deps bench-tools
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) RELEASE=1 build
	@$(MAKE) --no-print-directory image-files
	@$(PYTHON) bench/isolation.py --out $(O)

bench-code:
	@$(PYTHON) bench/code_metrics.py
