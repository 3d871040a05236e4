# SPDX-License-Identifier: Apache-2.0
#
# The hypercall fuzzer: libFuzzer over the simulated machine (mk/host.mk), under the address and undefined-behaviour sanitizers.
#
#   make fuzz SECONDS=n     each tests/fuzz/fuzz_*.c for n seconds; starts from tests/fuzz/corpus/NAME, which it does not change
#   make fuzz-minimise      what was found since goes into the tree's corpus, as few files as cover the same

FUZZ_OUT     := $(O)/fuzz
FUZZ_TESTS   := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SUPPORT := $(filter-out $(wildcard tests/fuzz/fuzz_*.c),$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS   := -timeout=20 -rss_limit_mb=2048 -max_len=2048 -len_control=10
FUZZ_ENV     := UBSAN_OPTIONS=print_stacktrace=1
# What coverage counts is the hypervisor: neither the simulated processor nor the fuzzer's own table.
FUZZ_COVER    = $(if $(filter arch/host/% tests/%,$<),,-fsanitize-coverage=inline-8bit-counters,pc-table)

$(FUZZ_OUT)/obj/%.c.o: %.c mk/host.mk mk/host_fuzz.mk
	@mkdir -p $(@D)
	@echo "  FUZZCC  $<"
	@$(HOST_CC) $(HOST_CFLAGS) $(HOST_RESTORE) $(FUZZ_COVER) -MMD -MP -c $< -o $@

$(FUZZ_OUT)/libvinci.a: $(HOST_SRC:%=$(FUZZ_OUT)/obj/%.o)
	@rm -f $@ && ar rcs $@ $^

$(FUZZ_OUT)/fuzz_%: $(FUZZ_OUT)/obj/tests/fuzz/fuzz_%.c.o $(FUZZ_SUPPORT:%=$(FUZZ_OUT)/obj/%.o) $(FUZZ_OUT)/libvinci.a
	@$(HOST_CC) $(HOST_CFLAGS) -fsanitize=fuzzer $(filter %.o,$^) $(FUZZ_OUT)/libvinci.a -o $@

.SECONDARY: $(FUZZ_TESTS:%=$(FUZZ_OUT)/obj/tests/fuzz/fuzz_%.c.o)

.PHONY: fuzz fuzz-build fuzz-minimise $(FUZZ_TESTS:%=fuzz-run-%)
fuzz-build: $(FUZZ_TESTS:%=$(FUZZ_OUT)/fuzz_%)

# Side by side where make has the jobs for it.
fuzz: $(FUZZ_TESTS:%=fuzz-run-%)
$(FUZZ_TESTS:%=fuzz-run-%): fuzz-run-%: $(FUZZ_OUT)/fuzz_%
	@mkdir -p $(FUZZ_OUT)/corpus/$* $(FUZZ_OUT)/crashes/$*; \
	echo "== fuzz $* for $(SECONDS) s"; \
	$(FUZZ_ENV) $(FUZZ_OUT)/fuzz_$* -max_total_time=$(SECONDS) $(FUZZ_FLAGS) -verbosity=0 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_OUT)/crashes/$*/ $(FUZZ_OUT)/corpus/$* \
		$$(test -d tests/fuzz/corpus/$* && echo tests/fuzz/corpus/$*) || { \
		echo "fuzz: $* found something; the newest file in $(FUZZ_OUT)/crashes/$* replays it:"; \
		echo "fuzz:   VINCI_CONSOLE=1 $(FUZZ_OUT)/fuzz_$* $$(ls -td $(FUZZ_OUT)/crashes/$*/* | head -1)"; exit 1; }

fuzz-minimise: fuzz-build
	@for t in $(FUZZ_TESTS); do \
		rm -rf $(FUZZ_OUT)/minimised && mkdir -p $(FUZZ_OUT)/minimised $(FUZZ_OUT)/corpus/$$t tests/fuzz/corpus/$$t; \
		$(FUZZ_OUT)/fuzz_$$t -set_cover_merge=1 -use_counters=0 $(FUZZ_FLAGS) $(FUZZ_OUT)/minimised tests/fuzz/corpus/$$t $(FUZZ_OUT)/corpus/$$t && \
		rm -f tests/fuzz/corpus/$$t/* && cp $(FUZZ_OUT)/minimised/* tests/fuzz/corpus/$$t/; \
	done

-include $(HOST_SRC:%=$(FUZZ_OUT)/obj/%.d) $(wildcard $(FUZZ_OUT)/obj/tests/fuzz/*.d)
