/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "controller/controller.h"
#include "daemon/certificate.h"
#include "daemon/own_addresses.h"
#include "daemon/own_node.h"

#define KEY_MAX_BYTES 65536
#define LISTENERS_MAX 20
#define AGENTS_MAX 20000
#define CERTIFICATE_EVERY_MS (INT64_C(3600) * 1000)
/* An agent has two, and one for each viewer of a console. */
#define AGENTS_PER_ADDRESS_MAX 128

struct daemon {
	struct loop *loop;
	const struct config *config;
	struct ca *ca;
	struct netboot *netboot;
	struct controller *controller;
	struct auth *auth;
	struct api *api;
	struct own_node *own_node;
	struct http_server *listeners[LISTENERS_MAX];
	size_t listener_count;
	void *ceph;
	int lock_fd;
	char *address; /* ours on the provisioning network, without prefix */
	int prefix_length;
	char *server; /* "ADDRESS:PORT" for agents */
	struct certificate certificate;
	struct loop_timer *certificate_timer;
	struct address_watch *watch;
	char *bmc_password, *bundle_error, *bundle_key, *bundle_version, *upload_dir;
};

/* ---- files ---- */

static int read_text(const char *path, const char *field, char **ret, struct err *err)
{
	size_t len;
	int r = read_file(path, KEY_MAX_BYTES, ret, &len);
	if (r < 0)
		return err_set_errno(err, r, "%s: reading %s", field, path);
	while (len > 0 && ((*ret)[len - 1] == '\n' || (*ret)[len - 1] == '\r'))
		(*ret)[--len] = '\0';
	return 0;
}

static int make_folders(struct daemon *d, struct err *err)
{
	const struct {
		const char *path;
		unsigned mode;
	} folders[] = {
		{ d->config->state_dir, 0700 },
		{ d->config->run_dir, 0755 }, /* dnsmasq reads it as another user */
		{ d->upload_dir, 0700 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int r = mkdir_p(folders[i].path, folders[i].mode);
		if (r < 0)
			return err_set_errno(err, r, "making %s", folders[i].path);
	}
	return 0;
}

/* One provisioner to a state_dir, found out before anything is touched. The kernel takes the lock back when we end, however
 * that comes. */
static int take_lock(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/lock", d->config->state_dir);
	_cleanup_free_ char *line = xasprintf("%ld\n", (long)getpid());
	char holder[32] = "";
	d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock_fd < 0)
		return err_set_errno(err, -errno, "opening %s", path);
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(d->lock_fd, holder, sizeof(holder) - 1, 0);
		holder[strcspn(holder, "\n")] = '\0';
		return err_set_field(err, ERR_STATE, "state_dir",
				     "state_dir: another provisioner is running on %s (process %s)",
				     d->config->state_dir, n > 0 ? holder : "unknown");
	}
	size_t len = strlen(line);
	if (ftruncate(d->lock_fd, 0) < 0 || pwrite(d->lock_fd, line, len, 0) != (ssize_t)len)
		return err_set_errno(err, errno ? -errno : -EIO, "writing %s", path);
	return 0;
}

/* The bundle is checked before anything is installed from it: its signature here, every byte on the machine. */
static int check_bundle(struct daemon *d, struct err *err)
{
	const struct config_images *images = d->config->images;
	int r = read_text(images->bundle_key, "images.bundle_key", &d->bundle_key, err);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = open(images->bundle, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, -errno, "images.bundle: opening %s", images->bundle);
	_cleanup_(bundle_reader_free_p) struct bundle_reader *reader = NULL;
	r = bundle_reader_new(fd, d->bundle_key, &reader, err);
	if (r < 0)
		return err_prefix(err, "images.bundle: %s", images->bundle);
	d->bundle_version = xstrdup(bundle_reader_manifest(reader)->version);
	return 0;
}

/* A bundle that cannot be used keeps machines from being deployed, and nothing else from working. */
static int open_bundle(struct daemon *d, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (d->config->images->bundle && check_bundle(d, &why) < 0) {
		log_error("%s; nothing can be deployed", why.text);
		d->bundle_error = xstrdup(why.text);
	}
	return 0;
}

