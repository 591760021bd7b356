# SPDX-License-Identifier: GPL-3.0-or-later
# Small programs that the namespace tests drive the parts with; each has its own folder.
include $(sort $(wildcard tests/tools/*/module.mk))
