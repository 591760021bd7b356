# SPDX-License-Identifier: GPL-3.0-or-later
# Every tests/unit/test_*.c is a program: linked with all of lib, and with the modules named in
# NAME.modules if it tests something above lib.
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
unit_pkgs := cmocka jansson gnutls libarchive libmicrohttpd libcurl libsystemd sqlite3
LIB_ALL := lib/base lib/loop lib/cmd lib/fsm lib/schema lib/proto lib/crypto lib/http lib/bundle

define unit_template
OTHER_SOURCES += tests/unit/$(1).c
OTHER_INCLUDES += $(OUT)/inc/tests-$(1)/.made
tests/unit/$(1).c.cflags = $$(shell pkg-config --cflags $(unit_pkgs)) -I$(OUT)/inc/tests-$(1)
$(OUT)/inc/tests-$(1)/.made: tests/unit/module.mk $(wildcard tests/unit/modules.mk) $$(foreach m,$$($(1).modules),$$(m)/module.mk)
	@rm -rf $$(@D) && mkdir -p $$(@D)
	@$$(foreach m,$(LIB_ALL) $$($(1).modules),ln -sfn $$(CURDIR)/$$(m) $$(@D)/$$(notdir $$(m));)
	@touch $$@
$(OUT)/obj/tests/unit/$(1).o: tests/unit/$(1).c $(OUT)/inc/tests-$(1)/.made $(FLAGS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(tests/unit/$(1).c.cflags) -MMD -MP -c -o $$@ $$<
$(OUT)/tests/$(1): $(OUT)/obj/tests/unit/$(1).o $$(foreach m,$(LIB_ALL) $$($(1).modules),$$($$(m).archive))
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group \
		$$(filter %.a,$$^) -Wl,--end-group $$(shell pkg-config --libs $(unit_pkgs) $$(sort $$(foreach m,$$($(1).modules),$$($$(m).pkgs)))) \
		$$(sort $$(foreach m,$$($(1).modules),$$($$(m).ldlibs)))
endef
-include $(wildcard tests/unit/modules.mk)
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_template,$(t))))

.PHONY: check-unit
check-unit: $(UNIT_TESTS:%=$(OUT)/tests/%)  ## run the unit tests (no root, no network)
	@tests/unit/run.sh $^
