# SPDX-License-Identifier: GPL-3.0-or-later
# The one Makefile. Each folder with sources has a module.mk that says what it may include:
#
#     $(call module,FOLDER,FOLDERS IT MAY INCLUDE,PKG-CONFIG PACKAGES,OTHER LIBRARIES)
#
# A module sees the headers of those folders and no others: its include path is a directory of links to them. The ways around
# that (".." in a path, a folder inside the module's own, another folder's *_priv.h) are what `make lint` refuses.

# Targets that need nothing but Debian and root. The modules below ask the compiler and pkg-config where libraries are while make
# reads them, so the packages come first and a second make then does the work: for these goals the first one reads nothing else.
AFTER_DEPS := bench check check-iso check-iso-install check-iso-reproducible check-lab check-make-lab check-metal iso lab
.DEFAULT_GOAL := all
SHELL := /bin/bash
.PHONY: deps
deps:  ## install the Debian packages that the build and the tests use (root)
	@tests/deps.sh

ifneq ($(if $(deps_there),,$(filter deps $(AFTER_DEPS),$(MAKECMDGOALS))),)
.PHONY: $(MAKECMDGOALS)
$(filter-out deps,$(MAKECMDGOALS)): with-deps ;
.PHONY: with-deps
with-deps: deps
	+@$(MAKE) --no-print-directory deps_there=1 $(filter-out deps,$(MAKECMDGOALS))
else

VARIANT ?= release
BUILD ?= build
OUT := $(if $(filter release,$(VARIANT)),$(BUILD),$(BUILD)/$(VARIANT))
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
VERSION := 0.1.0
WARN := -Wall -Wextra -Wshadow -Wvla -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wundef \
	-Wpointer-arith -Wwrite-strings -Wno-unused-parameter $(if $(WERROR),-Werror)
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
CFLAGS_debug := -Og -g3
CFLAGS_asan := -O1 -g3 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g3 -fsanitize=thread
CFLAGS_fuzz := -O1 -g3 -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=all
ifeq ($(VARIANT),fuzz)
CC := clang
endif
# Clang means also those that designated initializers leave out; gcc keeps watch over the others.
WARN += $(if $(findstring clang,$(CC)),-Wno-missing-field-initializers)
CFLAGS := -std=gnu17 $(CFLAGS_$(VARIANT)) $(WARN) -fPIE -fstack-protector-strong -fno-strict-aliasing \
	-D_GNU_SOURCE -DINGOT_VERSION='"$(VERSION)"'
LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(filter -fsanitize%,$(CFLAGS_$(VARIANT)))

# Where the sources lie is in nothing that comes of them: a name in debugging information and in assertions begins at this folder.
PATHS := -ffile-prefix-map=$(CURDIR)=.

# A file that holds the value of the variable $(2): new when that is another one, and so is what has it for a prerequisite.
# No newline at the end: make 4.3 does not always take it off again.
define stamp_template
ifneq ($$(file <$(1)),$$(strip $$($(2))))
.PHONY: $(1)
endif
$(1):
	@mkdir -p $$(@D) && printf %s '$$(subst ','\'',$$(strip $$($(2))))' >$$@
endef
stamp = $(eval $(call stamp_template,$(1),$(2)))

# What all is compiled with; -Werror changes nothing in what comes of it.
FLAGS := $(OUT)/obj/.flags
flags := $(filter-out -Werror,$(CC) $(CFLAGS) $(LDFLAGS)) $(PATHS)
$(call stamp,$(FLAGS),flags)

