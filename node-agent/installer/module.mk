# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/installer,lib/base lib/schema,,$(shell $(CC) -print-file-name=libyaml.a))
test_answers.modules := node-agent/installer
fuzz_answers.modules := node-agent/installer