static void forget_secret(char *text)
{
	if (text)
		wipe(text, strlen(text));
	free(text);
}

/* One for the names of the configuration and the addresses that this host has now, which may be DHCP's. An address that went
 * away is left in it for as long as nothing else wants another one. */
static int get_certificate(struct daemon *d, bool *ret_fresh, struct err *err)
{
	const struct config_api *api = d->config->api;
	_cleanup_free_ const char **names = new0(const char *, api->name_count + OWN_ADDRESSES_MAX + 4);
	_cleanup_own_addresses_ struct own_addresses own = { 0 };
	size_t n = 0;
	int r = own_addresses_read(&own, err);
	if (r < 0)
		return r;
	names[n++] = d->address;
	names[n++] = "localhost";
	names[n++] = "127.0.0.1";
	for (size_t i = 0; i < api->name_count; i++)
		names[n++] = api->names[i];
	for (size_t i = 0; i < own.count; i++)
		names[n++] = own.list[i];
	return certificate_get(d->config->state_dir, d->ca, names, &d->certificate, ret_fresh, err);
}

/* Who comes from now on is shown one that names all addresses and has not ended. */
static void follow_certificate(struct daemon *d)
{
	_cleanup_err_ struct err err = ERR_INIT;
	bool fresh = false;
	int r = get_certificate(d, &fresh, &err);
	for (size_t i = 0; i < d->listener_count && r == 0 && fresh; i++)
		r = http_server_set_certificate(d->listeners[i], d->certificate.chain_pem, d->certificate.key_pem,
						&err);
	if (r < 0)
		log_error("a certificate for this host's addresses: %s", str_or(err.text, "failed"));
	else if (fresh)
		log_info("there is a new certificate: this host has a new address, or the old one came to its end");
}

static void addresses_changed(void *data)
{
	follow_certificate(data);
}

static void look_at_certificate(void *data)
{
	struct daemon *d = data;
	d->certificate_timer = loop_timer_new(d->loop, CERTIFICATE_EVERY_MS, look_at_certificate, d);
	follow_certificate(d);
}

/* What changes from here on is told; what was there before is read after. */
static int watch_addresses(struct daemon *d, struct err *err)
{
	int r = address_watch_new(d->loop, addresses_changed, d, &d->watch, err);
	if (r == 0)
		look_at_certificate(d);
	return r;
}

static int open_keys(struct daemon *d, struct err *err)
{
	bool fresh;
	int r = ca_open(d->config->state_dir, &d->ca, err);
	if (r == 0)
		r = get_certificate(d, &fresh, err);
	if (r == 0 && d->config->bmc)
		r = read_text(d->config->bmc->password_file, "bmc.password_file", &d->bmc_password, err);
	return r;
}

/* ---- network boot ---- */

static struct netboot_spec netboot_spec_of(const struct config *config)
{
	const struct config_provisioning *net = config->provisioning;
	return (struct netboot_spec){
		.run_dir = config->run_dir,
		.interface = net->interface,
		.address = net->address,
		.dhcp_first = net->dhcp_first,
		.dhcp_last = net->dhcp_last,
		.proxy = net->dhcp == CONFIG_DHCP_PROXY,
		.gateway = net->gateway,
		.boot_port = (uint16_t)net->boot_port,
		.agent_port = (uint16_t)net->agent_port,
		.live_dir = config->images->live_dir,
		.loader_dir = config->images->loader_dir,
	};
}

int daemon_check(const struct config *config, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;
	const struct netboot_spec spec = netboot_spec_of(config);
	if (netboot_settings_check(&spec, &why) == 0)
		return 0;
	_cleanup_free_ char *field = xasprintf("provisioning.%s", str_or(why.field, ""));
	return err_set_field(err, why.code, field, "%s: %s", field, why.text);
}

