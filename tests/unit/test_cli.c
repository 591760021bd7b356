/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program `ingot` as a child, against a server in this process: commands, output, errors, exit codes. Waiting,
 * events and consoles: test_cli_watch.c. */
#include "cli_world.h"

static int exit_code(enum err_code code)
{
	return err_meaning(code)->exit_code;
}

static void assert_body(const struct world *w, const char *text)
{
	json_t *right = json_loads(text, 0, NULL);
	_cleanup_free_ char *got = json_dumps(w->body, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!json_equal(w->body, right))
		fail_msg("%s instead of %s", str_or(got, "nothing"), text);
	json_decref(right);
}

/* ---- reading ---- */

static void test_table_of_all_pages(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm list");
	assert_code(&child, 0);
	assert_string_equal(child.result.out, "NAME    STATE    NODE  CPUS  MEMORY   VOLUME\n"
					      "first   running  -     2     128 MiB  root\n"
					      "second  running  -     2     128 MiB  root\n");
}

static void test_json_of_all_pages(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm list -o json");
	assert_code(&child, 0);
	json_t *json = json_loads(child.result.out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "items")), 2);
	assert_true(json_is_null(json_object_get(json, "next")));
	json_decref(json);
}

static void test_show(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm show web");
	assert_code(&child, 0);
	assert_said(&child, "memory_bytes:       128 MiB\n");
	child_run(&child, "vm show web -o json");
	json_t *json = json_loads(child.result.out, 0, NULL);
	json_t *right = vm_json("web", "running", NULL);
	assert_true(json_equal(json, right));
	json_decref(json);
	json_decref(right);
}

static void test_help_and_version_need_no_server(void **state)
{
	struct child bare = { .world = *state };
	child_run(&bare, "--help");
	assert_code(&bare, 0);
	assert_said(&bare, "vm create");
	child_run(&bare, "vm create --help");
	assert_code(&bare, 0);
	assert_said(&bare, "--memory SIZE");
	child_run(&bare, "--version");
	assert_code(&bare, 0);
	assert_string_equal(bare.result.out, "ingot " INGOT_VERSION "\n");
	child_run(&bare, "version");
	assert_code(&bare, 0);
	child_run(&bare, "completion bash");
	assert_code(&bare, 0);
	assert_said(&bare, "complete -F _ingot ingot");
	child_done(&bare);
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "version");
	assert_code(&child, 0);
	assert_string_equal(child.result.out, "ingot " INGOT_VERSION "\ningot-provisioner 9.9.9\n");
}

/* ---- changing ---- */

static void test_create_sends_what_was_given(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "vm create web --cpus 2 --memory 256MiB --volume root --start");
	assert_code(&child, 0);
	assert_string_equal(w->method, "POST");
	assert_body(
		w,
		"{\"name\": \"web\", \"cpus\": 2, \"memory_bytes\": 268435456, \"volume\": \"root\", \"start\": true}");
	assert_said(&child, "web   starting");
	assert_int_equal(w->looks, 0); /* without --wait nothing is followed */
}

static void test_create_sends_what_cloud_init_is_given(void **state)
{
	static const char data[] = "#cloud-config\nusers: []\n",
			  keys[] = "# mine\n\nssh-ed25519 AAAA me\r\nssh-rsa BBBB\n";
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	_cleanup_free_ char *data_path = world_path(w, "user-data"), *keys_path = world_path(w, "keys"),
			    *none = world_path(w, "none");
	_cleanup_free_ char *line = xasprintf("vm create web --volume root --hostname www --user-data %s --ssh-key %s "
					      "--ssh-key %s",
					      data_path, keys_path, keys_path);
	write_text(data_path, data, strlen(data));
	write_text(keys_path, keys, strlen(keys));
	child_run(&child, line);
	assert_code(&child, 0);
	assert_body(w, "{\"name\": \"web\", \"volume\": \"root\", \"hostname\": \"www\", "
		       "\"user_data\": \"#cloud-config\\nusers: []\\n\", \"ssh_keys\": [\"ssh-ed25519 AAAA me\", "
		       "\"ssh-rsa BBBB\", \"ssh-ed25519 AAAA me\", \"ssh-rsa BBBB\"]}");
	assert_not_said(&child, "AAAA");

	_cleanup_free_ char *missing = xasprintf("vm create web --volume root --network-config %s", none);
	child_run(&child, missing);
	assert_code(&child, exit_code(ERR_INVALID));
	assert_said(&child, "--network-config");
	assert_said(&child, "No such file");
	assert_int_equal(w->posts, 0);
	write_text(keys_path, "# nothing\n", strlen("# nothing\n"));
	child_run(&child, line);
	assert_code(&child, exit_code(ERR_INVALID));
	assert_said(&child, "has no key in it");
	assert_int_equal(w->posts, 0);
	write_text(data_path, "a\0b", 3);
	child_run(&child, line);
	assert_said(&child, "is no text");
	assert_int_equal(w->posts, 0);
}

