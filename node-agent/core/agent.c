/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/agent.h"

#include <errno.h>

#include "base/log.h"
#include "core/converge.h"
#include "core/credentials_priv.h"
#include "core/session.h"
#include "crypto/crypto.h"
#include "http/http_client.h"

#define BOOT_ID_MAX_BYTES ((size_t)128)

struct agent {
	struct loop *loop;
	const struct credentials_source *source_type;
	void *source;
	char *boot_id;
	char *url;
	struct converge *converge;
	struct http_client *client;
	struct session *session;
	struct loop_timer *renew_timer, *grace_timer;
};

void credentials_done(struct credentials *credentials)
{
	if (credentials->bearer)
		wipe(credentials->bearer, strlen(credentials->bearer));
	if (credentials->key_pem)
		wipe(credentials->key_pem, strlen(credentials->key_pem));
	free(credentials->url);
	free(credentials->ca_pem);
	free(credentials->bearer);
	free(credentials->cert_pem);
	free(credentials->key_pem);
	*credentials = (struct credentials){ 0 };
}

static void agent_renew(void *data)
{
	struct agent *agent = data;

	agent->renew_timer = NULL;
	agent->session = session_free(agent->session);
	agent->source_type->get(agent->source, true);
}

static void agent_refused(const struct err *err, void *data)
{
	struct agent *agent = data;

	log_warning("%s does not know us any more: %s", agent->url, err && err->text ? err->text : "401");
	/* The session is on the stack. */
	if (!agent->renew_timer)
		agent->renew_timer = loop_timer_new(agent->loop, 0, agent_renew, agent);
}

static void agent_connected(const struct credentials *credentials, void *data)
{
	struct agent *agent = data;
	struct http_client *old = agent->client;

	agent->session = session_free(agent->session);
	str_set(&agent->url, credentials->url);
	agent->client = http_client_new(&(struct http_client_spec){
		.loop = agent->loop,
		.ca_pem = credentials->ca_pem,
		.server_name = CERT_PROVISIONER,
		.cert_pem = credentials->cert_pem,
		.key_pem = credentials->key_pem,
		.bearer = credentials->bearer,
	});
	/* Parts that borrowed the old client are given the new one before it goes. */
	converge_link(agent->converge,
		      &(struct part_link){ .loop = agent->loop, .client = agent->client, .url = agent->url });
	http_client_free(old);
	agent->session = session_new(&(struct session_spec){
		.loop = agent->loop,
		.client = agent->client,
		.url = agent->url,
		.boot_id = agent->boot_id,
		.converge = agent->converge,
		.refused = agent_refused,
		.data = agent,
	});
}

static void agent_report_changed(void *data)
{
	struct agent *agent = data;

	if (agent->session)
		session_report_changed(agent->session);
}

static int read_boot_id(const char *sysroot, char **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/proc/sys/kernel/random/boot_id", sysroot);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_file(path, BOOT_ID_MAX_BYTES, &text, &len);

	if (r < 0)
		return err_set_errno(err, r, "%s", path);
	text[strcspn(text, "\n")] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int agent_open(struct agent *agent, const struct agent_spec *spec, struct err *err)
{
	int r = read_boot_id(str_or(spec->sysroot, ""), &agent->boot_id, err);

	if (r < 0)
		return r;
	r = agent->source_type->open(spec, agent_connected, agent, &agent->source, err);
	if (r < 0)
		return r;
	return converge_new(&(struct converge_spec){ .loop = spec->loop,
						     .parts = spec->parts,
						     .mode = spec->mode,
						     .sysroot = spec->sysroot,
						     .prefix = spec->prefix,
						     .keep_dir = spec->state_dir,
						     .changed = agent_report_changed,
						     .data = agent },
			    &agent->converge, err);
}

int agent_new(const struct agent_spec *spec, struct agent **ret, struct err *err)
{
	struct agent *agent = new0(struct agent, 1);
	int r;

	agent->loop = spec->loop;
	agent->source_type = spec->mode == PART_LIVE ? &live_credentials : &node_credentials;
	r = agent_open(agent, spec, err);
	if (r < 0) {
		agent_free(agent);
		return r;
	}
	agent->source_type->get(agent->source, false);
	*ret = agent;
	return 0;
}

static void agent_idle(void *data)
{
	struct agent *agent = data;

	loop_quit(agent->loop, 0);
}

static void agent_grace_over(void *data)
{
	struct agent *agent = data;

	agent->grace_timer = NULL;
	log_warning("a part does not end; leaving it behind");
	loop_quit(agent->loop, 1);
}

void agent_stop(struct agent *agent, int64_t grace_ms)
{
	if (agent->grace_timer)
		return;
	agent->grace_timer = loop_timer_new(agent->loop, grace_ms, agent_grace_over, agent);
	converge_stop(agent->converge, agent_idle, agent);
}

struct agent *agent_free(struct agent *agent)
{
	if (!agent)
		return NULL;
	loop_timer_free(agent->renew_timer);
	loop_timer_free(agent->grace_timer);
	session_free(agent->session);
	if (agent->source)
		agent->source_type->close(agent->source);
	converge_free(agent->converge);
	http_client_free(agent->client);
	free(agent->boot_id);
	free(agent->url);
	free(agent);
	return NULL;
}
