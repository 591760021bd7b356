/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles through the real API: tickets, screens, several viewers, and an agent that vanishes. */
#include "api_world.h"

/* One WebSocket of the test's. */
struct end {
	struct loop *loop;
	struct ws *ws;
	struct strbuf seen;
	struct err refused;
	char *closed;
	unsigned status;
	bool over; /* connected or refused */
};

static void on_message(struct ws *ws, const void *payload, size_t len, void *data)
{
	struct end *end = data;

	strbuf_add(&end->seen, payload, len);
	loop_quit(end->loop, 0);
}

static void on_closed(struct ws *ws, const char *reason, void *data)
{
	struct end *end = data;

	end->ws = NULL;
	end->status = ws_peer_status(ws);
	end->closed = xstrdup(reason);
	loop_quit(end->loop, 0);
}

static const struct ws_events events = { .message = on_message, .closed = on_closed };

static void on_connected(struct ws *ws, const struct err *err, void *data)
{
	struct end *end = data;

	end->ws = ws;
	end->over = true;
	if (ws)
		ws_set_events(ws, &events, end);
	else
		err_copy(&end->refused, err);
	loop_quit(end->loop, 0);
}

static void end_done(struct end *end)
{
	ws_close(end->ws, "done");
	strbuf_done(&end->seen);
	err_done(&end->refused);
	free(end->closed);
}
#define _cleanup_end_ _cleanup_(end_done)

/* The address of the WebSocket; the caller frees. */
static char *ticket_of(struct world *w, struct http_client *client, const char *const *headers, const char *path,
		       const char *kind)
{
	assert_int_equal(
		call(w, client, w->origin, "POST", path, kind ? json_pack("{s:s}", "kind", kind) : NULL, headers), 201);
	const char *url = json_string_value(json_object_get(w->answer, "url"));
	const char *text = json_string_value(json_object_get(w->answer, "ticket"));

	assert_true(str_starts(url, "/v1/consoles/"));
	assert_string_equal(url + strlen("/v1/consoles/"), text);
	assert_true(json_is_string(json_object_get(w->answer, "expires_at")));
	return xasprintf("%s%s", w->origin, url);
}

static char *ticket(struct world *w, const char *kind)
{
	return ticket_of(w, w->operator, NULL, "/v1/vms/web/console-ticket", kind);
}

static void open_end(struct world *w, struct http_client *client, const char *url, struct end *end)
{
	*end = (struct end){ .loop = w->f->loop };
	ws_connect(client, url, on_connected, end);
	while (!end->over)
		run_loop(w->f->loop);
}

/* What the node is asked to serve: the newest entry. */
static const json_t *desired_console(struct world *w, size_t index)
{
	assert_int_equal(call(w, w->agent, w->agent_origin, "GET", "/agent/v1/desired", NULL, NULL), 200);
	return json_array_get(json_object_get(w->answer, "consoles"), index);
}

static void agent_dials(struct world *w, size_t index, const char *kind, struct end *end)
{
	const json_t *entry = desired_console(w, index);
	_cleanup_free_ char *url = xasprintf("%s/agent/v1/console/%s", w->agent_origin,
					     json_string_value(json_object_get(entry, "ticket")));

	assert_string_equal(json_string_value(json_object_get(entry, "vm")), w->vm);
	assert_string_equal(json_string_value(json_object_get(entry, "kind")), kind);
	open_end(w, w->agent, url, end);
	assert_non_null(end->ws);
}

static void expect(struct end *end, const char *text)
{
	while (end->seen.len < strlen(text) && !end->closed)
		run_loop(end->loop);
	if (end->closed)
		fail_msg("closed: %s", end->closed);
	assert_int_equal(end->seen.len, strlen(text));
	assert_memory_equal(end->seen.data, text, strlen(text));
	strbuf_done(&end->seen);
}

static void expect_closed(struct end *end, unsigned status, const char *reason)
{
	while (!end->closed)
		run_loop(end->loop);
	assert_int_equal(end->status, status);
	if (!strstr(end->closed, reason))
		fail_msg("'%s' is not in: %s", reason, end->closed);
}

