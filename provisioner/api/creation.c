/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Idempotency-Key: a call whose answer was lost is made again, and nothing more is created or begun. What was done is noted in
 * the same transaction, so that a crash leaves both or neither. */
#include "api/api_priv.h"
#include "crypto/crypto.h"

#define KEY_HEADER "Idempotency-Key"
#define KEY_MAX_BYTES 255
#define KEPT_MS (24 * 60 * 60 * 1000)
#define KEPT_MAX 10000
#define ID_DIGITS 32

static int check_key(const char *key, struct err *err)
{
	size_t len = strlen(key);
	bool ok = len > 0 && len <= KEY_MAX_BYTES;
	for (size_t i = 0; i < len; i++)
		ok = ok && key[i] >= ' ' && key[i] <= '~';
	if (ok)
		return 0;
	return err_set_field(err, ERR_INVALID, KEY_HEADER, KEY_HEADER ": must be 1 to %d printable ASCII characters",
			     KEY_MAX_BYTES);
}

/* Keys are their caller's own: nobody learns of another's calls. */
static char *creation_id(const struct api_call *call, const char *key)
{
	_cleanup_free_ char *text = xasprintf("%s\n%s\n%s%s%s", call->who.id, call->operation->name, key,
					      call->id ? "\n" : "", str_or(call->id, ""));
	_cleanup_free_ char *hash = sha256_hex(text, strlen(text));
	return xstrndup(hash, ID_DIGITS);
}

static char *request_text(const struct api_call *call, bool with_hidden)
{
	json_t *json = call->operation->request ? schema_encode(call->operation->request, call->body, with_hidden)
						: json_object();
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	return text;
}

/* Of what was understood: the order of fields and white space make no difference. "SHOWN PROCESS ALL": a hash of what may be
 * shown; one that names this process's key; one by that key, of all. A hash of a password that is quickly made would be quickly
 * guessed, hence the key, which is nowhere but in memory. */
static char *fingerprint_of(const struct api_call *call)
{
	const unsigned char *key = call->api->creation_key;
	const size_t key_len = sizeof(call->api->creation_key);
	_cleanup_free_ char *shown = request_text(call, false), *all = request_text(call, true);
	_cleanup_free_ char *hash = sha256_hex(shown, strlen(shown)), *process = hmac_sha256_hex(key, key_len, "", 0);
	_cleanup_free_ char *keyed = hmac_sha256_hex(key, key_len, all, strlen(all));
	wipe(all, strlen(all));
	return xasprintf("%s %s %s", hash, process, keyed);
}

/* What was noted by another process of the provisioner is compared by what may be shown alone. */
static bool same_request(const char *noted, const char *fingerprint)
{
	const size_t hash_len = (size_t)2 * SHA256_SIZE, process_len = hash_len + 1 + hash_len;
	if (strlen(noted) < process_len || strncmp(noted, fingerprint, process_len) != 0)
		return strncmp(noted, fingerprint, hash_len) == 0;
	return str_equal(noted, fingerprint);
}

static bool expired(const struct api *api, const struct creation *creation)
{
	return loop_now_ms(api->spec.loop) - creation->created >= KEPT_MS;
}

/* Within a transaction: makes room for one more. */
static void drop_old(struct api *api)
{
	size_t count = store_count(api->store, &kind_creation);
	const struct creation *oldest = NULL;
	STORE_EACH(struct creation, creation, api->store, &kind_creation) {
		if (expired(api, creation)) {
			store_remove(api->store, &kind_creation, creation->id);
			count--;
		} else if (!oldest || creation->created < oldest->created) {
			oldest = creation;
		}
	}
	if (count >= KEPT_MAX && oldest)
		store_remove(api->store, &kind_creation, oldest->id);
}

static void note(struct api_call *call, const char *id, char *fingerprint, const char *resource)
{
	struct store *store = call->api->store;
	drop_old(call->api);
	struct creation *creation = store_create_id(store, &kind_creation, id);
	creation->fingerprint = fingerprint;
	creation->resource = xstrdup(resource);
	creation->task = xstrdup(call->task);
	creation->created = loop_now_ms(call->api->spec.loop);
}

/* What was edited has moved when it is committed: what is borrowed is looked for again. */
static void find_again(struct api_call *call, const char *resource, const char *task_id)
{
	struct store *store = call->api->store;
	const struct task *task = task_id ? store_get(store, &kind_task, task_id) : NULL;
	call->task = task ? task->id : NULL;
	call->result = store_get(store, call->kind, resource);
}

static int begin(struct api_call *call, api_fn fn, const char *id, const char *fingerprint, struct err *err)
{
	struct store *store = call->api->store;
	store_begin(store);
	int r = fn(call, err);
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	bool creates = call->operation->kind == OPERATION_CREATE;
	_cleanup_free_ char *resource = xstrdup(creates ? *(char *const *)call->result : call->id);
	_cleanup_free_ char *task = xstrdup(call->task);
	note(call, id, xstrdup(fingerprint), resource);
	r = store_commit(store, err);
	if (r == 0)
		find_again(call, resource, task);
	return r;
}

static int repeat(struct api_call *call, const struct creation *creation, const char *fingerprint, struct err *err)
{
	if (!same_request(str_or(creation->fingerprint, ""), fingerprint))
		return err_set_field(err, ERR_STATE, KEY_HEADER,
				     KEY_HEADER ": this key was used with another request; take a new one");
	call->repeated = true;
	find_again(call, creation->resource, creation->task);
	if (call->operation->kind == OPERATION_TASK && !call->task)
		return err_set(err, ERR_NOT_FOUND, "the task that was begun with this " KEY_HEADER " is gone: %s",
			       creation->task);
	if (!call->result)
		return err_set(err, ERR_NOT_FOUND, "the %s that was created with this " KEY_HEADER " is gone: %s",
			       call->kind->name, creation->resource);
	/* A creation names the task that made it, even when that is forgotten. */
	call->task = creation->task;
	return 0;
}

int api_once(struct api_call *call, api_fn fn, struct err *err)
{
	const char *key = http_request_header(call->request, KEY_HEADER);
	if (!key)
		return fn(call, err);
	int r = check_key(key, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *id = creation_id(call, key), *fingerprint = fingerprint_of(call);
	const struct creation *creation = store_get(call->api->store, &kind_creation, id);
	if (creation && !expired(call->api, creation))
		return repeat(call, creation, fingerprint, err);
	return begin(call, fn, id, fingerprint, err);
}
