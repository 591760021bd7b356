/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/config.h"

#define CONFIG_MAX_BYTES (256 * 1024)
#define CONFIG_UI_DIR "/usr/share/ingot/ui"
#define REQUIRED FIELD_REQUIRED

static const struct field api_fields[] = {
	F_LIST(struct config_api, listen, listen_count, FIELD_STRINGS, 0, .max = 16, .help = "addresses, ADDRESS:PORT"),
	F_LIST(struct config_api, names, name_count, FIELD_STRINGS, 0, .max = 16,
	       .help = "further names in the certificate"),
};
static const struct schema api_schema = SCHEMA("api", struct config_api, api_fields, "the REST API");

static const char *const dhcp_words[] = { "server", "proxy", NULL };

static const struct field provisioning_fields[] = {
	F(struct config_provisioning, interface, FIELD_STRING, REQUIRED, .min = 1, .max = 15,
	  .help = "interface of the provisioning network"),
	F(struct config_provisioning, address, FIELD_STRING, REQUIRED, .max = 64,
	  .help = "our address on it, IP/PREFIX"),
	F(struct config_provisioning, dhcp, FIELD_ENUM, 0, .words = dhcp_words, .initial = "server",
	  .help = "who gives addresses: server: we do; proxy: another server does, and we say where to boot from"),
	F(struct config_provisioning, dhcp_first, FIELD_STRING, REQUIRED, .format = FORMAT_ADDRESS,
	  .help = "first address given out"),
	F(struct config_provisioning, dhcp_last, FIELD_STRING, REQUIRED, .format = FORMAT_ADDRESS,
	  .help = "last address given out"),
	F(struct config_provisioning, gateway, FIELD_STRING, 0, .format = FORMAT_ADDRESS, .help = "router given out"),
	F(struct config_provisioning, console, FIELD_STRING, 0, .max = 64, .initial = "ttyS0,115200",
	  .help = "serial console of the machines, as the kernel's console= takes it"),
	F(struct config_provisioning, agent_port, FIELD_INT, 0, .min = 1, .max = 65535, .initial = "8444",
	  .help = "agents' port"),
	F(struct config_provisioning, boot_port, FIELD_INT, 0, .min = 1, .max = 65535, .initial = "8080",
	  .help = "boot port"),
	F(struct config_provisioning, new_machines_max, FIELD_INT, 0, .min = 1, .max = 100000, .initial = "12000",
	  .help = "machines that may wait to be accepted"),
	F(struct config_provisioning, new_machines_per_minute, FIELD_INT, 0, .min = 1, .max = 1000000,
	  .initial = "10000", .help = "machines that nobody knows, taken up in a minute"),
};
static const struct schema provisioning_schema =
	SCHEMA("provisioning", struct config_provisioning, provisioning_fields, "the provisioning network");

static const struct field bmc_fields[] = {
	F_LIST(struct config_bmc, ranges, range_count, FIELD_STRINGS, 0, .max = 64,
	       .help = "where BMCs are looked for: FIRST-LAST or one address"),
	F(struct config_bmc, user, FIELD_STRING, REQUIRED, .max = 16, .help = "user on the BMCs"),
	F(struct config_bmc, password_file, FIELD_STRING, REQUIRED, .max = 4096, .help = "file with the password"),
};
static const struct schema bmc_schema = SCHEMA("bmc", struct config_bmc, bmc_fields, "BMCs");

static const struct field images_fields[] = {
	F(struct config_images, live_dir, FIELD_STRING, REQUIRED, .max = 4096,
	  .help = "folder of the live image: vmlinuz, initrd"),
	F(struct config_images, bundle, FIELD_STRING, 0, .max = 4096, .help = "host image bundle"),
	F(struct config_images, bundle_key, FIELD_STRING, 0, .max = 4096, .help = "public key that signed it (PEM)"),
	F(struct config_images, loader_dir, FIELD_STRING, 0, .max = 4096, .initial = "/usr/lib/ipxe",
	  .help = "folder of undionly.kpxe and snponly.efi"),
};
static const struct schema images_schema = SCHEMA("images", struct config_images, images_fields, "what machines boot");

static const struct field storage_fields[] = {
	F(struct config_storage, pool_size, FIELD_INT, 0, .min = 1, .max = 9, .initial = "3",
	  .help = "copies of every block"),
};
static const struct schema storage_schema = SCHEMA("storage", struct config_storage, storage_fields, "storage");

static const struct field ui_fields[] = {
	F(struct config_ui, dir, FIELD_STRING, 0, .min = 1, .max = 4096, .initial = CONFIG_UI_DIR,
	  .help = "folder of the dashboard's files"),
};
static const struct schema ui_schema = SCHEMA("ui", struct config_ui, ui_fields, "the dashboard");

