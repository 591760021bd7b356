# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/api,lib/base lib/loop lib/fsm lib/schema lib/proto lib/crypto lib/http provisioner/store provisioner/task provisioner/auth provisioner/bmc provisioner/netboot provisioner/ceph provisioner/machine provisioner/storage provisioner/compute provisioner/cluster,jansson gnutls libmicrohttpd)
