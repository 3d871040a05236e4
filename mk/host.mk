# SPDX-License-Identifier: Apache-2.0
#
# The hypervisor as a Linux process (arch/host), under the address and undefined-behaviour sanitizers: a library of everything
# above the processor contract, and one cmocka program for each tests/unit/test_*.c.
#
#   make test-host            all of them      VINCI_SEED=n  another order of events
#   HOST_TESTS='frame heap'   only these

O           ?= build
HOST_CC     ?= clang
HOST_OUT    := $(O)/host
HOST_ROOMS  := lib mem core sched vdev vdev/arm64 abi/xen abi/xen/arm64 abi/xen/x86_64 partition boot boot/arm64 boot/x86_64 arch/host
# What of x86-64's virtual hardware needs no processor of its kind.
HOST_X86_SRC := $(patsubst %,vdev/x86_64/%.c,decode platform policy vlapic vlapic_page vlapic_start vioapic host_vector vpci vpci_find vpci_bar vpci_msi) arch/x86_64/svm/opcodes.c
# The C library's own functions stay the C library's here: the sanitizers watch those.
HOST_SRC    := $(filter-out lib/memory.c lib/backtrace.c boot/x86_64/main.c abi/xen/x86_64/context.c arch/host/stage2_format_x86.c,$(sort $(foreach room,$(HOST_ROOMS),$(wildcard $(room)/*.c)))) \
	arch/arm64/speculation_choose.c $(HOST_X86_SRC) drivers/iommu_storm.c $(wildcard drivers/smmuv3*.c)
HOST_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-common -fno-strict-aliasing -DCONFIG_HOST=1 \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-Wall -Wextra -Werror -I. -Iarch/host/include
# Variables of all rooms but the simulated processor lie in sections of their own: a fresh machine restores them.
HOST_RESTORE = $(if $(filter arch/host/% tests/%,$<),,-include arch/host/include/restorable.h) $(HOST_X86_INCLUDE)
# Numbers of MSRs.
HOST_X86_INCLUDE = $(if $(filter vdev/x86_64/% tests/unit/test_x86_%,$<),-idirafter arch/x86_64/include)
HOST_TABLES := abi_memory amdvi domain extent grant_world guest_copy property restart stage2 stage2_home vtd
HOST_TESTS  ?= $(patsubst tests/unit/test_%.c,%,$(sort $(wildcard tests/unit/test_*.c))) $(HOST_TABLES:%=%.npt) $(HOST_TABLES:%=%.ept)
HOST_NAMES  := $(filter-out %.npt %.ept,$(HOST_TESTS))
HOST_NAMES_X86 := $(sort $(basename $(filter %.npt %.ept,$(HOST_TESTS))))

$(HOST_OUT)/obj/%.c.o: %.c mk/host.mk
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOST_CC) $(HOST_CFLAGS) $(HOST_RESTORE) -MMD -MP -c $< -o $@

# Static libraries: a test of one room needs no more of the others than it uses.
$(HOST_OUT)/libvinci.a: $(HOST_SRC:%=$(HOST_OUT)/obj/%.o)
	@rm -f $@ && ar rcs $@ $^

# HOST_LIBS_NAME: what tests/unit/test_NAME.c links with besides.
HOST_LIBS_devicetree := -lfdt
HOST_LIBS_static_plan := -lfdt
HOST_LIBS_static_links := -lfdt
HOST_LIBS_partition := -lfdt
HOST_LIBS_board_info := -lfdt
HOST_LIBS_x86_decode := -lcapstone
HOST_LIBS_camera := guests/camera/canvas.c guests/camera/scene.c
$(HOST_OUT)/test_camera: $(HOST_LIBS_camera)
HOST_SUPPORT := $(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c))

$(HOST_OUT)/test_%: $(HOST_OUT)/obj/tests/unit/test_%.c.o $(HOST_SUPPORT:%=$(HOST_OUT)/obj/%.o) $(HOST_OUT)/libvinci.a
	@$(HOST_CC) $(HOST_CFLAGS) $(filter %.o,$^) $(HOST_OUT)/libvinci.a -lcmocka $(HOST_LIBS_$*) -o $@

# An IOMMU of x86-64's instead of the SMMUs.
HOST_VTD := drivers/iommu_x86.c $(wildcard drivers/vtd*.c)
HOST_AMDVI := drivers/iommu_x86.c $(wildcard drivers/amdvi*.c)
$(HOST_OUT)/test_vtd $(HOST_OUT)/test_vtd_start $(HOST_OUT)/test_vtd.x86: $(HOST_VTD:%=$(HOST_OUT)/obj/%.o)
$(HOST_OUT)/test_amdvi $(HOST_OUT)/test_amdvi.x86: $(HOST_AMDVI:%=$(HOST_OUT)/obj/%.o)

# Guests' CPUID and MSRs on a processor of the test's.
$(HOST_OUT)/test_x86_cpuid: $(HOST_OUT)/obj/vdev/x86_64/cpuid.c.o
$(HOST_OUT)/test_x86_msr: $(HOST_OUT)/obj/vdev/x86_64/cpuid.c.o $(HOST_OUT)/obj/vdev/x86_64/msr.c.o

# The same programs with the entries of x86-64's nested page tables: NAME.npt and NAME.ept in HOST_TESTS.
$(HOST_OUT)/test_%.x86: $(HOST_OUT)/obj/tests/unit/test_%.c.o $(HOST_SUPPORT:%=$(HOST_OUT)/obj/%.o) \
		$(HOST_OUT)/obj/arch/host/stage2_format_x86.c.o $(HOST_OUT)/libvinci.a
	@$(HOST_CC) $(HOST_CFLAGS) $(filter %.o,$^) $(HOST_OUT)/libvinci.a -lcmocka $(HOST_LIBS_$*) -o $@

# The scheduler on thousands of CPUs: everything compiled for so many, without sanitizers, and what a decision is made of with a call at
# each edge between basic blocks, which the test counts.
MANY_OUT     := $(HOST_OUT)/many
MANY_CFLAGS  := $(filter-out -fsanitize% -fno-sanitize%,$(HOST_CFLAGS)) -DMAX_CPUS=4096
MANY_COUNTED := $(wildcard sched/*.c) lib/bitmap.c lib/priority_queue.c core/time.c
MANY_COUNT    = $(if $(filter $(MANY_COUNTED),$<),-fsanitize-coverage=trace-pc)

$(MANY_OUT)/obj/%.c.o: %.c mk/host.mk
	@mkdir -p $(@D)
	@$(HOST_CC) $(MANY_CFLAGS) $(HOST_RESTORE) $(MANY_COUNT) -MMD -MP -c $< -o $@

$(MANY_OUT)/libvinci.a: $(HOST_SRC:%=$(MANY_OUT)/obj/%.o)
	@rm -f $@ && ar rcs $@ $^

$(HOST_OUT)/test_sched_many: $(MANY_OUT)/obj/tests/unit/test_sched_many.c.o $(MANY_OUT)/libvinci.a
	@$(HOST_CC) $^ -lcmocka -o $@

-include $(HOST_SRC:%=$(MANY_OUT)/obj/%.d) $(MANY_OUT)/obj/tests/unit/test_sched_many.c.d

.SECONDARY: $(patsubst %,$(HOST_OUT)/obj/tests/unit/test_%.c.o,$(sort $(HOST_NAMES) $(HOST_NAMES_X86)))

.PHONY: host test-host
host: $(HOST_NAMES:%=$(HOST_OUT)/test_%) $(HOST_NAMES_X86:%=$(HOST_OUT)/test_%.x86)

# Every program runs, whatever the others say, $(JOBS) at a time, each with a log that is shown when it is over.
test-host: host
	@mkdir -p $(LOGS)/host && rm -f $(LOGS)/host/*.failed
	@printf '%s\n' $(HOST_TESTS) | UBSAN_OPTIONS=print_stacktrace=1 xargs -P $(or $(JOBS),2) -I{} sh -c \
		'log=$(LOGS)/host/{}; program=$$(echo {} | sed "s/[.]\(npt\|ept\)$$/.x86/"); tables=$$(echo {} | sed "s/.*[.]//"); \
		{ echo "== {}"; VINCI_TABLES=$$tables timeout 300 $(HOST_OUT)/test_$$program 2>&1 || { : > $$log.failed; echo "{}: failed"; }; } > $$log.log; \
		cat $$log.log'
	@failed=$$(cd $(LOGS)/host && ls | sed -n 's/[.]failed$$//p' | tr '\n' ' '); \
	if test -n "$$failed"; then echo "test-host: failed: $$failed"; exit 1; fi; \
	echo "test-host: $(words $(HOST_TESTS)) programs passed"

# The decoder of x86-64 against Capstone on MILLIONS of strings.
.PHONY: fuzz-decode
fuzz-decode: $(HOST_OUT)/test_x86_decode
	@VINCI_DECODE_MILLIONS=$(or $(MILLIONS),300) $<

-include $(patsubst %,$(HOST_OUT)/obj/%.d,$(HOST_SRC) $(HOST_VTD) $(HOST_AMDVI) vdev/x86_64/cpuid.c vdev/x86_64/msr.c) $(wildcard $(HOST_OUT)/obj/tests/unit/*.d)
