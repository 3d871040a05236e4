# SPDX-License-Identifier: Apache-2.0
#
# The hypervisor: every room's C files and the processor's assembler, linked twice (the second time with the table of its
# own symbols, for backtraces) into vinci.elf, and from that `vinci`: the arm64 Linux Image, or the x86-64 multiboot image.
#
#   ARCH=arm64|x86_64     processor         CC_FAMILY=gcc|clang   compiler
#   RELEASE=1             without assertions, in its own directory
#   HV_EXTRA=file.c ...   more sources      HV_DEFINES=-DCONFIG_X=1 ...

O            ?= build
ARCH         ?= arm64
CC_FAMILY    ?= gcc
HV_TRIPLE_arm64  := aarch64-linux-gnu
HV_TRIPLE_x86_64 := x86_64-linux-gnu
HV_TRIPLE    := $(HV_TRIPLE_$(ARCH))
$(if $(HV_TRIPLE),,$(error ARCH=$(ARCH): arm64 or x86_64))
HV_CROSS     ?= $(HV_TRIPLE)-
HV_OUT       := $(O)/$(ARCH)$(if $(filter clang,$(CC_FAMILY)),-clang)$(if $(RELEASE),-release)
HV_OBJ       := $(HV_OUT)/obj
HV_ROOMS_arm64  := lib mem core sched vdev vdev/arm64 abi/xen abi/xen/arm64 partition boot boot/arm64 drivers arch/common arch/arm64
HV_ROOMS_x86_64 := lib mem core sched vdev vdev/x86_64 abi/xen abi/xen/x86_64 boot boot/x86_64 drivers arch/common arch/x86_64 arch/x86_64/svm arch/x86_64/vmx
HV_ROOMS     := $(HV_ROOMS_$(ARCH))
# What of a room shared by processors is one processor's own.
HV_LEFT_OUT_arm64  := drivers/ns16550.c drivers/iommu_x86.c $(wildcard drivers/amdvi*.c drivers/vtd*.c)
HV_LEFT_OUT_x86_64 := mem/vmid.c drivers/cadence.c drivers/pl011.c $(wildcard drivers/smmuv3*.c)
HV_SRC       := $(sort $(filter-out $(HV_LEFT_OUT_$(ARCH)),$(foreach room,$(HV_ROOMS),$(wildcard $(room)/*.c $(room)/*.S)))) $(HV_EXTRA)
HV_OBJECTS   := $(patsubst %,$(HV_OBJ)/%.o,$(HV_SRC))
HV_LDS       := arch/$(ARCH)/vinci.lds

# The shipped image is optimised as a whole (gcc), apart from what runs before the MMU is on and what the compiler itself calls.
HV_LTO       := $(if $(RELEASE),$(filter gcc,$(CC_FAMILY)))
HV_APART_arm64  := arch/arm64/early.c arch/arm64/efi.c arch/arm64/cpu.c
HV_APART_x86_64 := arch/x86_64/early.c
HV_APART     := $(patsubst %,$(HV_OBJ)/%.o,$(filter %.S,$(HV_SRC)) $(HV_APART_$(ARCH)) arch/common/cpus.c lib/memory.c)
HV_LINKED    := $(if $(HV_LTO),$(HV_APART) $(HV_OBJ)/whole.o,$(HV_OBJECTS))

HV_CC_gcc    := $(HV_CROSS)gcc
HV_CC_clang  := clang --target=$(HV_TRIPLE)
HV_CC        := $(HV_CC_$(CC_FAMILY))

# What either compiler would do on its own and must not: floating point, out-of-line atomics, tables for unwinding.
HV_CFLAGS_arm64  := -mno-outline-atomics -mbranch-protection=bti+pac-ret -march=armv8-a
HV_CFLAGS_x86_64 := -mno-red-zone -mcmodel=kernel -mstack-protector-guard=global -fcf-protection=none
HV_CFLAGS_clang  := -Wno-gnu-variable-sized-type-not-at-end
HV_CFLAGS    := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-ffunction-sections -fdata-sections -fno-omit-frame-pointer -momit-leaf-frame-pointer \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fstack-protector-strong -mgeneral-regs-only \
	-Wall -Wextra -Werror -I. -Iarch/$(ARCH)/include -isystem $(O)/include \
	$(if $(RELEASE),-DCONFIG_ASSERT=0) $(HV_CFLAGS_$(ARCH)) $(HV_CFLAGS_$(CC_FAMILY)) $(HV_DEFINES)
# Before there is a guard value.
$(HV_OBJ)/arch/x86_64/early.c.o: HV_CFLAGS += -fno-stack-protector
# These run at an address that they are not linked at and before there is a guard value, the first without an MMU: no unaligned access.
$(HV_OBJ)/arch/arm64/early.c.o $(HV_OBJ)/arch/arm64/efi.c.o: HV_CFLAGS += -mstrict-align -fno-stack-protector -fno-jump-tables
HV_LTO_FLAGS := -flto -fno-fat-lto-objects
$(if $(HV_LTO),$(filter-out $(HV_APART),$(HV_OBJECTS)): HV_CFLAGS += $(HV_LTO_FLAGS))
HV_LDFLAGS   := -nostdlib -static -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none \
	--gc-sections -T $(HV_LDS)

# The public headers of the ABI, and nothing else of the build machine's.
$(O)/include/xen:
	@mkdir -p $(@D)
	@ln -sfn /usr/include/xen $@

$(HV_OBJ)/%.c.o: %.c mk/hypervisor.mk | $(O)/include/xen
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(HV_CC) $(HV_CFLAGS) -MMD -MP -c $< -o $@

$(HV_OBJ)/%.S.o: %.S mk/hypervisor.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(HV_CC) $(HV_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

$(HV_OBJ)/whole.o: $(filter-out $(HV_APART),$(HV_OBJECTS))
	@echo "  LTO     $@"
	@$(HV_CC) $(HV_CFLAGS) $(HV_LTO_FLAGS) -flto-partition=one -nostdlib -r -flinker-output=nolto-rel $^ -o $@

# First link, with an empty symbol table; second link, with the table made from the first. Text comes first in the image, so
# its addresses do not move; the tool compares.
$(HV_OUT)/vinci.elf: $(HV_LINKED) $(HV_LDS) tools/symbols.py
	@echo "  LD      $@"
	@$(PYTHON) tools/symbols.py --empty > $(HV_OBJ)/symbols0.S
	@$(HV_CC) $(HV_CFLAGS) -c $(HV_OBJ)/symbols0.S -o $(HV_OBJ)/symbols0.o
	@$(HV_CROSS)ld $(HV_LDFLAGS) $(HV_LINKED) $(HV_OBJ)/symbols0.o -o $(HV_OBJ)/first.elf
	@$(HV_CROSS)nm -n $(HV_OBJ)/first.elf > $(HV_OBJ)/first.nm
	@$(PYTHON) tools/symbols.py $(HV_OBJ)/first.nm > $(HV_OBJ)/symbols.S
	@$(HV_CC) $(HV_CFLAGS) -c $(HV_OBJ)/symbols.S -o $(HV_OBJ)/symbols.o
	@$(HV_CROSS)ld $(HV_LDFLAGS) $(HV_LINKED) $(HV_OBJ)/symbols.o -Map=$(HV_OUT)/vinci.map -o $@
	@$(HV_CROSS)nm -n $@ > $(HV_OBJ)/second.nm
	@$(PYTHON) tools/symbols.py --compare $(HV_OBJ)/first.nm $(HV_OBJ)/second.nm

$(HV_OUT)/vinci: $(HV_OUT)/vinci.elf
	@$(HV_CROSS)objcopy -O binary $< $@
	@echo "  IMAGE   $@ ($$(stat -c %s $@) bytes)"

-include $(HV_OBJECTS:.o=.d)

.PHONY: hypervisor
hypervisor: $(HV_OUT)/vinci
