# SPDX-License-Identifier: GPL-3.0-or-later
# The top Makefile reads images/module.mk only.
-include images/bundle-tool/module.mk