static const struct field config_fields[] = {
	F(struct config, state_dir, FIELD_STRING, 0, .max = 4096, .initial = "/var/lib/ingot",
	  .help = "what must survive"),
	F(struct config, run_dir, FIELD_STRING, 0, .max = 4096, .initial = "/run/ingot", .help = "what need not"),
	F(struct config, own_node, FIELD_BOOL, 0,
	  .help = "the host is a node as well: its agent is handed a join token, in STATE_DIR/own-node.json"),
	F(struct config, api, FIELD_OBJECT, REQUIRED, .of = &api_schema, .help = "the REST API"),
	F(struct config, provisioning, FIELD_OBJECT, REQUIRED, .of = &provisioning_schema,
	  .help = "the provisioning network"),
	F(struct config, bmc, FIELD_OBJECT, 0, .of = &bmc_schema, .help = "BMCs"),
	F(struct config, images, FIELD_OBJECT, REQUIRED, .of = &images_schema, .help = "what machines boot"),
	F(struct config, storage, FIELD_OBJECT, 0, .of = &storage_schema, .help = "storage"),
	F(struct config, ui, FIELD_OBJECT, 0, .of = &ui_schema, .help = "the dashboard"),
};
const struct schema config_schema = SCHEMA("config", struct config, config_fields, "configuration of the provisioner");

static int check_address(const char *text, struct err *err)
{
	const char *slash = strchr(text, '/');
	int64_t prefix;
	if (!slash || parse_i64(slash + 1, 8, 30, &prefix) < 0)
		return err_set_field(err, ERR_INVALID, "provisioning.address",
				     "provisioning.address: must be IP/PREFIX such as 10.0.0.1/24");
	_cleanup_free_ char *address = xstrndup(text, (size_t)(slash - text));
	if (format_check(FORMAT_ADDRESS, address) || strchr(address, ':'))
		return err_set_field(err, ERR_INVALID, "provisioning.address",
				     "provisioning.address: '%s' is not an IPv4 address", address);
	return 0;
}

static int check(const struct config *config, struct err *err)
{
	int r = check_address(config->provisioning->address, err);
	for (size_t i = 0; r == 0 && i < config->api->listen_count; i++) {
		_cleanup_free_ char *address = NULL;
		uint16_t port;
		r = config_split(config->api->listen[i], &address, &port, err);
	}
	if (r == 0 && config->ui->dir[0] != '/')
		r = err_set_field(err, ERR_INVALID, "ui.dir", "ui.dir: must be an absolute path");
	if (r == 0 && config->images->bundle && !config->images->bundle_key)
		r = err_set_field(err, ERR_INVALID, "images.bundle_key",
				  "images.bundle_key: is missing; a bundle is only used with the key that signed it");
	return r;
}

int config_load(const char *path, struct config *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	json_error_t where;
	int r = read_file(path, CONFIG_MAX_BYTES, &text, &len);
	if (r < 0)
		return err_set_errno(err, r, "reading %s", path);
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json)
		return err_set(err, ERR_INVALID, "%s:%d:%d: %s", path, where.line, where.column, where.text);
	r = schema_decode(&config_schema, SCHEMA_STRICT, json, ret, err);
	json_decref(json);
	if (r == 0) {
		if (!ret->storage) {
			ret->storage = new0(struct config_storage, 1);
			ret->storage->pool_size = 3;
		}
		if (!ret->ui) {
			ret->ui = new0(struct config_ui, 1);
			ret->ui->dir = xstrdup(CONFIG_UI_DIR);
		}
		r = check(ret, err);
		if (r < 0)
			config_done(ret);
	}
	return r < 0 ? err_prefix(err, "%s", path) : 0;
}

void config_done(struct config *config)
{
	schema_done(&config_schema, config);
}

int config_split(const char *listen, char **ret_address, uint16_t *ret_port, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	int64_t port;
	if (!colon || parse_i64(colon + 1, 1, 65535, &port) < 0)
		return err_set_field(err, ERR_INVALID, "api.listen", "api.listen: '%s' is not ADDRESS:PORT", listen);
	bool bracketed = listen[0] == '[' && colon > listen + 1 && colon[-1] == ']';
	_cleanup_free_ char *address = bracketed ? xstrndup(listen + 1, (size_t)(colon - listen) - 2)
						 : xstrndup(listen, (size_t)(colon - listen));
	if (format_check(FORMAT_ADDRESS, address))
		return err_set_field(err, ERR_INVALID, "api.listen", "api.listen: '%s' is not an address", address);
	*ret_address = TAKE_PTR(address);
	*ret_port = (uint16_t)port;
	return 0;
}
