/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Credentials of a machine in the live image: the CA certificate from the boot listener, known by its hash, and a token for
 * this boot in return for saying who we are. */
#include <ctype.h>
#include <errno.h>

#include "base/log.h"
#include "core/backoff.h"
#include "core/credentials_priv.h"
#include "crypto/crypto.h"
#include "http/http_client.h"

#define CMDLINE_MAX_BYTES ((size_t)(64 * KIB))
#define CA_MAX_BYTES ((size_t)(64 * KIB))
#define CALL_DEADLINE_MS 15000
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 15000

/* ---- the command line ---- */

void agent_boot_done(struct agent_boot *boot)
{
	free(boot->server);
	free(boot->boot_url);
	free(boot->ca);
	free(boot->boot_mac);
	*boot = (struct agent_boot){ 0 };
}

/* "01-aa-bb-cc-dd-ee-ff" (hardware type, address) as PXELINUX and iPXE write it. NULL if it is not that. */
static char *mac_from_bootif(const char *text)
{
	char *mac;

	if (strlen(text) != 20 || text[2] != '-')
		return NULL;
	mac = xstrdup(text + 3);
	for (size_t i = 0; mac[i]; i++) {
		if (i % 3 == 2 ? mac[i] != '-' : !isxdigit((unsigned char)mac[i])) {
			free(mac);
			return NULL;
		}
		mac[i] = i % 3 == 2 ? ':' : (char)tolower((unsigned char)mac[i]);
	}
	return mac;
}

static void take_word(struct agent_boot *boot, const char *word)
{
	const struct {
		const char *name;
		char **value;
	} words[] = { { "ingot.server=", &boot->server },
		      { "ingot.boot=", &boot->boot_url },
		      { "ingot.ca=", &boot->ca } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_starts(word, words[i].name))
			str_set(words[i].value, word + strlen(words[i].name));
	}
	if (str_starts(word, "BOOTIF=")) {
		free(boot->boot_mac);
		boot->boot_mac = mac_from_bootif(word + strlen("BOOTIF="));
	}
}

