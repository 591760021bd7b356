# SPDX-License-Identifier: GPL-3.0-or-later
cli_libs := lib/base lib/loop lib/schema lib/proto lib/http
$(call module,cli,$(cli_libs),jansson)
# Until lib/http has its client there is nothing to link with.
ifneq ($(wildcard lib/http/http_client*.c),)
$(call program,ingot,cli/main.c,cli $(cli_libs) lib/crypto)
endif
