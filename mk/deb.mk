# SPDX-License-Identifier: Apache-2.0
#
# `make deb`: the shipped image and dom0's programs as a Debian package, build/vinci_VERSION_ARCHITECTURE.deb.

DEB_IMAGES_arm64  := $(O)/images
DEB_IMAGES_x86_64 := $(O)/x86_64/images

.PHONY: deb
deb: deps-run
	@$(MAKE) --no-print-directory -j$(or $(JOBS),2) RELEASE=1 build
	@$(PYTHON) tools/images.py --out $(O) --arch $(ARCH) --programs
	@$(PYTHON) tools/deb.py $(O)/$(ARCH)-release/vinci $(O) $(DEB_IMAGES_$(ARCH)) --arch $(ARCH)