MODULES :=
OTHER_SOURCES :=
OTHER_INCLUDES :=
# $(1) folder, $(2) folders it may include, $(3) pkg-config packages, $(4) libraries without a pkg-config file
define module_template
MODULES += $(1)
$(1).uses := $(2)
$(1).pkgs := $(3)
$(1).ldlibs := $(4)
$(1).objects := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out %/main.c,$(wildcard $(1)/*.c)))
$(1).inc := $(OUT)/inc/$(subst /,-,$(1))
$(1).cflags = $(if $(strip $(3)),$$(shell pkg-config --cflags $(3)))
$(OUT)/inc/$(subst /,-,$(1))/.made: $(1)/module.mk
	@rm -rf $$(@D) && mkdir -p $$(@D)
	@$$(foreach m,$(1) $(2),ln -sfn $$(CURDIR)/$$(m) $$(@D)/$$(notdir $$(m));)
	@touch $$@
$(1).list := $(OUT)/obj/$(1)/.objects
$(call stamp_template,$(OUT)/obj/$(1)/.objects,$(1).objects)
$(1).archive := $(OUT)/obj/$(1)/$(notdir $(1)).a
$(OUT)/obj/$(1)/$(notdir $(1)).a: $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out %/main.c,$(wildcard $(1)/*.c))) $(OUT)/obj/$(1)/.objects
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$(filter %.o,$$^)
$(OUT)/obj/$(1)/%.o: $(1)/%.c $(OUT)/inc/$(subst /,-,$(1))/.made $(FLAGS)
	@mkdir -p $$(@D)
	@$(if $(V),,echo "  CC    $$@")
	$$(Q)$$(CC) $$(CFLAGS) $$(PATHS) $$($(1).cflags) -I$(OUT)/inc/$(subst /,-,$(1)) -MMD -MP -c -o $$@ $$<
endef
module = $(eval $(call module_template,$(strip $(1)),$(strip $(2)),$(strip $(3)),$(strip $(4))))

# A program that was linked before there were maps is linked again.
define mapped
ifeq ($$(wildcard $(1).map),)
.PHONY: $(1)
endif
endef

PROGRAMS :=
# $(1) program, $(2) main source, $(3) modules in it. The linker's map says which archives it has parts of: for the medium's paperwork.
define program_template
PROGRAMS += $(OUT)/$(1)
$(call mapped,$(OUT)/$(1))
$(OUT)/$(1): $(patsubst %.c,$(OUT)/obj/%.o,$(2)) $$(foreach m,$(3),$$($$(m).archive))
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -Wl,-Map=$$@.map -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(shell pkg-config --libs $$(sort $$(foreach m,$(3),$$($$(m).pkgs)))) \
		$$(sort $$(foreach m,$(3),$$($$(m).ldlibs)))
endef
program = $(eval $(call program_template,$(strip $(1)),$(strip $(2)),$(strip $(3))))

Q := $(if $(V),,@)

# Order: what others stand on comes first.
LIB := lib/base lib/loop lib/cmd lib/fsm lib/schema lib/proto lib/crypto lib/http lib/bundle
-include $(wildcard lib/*/module.mk) $(wildcard provisioner/*/module.mk) $(wildcard provisioner/module.mk)
-include $(wildcard node-agent/*/module.mk) $(wildcard node-agent/module.mk) $(wildcard cli/module.mk)
-include $(wildcard pxe/module.mk) $(wildcard images/*/module.mk) $(wildcard images/module.mk) $(wildcard ui/module.mk) $(wildcard iso/module.mk)
-include $(wildcard tests/*/module.mk) $(wildcard docs/module.mk)

.PHONY: all programs check lint help clean
all: programs ui  ## build the programs and the dashboard
programs: $(PROGRAMS)

check:  ## set everything up and run all tests (root)
	@tests/check.sh

lint:  ## clang-format, clang-tidy, cppcheck, shellcheck, and what this project forbids
	@tests/lint.sh

# For clang-tidy: each source with what it is compiled with, as arguments for a shell. Sources outside the modules are
# in OTHER_SOURCES, what they take besides CFLAGS is in SOURCE.cflags, what has to be made first in OTHER_INCLUDES.
.PHONY: build/sources.list
build/sources.list: $(foreach m,$(MODULES),$(OUT)/inc/$(subst /,-,$(m))/.made) $(OTHER_INCLUDES)
	$(file >$@)
	$(foreach m,$(MODULES),$(foreach f,$(wildcard $(m)/*.c),$(file >>$@,$(f) -- $(filter-out \
		-D_FORTIFY_SOURCE=2,$(CFLAGS)) $($(m).cflags) -I$($(m).inc))))
	$(foreach f,$(OTHER_SOURCES),$(file >>$@,$(f) -- $(filter-out -D_FORTIFY_SOURCE=2,$(CFLAGS)) $($(f).cflags)))
	@true

# For the lint: each module with the folders that it may include.
.PHONY: build/modules.list
build/modules.list:
	$(file >$@)
	$(foreach m,$(MODULES),$(file >>$@,$(m) $($(m).uses)))
	@true

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile $(wildcard */module.mk */*/module.mk */*/*/module.mk) | \
		sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-16s %s\n", $$1, $$2}'

clean:  ## remove what was built (caches of images stay in build/cache)
	rm -rf $(BUILD)/obj $(BUILD)/inc $(BUILD)/asan $(BUILD)/debug $(BUILD)/tsan $(BUILD)/fuzz $(PROGRAMS) $(PROGRAMS:=.map)

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
endif
