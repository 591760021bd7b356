# SPDX-License-Identifier: GPL-3.0-or-later
# Every tests/namespaces/test_*.py is a program that ends with "N passed, N failed". One after another: they share two cores.
.PHONY: check-namespaces
check-namespaces: programs  ## test parts against real programs in network namespaces (root)
	@status=0; for test in $(sort $(wildcard tests/namespaces/test_*.py)); do \
		echo "-- $$test"; INGOT_BUILD=$(OUT) /usr/bin/python3 -B $$test || status=1; done; exit $$status