static void test_several_targets(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "vm start ok none slow");
	assert_code(&child, exit_code(ERR_NOT_FOUND));
	assert_int_equal(w->posts, 3); /* one that fails does not keep the others */
	assert_said(&child, "ingot: none: There is no such thing: there is no vm 'none'");
	assert_non_null(strstr(child.result.out, "t-ok"));
	assert_non_null(strstr(child.result.out, "t-slow"));
}

static void test_delete(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "vm delete a+b -o json");
	assert_code(&child, 0);
	assert_string_equal(w->method, "DELETE");
	assert_string_equal(w->path, "/v1/vms/a+b");
	/* A name cannot lead elsewhere. */
	child_run(&child, "vm delete ../pools/x");
	assert_code(&child, 2);
	assert_int_equal(w->posts, 0);
}

static void test_accept_all_that_are_new(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "machine accept --all");
	assert_code(&child, 0);
	assert_int_equal(w->posts, 2);
	assert_non_null(strstr(child.result.out, "m1"));
	assert_null(strstr(child.result.out, "m2"));
	assert_non_null(strstr(child.result.out, "m3"));
}

/* What a flood leaves behind goes with one command; one that was accepted meanwhile is told of, and the others go. */
static void test_delete_all_that_are_new(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "machine delete --all");
	assert_code(&child, 5);
	assert_int_equal(w->posts, 2);
	assert_string_equal(w->method, "DELETE");
	assert_string_equal(w->path, "/v1/machines/3");
	assert_non_null(strstr(child.result.output, "only a machine that is new or has failed is deleted"));
	child_run(&child, "machine delete 1");
	assert_code(&child, 0);
	assert_string_equal(w->path, "/v1/machines/1");
}

static void test_import(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	_cleanup_free_ char *path = world_path(w, "disk.raw"), *content = new0(char, 3 * MIB);
	write_text(path, content, 3 * MIB);
	_cleanup_free_ char *line = xasprintf("image import deb --file %s --wait", path);
	w->content_size = 3 * MIB;
	child_run(&child, line);
	assert_code(&child, 0);
	assert_int_equal(w->upload_bytes, 3 * MIB);
	_cleanup_free_ char *hex = sha256_hex(content, 3 * MIB);
	_cleanup_free_ char *body = xasprintf("{\"name\": \"deb\", \"size_bytes\": 3145728, \"sha256\": \"%s\"}", hex);
	assert_body(w, body);
	assert_non_null(strstr(child.result.out, "deb   available  1 MiB"));
	/* An upload that was broken off goes on with the same command. */
	w->upload_bytes = 0;
	_cleanup_free_ char *again = xasprintf("image import half --file %s", path);
	w->content_offset = MIB;
	w->content_busy = 2;
	child_run(&child, again);
	assert_code(&child, 0);
	assert_int_equal(w->upload_bytes, 2 * MIB);
	assert_said(&child, "somebody else is sending it; going on");
	/* Of one whose size was not announced all is sent. */
	w->content_offset = w->content_size = 0;
	child_run(&child, again);
	assert_code(&child, 0);
	assert_int_equal(w->upload_bytes, 3 * MIB);
	/* Another file is not what was begun, nor what was meant. */
	child_run(&child, again);
	assert_code(&child, 0);
	_cleanup_free_ char *announced = xasprintf("has the SHA-256 %s, but the image was announced with 00ff", hex);
	_cleanup_free_ char *meant = xasprintf(
		"--sha256: --file %s has %s, not 00000000000000000000000000000000000000000000000000000000000000ff",
		path, hex);
	_cleanup_free_ char *other = xasprintf("image import other --file %s", path);
	w->upload_bytes = 0;
	child_run(&child, other);
	assert_code(&child, 2);
	assert_said(&child, announced);
	w->requests = 0;
	_cleanup_free_ char *wrong = xasprintf("%s --sha256 %s", line, strstr(meant, "not ") + 4);
	child_run(&child, wrong);
	assert_code(&child, 2);
	assert_said(&child, meant);
	assert_int_equal(w->requests, 0);
	assert_int_equal(w->upload_bytes, 0);
	w->content_size = 4 * MIB;
	child_run(&child, again);
	assert_code(&child, 2);
	assert_said(&child, "the image was announced with 4194304");
	/* One that is there already is not written over. */
	w->upload_bytes = 0;
	_cleanup_free_ char *taken = xasprintf("image import taken --file %s", path);
	child_run(&child, taken);
	assert_code(&child, exit_code(ERR_EXISTS));
	assert_int_equal(w->upload_bytes, 0);
}

