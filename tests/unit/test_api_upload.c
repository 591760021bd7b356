/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images sent in pieces, through the real API: cut off, gone on with, after a restart as well. */
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <sys/stat.h>

#include "api_world.h"

#define PIECE 4096
#define SIZE (4 * PIECE)

static void announce(struct world *w, const char *name, json_int_t size)
{
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/images",
			      json_pack("{s:s, s:I}", "name", name, "size_bytes", size), NULL),
			 201);
}

/* Sends a piece; the status. */
static int send_piece(struct world *w, struct http_client *client, const char *offset, size_t len)
{
	_cleanup_free_ char *url = xasprintf("%s/v1/images/deb/content", w->origin);
	_cleanup_free_ char *path = xasprintf("%s/piece", w->f->dir), *bytes = xcalloc(1, len + 1);
	_cleanup_free_ char *header = offset ? xasprintf("Upload-Offset: %s", offset) : NULL;
	const char *const headers[] = { header, NULL };

	memset(bytes, 'x', len);
	assert_int_equal(write_file_atomic(path, bytes, len, 0600), 0);
	http_call_new(client, &(struct http_call_spec){ .method = "PATCH",
							.url = url,
							.body_file = path,
							.body_type = "application/offset+octet-stream",
							.headers = headers,
							.done = on_answer,
							.data = w });
	run_loop(w->f->loop);
	return w->answer_status;
}

static json_int_t arrived(struct world *w)
{
	assert_int_equal(call(w, w->viewer, w->origin, "GET", "/v1/images/deb/content", NULL, NULL), 200);
	return json_integer_value(json_object_get(w->answer, "offset_bytes"));
}

static const char *state_of(struct world *w)
{
	const struct image *image = store_find(w->rack.controller->store, &kind_image, "deb");

	return image_state_words[image->state];
}

static void wait_state(struct world *w, const char *state)
{
	while (!str_equal(state_of(w), state))
		run_once(w->f->loop);
}

static void test_pieces(void **state)
{
	struct world *w = *state;

	announce(w, "deb", SIZE);
	assert_int_equal(arrived(w), 0);
	assert_int_equal(json_integer_value(json_object_get(w->answer, "size_bytes")), SIZE);
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 204);
	assert_int_equal(arrived(w), PIECE);
	assert_int_equal(send_piece(w, w->operator, "4096", 2 * PIECE), 204);
	assert_string_equal(state_of(w), "uploading");
	/* The last byte starts the import. */
	assert_int_equal(send_piece(w, w->operator, "12288", PIECE), 202);
	assert_string_equal(json_string_value(json_object_get(w->answer, "action")), "image.import");
	wait_state(w, "available");
	assert_int_equal(arrived(w), SIZE);
	assert_int_equal(send_piece(w, w->operator, "16384", 0), 409);
}

static void test_wrong_offset(void **state)
{
	struct world *w = *state;

	announce(w, "deb", SIZE);
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 204);
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 409);
	assert_non_null(strstr(w->answer_err.text, "4096 bytes have arrived"));
	assert_int_equal(send_piece(w, w->operator, "8192", PIECE), 409);
	assert_int_equal(send_piece(w, w->operator, NULL, PIECE), 400);
	assert_string_equal(w->answer_err.field, "Upload-Offset");
	assert_int_equal(send_piece(w, w->operator, "-1", PIECE), 400);
	assert_int_equal(send_piece(w, w->operator, "99999999", PIECE), 400);
	assert_int_equal(arrived(w), PIECE);
	/* More than was announced is not taken. */
	assert_int_equal(send_piece(w, w->operator, "4096", SIZE), 413);
	assert_true(arrived(w) <= SIZE);
	assert_string_equal(state_of(w), "uploading");
}

static void test_announced(void **state)
{
	struct world *w = *state;

	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/images",
			      json_pack("{s:s, s:i}", "name", "odd", "size_bytes", 513), NULL),
			 400);
	assert_string_equal(w->answer_err.field, "size_bytes");
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/images",
			      json_pack("{s:s, s:I}", "name", "big", "size_bytes", (json_int_t)(2 * GIB)), NULL),
			 err_meaning(ERR_CAPACITY)->http_status);
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/images", json_pack("{s:s}", "name", "deb"), NULL),
			 201);
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 400);
	assert_string_equal(w->answer_err.field, "size_bytes");
}

static void test_who_may(void **state)
{
	struct world *w = *state;

	announce(w, "deb", SIZE);
	assert_int_equal(send_piece(w, w->viewer, "0", PIECE), 403);
	assert_int_equal(send_piece(w, w->nobody, "0", PIECE), 401);
	assert_int_equal(arrived(w), 0);
}

/* ---- cut off ---- */

/* A sender over TLS that says how much it will send, sends less, and is gone. */
struct sender {
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
};

static void *sender_run(void *data)
{
	struct sender *sender = data;

	while (gnutls_handshake(sender->session) == GNUTLS_E_AGAIN)
		;
	return NULL;
}

/* In a thread of its own: the server that answers is on ours. */
static void sender_begin(struct world *w, struct sender *sender, const char *token, size_t promised, size_t sent)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_server_port(w->people)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_free_ char *head = xasprintf("PATCH /v1/images/deb/content HTTP/1.1\r\nHost: x\r\nUpload-Offset: 0\r\n"
					      "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
					      token, promised);
	_cleanup_free_ char *bytes = xcalloc(1, sent);
	pthread_t thread;

	sender->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(sender->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(gnutls_certificate_allocate_credentials(&sender->credentials), 0);
	assert_int_equal(gnutls_init(&sender->session, GNUTLS_CLIENT), 0);
	assert_int_equal(gnutls_set_default_priority(sender->session), 0);
	gnutls_credentials_set(sender->session, GNUTLS_CRD_CERTIFICATE, sender->credentials);
	gnutls_transport_set_int(sender->session, sender->fd);
	assert_int_equal(pthread_create(&thread, NULL, sender_run, sender), 0);
	while (pthread_tryjoin_np(thread, NULL) != 0)
		run_once(w->f->loop);
	assert_int_equal(gnutls_record_send(sender->session, head, strlen(head)), (ssize_t)strlen(head));
	assert_int_equal(gnutls_record_send(sender->session, bytes, sent), (ssize_t)sent);
}

