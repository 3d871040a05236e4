# SPDX-License-Identifier: Apache-2.0
#
# The small arm64 guests: $(O)/arm64/guests/NAME.img for every directory guests/NAME.

O             ?= build
GUEST_CROSS   ?= aarch64-linux-gnu-
GUEST_OUT     := $(O)/arm64/guests
GUEST_CC      := $(if $(filter clang,$(CC_FAMILY)),clang --target=aarch64-linux-gnu,$(GUEST_CROSS)gcc)
GUEST_NAMES   := $(filter-out lib x86_64,$(notdir $(patsubst %/,%,$(wildcard guests/*/))))
GUEST_IMAGES  := $(GUEST_NAMES:%=$(GUEST_OUT)/%.img)
GUEST_LIB_SRC := $(wildcard guests/lib/*.c guests/lib/*.S)
GUEST_LIB_OBJ := $(patsubst guests/%,$(GUEST_OUT)/obj/%.o,$(GUEST_LIB_SRC))

# libxen-dev's headers define the ABI; -idirafter keeps the host's other headers out of the way.
GUEST_CFLAGS  := -std=gnu11 -O2 -g -ffreestanding -fPIE -fvisibility=hidden -fno-common \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -ffixed-x28 \
	-mgeneral-regs-only -mno-outline-atomics -mstrict-align -Wall -Wextra -Werror -I. -idirafter /usr/include
GUEST_LDFLAGS := -nostdlib -pie --no-dynamic-linker -z norelro -z noexecstack -z max-page-size=4096 \
	--no-warn-rwx-segments -T guests/lib/guest.lds

$(GUEST_OUT)/obj/%.c.o: guests/%.c mk/guests.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

$(GUEST_OUT)/obj/%.S.o: guests/%.S mk/guests.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(GUEST_CC) $(GUEST_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

# The camera's letters, drawn from a Debian font.
$(GUEST_OUT)/include/guests/camera/fonts.h: tools/font.py mk/guests.mk
	@mkdir -p $(@D)
	@echo "  FONT    $@"
	@$(PYTHON) tools/font.py $@ font_small=DejaVuSans:15 font_large=DejaVuSans-Bold:22
$(GUEST_OUT)/obj/camera/%.c.o: GUEST_CFLAGS += -I$(GUEST_OUT)/include
$(GUEST_OUT)/obj/camera/panel.c.o: $(GUEST_OUT)/include/guests/camera/fonts.h

define guest_rules
$(GUEST_OUT)/$(1).elf: $(patsubst guests/%,$(GUEST_OUT)/obj/%.o,$(wildcard guests/$(1)/*.c guests/$(1)/*.S)) \
		$(GUEST_LIB_OBJ) guests/lib/guest.lds
	@echo "  LD      $$@"
	@$(GUEST_CROSS)ld $(GUEST_LDFLAGS) $$(filter %.o,$$^) -o $$@
$(GUEST_OUT)/$(1).img: $(GUEST_OUT)/$(1).elf
	@$(GUEST_CROSS)objcopy -O binary $$< $$@
endef
$(foreach name,$(GUEST_NAMES),$(eval $(call guest_rules,$(name))))

-include $(shell find $(GUEST_OUT)/obj -name '*.d' 2>/dev/null)

.PHONY: guests
guests: $(GUEST_IMAGES)

# The x86-64 hypervisor, for the tests of its start.
.PHONY: x86-image
x86-image:
	@$(MAKE) --no-print-directory hypervisor ARCH=x86_64

# Each guest on a fresh machine; HYPERVISOR=xen runs the same tests on the reference.
.PHONY: test-guest
test-guest: guests guests-x86 unpack x86-image
	@$(PYTHON) -m pytest tests/guest -n $(or $(JOBS),2) -q --hypervisor $(or $(HYPERVISOR),vinci) --out $(O) $(if $(GUEST_TESTS),-k $(GUEST_TESTS)) $(PYTEST_ARGS)
