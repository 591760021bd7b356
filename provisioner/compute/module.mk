# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/compute,lib/base lib/loop lib/schema lib/proto provisioner/store provisioner/task,jansson)
