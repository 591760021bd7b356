# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/storage,lib/base lib/loop lib/schema lib/proto lib/crypto provisioner/store provisioner/task provisioner/ceph,jansson)
