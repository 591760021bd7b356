/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The provisioner's configuration file: JSON, checked by a schema; every error names the field. */
#ifndef INGOT_DAEMON_CONFIG_H
#define INGOT_DAEMON_CONFIG_H

#include "schema/schema.h"

struct config_api {
	char **listen; /* "ADDRESS:PORT" */
	size_t listen_count;
	char **names; /* further names and addresses for the certificate */
	size_t name_count;
};
enum { CONFIG_DHCP_SERVER, CONFIG_DHCP_PROXY };
struct config_provisioning {
	char *interface, *address, *dhcp_first, *dhcp_last, *gateway, *console;
	int64_t agent_port, boot_port;
	int64_t new_machines_max, new_machines_per_minute;
	int dhcp; /* CONFIG_DHCP_* */
};
struct config_bmc {
	char **ranges;
	size_t range_count;
	char *user, *password_file;
};
struct config_images {
	char *live_dir, *bundle, *bundle_key, *loader_dir;
};
struct config_storage {
	int64_t pool_size;
};
struct config_ui {
	char *dir;
};
struct config {
	char *state_dir, *run_dir;
	bool own_node; /* the agent of this host is given a join token */
	struct config_api *api;
	struct config_provisioning *provisioning;
	struct config_bmc *bmc;
	struct config_images *images;
	struct config_storage *storage;
	struct config_ui *ui;
};
extern const struct schema config_schema;

/* Reads and checks it; what is left out has its default. config_done() frees. */
int config_load(const char *path, struct config *ret, struct err *err);
void config_done(struct config *config);
/* Splits "ADDRESS:PORT" or "[V6]:PORT"; the caller frees. */
int config_split(const char *listen, char **ret_address, uint16_t *ret_port, struct err *err);

#endif
