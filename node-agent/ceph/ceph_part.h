/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The node's Ceph daemons: the section "ceph" of the desired document and of the report. See docs/protocol.md. */
#ifndef INGOT_CEPH_CEPH_PART_H
#define INGOT_CEPH_CEPH_PART_H

#include "core/part.h"

/* What it leaves for the host's Ceph clients (QEMU among them), under the part's prefix. The configuration is readable by
 * all, the keyrings by root; a keyring appears once its key is known. */
#define CEPH_CONF_PATH "/etc/ceph/ceph.conf"
#define CEPH_KEYRING_FORMAT "/etc/ceph/ceph.%s.keyring" /* "client.ingot" */

extern const struct part ceph_part;

#endif
