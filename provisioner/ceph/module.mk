# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/ceph,lib/base,jansson,-lrados -lrbd)
test_ceph_driver.modules := provisioner/ceph
