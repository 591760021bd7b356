# SPDX-License-Identifier: GPL-3.0-or-later
cli_libs := lib/base lib/loop lib/schema lib/proto lib/crypto lib/http
$(call module,cli,$(cli_libs),jansson)
$(call program,ingot,cli/main.c,cli $(cli_libs))
test_cli_arguments.modules := cli
test_cli_output.modules := cli
$(OUT)/tests/test_cli $(OUT)/tests/test_cli_watch: | $(OUT)/ingot
