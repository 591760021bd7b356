# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,tests/tools/ceph_try,lib/base provisioner/ceph)
$(call program,ceph-try,tests/tools/ceph_try/main.c,lib/base provisioner/ceph)
