# SPDX-License-Identifier: Apache-2.0
#
# The unpacker of bzImages (guests/x86_64/unpack), linked with Debian's static libraries of the compressed formats into one movable ELF
# file without a C library.

UNPACK_OUT    := $(O)/x86_64/unpack
UNPACK_CC     ?= x86_64-linux-gnu-gcc
UNPACK_SRC    := $(wildcard guests/x86_64/unpack/*.c guests/x86_64/unpack/*.S)
UNPACK_OBJ    := $(patsubst guests/x86_64/unpack/%,$(UNPACK_OUT)/%.o,$(UNPACK_SRC))
UNPACK_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fPIE -fvisibility=hidden -fno-common -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-builtin -mno-red-zone -U_FORTIFY_SOURCE -Wall -Wextra -Werror
# Everything is reached relative to the code, also where a library goes through its table of addresses.
UNPACK_LDFLAGS := -nostdlib -Bstatic -pie --no-dynamic-linker -z norelro -z noexecstack -z max-page-size=4096 --gc-sections -e start32 \
	--build-id=none --no-warn-rwx-segments -T guests/x86_64/unpack/unpack.lds
UNPACK_LIBS   := -llzma -lzstd -lz -llz4

$(UNPACK_OUT)/%.c.o: guests/x86_64/unpack/%.c guests/x86_64/unpack/unpack.h mk/unpack.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(UNPACK_CC) $(UNPACK_CFLAGS) -c $< -o $@

$(UNPACK_OUT)/%.S.o: guests/x86_64/unpack/%.S mk/unpack.mk
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(UNPACK_CC) $(UNPACK_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

$(UNPACK_OUT)/unpack.elf: $(UNPACK_OBJ) guests/x86_64/unpack/unpack.lds
	@echo "  LD      $@"
	@x86_64-linux-gnu-ld $(UNPACK_LDFLAGS) $(UNPACK_OBJ) -L$(shell dirname $$($(UNPACK_CC) -print-file-name=libz.a)) $(UNPACK_LIBS) \
		-Map=$(UNPACK_OUT)/unpack.map -o $@

# The hypervisor holds it as it lies in memory.
$(UNPACK_OUT)/unpack.bin: $(UNPACK_OUT)/unpack.elf
	@x86_64-linux-gnu-objcopy -O binary $< $@
$(HV_OBJ)/boot/x86_64/unpacker.S.o: $(UNPACK_OUT)/unpack.bin
$(HV_OBJ)/boot/x86_64/unpacker.S.o: HV_CFLAGS += -DUNPACKER=\"$(UNPACK_OUT)/unpack.bin\"

.PHONY: unpack
unpack: $(UNPACK_OUT)/unpack.elf
