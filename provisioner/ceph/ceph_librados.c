/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ceph/ceph_priv.h"

const struct ceph_driver ceph_driver_librados = {
	.status = ceph_cluster_status,
	.configure = ceph_cluster_configure,
	.auth = ceph_cluster_auth,
	.osd_new = ceph_cluster_osd_new,
	.pool_create = ceph_cluster_pool_create,
	.volume_create = ceph_volume_create,
	.volume_clone = ceph_volume_clone,
	.volume_delete = ceph_volume_delete,
	.image_import = ceph_image_import,
	.image_delete = ceph_image_delete,
};
