/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's consoles between a real WebSocket server, where the provisioner would be, and a socket and a log file as QEMU
 * makes them. */
#include <fcntl.h>
#include <sys/un.h>

#include "console/console_part.h"
#include "http_fixture.h"
#include "vm/vm_paths.h"

#define VM "0191d8a0-6c1e-7b3a-9d2f-3c5b7a9e1f20"
#define FARS_MAX 8

/* The provisioner's end of one console. */
struct far_end {
	struct world *world;
	char *ticket;
	struct ws *ws;
	struct strbuf seen;
	char *closed;
};

struct world {
	struct fixture *f;
	struct http_server *server;
	struct http_client *client;
	struct part_link link;
	void *part_state;
	char *url;
	struct far_end fars[FARS_MAX];
	unsigned far_count;
	/* the guest */
	int listen_fd, guest_fd, log_fd, screen_fd;
	bool (*done)(struct world *world);
};

static void check(struct world *world)
{
	if (world->done && world->done(world))
		loop_quit(world->f->loop, 0);
}

static void wait_until(struct world *world, bool (*done)(struct world *world))
{
	world->done = done;
	if (!done(world))
		run_loop(world->f->loop);
	world->done = NULL;
}

static void far_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct far_end *far_end = data;

	strbuf_add(&far_end->seen, payload, len);
	check(far_end->world);
}

static void far_closed(struct ws *ws, const char *reason, void *data)
{
	struct far_end *far_end = data;

	far_end->ws = NULL;
	far_end->closed = xstrdup(str_or(reason, ""));
	check(far_end->world);
}

static void take_console(struct http_request *request, void *data)
{
	static const struct ws_events events = { .message = far_message, .closed = far_closed };
	struct world *world = data;
	struct far_end *far_end = &world->fars[world->far_count++];

	assert_true(world->far_count <= FARS_MAX);
	far_end->world = world;
	far_end->ticket = xstrdup(http_request_param(request, "ticket"));
	assert_int_equal(http_answer_websocket(request, &far_end->ws), 0);
	ws_set_events(far_end->ws, &events, far_end);
	check(world);
}

static struct http_client *new_client(struct world *world)
{
	return http_client_new(&(struct http_client_spec){ .loop = world->f->loop, .ca_pem = ca_pem(world->f->ca) });
}

static int world_setup(void **state)
{
	static const struct http_route routes[] = {
		{ .method = "GET", .path = "/agent/v1/console/{ticket}", .handler = take_console },
		{ 0 },
	};
	struct world *world = new0(struct world, 1);

	fixture_setup((void **)&world->f);
	world->server = start_server(world->f, (struct http_server_spec){ .routes = routes,
									  .route_count = 1,
									  .data = world,
									  .cert_pem = world->f->cert_pem,
									  .key_pem = world->f->key_pem });
	world->client = new_client(world);
	world->url = xasprintf("https://127.0.0.1:%u", http_server_port(world->server));
	world->link = (struct part_link){ .loop = world->f->loop,
					  .client = world->client,
					  .url = world->url,
					  .prefix = world->f->dir,
					  .state = &world->part_state };
	world->listen_fd = world->guest_fd = world->log_fd = world->screen_fd = -1;
	*state = world;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *world = *state;

	if (world->part_state)
		console_part.release(world->part_state);
	http_client_free(world->client);
	http_server_free(world->server);
	for (unsigned i = 0; i < world->far_count; i++) {
		free(world->fars[i].ticket);
		free(world->fars[i].closed);
		strbuf_done(&world->fars[i].seen);
	}
	close_fd(world->listen_fd);
	close_fd(world->guest_fd);
	close_fd(world->log_fd);
	close_fd(world->screen_fd);
	free(world->url);
	fixture_teardown((void **)&world->f);
	free(world);
	return 0;
}

/* ---- the guest ---- */

