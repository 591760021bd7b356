# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,node-agent/install,lib/base lib/cmd lib/crypto lib/bundle lib/loop node-agent/core node-agent/inventory \
	node-agent/disk,\
	jansson libcurl,$(shell $(CC) -print-file-name=libxxhash.a))
$(foreach t,test_install test_install_order test_install_disk test_install_fetch test_install_boot test_write_behind,\
	$(eval $(t).modules := node-agent/core node-agent/inventory node-agent/disk node-agent/install))
