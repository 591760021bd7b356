# SPDX-License-Identifier: GPL-3.0-or-later
cli_libs := lib/base lib/loop lib/schema lib/proto lib/http
$(call module,cli,$(cli_libs),jansson)
# Until lib/http has its client there is nothing to link with.
ifneq ($(wildcard lib/http/http_client*.c),)
$(call program,ingot,cli/main.c,cli $(cli_libs) lib/crypto)
endif
test_cli.modules := cli
test_cli_arguments.modules := cli
test_cli_output.modules := cli
$(OUT)/tests/test_cli: $(OUT)/ingot
