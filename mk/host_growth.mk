# SPDX-License-Identifier: Apache-2.0
#
# `make bench-growth`: how the cost of an operation grows with domains and CPUs, on arch/host under callgrind.

# The hypervisor as a Linux process without sanitizers, for more domains and CPUs than the shipped one has room for.
GROWTH_OUT    := $(BENCH_OUT)/growth
GROWTH_CFLAGS := -std=gnu11 -O2 -gdwarf-4 -fno-common -fno-strict-aliasing -DCONFIG_HOST=1 -DCONFIG_ASSERT=0 -DMAX_CPUS=1024 \
	-DMAX_DOMAINS=16384 -Wall -Wextra -Werror -I. -Iarch/host/include

$(GROWTH_OUT)/obj/%.c.o: %.c mk/host_growth.mk
	@mkdir -p $(@D)
	@$(HOST_CC) $(GROWTH_CFLAGS) $(HOST_X86_INCLUDE) -MMD -MP -c $< -o $@

$(GROWTH_OUT)/libvinci.a: $(HOST_SRC:%=$(GROWTH_OUT)/obj/%.o)
	@rm -f $@ && ar rcs $@ $^

$(GROWTH_OUT)/growth: $(GROWTH_OUT)/obj/bench/growth/growth.c.o $(GROWTH_OUT)/libvinci.a
	@echo "  LD      $@"
	@$(HOST_CC) $^ -o $@

-include $(HOST_SRC:%=$(GROWTH_OUT)/obj/%.d) $(GROWTH_OUT)/obj/bench/growth/growth.c.d

.PHONY: bench-growth bench-check-growth
bench-growth: deps $(GROWTH_OUT)/growth
	@$(PYTHON) bench/growth/growth.py $(GROWTH_OUT)/growth
bench-check-growth: $(GROWTH_OUT)/growth
	@$(PYTHON) bench/growth/growth.py --check $<
