/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/plan.h"

#include <jansson.h>

#include "crypto/join_text.h"
#include "installer/plan_priv.h"
#include "installer/record.h"

/* The user of the provisioner, the same in every image (docs/protocol.md). */
#define PROVISIONER_ID 64060
#define STATE_DIR "/var/lib/ingot/provisioner"
#define IMAGES_DIR "/var/lib/ingot/images"

static char *dump(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL, *line;

	if (!text)
		abort(); /* out of memory on something small */
	line = xasprintf("%s\n", text);
	free(text);
	json_decref(json);
	return line;
}

/* ---- the provisioner ---- */

/* The address alone of ADDRESS/PREFIX; the caller frees. */
static char *without_prefix(const char *subnet)
{
	return xstrndup(subnet, strcspn(subnet, "/"));
}

static json_t *api_json(const struct answers *answers)
{
	const char *address = answers_get(answers, ANSWER_NET_ADDRESS);
	_cleanup_free_ char *own = address ? without_prefix(address) : NULL;
	_cleanup_free_ char *provisioning = without_prefix(answers_get(answers, ANSWER_PROV_ADDRESS));
	json_t *names = json_pack("[s, s]", answers_get(answers, ANSWER_HOST_NAME), provisioning);

	if (own && !str_equal(own, provisioning))
		json_array_append_new(names, json_string(own));
	/* Of both families: a second listener of 0.0.0.0 would be on the same port. */
	return json_pack("{s:[s], s:o}", "listen", "[::]:443", "names", names);
}

char *plan_provisioner_config(const struct answers *answers)
{
	_cleanup_free_ char *interface = plan_provisioning_interface(answers);
	const char *gateway = answers_get(answers, ANSWER_PROV_GATEWAY);
	json_t *provisioning = json_pack("{s:s, s:s, s:s, s:s}", "interface", interface, "address",
					 answers_get(answers, ANSWER_PROV_ADDRESS), "dhcp_first",
					 answers_get(answers, ANSWER_PROV_DHCP_FIRST), "dhcp_last",
					 answers_get(answers, ANSWER_PROV_DHCP_LAST));

	json_t *config;

	if (answers_is(answers, ANSWER_PROV_DHCP, "proxy"))
		json_object_set_new(provisioning, "dhcp", json_string("proxy"));
	if (gateway)
		json_object_set_new(provisioning, "gateway", json_string(gateway));
	config = json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:s, s:s}}", "state_dir", STATE_DIR, "run_dir",
			   "/run/ingot-provisioner", "api", api_json(answers), "provisioning", provisioning, "images",
			   "live_dir", IMAGES_DIR "/live", "bundle", IMAGES_DIR "/host.bundle", "bundle_key",
			   IMAGES_DIR "/bundle.pub");
	if (answers_has_node(answers))
		json_object_set_new(config, "own_node", json_true());
	return dump(config);
}

static void copy_medium(const struct plan_input *input, struct host_files *files)
{
	static const char *const names[] = { "host.bundle", "bundle.pub", "live/vmlinuz", "live/initrd" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *from = xasprintf("%s/%s", input->medium, names[i]);
		_cleanup_free_ char *to = xasprintf(IMAGES_DIR "/%s", names[i]);

		host_files_copy(files, to, 0644, from);
	}
}

/* What the provisioner takes at its first start. Never the password itself: what it reads once is a file that it unlinks, and
 * the blocks stay on the disk. */
static void add_password(const char *hash, struct host_files *files)
{
	host_files_text(files, STATE_DIR "/admin.password-hash", 0600, xasprintf("%s\n", hash));
	host_files_own(files, PROVISIONER_ID, PROVISIONER_ID);
}

static void add_provisioner(const struct answers *answers, const struct plan_input *input, struct host_files *files)
{
	host_files_text(files, "/etc/ingot/provisioner.json", 0640, plan_provisioner_config(answers));
	host_files_own(files, 0, PROVISIONER_ID);
	host_files_folder(files, STATE_DIR, 0700);
	host_files_own(files, PROVISIONER_ID, PROVISIONER_ID);
	add_password(input->password_hash, files);
	host_files_text(files, "/etc/ingot/console.hash", 0600, xasprintf("%s\n", input->password_hash));
	copy_medium(input, files);
}