static int start_netboot(struct daemon *d, struct err *err)
{
	struct netboot_spec spec = netboot_spec_of(d->config);
	spec.loop = d->loop;
	spec.bundle_path = d->bundle_error ? NULL : d->config->images->bundle;
	spec.ca_pem = ca_pem(d->ca);
	spec.ca_fingerprint = ca_fingerprint(d->ca);
	return netboot_start(&spec, &d->netboot, err);
}

static const char *health_of_netboot(void *ctx)
{
	return netboot_health(ctx);
}

/* ---- the controller ---- */

static int start_controller(struct daemon *d, struct err *err)
{
	const struct config *config = d->config;
	_cleanup_free_ char *database = xasprintf("%s/ingot.db", config->state_dir);
	_cleanup_free_ char *mark = xasprintf("%s/ingot.mark", config->state_dir);
	d->ceph = ceph_librados_new();
	const struct controller_spec spec = {
		.loop = d->loop,
		.database = database,
		.mark = mark,
		.ca = d->ca,
		.boot_port = (uint16_t)config->provisioning->boot_port,
		.machines = {
			.netboot = &netboot_ops_real,
			.netboot_ctx = d->netboot,
			.bmc_ranges = config->bmc ? (const char *const *)config->bmc->ranges : NULL,
			.bmc_user = config->bmc ? config->bmc->user : NULL,
			.bmc_password = d->bmc_password,
			.bundle_url = config->images->bundle && !d->bundle_error ? netboot_bundle_url(d->netboot) : NULL,
			.bundle_error = d->bundle_error,
			.bundle_key = d->bundle_key,
			.bundle_version = d->bundle_version,
			.server = d->server,
			.ca_pem = ca_pem(d->ca),
			.prefix_length = d->prefix_length,
			.new_max = d->config->provisioning->new_machines_max,
			.new_per_minute = d->config->provisioning->new_machines_per_minute,
			.gateway = config->provisioning->gateway,
			.console = config->provisioning->console,
		},
		.storage = {
			.driver = &ceph_driver_librados,
			.driver_ctx = d->ceph,
			.pool_size = (unsigned)config->storage->pool_size,
			.upload_dir = d->upload_dir,
		},
	};
	return controller_new(&spec, &d->controller, err);
}

/* ---- listeners ---- */

static int add_listener(struct daemon *d, const struct http_server_spec *given, struct err *err)
{
	struct http_server_spec spec = *given;
	spec.loop = d->loop;
	spec.data = d->api;
	spec.cert_pem = d->certificate.chain_pem;
	spec.key_pem = d->certificate.key_pem;
	spec.body_dir = d->upload_dir;
	if (d->listener_count == LISTENERS_MAX)
		return err_set(err, ERR_INVALID, "more than %d listeners", LISTENERS_MAX);
	int r = http_server_new(&spec, &d->listeners[d->listener_count], err);
	if (r == 0)
		d->listener_count++;
	return r;
}

/* Sockets that a service manager opened for us, by name (sd_listen_fds(3)); the name is "api". */
static int listen_inherited(struct daemon *d, struct http_server_spec *spec, struct err *err)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names), r = 0;
	for (int i = 0; i < count && r == 0; i++) {
		spec->listen_fd = SD_LISTEN_FDS_START + i;
		if (str_equal(names[i], "api"))
			r = add_listener(d, spec, err);
		else
			log_warning("a socket named '%s' was passed; only 'api' is known", names[i]);
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return r;
}

static int listen_api(struct daemon *d, struct err *err)
{
	struct http_server_spec spec = { .listen_fd = -1, .admit = api_admit, .fallback = api_fallback };
	spec.routes = api_routes(d->api, &spec.route_count);
	for (size_t i = 0; i < d->config->api->listen_count; i++) {
		_cleanup_free_ char *address = NULL;
		int r = config_split(d->config->api->listen[i], &address, &spec.port, err);
		spec.address = address;
		if (r == 0)
			r = add_listener(d, &spec, err);
		if (r < 0)
			return r;
		log_info("API on https://%s", d->config->api->listen[i]);
	}
	return listen_inherited(d, &spec, err);
}

