# SPDX-License-Identifier: GPL-3.0-or-later
# The dashboard. Built once, and again only if its sources, its packages or the API's document changed. Vite drops types unread: they
# are checked before, so that a word that one language lacks builds nothing.
UI_SOURCES := $(filter-out %.gen.ts %.gen.json,$(shell find ui/src ui/public ui/tools -type f 2>/dev/null)) \
	ui/index.html ui/vite.config.ts ui/tsconfig.json
UI_WORK := $(BUILD)/ui-work

.PHONY: ui check-ui check-ui-browser
ui: $(UI_WORK)/.built  ## build the dashboard into build/ui

$(UI_WORK)/.npm:
	@mkdir -p $(@D)
	@command -v npm >/dev/null && command -v node >/dev/null || { \
		echo "ui: npm is missing: install Node.js 18.18 or newer with npm (sudo make deps)" >&2; exit 1; }
	@touch $@

# What npm installs is of the lock file's versions and hashes.
$(UI_WORK)/.packages: ui/package.json ui/package-lock.json ui/.npmrc | $(UI_WORK)/.npm
	@echo "  NPM   ui"
	$(Q)cd ui && npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# A program that was linked anew says the same as a rule: the document keeps its time then, and nothing is made of it again.
$(UI_WORK)/.openapi: $(OUT)/openapi-dump
	@mkdir -p $(@D)
	@$< >$(@D)/openapi.new && if cmp -s $(@D)/openapi.new $(@D)/openapi.json; then rm $(@D)/openapi.new; else \
		mv $(@D)/openapi.new $(@D)/openapi.json; fi
	@touch $@

$(UI_WORK)/openapi.json: $(UI_WORK)/.openapi ;

$(UI_WORK)/.generated: $(UI_WORK)/openapi.json $(UI_WORK)/.packages ui/tools/generate.mjs
	@cd ui && node tools/generate.mjs ../$(UI_WORK)/openapi.json src/api
	@touch $@

$(UI_WORK)/.built: $(UI_WORK)/.generated $(UI_SOURCES)
	@echo "  VITE  $(BUILD)/ui"
	$(Q)cd ui && node_modules/.bin/tsc --noEmit && UI_OUT=../$(BUILD)/ui node_modules/.bin/vite build --logLevel warn && \
		node tools/licences.mjs ../$(BUILD)/ui && node tools/compress.mjs ../$(BUILD)/ui
	@touch $@

# For the medium: what the dashboard is made of, with the texts of the licences.
$(UI_WORK)/.paperwork: $(UI_WORK)/.built
	@cd ui && node tools/paperwork.mjs ../$(BUILD)/ui ../$(UI_WORK)/paperwork
	@touch $@

check-ui: ui  ## type check, lint, unit tests, translations and budgets of the dashboard
	@cd ui && node tools/check.mjs ../$(BUILD)/ui

check-ui-browser: ui $(OUT)/ingot-sim-server $(BUILD)/images/guest/counter.img  ## the dashboard in a browser, against simulated machines
	@cd ui && node ../tests/ui/run.mjs --server ../$(OUT)/ingot-sim-server --ui ../$(BUILD)/ui --shots ../$(BUILD)/ui-shots \
		--guest ../$(BUILD)/images/guest/counter.img