/* ---- the node ---- */

char *plan_server(const struct answers *answers)
{
	const char *address = answers_get(answers, ANSWER_JOIN_ADDRESS);
	struct join_text join = { 0 };

	join_text_parse(str_or(answers_get(answers, ANSWER_JOIN_TOKEN), ""), &join);
	return xasprintf("%s:%u", str_or(address, join.address), join.agent_port);
}

/* The address that the node is known by is of the interface towards the provisioner; of a bond, its first member's is the
 * bond's. The caller frees. */
static char *own_mac(const struct answers *answers)
{
	const char *provisioning = answers_has_provisioner(answers) ? answers_get(answers, ANSWER_PROV_MAC) : NULL;
	const char *macs = str_or(provisioning, str_or(answers_get(answers, ANSWER_NET_BOND_MEMBERS),
						       answers_get(answers, ANSWER_NET_MAC)));

	return xstrndup(macs, strcspn(macs, " "));
}

static void add_node(const struct answers *answers, const struct plan_input *input, struct host_files *files)
{
	_cleanup_free_ char *server = answers_joins(answers) ? plan_server(answers) : NULL, *mac = own_mac(answers);

	host_files_identity(files, &(struct host_identity){
					   .server = server,
					   .ca_pem = server ? input->ca_pem : NULL,
					   .machine = "",
					   .name = answers_get(answers, ANSWER_HOST_NAME),
					   .token = answers_get(answers, ANSWER_JOIN_TOKEN),
					   .mac = mac,
					   .disk_wwn = answers_get(answers, ANSWER_DISK_WWN),
					   .disk_serial = answers_get(answers, ANSWER_DISK_SERIAL),
					   .pool_disks = answers_is(answers, ANSWER_NODE_DISKS, "pool"),
					   .handover = server ? NULL : STATE_DIR "/own-node.json",
				   });
}

/* ---- the host ---- */

static void add_time(const struct answers *answers, struct host_files *files)
{
	_cleanup_free_ char *zone = xasprintf("/usr/share/zoneinfo/%s", answers_get(answers, ANSWER_TIME_ZONE));
	_cleanup_free_ char *servers = xstrdup(answers_get(answers, ANSWER_TIME_NTP));
	struct strbuf sources = { 0 };
	char *next = servers, *server;

	host_files_link(files, "/etc/localtime", zone);
	while (next && (server = strsep(&next, " ")))
		strbuf_addf(&sources, "server %s iburst\n", server);
	if (sources.len)
		host_files_text(files, "/etc/chrony/sources.d/ingot.sources", 0644, strbuf_take(&sources));
}

static void add_record(const struct answers *answers, const struct plan_input *input, struct host_files *files)
{
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s?}", "role", answers_get(answers, ANSWER_ROLE), "language",
			  answers_get(answers, ANSWER_LANGUAGE), "version", input->version, "answers", input->mark);

	host_files_text(files, RECORD_PATH, 0644, dump(json));
}

void plan_files(const struct answers *answers, const struct plan_input *input, struct host_files *ret)
{
	const char *name = answers_get(answers, ANSWER_HOST_NAME);

	host_files_text(ret, "/etc/hostname", 0644, xasprintf("%s\n", name));
	plan_network(answers, ret);
	add_time(answers, ret);
	if (answers_has_provisioner(answers))
		add_provisioner(answers, input, ret);
	if (answers_has_node(answers))
		add_node(answers, input, ret);
	add_record(answers, input, ret);
}

void plan_files_kept(const struct answers *answers, const struct plan_input *input, struct host_files *ret)
{
	if (answers_has_provisioner(answers))
		copy_medium(input, ret);
	add_record(answers, input, ret);
}

/* ---- consoles ---- */

char *plan_console(const struct answers *answers, const char *cmdline)
{
	const char *given = answers_get(answers, ANSWER_CONSOLE);
	_cleanup_free_ char *copy = xstrdup(str_or(given, cmdline));
	struct strbuf line = { 0 };
	char *next = copy, *word;

	while ((word = strsep(&next, " \n"))) {
		if (*word && (given || str_starts(word, "console=")))
			strbuf_addf(&line, "%s%s%s", line.len ? " " : "", given ? "console=" : "", word);
	}
	return strbuf_take(&line);
}