/* No more connections than there are descriptors for, with some left for everything else. */
static unsigned connections_max(unsigned wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	return MIN_OF(wanted, (unsigned)MAX_OF((int64_t)limit.rlim_cur / 2, 64));
}

static int listen_agents(struct daemon *d, struct err *err)
{
	struct http_server_spec spec = {
		.listen_fd = -1,
		.address = d->address,
		.port = (uint16_t)d->config->provisioning->agent_port,
		.client_ca_pem = ca_pem(d->ca),
		.admit = api_agent_admit,
		.connections_max = connections_max(AGENTS_MAX),
		.connections_per_address_max = AGENTS_PER_ADDRESS_MAX,
	};
	spec.routes = api_agent_routes(d->api, &spec.route_count);
	return add_listener(d, &spec, err);
}

static int start_api(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *initial = xasprintf("%s/admin.initial-password", d->config->state_dir);
	d->auth = auth_new(d->controller->store, initial);
	int r = auth_first_start(d->auth, d->config->state_dir, err);
	if (r < 0)
		return r;
	const struct api_spec spec = {
		.loop = d->loop,
		.auth = d->auth,
		.store = d->controller->store,
		.tasks = d->controller->tasks,
		.machines = d->controller->machines,
		.storage = d->controller->storage,
		.compute = d->controller->compute,
		.cluster = d->controller->cluster,
		.netboot_health = health_of_netboot,
		.netboot_ctx = d->netboot,
		.ui_dir = d->config->ui->dir,
	};
	d->api = api_new(&spec);
	r = listen_agents(d, err);
	return r < 0 ? r : listen_api(d, err);
}

static int prepare_own_node(struct daemon *d, struct err *err)
{
	const struct own_node_spec spec = { .controller = d->controller,
					    .state_dir = d->config->state_dir,
					    .server = d->server,
					    .ca_pem = ca_pem(d->ca),
					    .address = d->address };
	return d->config->own_node ? own_node_new(&spec, &d->own_node, err) : 0;
}

/* ---- life ---- */

static int start(struct daemon *d, struct err *err)
{
	int (*const steps[])(struct daemon *, struct err *) = { make_folders,	  take_lock,	 open_keys,
								open_bundle,	  start_netboot, start_controller,
								prepare_own_node, start_api,	 watch_addresses };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = steps[i](d, err);
		if (r < 0)
			return r;
	}
	controller_start(d->controller);
	malloc_trim(0);
	sd_notify(0, "READY=1");
	return 0;
}

int daemon_new(struct loop *loop, const struct config *config, struct daemon **ret, struct err *err)
{
	struct daemon *d = new0(struct daemon, 1);
	d->lock_fd = -1;
	d->upload_dir = xasprintf("%s/uploads", config->state_dir);
	const char *slash = strchr(config->provisioning->address, '/');
	int64_t prefix = 24;
	d->loop = loop;
	d->config = config;
	d->address = xstrndup(config->provisioning->address, (size_t)(slash - config->provisioning->address));
	if (parse_i64(slash + 1, 8, 30, &prefix) == 0)
		d->prefix_length = (int)prefix;
	d->server = xasprintf("%s:%lld", d->address, (long long)config->provisioning->agent_port);
	int r = start(d, err);
	if (r < 0) {
		daemon_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct daemon *daemon_free(struct daemon *d)
{
	if (!d)
		return NULL;
	address_watch_free(d->watch);
	loop_timer_free(d->certificate_timer);
	api_free(d->api);
	for (size_t i = 0; i < d->listener_count; i++)
		http_server_free(d->listeners[i]);
	auth_free(d->auth);
	own_node_free(d->own_node);
	controller_free(d->controller);
	netboot_free(d->netboot);
	ceph_librados_free(d->ceph);
	ca_free(d->ca);
	certificate_done(&d->certificate);
	forget_secret(d->bmc_password);
	free(d->bundle_error);
	free(d->bundle_key);
	free(d->bundle_version);
	free(d->upload_dir);
	close_fd(d->lock_fd);
	free(d->address);
	free(d->server);
	free(d);
	return NULL;
}
