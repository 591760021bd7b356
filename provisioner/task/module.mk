# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/task,lib/base lib/loop lib/schema lib/proto provisioner/store,jansson)
