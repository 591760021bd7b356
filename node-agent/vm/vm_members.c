/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who the members of the cluster are, and the texts that let them in, and nobody else: the configuration of libvirt and its QEMU
 * driver. Pure.
 *
 * Each member has two certificates. That of the node itself speaks for it to the provisioner and to the other nodes' libvirt.
 * QEMU, whose process a guest may break out into, gets another one, which is good for the stream of a migration only: its name is
 * on no list here. Subjects are written as GnuTLS does (RFC 4514): ours have a common name and nothing else. */
#include <arpa/inet.h>

#include "vm/vm_priv.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
/* What is in front of it still fits into a common name (RFC 5280, ub-common-name). */
#define NAME_MAX_CHARS (64 - strlen(CERT_GUESTS_PREFIX))

static bool is_address(const char *text)
{
	unsigned char address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* Goes into patterns and quoted texts as it is: has nothing that means something there. */
static bool is_name(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= NAME_MAX_CHARS && strspn(text, NAME_CHARACTERS) == len;
}

int vm_members_parse(const json_t *section, struct vm_members *ret, struct err *err)
{
	const json_t *names = json_object_get(section, "names");
	struct vm_members members = { .name = json_string_value(json_object_get(section, "name")),
				      .address = json_string_value(json_object_get(section, "address")) };
	size_t i;
	json_t *name;

	if (!section) {
		*ret = (struct vm_members){ 0 };
		return 0;
	}
	if (!members.address || !is_address(members.address))
		return err_set_field(err, ERR_INVALID, "members.address", "members.address: is no IP address");
	if (!is_name(members.name))
		return err_set_field(err, ERR_INVALID, "members.name",
				     "members.name: is not the name of a certificate");
	if (!json_is_array(names))
		return err_set_field(err, ERR_INVALID, "members.names", "members.names: is no list");
	members.names = new0(const char *, json_array_size(names) + 1);
	json_array_foreach(names, i, name) {
		if (!is_name(json_string_value(name))) {
			vm_members_done(&members);
			return err_set_field(err, ERR_INVALID, "members.names",
					     "members.names: entry %zu is not the name of a certificate", i);
		}
		members.names[members.count++] = json_string_value(name);
	}
	*ret = members;
	return 0;
}

void vm_members_done(struct vm_members *members)
{
	free(members->names);
	*members = (struct vm_members){ 0 };
}

/* Where nobody else is to come. */
static const char *listen_address(const struct vm_members *members)
{
	return str_or(members->address, "127.0.0.1");
}

/* ---- libvirtd.conf ---- */

#define WRITTEN "# Written by ingot-agent; changes are overwritten.\n"
#define ENTRY_BEGIN "\t\"CN="
#define ENTRY_END "\",\n"

static const char libvirtd_settings[] = "listen_tls = 1\n"
					"listen_tcp = 0\n"
					"auth_tls = \"none\"\n"
					"tls_no_verify_certificate = 0\n"
					"unix_sock_ro_perms = \"0700\"\n"
					"unix_sock_rw_perms = \"0700\"\n"
					"unix_sock_admin_perms = \"0700\"\n"
					"auth_unix_ro = \"none\"\n"
					"auth_unix_rw = \"none\"\n"
					"host_uuid_source = \"machine-id\"\n"
					"keepalive_interval = 5\n"
					"keepalive_count = 5\n";

char *vm_text_libvirtd(const struct vm_members *members)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_adds(&text, WRITTEN);
	strbuf_adds(&text, libvirtd_settings);
	strbuf_addf(&text, "listen_addr = \"%s\"\n", listen_address(members));
	/* An empty list lets nobody in; without one everybody with a certificate of the authority's is. */
	strbuf_adds(&text, "tls_allowed_dn_list = [\n");
	for (size_t i = 0; i < members->count; i++)
		strbuf_addf(&text, ENTRY_BEGIN "%s" ENTRY_END, members->names[i]);
	strbuf_adds(&text, "]\n");
	return strbuf_take(&text);
}

bool vm_text_shuts_out(const char *before, const char *now)
{
	for (const char *entry = strstr(before, ENTRY_BEGIN); entry; entry = strstr(entry + 1, ENTRY_BEGIN)) {
		_cleanup_free_ char *line = xstrndup(entry, strcspn(entry, "\n") + 1);

		if (!strstr(now, line))
			return true;
	}
	return false;
}

/* The next line that lets nobody in; NULL: there is none. */
static const char *next_setting(const char **at, size_t *ret_len)
{
	while (**at) {
		const char *line = *at;
		size_t len = strcspn(line, "\n") + 1;

		*at += MIN_OF(len, strlen(line));
		*ret_len = (size_t)(*at - line);
		if (!str_starts(line, ENTRY_BEGIN))
			return line;
	}
	return NULL;
}

bool vm_text_only_adds(const char *before, const char *now)
{
	const char *at = before, *now_at = now, *line, *now_line;
	size_t len = 0, now_len = 0;

	do {
		line = next_setting(&at, &len);
		now_line = next_setting(&now_at, &now_len);
		if (!line != !now_line || (line && (len != now_len || memcmp(line, now_line, len) != 0)))
			return false;
	} while (line);
	return !vm_text_shuts_out(before, now);
}

/* ---- qemu.conf ---- */

static const char qemu_settings[] =
	"user = \"" VM_QEMU_USER "\"\n"
	"group = \"" VM_QEMU_USER "\"\n"
	/* Nothing that it opens by name is its own: disks are in Ceph, the rest is handed to it. */
	"dynamic_ownership = 0\n"
	"remember_owner = 0\n"
	"security_driver = \"none\"\n"
	"namespaces = [ ]\n"
	"stdio_handler = \"file\"\n"
	"max_core = 0\n"
	"keepalive_interval = 5\n"
	"keepalive_count = 5\n"
	"migrate_tls_x509_verify = 1\n";
/* On a host: RBD keeps a connection to each OSD. */
static const char qemu_systemd[] = "max_files = 32768\n";
/* Without systemd nobody has set up groups for us, nor raised limits. */
static const char qemu_direct[] = "cgroup_controllers = [ ]\n";

char *vm_text_qemu(const struct vm_members *members, bool direct)
{
	return xasprintf(WRITTEN "%s%smigration_address = \"%s\"\n", qemu_settings, direct ? qemu_direct : qemu_systemd,
			 listen_address(members));
}
