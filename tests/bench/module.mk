# SPDX-License-Identifier: GPL-3.0-or-later
# How fast and how large it is, beside what could be had at best. Never a test: a slow host fails nothing.
$(call module,tests/bench,lib/base lib/loop lib/schema lib/proto lib/crypto provisioner/cluster provisioner/store,libmicrohttpd)
$(call program,bench-scheduler,tests/bench/bench_scheduler.c,lib/base lib/schema provisioner/cluster)
$(call program,bench-http,tests/bench/bench_http.c,lib/base tests/bench)
$(call program,bench-store,tests/bench/bench_store.c,lib/base lib/loop lib/schema lib/proto provisioner/store tests/bench)
$(call program,bench-hash,tests/bench/bench_hash.c,lib/base lib/crypto)

PARTS ?= all
.PHONY: bench
bench: programs iso ui $(BUILD)/lab-parts/bmc_chassis.so $(BUILD)/lab-parts/vmlinuz  ## time and memory beside their floors; PARTS=api,migrate for some (root)
	$(Q)$(lab.python) -m bench --parts $(PARTS)
