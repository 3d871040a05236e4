# SPDX-License-Identifier: Apache-2.0
#
# make lint: size and hygiene rules, both compilers with all warnings as errors, cppcheck (without its checks that take the
# linker's symbols for separate objects, or results through pointers for uninitialised), clang-tidy on what changed since the
# last commit (LINT_ALL=1: on everything).

LINT_ROOMS   := lib mem core sched vdev vdev/arm64 abi/xen abi/xen/arm64 abi/xen/x86_64 partition boot boot/arm64 drivers arch/common arch/arm64
LINT_TIDY     = $(if $(LINT_ALL),$(foreach room,$(LINT_ROOMS),$(wildcard $(room)/*.c)),$(filter $(foreach room,$(LINT_ROOMS),$(room)/%.c),$(shell git diff --name-only HEAD 2>/dev/null)))

.PHONY: lint lint-sizes lint-compilers lint-cppcheck lint-tidy
lint: lint-sizes lint-compilers lint-cppcheck lint-tidy

lint-sizes:
	@$(PYTHON) tools/lint.py

lint-compilers:
	@$(MAKE) --no-print-directory hypervisor CC_FAMILY=gcc
	@$(MAKE) --no-print-directory hypervisor CC_FAMILY=clang
	@$(MAKE) --no-print-directory hypervisor ARCH=x86_64 CC_FAMILY=gcc
	@$(MAKE) --no-print-directory hypervisor ARCH=x86_64 CC_FAMILY=clang

lint-cppcheck:
	@command -v cppcheck >/dev/null || { echo "lint: cppcheck is not installed (make deps)"; exit 1; }
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
		--suppress=missingInclude --suppress=unknownMacro \
		--suppress=subtractPointers --suppress=comparePointers --suppress=ctuPointerArith \
		--suppress=uninitvar --suppress=uninitStructMember -I. -Iarch/arm64/include -D__aarch64__ -DCONFIG_HOST=0 -DCPPCHECK \
		$(foreach room,$(LINT_ROOMS),$(wildcard $(room)/*.c))

lint-tidy:
	@for f in $(LINT_TIDY); do \
		case $$f in */x86_64/*) target=x86_64-linux-gnu arch=x86_64;; *) target=aarch64-linux-gnu arch=arm64;; esac; \
		clang-tidy --quiet $$f -- --target=$$target -std=gnu11 -ffreestanding -mgeneral-regs-only -I. \
			-Iarch/$$arch/include -isystem $(O)/include || exit 1; done