static void guest_prints(struct world *world, const char *text)
{
	assert_int_equal(write(world->log_fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void guest_start(struct world *world, const char *printed)
{
	_cleanup_free_ char *run_dir = xasprintf("%s" VM_RUN_DIR, world->f->dir);
	_cleanup_free_ char *log_dir = xasprintf("%s" VM_LOG_DIR, world->f->dir);
	_cleanup_free_ char *path = xasprintf("%s" VM_SERIAL_FORMAT, world->f->dir, VM);
	_cleanup_free_ char *log = xasprintf("%s" VM_SERIAL_LOG_FORMAT, world->f->dir, VM);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_int_equal(mkdir_p(run_dir, 0700), 0);
	assert_int_equal(mkdir_p(log_dir, 0700), 0);
	world->log_fd = open(log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(world->log_fd >= 0);
	guest_prints(world, printed);
	world->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	assert_int_equal(bind(world->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(world->listen_fd, 4), 0);
}

static void guest_accept(struct world *world)
{
	world->guest_fd = accept(world->listen_fd, NULL, NULL);
	assert_true(world->guest_fd >= 0);
	fcntl(world->guest_fd, F_SETFL, O_NONBLOCK);
}

/* QEMU's VNC server, as far as it matters here: it listens, and speaks first. */
static void screen_start(struct world *world)
{
	_cleanup_free_ char *run_dir = xasprintf("%s" VM_VNC_DIR, world->f->dir);
	_cleanup_free_ char *path = xasprintf("%s" VM_VNC_FORMAT, world->f->dir, VM);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_int_equal(mkdir_p(run_dir, 0700), 0);
	world->screen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	assert_int_equal(bind(world->screen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(world->screen_fd, 4), 0);
}

static void on_screen(int fd, uint32_t events, void *data)
{
	loop_quit(data, 0);
}

/* The next viewer that connects; the caller closes. */
static int screen_accept(struct world *world)
{
	struct loop_io *io = loop_io_new(world->f->loop, world->screen_fd, EPOLLIN, on_screen, world->f->loop);
	int fd;

	while ((fd = accept4(world->screen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
		run_loop(world->f->loop);
	loop_io_free(io);
	return fd;
}

/* As a QEMU that is gone: nobody listens, and what was open is closed. */
static void guest_end(struct world *world)
{
	world->listen_fd = close_fd(world->listen_fd);
	world->guest_fd = close_fd(world->guest_fd);
	world->log_fd = close_fd(world->log_fd);
}

/* ---- orders ---- */

static void order(struct world *world, unsigned count, const char *const *tickets)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "vm", VM, "ticket", tickets[i]));
	console_part.apply(&world->link, list);
	json_decref(list);
}

static void order_one(struct world *world, const char *ticket)
{
	order(world, 1, &ticket);
}

static bool one_has_text(struct world *world)
{
	return world->far_count == 1 && world->fars[0].seen.len > 0;
}

static bool all_closed(struct world *world)
{
	for (unsigned i = 0; i < world->far_count; i++) {
		if (!world->fars[i].closed)
			return false;
	}
	return world->far_count > 0;
}

static bool ends_with(const struct far_end *far_end, const char *text)
{
	size_t len = strlen(text);

	return far_end->seen.len >= len && memcmp(far_end->seen.data + far_end->seen.len - len, text, len) == 0;
}

static bool all_saw_two(struct world *world)
{
	bool saw = world->far_count > 0;

	for (unsigned i = 0; i < world->far_count; i++)
		saw = saw && ends_with(&world->fars[i], "two\n");
	return saw;
}

/* ---- tests ---- */

static void test_history_then_live(void **state)
{
	struct world *world = *state;

	guest_start(world, "zero\none\n");
	order_one(world, "t1");
	wait_until(world, one_has_text);
	assert_string_equal(world->fars[0].ticket, "t1");
	assert_string_equal(world->fars[0].seen.data, "zero\none\n");
	guest_prints(world, "tw");
	guest_prints(world, "o\n");
	wait_until(world, all_saw_two);
	assert_string_equal(world->fars[0].seen.data, "zero\none\ntwo\n");
}

static void on_guest(int fd, uint32_t events, void *data)
{
	loop_quit(data, 0);
}

static void test_input(void **state)
{
	struct world *world = *state;
	char text[16] = "";

	guest_start(world, "login: ");
	order_one(world, "t1");
	wait_until(world, one_has_text);
	guest_accept(world);
	ws_send(world->fars[0].ws, "root\r", 5);
	struct loop_io *io = loop_io_new(world->f->loop, world->guest_fd, EPOLLIN, on_guest, world->f->loop);
	run_loop(world->f->loop);
	loop_io_free(io);
	assert_int_equal(read(world->guest_fd, text, sizeof(text)), 5);
	assert_string_equal(text, "root\r");
}

static bool two_have_text(struct world *world)
{
	return world->far_count == 2 && world->fars[0].seen.len && world->fars[1].seen.len;
}

/* QEMU serves one connection: two viewers share it. */
static void test_two_viewers(void **state)
{
	static const char *const tickets[] = { "t1", "t2" };
	struct world *world = *state;

	guest_start(world, "one\n");
	order(world, 2, tickets);
	wait_until(world, two_have_text);
	guest_accept(world);
	assert_int_equal(accept(world->listen_fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	guest_prints(world, "two\n");
	wait_until(world, all_saw_two);

	/* One goes, the other stays. */
	order(world, 1, tickets + 1);
	while (!world->fars[0].closed && !world->fars[1].closed)
		run_once(world->f->loop);
	unsigned gone = world->fars[0].closed ? 0 : 1;
	assert_string_equal(world->fars[gone].ticket, "t1");
	assert_null(world->fars[1 - gone].closed);
}

static void on_guest_input_end(int fd, uint32_t events, void *data)
{
	char byte;

	if (read(fd, &byte, 1) == 0)
		loop_quit(data, 0);
}

/* QEMU drops a character that it cannot write, from the log too: until it has closed, there is somebody who takes them. */
static void test_last_viewer_goes(void **state)
{
	struct world *world = *state;

	guest_start(world, "one\n");
	order_one(world, "t1");
	wait_until(world, one_has_text);
	guest_accept(world);
	order(world, 0, NULL);
	struct loop_io *io = loop_io_new(world->f->loop, world->guest_fd, EPOLLIN, on_guest_input_end, world->f->loop);
	run_loop(world->f->loop);
	loop_io_free(io);
	assert_int_equal(send(world->guest_fd, "x", 1, MSG_NOSIGNAL), 1);
}

static void test_guest_ends(void **state)
{
	struct world *world = *state;

	guest_start(world, "one\n");
	order_one(world, "t1");
	wait_until(world, one_has_text);
	guest_accept(world);
	guest_prints(world, "last words\n");
	guest_end(world);
	wait_until(world, all_closed);
	assert_string_equal(world->fars[0].seen.data, "one\nlast words\n");
	assert_string_equal(world->fars[0].closed, "the virtual machine has ended or moved");

	/* The same order again is not dialled again, another is. */
	order_one(world, "t1");
	run_once(world->f->loop);
	assert_int_equal(world->far_count, 1);
	order_one(world, "t2");
	wait_until(world, all_closed);
	while (world->far_count < 2 || !world->fars[1].closed)
		run_once(world->f->loop);
	assert_string_equal(world->fars[1].closed, "the virtual machine does not run here");
}

static void test_long_history(void **state)
{
	struct world *world = *state;
	struct strbuf text = { 0 };

	for (unsigned i = 0; i < 20000; i++)
		strbuf_addf(&text, "line %u\n", i);
	guest_start(world, text.data);
	order_one(world, "t1");
	while (!(world->far_count && ends_with(&world->fars[0], "line 19999\n")))
		run_once(world->f->loop);
	const struct strbuf *seen = &world->fars[0].seen;
	assert_in_range(seen->len, CONSOLE_HISTORY_BYTES - 100, CONSOLE_HISTORY_BYTES);
	assert_memory_equal(seen->data, "line ", 5);
	assert_memory_equal(seen->data, text.data + text.len - seen->len, seen->len);
	strbuf_done(&text);
}

static void test_guest_does_not_read(void **state)
{
	struct world *world = *state;
	static char much[32 * 1024];

	guest_start(world, "one\n");
	order_one(world, "t1");
	wait_until(world, one_has_text);
	guest_accept(world);
	memset(much, 'x', sizeof(much));
	/* More than the socket and the queue hold, less than a WebSocket lets wait. */
	for (unsigned i = 0; i < 20; i++)
		ws_send(world->fars[0].ws, much, sizeof(much));
	wait_until(world, all_closed);
	assert_string_equal(world->fars[0].closed, "the guest does not read its serial port");
}

static bool second_has_text(struct world *world)
{
	return world->far_count == 2 && world->fars[1].seen.len > 0;
}

/* The agent's connection is made anew: so are the consoles. */
static void test_new_connection(void **state)
{
	struct world *world = *state;
	struct http_client *old = world->client;

	guest_start(world, "one\n");
	order_one(world, "t1");
	wait_until(world, one_has_text);
	world->client = new_client(world);
	world->link.client = world->client;
	order_one(world, "t1");
	http_client_free(old);
	wait_until(world, second_has_text);
	assert_string_equal(world->fars[1].seen.data, "one\n");
}

/* Also while it is being dialled. */
static void test_order_goes_while_dialling(void **state)
{
	struct world *world = *state;

	guest_start(world, "one\n");
	order_one(world, "t1");
	console_part.apply(&world->link, NULL);
	wait_until(world, all_closed);
	assert_int_equal(world->fars[0].seen.len, 0);

	order_one(world, "t2");
	struct http_client *old = world->client;
	world->client = new_client(world);
	world->link.client = world->client;
	console_part.apply(&world->link, NULL);
	http_client_free(old);
	run_once(world->f->loop);
}

/* ---- screens ---- */

static void order_screens(struct world *world, unsigned count, const char *const *tickets)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "vm", VM, "ticket", tickets[i], "kind", "vnc"));
	console_part.apply(&world->link, list);
	json_decref(list);
}

static void read_all(struct world *world, int fd, char *text, size_t size)
{
	struct loop_io *io = loop_io_new(world->f->loop, fd, EPOLLIN, on_screen, world->f->loop);
	size_t got = 0;

	while (got < size - 1) {
		ssize_t n = read(fd, text + got, size - 1 - got);

		if (n > 0)
			got += (size_t)n;
		else
			run_loop(world->f->loop);
	}
	text[got] = '\0';
	loop_io_free(io);
}

static struct far_end *far_of(struct world *world, const char *ticket)
{
	for (unsigned i = 0; i < world->far_count; i++)
		if (str_equal(world->fars[i].ticket, ticket))
			return &world->fars[i];
	return NULL;
}

/* Each viewer has a connection of its own, and one that goes leaves the others. */
static void test_screens(void **state)
{
	static const char *const tickets[] = { "s1", "s2" };
	struct world *world = *state;
	char text[16];

	screen_start(world);
	order_screens(world, 1, tickets);
	int first = screen_accept(world);
	assert_int_equal(write(first, "RFB 003.008\n", 12), 12);
	wait_until(world, one_has_text);
	assert_string_equal(world->fars[0].seen.data, "RFB 003.008\n");
	ws_send(world->fars[0].ws, "RFB 003.003\n", 12);
	read_all(world, first, text, 13);
	assert_string_equal(text, "RFB 003.003\n");

	order_screens(world, 2, tickets);
	int second = screen_accept(world);
	assert_int_equal(write(second, "two", 3), 3);
	while (!far_of(world, "s2") || far_of(world, "s2")->seen.len < 3)
		run_once(world->f->loop);
	assert_int_equal(far_of(world, "s1")->seen.len, 12);

	/* QEMU ends one of them. */
	close(first);
	while (!far_of(world, "s1")->closed)
		run_once(world->f->loop);
	assert_string_equal(far_of(world, "s1")->closed, "the virtual machine has ended or moved");
	assert_null(far_of(world, "s2")->closed);
	/* The viewer of the other goes: QEMU sees it. */
	ws_close(TAKE_PTR(far_of(world, "s2")->ws), "enough");
	struct loop_io *io = loop_io_new(world->f->loop, second, EPOLLIN, on_screen, world->f->loop);
	run_loop(world->f->loop);
	loop_io_free(io);
	assert_int_equal(read(second, text, sizeof(text)), 0);
	close(second);
}

/* A screen is more than what may wait: QEMU is stopped meanwhile, and all of it arrives. */
static void test_large_screen(void **state)
{
	static const char *const tickets[] = { "s1" };
	static char pixels[64 * 1024];
	struct world *world = *state;
	size_t total = 8 * MIB, sent = 0;

	screen_start(world);
	order_screens(world, 1, tickets);
	int fd = screen_accept(world);
	memset(pixels, 'p', sizeof(pixels));
	while (world->far_count == 0)
		run_once(world->f->loop);
	ws_pause(world->fars[0].ws, true);
	while (sent < total) {
		ssize_t n = write(fd, pixels, MIN_OF(sizeof(pixels), total - sent));

		if (n > 0)
			sent += (size_t)n;
		else
			ws_pause(world->fars[0].ws, false); /* everything on the way is full */
		run_once(world->f->loop);
	}
	ws_pause(world->fars[0].ws, false);
	while (world->fars[0].seen.len < total && !world->fars[0].closed)
		run_once(world->f->loop);
	assert_null(world->fars[0].closed);
	assert_int_equal(world->fars[0].seen.len, total);
	close(fd);
}

static void test_no_screen(void **state)
{
	static const char *const tickets[] = { "s1" };
	struct world *world = *state;

	order_screens(world, 1, tickets);
	wait_until(world, all_closed);
	assert_string_equal(world->fars[0].closed, "the virtual machine does not run here");
}

/* QEMU may put there what it likes: a link to somebody else's socket is not followed, be it one that takes connections. */
static void test_link_is_not_followed(void **state)
{
	static const char *const tickets[] = { "s1" };
	struct world *world = *state;
	_cleanup_free_ char *path = xasprintf("%s" VM_VNC_FORMAT, world->f->dir, VM), *elsewhere = NULL;

	screen_start(world);
	elsewhere = xasprintf("%s.elsewhere", path);
	assert_int_equal(rename(path, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	order_screens(world, 1, tickets);
	wait_until(world, all_closed);
	assert_non_null(strstr(world->fars[0].closed, "is no socket"));
	assert_true(accept(world->screen_fd, NULL, NULL) < 0);
}

static void test_bad_orders(void **state)
{
	struct world *world = *state;
	json_t *list = json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s}, {}, {s:s, s:s, s:s}]", "vm", "../../x", "ticket", "t",
				 "vm", VM, "ticket", "a/b?c", "vm", VM, "vm", VM, "ticket", "t", "kind", "hologram");

	console_part.apply(&world->link, list);
	json_decref(list);
	run_once(world->f->loop);
	assert_int_equal(world->far_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_history_then_live, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_input, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_two_viewers, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_last_viewer_goes, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_guest_ends, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_long_history, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_guest_does_not_read, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_new_connection, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_order_goes_while_dialling, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_screens, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_large_screen, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_no_screen, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_link_is_not_followed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_bad_orders, world_setup, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