/* ---- tests ---- */

static void test_ticket_opens_once(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 }, agent = { 0 }, again = { 0 };

	open_end(w, w->nobody, url, &viewer);
	assert_non_null(viewer.ws);
	agent_dials(w, 0, "serial", &agent);
	ws_send(agent.ws, "login: ", 7);
	expect(&viewer, "login: ");
	ws_send(viewer.ws, "root\r", 5);
	expect(&agent, "root\r");

	open_end(w, w->nobody, url, &again);
	assert_null(again.ws);
	assert_int_equal(again.refused.code, ERR_NOT_FOUND);
	assert_non_null(strstr(again.refused.text, "ask for another"));
}

static void test_screen(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, "vnc");
	_cleanup_end_ struct end viewer = { 0 }, agent = { 0 };

	open_end(w, w->nobody, url, &viewer);
	agent_dials(w, 0, "vnc", &agent);
	ws_send(agent.ws, "RFB 003.008\n", 12);
	expect(&viewer, "RFB 003.008\n");
	ws_send(viewer.ws, "RFB 003.008\n", 12);
	expect(&agent, "RFB 003.008\n");
	/* Another QEMU is another session, and whoever looks is told to begin it. */
	ws_close(TAKE_PTR(agent.ws), "the virtual machine has ended or moved");
	expect_closed(&viewer, WS_TRY_AGAIN, "has ended or moved");
}

static void set_vm_state(struct world *w, int state)
{
	store_begin(w->rack.controller->store);
	struct vm *vm = store_edit(w->rack.controller->store, &kind_vm, w->vm);
	vm->state = state;
	assert_int_equal(store_commit(w->rack.controller->store, NULL), 0);
}

/* The agent knows only that QEMU has let go; whoever looks is told why. */
static void test_why_it_ended(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *serial_url = ticket(w, "serial"), *screen_url = ticket(w, "vnc");
	_cleanup_end_ struct end serial = { 0 }, screen = { 0 }, agent1 = { 0 }, agent2 = { 0 };

	open_end(w, w->nobody, serial_url, &serial);
	agent_dials(w, 0, "serial", &agent1);
	open_end(w, w->nobody, screen_url, &screen);
	agent_dials(w, 1, "vnc", &agent2);
	set_vm_state(w, VM_STOPPING);
	ws_close(TAKE_PTR(agent1.ws), "the virtual machine has ended or moved");
	ws_close(TAKE_PTR(agent2.ws), "the virtual machine has ended or moved");
	expect_closed(&serial, WS_NORMAL, "web was stopped");
	expect_closed(&screen, WS_NORMAL, "web was stopped");
}

static void test_typed_before_the_agent_is_there(void **state)
{
	static char much[8 * KIB];
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, NULL), *second_url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 }, agent = { 0 }, second = { 0 };

	open_end(w, w->nobody, url, &viewer);
	ws_send(viewer.ws, "ro", 2);
	ws_send(viewer.ws, "ot\r", 3);
	agent_dials(w, 0, "serial", &agent);
	expect(&agent, "root\r");
	/* It is not kept without end, and not dropped without a word. */
	open_end(w, w->nobody, second_url, &second);
	memset(much, 'x', sizeof(much));
	ws_send(second.ws, much, sizeof(much));
	expect_closed(&second, WS_TRY_AGAIN, "too much was typed");
}

