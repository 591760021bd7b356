# SPDX-License-Identifier: GPL-3.0-or-later
# libyaml as an archive: the host image carries the parser alone.
$(call module,provisioner/compute,lib/base lib/loop lib/schema lib/proto provisioner/store provisioner/task,jansson,$(shell \
	$(CC) -print-file-name=libyaml.a))