static void test_import_of_no_file_asks_for_nothing(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	_cleanup_free_ char *path = world_path(w, "empty");
	_cleanup_free_ char *line = xasprintf("image import deb --file %s", path);
	write_text(path, "", 0);
	child_run(&child, line);
	assert_code(&child, 2);
	assert_said(&child, "is empty");
	child_run(&child, "image import deb --file /nonexistent");
	assert_code(&child, 2);
	assert_said(&child, "No such file");
	assert_int_equal(w->posts, 0);
	child_run(&child, "image import deb --file /dev");
	assert_code(&child, 2);
	assert_said(&child, "is not a regular file");
	assert_int_equal(w->requests, 0);
}

/* ---- errors of the server ---- */

static void test_error_names_field_and_option(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm create web --volume root --memory 1KiB");
	assert_code(&child, exit_code(ERR_INVALID));
	assert_said(&child, "ingot: The request is invalid: memory_bytes: is 1 KiB; 16 MiB to 16 TiB is allowed");
	assert_said(&child, "field: memory_bytes (--memory)");
	assert_string_equal(child.result.out, "");
}

static void test_name_taken(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm create taken --volume root");
	assert_code(&child, exit_code(ERR_EXISTS));
	assert_said(&child, "ingot: The name is taken: there is a vm 'taken'");
}

static void test_not_found_shows_no_control_characters(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_run(&child, "vm show none");
	assert_code(&child, exit_code(ERR_NOT_FOUND));
	assert_said(&child, "there is no vm 'none\\u001b[2J'");
	assert_not_said(&child, "\x1b");
}

static void test_wrong_token(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_env(&child, "INGOT_TOKEN", "ingot_bad-token");
	child_run(&child, "vm list");
	assert_code(&child, exit_code(ERR_UNAUTHENTICATED));
	assert_said(&child, "check the token in INGOT_TOKEN");
	assert_not_said(&child, "bad-token");
}

static void test_token_file(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	_cleanup_free_ char *path = world_path(w, "token");
	_cleanup_free_ char *line = xasprintf("vm list --token-file %s", path);
	write_text(path, TOKEN "\n", strlen(TOKEN) + 1);
	child_env(&child, "INGOT_TOKEN", "ingot_bad-token"); /* what is said on the command line counts */
	child_run(&child, line);
	assert_code(&child, 0);
	write_text(path, "two\r\nX-Header: lines", 20);
	child_run(&child, line);
	assert_code(&child, 2);
	assert_said(&child, "characters that no token has");
}