/* None is tried where the driver says that there is none. */
static void test_machine_without_console(void **state)
{
	struct world *w = *state;
	_cleanup_end_ struct end viewer = { 0 };

	store_begin(w->rack.controller->store);
	struct machine *machine = store_create(w->rack.controller->store, &kind_machine);
	machine->name = xstrdup("mute");
	machine->bmc_address = xstrdup("127.0.0.1");
	machine->bmc_driver = xstrdup("ipmi");
	assert_int_equal(store_commit(w->rack.controller->store, NULL), 0);
	assert_null(bmc_driver_find("ipmi")->console_open);
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/machines/mute/console-ticket", NULL, NULL), 201);
	_cleanup_free_ char *url = xasprintf("%s%s", w->origin, json_string_value(json_object_get(w->answer, "url")));
	open_end(w, w->nobody, url, &viewer);
	assert_null(viewer.ws);
	assert_int_equal(viewer.refused.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(viewer.refused.text, "no serial console"));
}

static void test_several_viewers(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *first_url = ticket(w, "serial"), *second_url = ticket(w, "serial");
	_cleanup_end_ struct end first = { 0 }, second = { 0 }, agent1 = { 0 }, agent2 = { 0 };

	open_end(w, w->nobody, first_url, &first);
	agent_dials(w, 0, "serial", &agent1);
	open_end(w, w->nobody, second_url, &second);
	agent_dials(w, 1, "serial", &agent2);
	ws_send(agent1.ws, "one", 3);
	ws_send(agent2.ws, "history one", 11);
	expect(&first, "one");
	expect(&second, "history one");
	/* One leaves, the other stays. */
	ws_close(TAKE_PTR(first.ws), "enough");
	expect_closed(&agent1, WS_NORMAL, "the viewer left");
	ws_send(agent2.ws, "two", 3);
	expect(&second, "two");
	assert_int_equal(json_array_size(json_object_get(w->answer, "consoles")), 2);
	desired_console(w, 0);
	assert_int_equal(json_array_size(json_object_get(w->answer, "consoles")), 1);
}

/* kill -9 of an agent: the kernel ends its connection, and nothing says goodbye. */
static void test_agent_vanishes(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 }, agent = { 0 };

	open_end(w, w->nobody, url, &viewer);
	agent_dials(w, 0, "serial", &agent);
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_in address;
		socklen_t len = sizeof(address);

		if (getpeername(fd, (struct sockaddr *)&address, &len) == 0 && address.sin_family == AF_INET &&
		    ntohs(address.sin_port) == http_server_port(w->agents))
			shutdown(fd, SHUT_RDWR);
	}
	expect_closed(&viewer, WS_TRY_AGAIN, "the agent of node node1 went away");
	assert_non_null(strstr(viewer.closed, "reconnect"));
}

static void test_origin(void **state)
{
	struct world *w = *state;
	static const char *const upgrade[] = {
		"Upgrade: websocket",		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Origin: https://evil.example", NULL
	};
	_cleanup_free_ char *url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 };

	assert_int_equal(call(w, w->nobody, w->origin, "GET", url + strlen(w->origin), NULL, upgrade), 403);
	assert_string_equal(w->answer_err.field, "Origin");
	/* The page of another site has not even used it up. */
	open_end(w, w->nobody, url, &viewer);
	assert_non_null(viewer.ws);
}

static void test_who_may(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = NULL;
	_cleanup_end_ struct end viewer = { 0 };

	assert_int_equal(call(w, w->viewer, w->origin, "POST", "/v1/vms/web/console-ticket", NULL, NULL), 403);
	assert_int_equal(call(w, w->nobody, w->origin, "POST", "/v1/vms/web/console-ticket", NULL, NULL), 401);
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/vms/none/console-ticket", NULL, NULL), 404);
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/vms/web/console-ticket",
			      json_pack("{s:s}", "kind", "hologram"), NULL),
			 400);
	assert_string_equal(w->answer_err.field, "kind");
	assert_int_equal(call(w, w->nobody, w->origin, "GET", "/v1/consoles/nonsense", NULL, NULL), 404);
	/* Whoever asked for it lost the right meanwhile. */
	url = ticket(w, NULL);
	const struct token *token = store_find(w->rack.controller->store, &kind_token, "operator");
	assert_int_equal(auth_token_delete(w->auth, token->id, &w->answer_err), 0);
	open_end(w, w->nobody, url, &viewer);
	assert_null(viewer.ws);
	assert_int_equal(viewer.refused.code, ERR_FORBIDDEN);
}

