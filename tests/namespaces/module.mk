# SPDX-License-Identifier: GPL-3.0-or-later
# Every tests/namespaces/test_*.py is a program that ends with "N passed, N failed". NAMESPACES="bmc api" runs those. With
# VARIANT=asan what a sanitizer says fails the test, whatever else it looked at.
NAMESPACES ?= $(patsubst tests/namespaces/test_%.py,%,$(wildcard tests/namespaces/test_*.py))
.PHONY: check-namespaces
check-namespaces: programs  ## test parts against real programs in network namespaces (root); NAMESPACES="bmc api"
	@INGOT_BUILD=$(OUT) tests/namespaces/run.sh $(NAMESPACES)
