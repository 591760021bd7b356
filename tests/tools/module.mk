# SPDX-License-Identifier: GPL-3.0-or-later
# Small programs that drive one module from a command line: for the namespace tests, and to look at a part by hand.
# Larger ones have their own folder.
include $(sort $(wildcard tests/tools/*/module.mk))
$(call module,tests/tools,lib/base lib/loop lib/cmd lib/schema lib/proto provisioner/bmc provisioner/netboot,jansson libfreeipmi libmicrohttpd)
$(call program,bmc-try,tests/tools/bmc_try.c,lib/base lib/loop provisioner/bmc)
$(call program,netboot-try,tests/tools/netboot_try.c,lib/base lib/loop lib/cmd provisioner/netboot)
$(call program,openapi-dump,tests/tools/openapi_dump.c,lib/base lib/loop lib/schema lib/proto)
