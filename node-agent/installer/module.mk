# SPDX-License-Identifier: GPL-3.0-or-later
# Archives in place of shared objects, so that the live image carries only what is used of them.
$(call module,node-agent/installer,lib/base lib/loop lib/cmd lib/schema lib/crypto lib/http lib/bundle node-agent/inventory node-agent/disk node-agent/core \
	node-agent/install,jansson,$(foreach l,newt slang yaml crypt,$(shell $(CC) -print-file-name=lib$(l).a)) -lm)
test_answers.modules := node-agent/core node-agent/inventory node-agent/disk node-agent/install node-agent/installer
test_installer.modules := $(test_answers.modules)
test_installer_screens.modules := $(test_answers.modules)
test_install_journal.modules := $(test_answers.modules)
fuzz_answers.modules := $(test_answers.modules)
