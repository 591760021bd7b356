/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images that are sent in pieces: each begins where the one before ended, also after it was cut off. */
#include <inttypes.h>

#include "api/api_priv.h"

#define HEADER "Upload-Offset"

static int wanted_offset(const struct http_request *request, uint64_t *ret, struct err *err)
{
	const char *text = http_request_header(request, HEADER);
	int64_t offset = 0;
	if (!text)
		return err_set_field(err, ERR_INVALID, HEADER, HEADER ": is missing; it says where the piece begins");
	if (parse_i64(text, 0, INT64_MAX, &offset) < 0)
		return err_set_field(err, ERR_INVALID, HEADER, HEADER ": must be a number of bytes");
	*ret = (uint64_t)offset;
	return 0;
}

int api_admit_piece(struct api_call *call, char **ret_header, struct err *err)
{
	const char *name = http_request_param(call->request, "id");
	const struct image *image = store_find(call->api->store, &kind_image, name);
	_cleanup_free_ char *path = NULL;
	uint64_t offset = 0, size = 0, have = UINT64_MAX;
	if (!image)
		return err_set(err, ERR_NOT_FOUND, "there is no image with the id or name '%s'", name);
	int r = image_append_begin(call->api->spec.storage, image->id, &path, &size, err);
	if (r == 0)
		r = wanted_offset(call->request, &offset, err);
	if (r == 0 && offset > size)
		r = err_set_field(err, ERR_INVALID, HEADER, HEADER ": is beyond the end, which is %" PRIu64, size);
	if (r == 0)
		r = http_request_body_to(call->request, path, offset, size,
					 image_append_hash(call->api->spec.storage, image->id, offset), &have, err);
	if (r < 0 && have != UINT64_MAX)
		*ret_header = xasprintf(HEADER ": %" PRIu64, have);
	return r;
}

int api_prepare_upload(struct api_call *call, char **ret_path, struct err *err)
{
	const char *file = http_request_body_file(call->request);
	uint64_t size = 0;
	if (call->operation->kind == OPERATION_APPEND)
		return image_append_begin(call->api->spec.storage, call->id, ret_path, &size, err);
	if (!file)
		return err_set(err, ERR_INVALID, "the content is missing; send the raw disk image as the body");
	*ret_path = xstrdup(file);
	return 0;
}

int api_image_upload(struct api_call *call, struct err *err)
{
	return image_upload(call->api->spec.storage, call->id, http_request_body_file(call->request),
			    http_request_take_body_hash(call->request), &call->task, err);
}

int api_image_append(struct api_call *call, struct err *err)
{
	struct image_content content = { 0 };
	int r = image_append(call->api->spec.storage, call->id, http_request_take_body_hash(call->request), &call->task,
			     err);
	if (r == 0 && !call->task)
		r = image_content(call->api->spec.storage, call->id, &content, err);
	if (r < 0 || call->task)
		return r;
	_cleanup_free_ char *header = xasprintf(HEADER ": %" PRIu64, content.offset_bytes);
	const char *const headers[] = { header, "Cache-Control: no-store", NULL };
	http_answer_data(call->request, 204, NULL, "", 0, headers);
	call->status = 204;
	call->answered = true;
	return 0;
}

int api_image_content(struct api_call *call, struct err *err)
{
	struct image_content content;
	int r = image_content(call->api->spec.storage, call->id, &content, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *header = xasprintf(HEADER ": %" PRIu64, content.offset_bytes);
	const char *const headers[] = { header, "Cache-Control: no-store", NULL };
	http_answer_json(call->request, 200, schema_encode(&image_content_schema, &content, false), headers);
	call->answered = true;
	return 0;
}
