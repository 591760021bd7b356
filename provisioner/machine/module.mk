# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/machine,lib/base lib/loop lib/fsm lib/schema lib/proto lib/crypto provisioner/store provisioner/task provisioner/bmc provisioner/netboot,jansson gnutls)
