# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/store,lib/base lib/loop lib/schema lib/proto,sqlite3 jansson)
