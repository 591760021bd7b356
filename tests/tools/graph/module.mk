# SPDX-License-Identifier: GPL-3.0-or-later
GRAPH_MODULES := $(filter-out provisioner/api provisioner/daemon,$(PROVISIONER_MODULES))
$(call module,tests/tools/graph,lib/base lib/loop lib/fsm lib/schema lib/proto provisioner/store provisioner/task provisioner/bmc provisioner/netboot provisioner/machine,jansson)
$(call program,ingot-graph,tests/tools/graph/main.c,$(GRAPH_MODULES))

.PHONY: graph
graph: $(OUT)/ingot-graph  ## draw the state tables: build/graph/*.dot, and *.svg if dot is installed
	@mkdir -p $(BUILD)/graph
	@$< $(BUILD)/graph
	@if command -v dot >/dev/null; then for f in $(BUILD)/graph/*.dot; do dot -Tsvg -o "$${f%.dot}.svg" "$$f"; done; \
		else echo "graph: install graphviz to have them drawn as well"; fi
	@ls $(BUILD)/graph/*
