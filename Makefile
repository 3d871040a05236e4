# SPDX-License-Identifier: Apache-2.0
#
# Vinci's front door. `make help` lists what there is to say; mk/*.mk says how.

SHELL      := /bin/sh
O          ?= build
PYTHON     ?= /usr/bin/python3
HYPERVISOR ?= vinci
# What the tests run on: what ARCH says, both where nobody has said it.
TEST_ARCHES ?= $(if $(filter undefined,$(origin ARCH)),arm64 x86_64,$(ARCH))
TEST_ARCHES := $(TEST_ARCHES)
ARCH       ?= arm64
CPUS       ?= 1
MEM        ?= 2048
SECONDS    ?= 600
JOBS       ?= 2
LOGS       := $(O)/logs

export O HYPERVISOR ARCH CPUS MEM TEST_ARCHES

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

include $(sort $(wildcard mk/*.mk))

# The hypervisor that `run` and the system tests boot. HYPERVISOR=xen is Debian's own, the reference.
hypervisor_target = $(if $(filter vinci,$(HYPERVISOR)),$(O)/$(ARCH)/vinci)
is_tested = $(filter $(1),$(TEST_ARCHES))

.PHONY: help
help:
	@echo 'Vinci, a type-1 hypervisor that speaks the Xen ABI.'
	@echo
	@echo '  make run          boot the demonstration: dom0 and two guests, then a shell in dom0'
	@echo '  make demo-ivi     a rear-view camera that a crash of the infotainment does not disturb (docs/demo-ivi.md)'
	@echo '  make test         everything that is checked in half an hour: host, fuzz, both architectures (or ARCH=)'
	@echo '  make test-quick   the two-minute subset of it'
	@echo '  make test-long    what takes longer, on top of `make test`'
	@echo '  make test-bochs   x86-64 in Bochs, on VMX and on SVM: small guests, dom0, xl and a guest (ten minutes)'
	@echo '  make build        the hypervisor only: build/arm64/vinci'
	@echo '  make deb          the shipped image as a Debian package: build/vinci_VERSION_ARCHITECTURE.deb'
	@echo '  make images       dom0, guests and disks from Debian packages (build/images)'
	@echo '  make bench        the same probes on Debian'"'"'s Xen and on Vinci, side by side'
	@echo '  make bench-check  have the quick rows grown over the committed table?'
	@echo '  make prove        models of the lock-free protocols, static analysis of the accounting'
	@echo '  make bench-isolation how late a guest is beside each kind of neighbour, on both (docs/isolation.md)'
	@echo '  make bench-growth how costs grow with domains and CPUs (docs/growth.svg)'
	@echo '  make fuzz         the hypercall fuzzer for SECONDS=$(SECONDS)'
	@echo '  make vinci-check  the checker of static domains'"'"' device trees: build/vinci-check'
	@echo '  make lint         formatting, static checks, size rules'
	@echo '  make gdb          attach a debugger, with symbols, to a board started by `make run GDB=1`'
	@echo '  make deps         install the missing Debian packages and nothing else'
	@echo '  make clean        remove what was built; downloads stay (make distclean removes those too)'
	@echo
	@echo 'Settings: O=build  ARCH=arm64|x86_64  HYPERVISOR=vinci|xen  CPUS=1  MEM=2048 (MiB)  GDB=1  JOBS=2  BOARDS=3  SECONDS=600'

.PHONY: deps deps-run deps-test
deps:
	@sh tools/deps tools/packages.*
deps-run:
	@sh tools/deps tools/packages.build tools/packages.run
deps-test:
	@sh tools/deps tools/packages.build tools/packages.run tools/packages.test

.PHONY: build
build: $(HV_OUT)/vinci

.PHONY: images
images: deps-run
	@$(PYTHON) tools/images.py --out $(O) --arch $(ARCH)

.PHONY: run
run: deps-run
	@$(MAKE) --no-print-directory -j$(JOBS) $(hypervisor_target) image-files
	@$(PYTHON) tools/run --out $(O) --arch $(ARCH) --hypervisor $(HYPERVISOR) --cpus $(CPUS) --mem $(MEM) $(if $(GDB),--gdb)

# DEMO_ARGS="--display gtk" opens a window; tools/demo-ivi --help says more.
.PHONY: demo-ivi demo-ivi-files
demo-ivi: deps-run
	@$(MAKE) --no-print-directory -j$(JOBS) demo-ivi-files image-files
	@$(PYTHON) tools/demo-ivi --out $(O) $(DEMO_ARGS)
demo-ivi-files: $(GUEST_OUT)/camera.img $(BENCH_OUT)/libcount.so
	@$(MAKE) --no-print-directory RELEASE=1 build

.PHONY: image-files test-image-files
image-files:
	@$(PYTHON) tools/images.py --out $(O) --arch $(ARCH)
test-image-files:
	@$(if $(call is_tested,arm64),$(PYTHON) tools/images.py --out $(O) --more)
	@$(if $(call is_tested,x86_64),$(PYTHON) tools/images.py --out $(O) --arch x86_64 --more)

# The board tests share one pytest command line; the marker chooses how much of it runs.
# A board waits for its disks, its network and its timeouts a third of the time: one more of them than jobs.
BOARDS ?= $(shell expr $(JOBS) + 1)
pytest_system = $(PYTHON) -m pytest tests/system -n $(BOARDS) --dist loadfile -q -p no:cacheprovider \
	--hypervisor $(HYPERVISOR) --out $(O)
# One architecture's boards after the other's, each with the marker $(1).
test_systems = $(foreach arch,$(TEST_ARCHES),$(pytest_system) --arch $(arch) -m '$(1)' &&) true

.PHONY: test test-quick test-long test-board test-bochs
test: deps-test tested-hypervisors
	@$(MAKE) --no-print-directory -j$(JOBS) test-image-files
	@$(MAKE) --no-print-directory -j$(JOBS) host fuzz-build $(O)/vinci-check bench-tools
	@$(MAKE) --no-print-directory test-host
	@$(MAKE) --no-print-directory -j$(JOBS) -Otarget fuzz test-check prove SECONDS=60 PROVE_ARGS="--only spin"
	@$(MAKE) --no-print-directory test-guest $(if $(call is_tested,arm64),,GUEST_TESTS=x86)
	@$(if $(call is_tested,arm64),$(MAKE) --no-print-directory bench-check ARCH=arm64)
	@$(MAKE) --no-print-directory test-board

test-board: deps-test tested-hypervisors
	@$(MAKE) --no-print-directory -j$(JOBS) test-image-files
	@$(call test_systems,not long)

test-quick: deps-test tested-hypervisors
	@$(MAKE) --no-print-directory -j$(JOBS) test-image-files host
	@$(MAKE) --no-print-directory test-host
	@$(call test_systems,quick)

test-long: test
	@$(MAKE) --no-print-directory prove
	@$(MAKE) --no-print-directory fuzz-decode
	@$(if $(call is_tested,x86_64),$(MAKE) --no-print-directory bochs-image-files)
	@$(call test_systems,long)

.PHONY: tested-hypervisors
tested-hypervisors:
	@$(if $(filter vinci,$(HYPERVISOR)),$(foreach arch,$(TEST_ARCHES),$(MAKE) --no-print-directory -j$(JOBS) build ARCH=$(arch) &&)) true

# Bochs has VMX, and an SVM with next RIP; QEMU has neither. What hangs is ended; a test's name is printed when it begins and when it ends.
BOCHS_SECONDS ?= 1500
bochs_pytest = timeout -s INT -k 60 $(BOCHS_SECONDS) $(PYTHON) -m pytest -n $(JOBS) --dist loadgroup -v -p no:cacheprovider --out $(O)
test-bochs: deps-test guests-x86 unpack x86-image bochs-image-files
	@$(bochs_pytest) tests/guest -k bochs
	@$(bochs_pytest) tests/system/test_bochs.py --arch x86_64

.PHONY: bochs-image-files
bochs-image-files:
	@$(PYTHON) tools/images.py --out $(O) --arch x86_64 --narrow

.PHONY: gdb
gdb:
	@test -e $(O)/arm64/vinci.elf || { echo 'gdb: no $(O)/arm64/vinci.elf; say `make build` first'; exit 1; }
	gdb-multiarch -q $(O)/arm64/vinci.elf -ex 'set architecture aarch64' -ex 'target remote :$(or $(GDBPORT),1234)'

.PHONY: clean distclean
clean:
	@if test -d $(O); then find $(O) -mindepth 1 -maxdepth 1 ! -name debian -exec rm -rf {} +; fi
distclean:
	@rm -rf $(O)
