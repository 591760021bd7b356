# SPDX-License-Identifier: GPL-3.0-or-later
# Every tests/namespaces/test_*.py is a program that ends with "N passed, N failed". One after another: they share two cores.
# NAMESPACES="bmc api" runs those. With VARIANT=asan what a sanitizer says fails the test, whatever else it looked at.
NAMESPACES ?= $(patsubst tests/namespaces/test_%.py,%,$(wildcard tests/namespaces/test_*.py))
.PHONY: check-namespaces
check-namespaces: programs  ## test parts against real programs in network namespaces (root); NAMESPACES="bmc api"
	@status=0; for test in $(patsubst %,tests/namespaces/test_%.py,$(sort $(NAMESPACES))); do \
		echo "-- $$test"; INGOT_BUILD=$(OUT) /usr/bin/python3 -B $$test || status=1; done; exit $$status
