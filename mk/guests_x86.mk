# SPDX-License-Identifier: Apache-2.0
#
# The small x86-64 guests: $(O)/x86_64/guests/NAME.elf, with a PVH note, for every directory guests/x86_64/NAME.

O              ?= build
GUEST86_OUT    := $(O)/x86_64/guests
GUEST86_CC     ?= x86_64-linux-gnu-gcc
GUEST86_NAMES  := $(filter-out lib unpack compat storm,$(notdir $(patsubst %/,%,$(wildcard guests/x86_64/*/))))
GUEST86_IMAGES := $(GUEST86_NAMES:%=$(GUEST86_OUT)/%.elf) $(GUEST86_OUT)/compat.elf $(GUEST86_OUT)/storm.elf
GUEST86_LIB    := $(patsubst guests/x86_64/%,$(GUEST86_OUT)/obj/%.o,$(wildcard guests/x86_64/lib/*.c guests/x86_64/lib/*.S))
GUEST86_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pic -mcmodel=small -fno-common -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -mno-red-zone -mgeneral-regs-only -Wall -Wextra -Werror

$(GUEST86_OUT)/obj/%.c.o: guests/x86_64/%.c mk/guests_x86.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(GUEST86_CC) $(GUEST86_CFLAGS) -MMD -MP -c $< -o $@

$(GUEST86_OUT)/obj/%.S.o: guests/x86_64/%.S mk/guests_x86.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(GUEST86_CC) $(GUEST86_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

# The probe is made of what arm64's is made of too, as far as that speaks to the hypervisor alone.
GUEST86_SHARED := $(GUEST86_OUT)/obj/shared/lib/domain.c.o $(patsubst %,$(GUEST86_OUT)/obj/shared/probe/%.c.o,calls crowd domains yield)
GUEST86_ABI    := -I. -idirafter $(O)/include -idirafter /usr/include
$(GUEST86_OUT)/probe.elf: $(GUEST86_SHARED)
$(GUEST86_OUT)/obj/probe/% $(GUEST86_OUT)/obj/dma_attack/%: GUEST86_CFLAGS += $(GUEST86_ABI)
$(GUEST86_OUT)/dma_attack.elf: $(patsubst %,$(GUEST86_OUT)/obj/%.c.o,probe/toolstack shared/lib/domain shared/dma_attack/disk shared/dma_attack/victim)
$(GUEST86_OUT)/obj/shared/%.c.o: guests/%.c mk/guests_x86.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(GUEST86_CC) $(GUEST86_CFLAGS) $(GUEST86_ABI) -MMD -MP -c $< -o $@

# One of 32-bit code, with what such a compiler makes of the public headers; dom0's file is a 64-bit one all the same.
$(GUEST86_OUT)/obj/compat/%: GUEST86_CFLAGS := $(filter-out -mcmodel% -mno-red-zone,$(GUEST86_CFLAGS)) -m32 -isystem $(O)/include
GUEST86_COMPAT := $(patsubst guests/x86_64/%,$(GUEST86_OUT)/obj/%.o,$(wildcard guests/x86_64/compat/*.c guests/x86_64/compat/*.S))
$(GUEST86_COMPAT): | $(O)/include/xen
$(GUEST86_OUT)/compat.elf: $(GUEST86_COMPAT) guests/x86_64/compat/guest.lds
	@echo "  LD      $@"
	@x86_64-linux-gnu-ld -m elf_i386 -nostdlib -static -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none \
		-T guests/x86_64/compat/guest.lds $(filter %.o,$^) -o $@.32
	@x86_64-linux-gnu-objcopy -I elf32-i386 -O elf64-x86-64 $@.32 $@

# The storm: its hypercalls are the arm64 guest's. It lies where no number leads that is not meant to.
GUEST86_STORM := $(patsubst guests/x86_64/%,$(GUEST86_OUT)/obj/%.o,$(wildcard guests/x86_64/storm/*.c guests/x86_64/storm/*.S)) \
	$(GUEST86_OUT)/obj/hostile_storm/calls.c.o $(GUEST86_OUT)/obj/hostile_storm/values.c.o
$(GUEST86_STORM): GUEST86_CFLAGS += -I. -idirafter /usr/include
$(GUEST86_OUT)/obj/hostile_storm/%.c.o: guests/hostile_storm/%.c mk/guests_x86.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(GUEST86_CC) $(GUEST86_CFLAGS) -MMD -MP -c $< -o $@
$(GUEST86_OUT)/storm.elf: $(GUEST86_STORM) $(GUEST86_LIB) guests/x86_64/lib/guest.lds
	@echo "  LD      $@"
	@x86_64-linux-gnu-ld -nostdlib -static -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none \
		--defsym image_base=0x3a5a000 -T guests/x86_64/lib/guest.lds $(filter %.o,$^) -o $@

define guest86_rules
$(GUEST86_OUT)/$(1).elf: $(patsubst guests/x86_64/%,$(GUEST86_OUT)/obj/%.o,$(wildcard guests/x86_64/$(1)/*.c guests/x86_64/$(1)/*.S)) \
		$(GUEST86_LIB) guests/x86_64/lib/guest.lds
	@echo "  LD      $$@"
	@x86_64-linux-gnu-ld -nostdlib -static -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none \
		-T guests/x86_64/lib/guest.lds $$(filter %.o,$$^) -o $$@
endef
$(foreach name,$(GUEST86_NAMES),$(eval $(call guest86_rules,$(name))))

-include $(shell find $(GUEST86_OUT)/obj -name '*.d' 2>/dev/null)

.PHONY: guests-x86
guests-x86: $(GUEST86_IMAGES)