/* ---- a console that is open, and a right that is gone ---- */

static void delete_token(struct world *w, const char *name)
{
	const struct token *token = store_find(w->rack.controller->store, &kind_token, name);
	_cleanup_free_ char *id = xstrdup(token->id);
	assert_int_equal(auth_token_delete(w->auth, id, NULL), 0);
}

static void test_token_deleted(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, "serial"), *screen_url = ticket(w, "vnc");
	_cleanup_(http_client_free_p) struct http_client *other = client_of(w, "other", ROLE_OPERATOR);
	_cleanup_free_ char *other_url = ticket_of(w, other, NULL, "/v1/vms/web/console-ticket", "serial");
	_cleanup_end_ struct end viewer = { 0 }, screen = { 0 }, stays = { 0 };
	_cleanup_end_ struct end agent1 = { 0 }, agent2 = { 0 }, agent3 = { 0 };

	open_end(w, w->nobody, url, &viewer);
	agent_dials(w, 0, "serial", &agent1);
	open_end(w, w->nobody, screen_url, &screen);
	agent_dials(w, 1, "vnc", &agent2);
	open_end(w, w->nobody, other_url, &stays);
	agent_dials(w, 2, "serial", &agent3);
	delete_token(w, "operator");
	expect_closed(&viewer, WS_POLICY, "may not use it any more");
	expect_closed(&screen, WS_POLICY, "may not use it any more");
	expect_closed(&agent1, WS_NORMAL, "may not use it any more");
	expect_closed(&agent2, WS_NORMAL, "may not use it any more");
	ws_send(stays.ws, "x", 1);
	expect(&agent3, "x");
}

/* No word of it comes: time passes, and no more than that. */
static void test_token_expires(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 };

	open_end(w, w->nobody, url, &viewer);
	struct store *store = w->rack.controller->store;
	const struct token *token = store_find(store, &kind_token, "operator");
	store_begin(store);
	((struct token *)store_edit(store, &kind_token, token->id))->expires_at = loop_now_ms(w->f->loop) + 100;
	assert_int_equal(store_commit(store, NULL), 0);
	assert_non_null(viewer.ws);
	expect_closed(&viewer, WS_POLICY, "may not use it any more");
}

struct person {
	char *user, *cookie, *cookie_header, *csrf_header, *origin_header;
};

static void person_done(struct person *person)
{
	free(person->user);
	free(person->cookie);
	free(person->cookie_header);
	free(person->csrf_header);
	free(person->origin_header);
}

/* Signed in; the password itself is test_auth.c's. */
static void sign_in(struct world *w, struct person *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct user wanted = { .name = (char *)"kim", .role = ROLE_OPERATOR }, *user = NULL;
	const struct sign_in sent = { .name = (char *)"kim", .password = (char *)"password" };
	struct password_work work = { .fits = true, .hash = (char *)"hash" };

	if (!store_find(w->rack.controller->store, &kind_user, "kim"))
		assert_int_equal(auth_user_create(w->auth, &wanted, "hash", &user, &err), 0);
	ret->user = xstrdup(((const struct user *)store_find(w->rack.controller->store, &kind_user, "kim"))->id);
	assert_int_equal(auth_sign_in_end(w->auth, &sent, &work, "10.0.0.7", &ret->cookie, &err), 0);
	_cleanup_free_ char *csrf = auth_csrf_token(ret->cookie);
	ret->cookie_header = xasprintf("Cookie: " SESSION_COOKIE "=%s", ret->cookie);
	ret->csrf_header = xasprintf("X-CSRF-Token: %s", csrf);
	ret->origin_header = xasprintf("Origin: %s", w->origin);
}

static void open_signed_in(struct world *w, const struct person *person, struct end *viewer)
{
	const char *const headers[] = { person->cookie_header, person->csrf_header, person->origin_header, NULL };
	_cleanup_free_ char *url = ticket_of(w, w->nobody, headers, "/v1/vms/web/console-ticket", NULL);
	open_end(w, w->nobody, url, viewer);
	assert_non_null(viewer->ws);
}

