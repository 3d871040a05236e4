# SPDX-License-Identifier: Apache-2.0
#
# `make deb`: the shipped image and dom0's programs as a Debian package, build/vinci_VERSION_arm64.deb.

.PHONY: deb
deb: deps-run
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) RELEASE=1 build
	@$(PYTHON) tools/images.py --out $(O) --programs
	@$(PYTHON) tools/deb.py $(O)/arm64-release/vinci $(O) $(O)/images
