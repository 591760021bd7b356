# SPDX-License-Identifier: GPL-3.0-or-later
# Every tests/fuzz/fuzz_*.c is a fuzzer (libFuzzer, with AddressSanitizer) linked with all of lib, and with the modules named in
# NAME.modules if it tests something above lib. It starts from
# tests/fuzz/seeds/NAME/ and keeps what it finds in build/fuzz/corpus/NAME/. FUZZ_SECONDS is for each of them.
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 5
fuzz_pkgs := jansson gnutls libarchive libmicrohttpd libcurl libsystemd sqlite3
FUZZ_LIB := lib/base lib/loop lib/cmd lib/fsm lib/schema lib/proto lib/crypto lib/http lib/bundle

define fuzz_template
OTHER_SOURCES += tests/fuzz/$(1).c
OTHER_INCLUDES += $(OUT)/inc/tests-$(1)/.made
tests/fuzz/$(1).c.cflags = $$(shell pkg-config --cflags $(fuzz_pkgs) $$(sort $$(foreach m,$$($(1).modules),$$($$(m).pkgs)))) -I$(OUT)/inc/tests-$(1)
$(OUT)/inc/tests-$(1)/.made: tests/fuzz/module.mk $(wildcard tests/fuzz/modules.mk) $$(foreach m,$$($(1).modules),$$(m)/module.mk)
	@rm -rf $$(@D) && mkdir -p $$(@D)
	@$$(foreach m,$(FUZZ_LIB) $$($(1).modules),ln -sfn $$(CURDIR)/$$(m) $$(@D)/$$(notdir $$(m));)
	@touch $$@
$(OUT)/obj/tests/fuzz/$(1).o: tests/fuzz/$(1).c $(OUT)/inc/tests-$(1)/.made $(FLAGS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(tests/fuzz/$(1).c.cflags) -MMD -MP -c -o $$@ $$<
$(OUT)/tests/$(1): $(OUT)/obj/tests/fuzz/$(1).o $$(foreach m,$(FUZZ_LIB) $$($(1).modules),$$($$(m).objects) $$($$(m).list))
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $$(shell pkg-config --libs $(fuzz_pkgs) $$(sort $$(foreach m,$$($(1).modules),$$($$(m).pkgs)))) \
		$$(sort $$(foreach m,$$($(1).modules),$$($$(m).ldlibs)))
endef
-include $(wildcard tests/fuzz/modules.mk)
$(foreach t,$(FUZZERS),$(eval $(call fuzz_template,$(t))))

.PHONY: fuzz
ifeq ($(VARIANT),fuzz)
fuzz: $(FUZZERS:%=$(OUT)/tests/%)
	@tests/fuzz/run.sh $(OUT) $(FUZZ_SECONDS) $(FUZZERS)
else
fuzz:  ## run every fuzzer for FUZZ_SECONDS (5) seconds
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzz
endif