static void test_signed_out_or_disabled(void **state)
{
	struct world *w = *state;
	_cleanup_(person_done) struct person one = { 0 }, two = { 0 };
	_cleanup_end_ struct end first = { 0 }, second = { 0 };
	struct auth_who who;

	sign_in(w, &one);
	sign_in(w, &two);
	open_signed_in(w, &one, &first);
	open_signed_in(w, &two, &second);
	assert_int_equal(auth_by_cookie(w->auth, one.cookie, &who, NULL), 0);
	assert_int_equal(auth_sign_out(w->auth, &who, NULL), 0);
	expect_closed(&first, WS_POLICY, "sign in again");
	assert_non_null(second.ws);
	const struct user off = { .name = (char *)"kim", .role = ROLE_OPERATOR, .disabled = true };
	assert_int_equal(auth_user_update(w->auth, two.user, &off, NULL, NULL), 0);
	expect_closed(&second, WS_POLICY, "sign in again");
}

/* Who types is not idle, though no other call is made; who has fewer rights now types nothing more. */
static void test_typing_is_use(void **state)
{
	struct world *w = *state;
	struct store *store = w->rack.controller->store;
	_cleanup_(person_done) struct person kim = { 0 };
	_cleanup_end_ struct end viewer = { 0 }, agent = { 0 };

	sign_in(w, &kim);
	open_signed_in(w, &kim, &viewer);
	agent_dials(w, 0, "serial", &agent);
	const struct sign_in_session *session = store_next(store, &kind_sign_in_session, NULL);
	_cleanup_free_ char *id = xstrdup(session->id);
	int64_t long_ago = session->seen - INT64_C(59) * 60 * 1000;
	store_begin(store);
	((struct sign_in_session *)store_edit(store, &kind_sign_in_session, id))->seen = long_ago;
	assert_int_equal(store_commit(store, NULL), 0);
	ws_send(viewer.ws, "x", 1);
	expect(&agent, "x");
	session = store_get(store, &kind_sign_in_session, id);
	assert_true(session->seen > long_ago);
	const struct user less = { .name = (char *)"kim", .role = ROLE_VIEWER };
	assert_int_equal(auth_user_update(w->auth, kim.user, &less, NULL, NULL), 0);
	ws_send(viewer.ws, "reboot\r", 7);
	expect_closed(&viewer, WS_POLICY, "may not use it any more");
	expect_closed(&agent, WS_NORMAL, "may not use it any more");
	assert_int_equal(agent.seen.len, 0);
}

/* A page that nobody is at goes on asking: that is no use, and is answered as long as the session is there. */
static void test_what_a_page_asks_by_itself_is_no_use(void **state)
{
	struct world *w = *state;
	struct store *store = w->rack.controller->store;
	_cleanup_(person_done) struct person kim = { 0 };

	sign_in(w, &kim);
	const struct sign_in_session *session = store_next(store, &kind_sign_in_session, NULL);
	_cleanup_free_ char *id = xstrdup(session->id);
	int64_t long_ago = session->seen - INT64_C(59) * 60 * 1000;
	store_begin(store);
	((struct sign_in_session *)store_edit(store, &kind_sign_in_session, id))->seen = long_ago;
	assert_int_equal(store_commit(store, NULL), 0);
	const char *const by_itself[] = { kim.cookie_header, "X-Unattended: 1", NULL };
	assert_int_equal(call(w, w->nobody, w->origin, "GET", "/v1/vms", NULL, by_itself), 200);
	session = store_get(store, &kind_sign_in_session, id);
	assert_int_equal(session->seen, long_ago);
	const char *const by_kim[] = { kim.cookie_header, NULL };
	assert_int_equal(call(w, w->nobody, w->origin, "GET", "/v1/vms", NULL, by_kim), 200);
	session = store_get(store, &kind_sign_in_session, id);
	assert_true(session->seen > long_ago);
}

