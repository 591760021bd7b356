/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Ceph's monitors answer. */
#include <assert.h>

#include "ceph/ceph_priv.h"
#include "http/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct ceph_status status = { 0 };
	json_t *json = NULL;

	if (http_json_parse((const char *)data, size, &json, NULL) < 0)
		return 0;
	if (ceph_parse_status(json, &status, &err) == 0)
		assert(status.health);
	else
		assert(err.text && !status.health);
	ceph_parse_df(json, "ingot", &status);
	assert(ceph_parse_hosts_up(json) <= json_array_size(json_object_get(json, "nodes")));
	ceph_status_done(&status);
	json_decref(json);
	return 0;
}