static int check_boot(struct agent_boot *boot, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	size_t len;

	if (!boot->server || !strchr(boot->server, ':'))
		return err_set(err, ERR_INVALID, "the kernel command line has no ingot.server=ADDRESS:PORT");
	if (!boot->boot_url || !str_starts(boot->boot_url, "http://"))
		return err_set(err, ERR_INVALID, "the kernel command line has no ingot.boot=http://ADDRESS:PORT");
	if (!boot->ca || hex_decode(boot->ca, digest, sizeof(digest)) < 0)
		return err_set(err, ERR_INVALID, "the kernel command line has no ingot.ca= of %d hexadecimal digits",
			       2 * SHA256_SIZE);
	for (char *p = boot->ca; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	len = strlen(boot->boot_url);
	if (boot->boot_url[len - 1] == '/')
		boot->boot_url[len - 1] = '\0';
	return 0;
}

int agent_boot_parse(const char *cmdline, struct agent_boot *ret, struct err *err)
{
	_cleanup_free_ char *copy = xstrdup(cmdline);
	struct agent_boot boot = { 0 };
	char *next = copy, *word;
	int r;

	while ((word = strsep(&next, " \t\n")))
		take_word(&boot, word);
	r = check_boot(&boot, err);
	if (r < 0) {
		agent_boot_done(&boot);
		return r;
	}
	*ret = boot;
	return 0;
}

int agent_boot_read(const char *sysroot, struct agent_boot *ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/proc/cmdline", sysroot);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_file(path, CMDLINE_MAX_BYTES, &text, &len);

	return r < 0 ? err_set_errno(err, r, "%s", path) : agent_boot_parse(text, ret, err);
}

/* ---- the way to a token ---- */

struct live {
	struct loop *loop;
	struct agent_boot boot;
	char *sysroot;
	json_t *(*introduce)(const char *sysroot);
	credentials_fn done;
	void *data;

	struct http_client *plain, *secure;
	struct http_call *call;
	struct loop_timer *timer;
	struct backoff backoff;
	bool failure_logged;
	bool closed; /* a worker still holds it */
	bool working;
	json_t *introduction;
	struct credentials credentials;
};

static void live_step(void *data);

static void live_step_in(struct live *live, int64_t delay_ms)
{
	loop_timer_free(live->timer);
	live->timer = loop_timer_new(live->loop, delay_ms, live_step, live);
}

static void live_failed(struct live *live, const char *what, const char *why)
{
	if (!live->failure_logged)
		log_warning("%s: %s", what, why);
	live->failure_logged = true;
	live_step_in(live, backoff_next_ms(&live->backoff));
}

static void live_progressed(struct live *live)
{
	live->failure_logged = false;
	backoff_reset(&live->backoff);
	live_step_in(live, 0);
}

static void live_free(struct live *live)
{
	http_client_free(live->plain);
	http_client_free(live->secure);
	credentials_done(&live->credentials);
	agent_boot_done(&live->boot);
	json_decref(live->introduction);
	free(live->sysroot);
	free(live);
}

static void introduce_work(void *data)
{
	struct live *live = data;

	live->introduction = live->introduce(live->sysroot);
}

static void introduce_done(void *data)
{
	struct live *live = data;

	live->working = false;
	if (live->closed) {
		live_free(live);
		return;
	}
	if (!live->introduction) {
		live_failed(live, "inventory", "it cannot be read");
		return;
	}
	json_object_set_new(live->introduction, "boot_mac",
			    live->boot.boot_mac ? json_string(live->boot.boot_mac) : json_null());
	live_progressed(live);
}

static void ca_answered(const struct http_response *response, const struct err *err, void *data)
{
	struct live *live = data;
	_cleanup_free_ char *pem = NULL, *fingerprint = NULL;
	_cleanup_err_ struct err problem = ERR_INIT;

	live->call = NULL;
	if (response->status != 200) {
		live_failed(live, "fetching the CA certificate", err && err->text ? err->text : "no answer");
		return;
	}
	pem = xstrndup(response->data, response->len);
	if (cert_fingerprint(pem, &fingerprint, &problem) < 0) {
		live_failed(live, "the CA certificate", str_or(problem.text, "it cannot be read"));
		return;
	}
	if (!str_equal(fingerprint, live->boot.ca)) {
		live_failed(live, "the CA certificate",
			    "it is not the one that the kernel command line names; nothing is told to this server");
		return;
	}
	live->credentials.ca_pem = TAKE_PTR(pem);
	live_progressed(live);
}

static void hello_answered(const struct http_response *response, const struct err *err, void *data)
{
	struct live *live = data;
	const char *token = json_string_value(json_object_get(response->json, "token"));
	const char *machine = json_string_value(json_object_get(response->json, "machine"));

	live->call = NULL;
	if (response->status != 200 && response->status != 201) {
		live_failed(live, "hello", err && err->text ? err->text : "no answer");
		return;
	}
	if (!token || !*token) {
		live_failed(live, "hello", "the answer holds no token");
		return;
	}
	log_info("known to %s as machine %s", live->boot.server, str_or(machine, "?"));
	str_set(&live->credentials.bearer, token);
	live->failure_logged = false;
	backoff_reset(&live->backoff);
	live->done(&live->credentials, live->data);
}

static void live_fetch_ca(struct live *live)
{
	_cleanup_free_ char *url = xasprintf("%s/ca.pem", live->boot.boot_url);

	if (!live->plain)
		live->plain = http_client_new(&(struct http_client_spec){ .loop = live->loop });
	live->call = http_call_new(live->plain, &(struct http_call_spec){
							.method = "GET",
							.url = url,
							.deadline_ms = CALL_DEADLINE_MS,
							.response_max_bytes = CA_MAX_BYTES,
							.done = ca_answered,
							.data = live,
						});
}

static void live_hello(struct live *live)
{
	_cleanup_free_ char *url = xasprintf("%s/agent/v1/hello", live->credentials.url);

	if (!live->secure)
		live->secure = http_client_new(&(struct http_client_spec){
			.loop = live->loop, .ca_pem = live->credentials.ca_pem, .server_name = CERT_PROVISIONER });
	live->call = http_call_new(live->secure, &(struct http_call_spec){
							 .method = "POST",
							 .url = url,
							 .json = live->introduction,
							 .deadline_ms = CALL_DEADLINE_MS,
							 .done = hello_answered,
							 .data = live,
						 });
}

/* What is missing first. */
static void live_step(void *data)
{
	struct live *live = data;

	live->timer = NULL;
	if (live->working || live->call)
		return;
	if (!live->introduction) {
		live->working = loop_work(live->loop, NULL, introduce_work, introduce_done, live) == 0;
		if (!live->working)
			live_step_in(live, BACKOFF_FIRST_MS);
	} else if (!live->credentials.ca_pem) {
		live_fetch_ca(live);
	} else {
		live_hello(live);
	}
}

static int live_open(const struct agent_spec *spec, credentials_fn done, void *data, void **ret, struct err *err)
{
	struct agent_boot boot = { 0 };
	struct live *live;
	int r = agent_boot_read(str_or(spec->sysroot, ""), &boot, err);

	if (r < 0)
		return r;
	live = new0(struct live, 1);
	live->loop = spec->loop;
	live->boot = boot;
	live->sysroot = xstrdup(str_or(spec->sysroot, ""));
	live->introduce = spec->introduce;
	live->done = done;
	live->data = data;
	live->backoff = (struct backoff){ .first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS };
	live->credentials.url = xasprintf("https://%s", boot.server);
	*ret = live;
	return 0;
}

static void live_get(void *source, bool refused)
{
	struct live *live = source;

	/* After a refusal there is a pause, too: a token that is refused as soon as it is given would make us spin. */
	live_step_in(live, refused ? backoff_next_ms(&live->backoff) : 0);
}

static void live_close(void *source)
{
	struct live *live = source;

	if (!live)
		return;
	http_call_free(live->call);
	loop_timer_free(live->timer);
	live->call = NULL;
	live->timer = NULL;
	live->closed = true;
	if (!live->working)
		live_free(live);
}

const struct credentials_source live_credentials = { .open = live_open, .get = live_get, .close = live_close };