/* A BMC that says nothing yet: its console is being opened. */
static void test_machine_console_revoked(void **state)
{
	struct world *w = *state;
	static struct bmc_driver driver = { .name = "ipmi", .capabilities = BMC_CAN_CONSOLE };
	static const struct bmc_driver *const drivers[] = { &driver, NULL };
	_cleanup_end_ struct end viewer = { 0 }, stays = { 0 };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_close_ int bmc = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* libipmiconsole takes no port above 32767. */
	for (unsigned port = 20000; port < 32000; port++) {
		address.sin_port = htons((uint16_t)port);
		if (bind(bmc, (struct sockaddr *)&address, sizeof(address)) == 0)
			break;
	}
	driver.console_open = bmc_driver_ipmi.console_open;
	bmc_drivers_set(drivers);
	store_begin(w->rack.controller->store);
	struct machine *machine = store_create(w->rack.controller->store, &kind_machine);
	machine->name = xstrdup("deaf");
	machine->bmc_address = xasprintf("127.0.0.1:%u", ntohs(address.sin_port));
	machine->bmc_driver = xstrdup("ipmi");
	machine->bmc_user = xstrdup("admin");
	machine->bmc_password = xstrdup("password");
	machine->bmc_cipher_suite = 3;
	assert_int_equal(store_commit(w->rack.controller->store, NULL), 0);
	_cleanup_(http_client_free_p) struct http_client *other = client_of(w, "other", ROLE_OPERATOR);
	_cleanup_free_ char *url = ticket_of(w, w->operator, NULL, "/v1/machines/deaf/console-ticket", NULL);
	_cleanup_free_ char *other_url = ticket_of(w, other, NULL, "/v1/machines/deaf/console-ticket", NULL);
	open_end(w, w->nobody, url, &viewer);
	open_end(w, w->nobody, other_url, &stays);
	assert_non_null(viewer.ws);
	delete_token(w, "operator");
	expect_closed(&viewer, WS_POLICY, "may not use it any more");
	assert_non_null(stays.ws);
	delete_token(w, "other");
	expect_closed(&stays, WS_POLICY, "may not use it any more");
}

static void test_not_running(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 };

	set_vm_state(w, VM_STOPPED);
	assert_int_equal(call(w, w->operator, w->origin, "POST", "/v1/vms/web/console-ticket", NULL, NULL), 409);
	open_end(w, w->nobody, url, &viewer);
	assert_null(viewer.ws);
	assert_int_equal(viewer.refused.code, ERR_STATE);
	assert_non_null(strstr(viewer.refused.text, "web is stopped"));
}

static void test_stops(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *url = ticket(w, NULL);
	_cleanup_end_ struct end viewer = { 0 };

	open_end(w, w->nobody, url, &viewer);
	w->api = api_free(w->api);
	expect_closed(&viewer, WS_GOING_AWAY, "the provisioner stops");
}

int main(void)
{
#define CONSOLE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CONSOLE_TEST(test_ticket_opens_once),
		CONSOLE_TEST(test_screen),
		CONSOLE_TEST(test_several_viewers),
		CONSOLE_TEST(test_agent_vanishes),
		CONSOLE_TEST(test_origin),
		CONSOLE_TEST(test_who_may),
		CONSOLE_TEST(test_token_deleted),
		CONSOLE_TEST(test_token_expires),
		CONSOLE_TEST(test_signed_out_or_disabled),
		CONSOLE_TEST(test_typing_is_use),
		CONSOLE_TEST(test_what_a_page_asks_by_itself_is_no_use),
		CONSOLE_TEST(test_machine_console_revoked),
		CONSOLE_TEST(test_not_running),
		CONSOLE_TEST(test_stops),
		CONSOLE_TEST(test_why_it_ended),
		CONSOLE_TEST(test_typed_before_the_agent_is_there),
		CONSOLE_TEST(test_machine_without_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
