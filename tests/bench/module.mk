# SPDX-License-Identifier: GPL-3.0-or-later
# Speed, told and not judged: machines differ.
BENCH_MODULES := $(filter-out provisioner/api provisioner/daemon,$(PROVISIONER_MODULES))
$(call module,tests/bench,lib/base lib/schema provisioner/cluster,jansson)
$(call program,bench-scheduler,tests/bench/bench_scheduler.c,$(BENCH_MODULES))

.PHONY: bench-scheduler
bench-scheduler: $(OUT)/bench-scheduler  ## time of one placement among 100, 1,000 and 10,000 nodes
	@$<
