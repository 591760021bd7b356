# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner,lib/base lib/loop lib/schema provisioner/daemon,libsystemd)
PROVISIONER_MODULES := lib/base lib/loop lib/cmd lib/fsm lib/schema lib/proto lib/crypto lib/http lib/bundle provisioner/store provisioner/task provisioner/auth provisioner/bmc provisioner/netboot provisioner/ceph provisioner/machine provisioner/storage provisioner/compute provisioner/cluster provisioner/controller provisioner/api provisioner/daemon
$(call program,ingot-provisioner,provisioner/main.c,$(PROVISIONER_MODULES))