static void sender_end(struct sender *sender)
{
	gnutls_deinit(sender->session);
	gnutls_certificate_free_credentials(sender->credentials);
	close(sender->fd);
}

static void wait_arrived(struct world *w, json_int_t bytes)
{
	while (arrived(w) != bytes)
		run_once(w->f->loop);
}

static void test_cut_off(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *token = token_of(w, "cut", ROLE_OPERATOR);
	struct sender sender;

	announce(w, "deb", SIZE);
	sender_begin(w, &sender, token, SIZE, PIECE);
	wait_arrived(w, PIECE);
	/* As long as it may still go on, nobody else does. */
	assert_int_equal(send_piece(w, w->operator, "4096", PIECE), err_meaning(ERR_BUSY)->http_status);
	sender_end(&sender);
	while (send_piece(w, w->operator, "4096", SIZE - PIECE) == err_meaning(ERR_BUSY)->http_status)
		run_once(w->f->loop);
	assert_int_equal(w->answer_status, 202);
	wait_state(w, "available");
}

static void test_restart(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *token = token_of(w, "cut", ROLE_OPERATOR);
	struct sender sender;

	announce(w, "deb", SIZE);
	sender_begin(w, &sender, token, SIZE, PIECE);
	wait_arrived(w, PIECE);
	world_stop(w);
	sender_end(&sender);
	world_start(w);
	start_listeners(w);
	assert_int_equal(arrived(w), PIECE);
	assert_int_equal(send_piece(w, w->operator, "4096", SIZE - PIECE), 202);
	wait_state(w, "available");
}

/* ---- the hash of what came ---- */

static void announce_hash(struct world *w, const char *sha256)
{
	assert_int_equal(
		call(w, w->operator, w->origin, "POST", "/v1/images",
		     json_pack("{s:s, s:I, s:s?}", "name", "deb", "size_bytes", (json_int_t)SIZE, "sha256", sha256),
		     NULL),
		201);
}

static const struct image *the_image(struct world *w)
{
	return store_find(w->rack.controller->store, &kind_image, "deb");
}

static char *hash_of_all(void)
{
	char bytes[SIZE];

	memset(bytes, 'x', sizeof(bytes));
	return sha256_hex(bytes, sizeof(bytes));
}

static void test_hash_of_pieces(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *all = hash_of_all();

	announce_hash(w, NULL);
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 204);
	/* One that is refused does not change what is known. */
	assert_int_equal(send_piece(w, w->operator, "100", PIECE), 409);
	assert_int_equal(send_piece(w, w->operator, "4096", PIECE), 204);
	assert_int_equal(send_piece(w, w->operator, "8192", SIZE - 2 * PIECE), 202);
	assert_string_equal(the_image(w)->received_sha256, all);
	wait_state(w, "available");
	assert_string_equal(the_image(w)->sha256, all);
}

/* What came before this process was there is known from the file alone; what was announced holds all the same. */
static void test_hash_over_a_restart(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *all = hash_of_all();

	announce_hash(w, all);
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 204);
	world_stop(w);
	world_start(w);
	start_listeners(w);
	assert_int_equal(send_piece(w, w->operator, "4096", SIZE - PIECE), 202);
	assert_null(the_image(w)->received_sha256);
	wait_state(w, "available");
	assert_string_equal(the_image(w)->sha256, all);
}

static void test_another_hash_than_announced(void **state)
{
	static const char other[] = "00000000000000000000000000000000000000000000000000000000000000ff";
	struct world *w = *state;
	_cleanup_free_ char *all = hash_of_all();
	_cleanup_free_ char *text = xasprintf("sha256: the content has %s, not %s; upload it again", all, other);

	announce_hash(w, other);
	assert_int_equal(send_piece(w, w->operator, "0", SIZE), 202);
	wait_state(w, "failed");
	assert_string_equal(the_image(w)->error->text, text);
	assert_string_equal(the_image(w)->error->field, "sha256");
	/* Nothing of it is left that another one could be added to. */
	assert_int_equal(arrived(w), 0);
}

static void test_deleted(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = NULL;

	announce(w, "deb", SIZE);
	path = xasprintf("%s/%s", w->f->dir, json_string_value(json_object_get(w->answer, "id")));
	assert_int_equal(send_piece(w, w->operator, "0", PIECE), 204);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(call(w, w->operator, w->origin, "DELETE", "/v1/images/deb", NULL, NULL), 202);
	while (store_find(w->rack.controller->store, &kind_image, "deb"))
		run_once(w->f->loop);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
#define UPLOAD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		UPLOAD_TEST(test_pieces),
		UPLOAD_TEST(test_wrong_offset),
		UPLOAD_TEST(test_announced),
		UPLOAD_TEST(test_who_may),
		UPLOAD_TEST(test_cut_off),
		UPLOAD_TEST(test_restart),
		UPLOAD_TEST(test_deleted),
		UPLOAD_TEST(test_hash_of_pieces),
		UPLOAD_TEST(test_hash_over_a_restart),
		UPLOAD_TEST(test_another_hash_than_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