static void test_wrong_authority(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	_cleanup_free_ char *dir = world_path(w, "other"), *path = xasprintf("%s/ca.pem", dir);
	struct ca *other = NULL;
	assert_int_equal(mkdir_p(dir, 0700), 0);
	assert_int_equal(ca_open(dir, &other, NULL), 0);
	ca_free(other);
	child_env(&child, "INGOT_CACERT", path);
	child_run(&child, "vm list");
	assert_true(child.code > 2);
	assert_said(&child, "INGOT_CACERT is its authority");
	assert_int_equal(w->requests, 0); /* the token was not shown to it */
	/* Without an authority of its own the system's are asked, and do not know this server. */
	child_env(&child, "INGOT_CACERT", "");
	child_run(&child, "vm list");
	assert_true(child.code > 2);
	assert_int_equal(w->requests, 0);
}

static void test_nobody_answers(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_env(&child, "INGOT_URL", "https://127.0.0.1:1");
	child_run(&child, "vm list");
	assert_code(&child, exit_code(ERR_UNREACHABLE));
	assert_said(&child, "check that the provisioner answers at https://127.0.0.1:1 (INGOT_URL)");
}

/* ---- errors of the person ---- */

static void test_usage(void **state)
{
	struct world *w = *state;
	_cleanup_child_ struct child child = child_of(w);
	child_run(&child, "vm create web --volume root --cpu 2");
	assert_code(&child, 2);
	assert_said(&child, "ingot: unknown option '--cpu'\nSee 'ingot vm create --help'.");
	child_run(&child, "vm frobnicate");
	assert_code(&child, 2);
	child_run(&child, "");
	assert_code(&child, 2);
	assert_int_equal(w->requests, 0);
}

static void test_missing_environment(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_env(&child, "INGOT_TOKEN", "");
	child_run(&child, "vm list");
	assert_code(&child, 2);
	assert_said(&child, "there is no token: put it in INGOT_TOKEN, or in a file named by --token-file");
	child_env(&child, "INGOT_URL", "");
	child_run(&child, "vm list");
	assert_code(&child, 2);
	assert_said(&child, "put it in INGOT_URL or give --url https://");
	child_env(&child, "INGOT_URL", "http://127.0.0.1:1");
	child_run(&child, "vm list");
	assert_code(&child, 2);
	assert_said(&child, "is not an address such as https://");
}

static void test_authority_that_is_none(void **state)
{
	_cleanup_child_ struct child child = child_of(*state);
	child_env(&child, "INGOT_CACERT", "/nonexistent");
	child_run(&child, "vm list");
	assert_code(&child, 2);
	assert_said(&child, "INGOT_CACERT");
	child_env(&child, "INGOT_CACERT", child.world->program);
	child_run(&child, "vm list");
	assert_code(&child, 2);
}

/* What could not be said is no success. */
static void test_full_output(void **state)
{
	struct child child = child_of(*state);
	char buffer[64];
	FILE *full = fopen("/dev/full", "w");
	child_arguments(&child, "--help", buffer, sizeof(buffer));
	const struct cmd cmd = {
		.argv = child.argv, .envp = child.envp, .deadline_ms = CHILD_MS, .stdout_fd = fileno(full)
	};
	_cleanup_err_ struct err err = ERR_INIT;
	assert_true(cmd_run(&cmd, &child.result, &err) < 0);
	assert_int_equal(WEXITSTATUS(child.result.status), 1);
	assert_said(&child, "standard output could not be written");
	fclose(full);
	child_done(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_of_all_pages),
		cmocka_unit_test(test_json_of_all_pages),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_help_and_version_need_no_server),
		cmocka_unit_test(test_create_sends_what_was_given),
		cmocka_unit_test(test_create_sends_what_cloud_init_is_given),
		cmocka_unit_test(test_several_targets),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_accept_all_that_are_new),
		cmocka_unit_test(test_delete_all_that_are_new),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_import_of_no_file_asks_for_nothing),
		cmocka_unit_test(test_error_names_field_and_option),
		cmocka_unit_test(test_name_taken),
		cmocka_unit_test(test_not_found_shows_no_control_characters),
		cmocka_unit_test(test_wrong_token),
		cmocka_unit_test(test_token_file),
		cmocka_unit_test(test_wrong_authority),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_missing_environment),
		cmocka_unit_test(test_authority_that_is_none),
		cmocka_unit_test(test_full_output),
	};
	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
