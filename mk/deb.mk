# SPDX-License-Identifier: Apache-2.0
#
# `make deb`: the shipped image as a Debian package, build/vinci_VERSION_arm64.deb.

.PHONY: deb
deb:
	@sh tools/deps tools/packages.build
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) RELEASE=1 build
	@$(PYTHON) tools/deb.py $(O)/arm64-release/vinci $(O)
