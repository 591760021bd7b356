/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts made from the templates, and the words they are made of. Pure functions. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/dhcp_range.h"
#include "netboot_priv.h"

#define CONSOLE_DEFAULT "tty0 ttyS0,115200n8"

/* ---- words ---- */

int mac_parse(const char *text, struct mac *ret)
{
	struct mac mac;
	char hex[13];
	unsigned len = 0;

	if (!text || strlen(text) != 17)
		return -EINVAL;
	for (unsigned i = 0; i < 17; i++) {
		if (i % 3 != 2)
			hex[len++] = (char)tolower((unsigned char)text[i]);
		else if ((text[i] != ':' && text[i] != '-') || text[i] != text[2])
			return -EINVAL;
	}
	hex[len] = '\0';
	if (hex_decode(hex, mac.bytes, sizeof(mac.bytes)) < 0 || (mac.bytes[0] & 1))
		return -EINVAL;
	*ret = mac;
	return 0;
}

unsigned mac_position(const void *elements, unsigned count, size_t element_bytes, const struct mac *mac)
{
	unsigned low = 0, high = count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (memcmp((const char *)elements + middle * element_bytes, mac, sizeof(*mac)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

char *mac_format(const struct mac *mac, char separator)
{
	const uint8_t *b = mac->bytes;
	char s = separator;

	return xasprintf("%02x%c%02x%c%02x%c%02x%c%02x%c%02x", b[0], s, b[1], s, b[2], s, b[3], s, b[4], s, b[5]);
}

int ipv4_parse(const char *text, uint32_t *ret)
{
	struct in_addr address;

	if (!text || inet_pton(AF_INET, text, &address) != 1)
		return -EINVAL;
	*ret = ntohl(address.s_addr);
	return 0;
}

char *ipv4_format(uint32_t address)
{
	struct in_addr in = { .s_addr = htonl(address) };
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in, text, sizeof(text));
	return xstrdup(text);
}

int subnet_parse(const char *text, struct subnet *ret)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	_cleanup_free_ char *address = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	int64_t prefix;

	if (!slash || ipv4_parse(address, &ret->address) < 0 || parse_i64(slash + 1, 1, 30, &prefix) < 0)
		return -EINVAL;
	ret->netmask = UINT32_MAX << (32 - prefix);
	return 0;
}

bool netboot_host_valid(const char *host)
{
	size_t len = host ? strlen(host) : 0;

	if (len < 1 || len > 63 || host[0] == '-' || host[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isascii((unsigned char)host[i]) || (!isalnum((unsigned char)host[i]) && host[i] != '-'))
			return false;
	}
	return true;
}

/* What stands in the kernel's command line after "console=" (Documentation/admin-guide/serial-console). */
static bool console_valid(const char *console)
{
	return console && *console && strlen(console) <= 128 &&
	       strspn(console, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,. ") == strlen(console);
}

/* A path that dnsmasq's configuration can carry as it is: no comma, quote, space or comment. */
static int check_path(const char *path, const char *field, struct err *err)
{
	if (!path || path[0] != '/')
		return err_set_field(err, ERR_INVALID, field, "\"%s\" is no absolute path", str_or(path, ""));
	for (const char *c = path; *c; c++) {
		if (!isascii((unsigned char)*c) || (!isalnum((unsigned char)*c) && !strchr("/._+@:=~-", *c)))
			return err_set_field(err, ERR_INVALID, field,
					     "path \"%s\" has a character that dnsmasq's configuration cannot carry",
					     path);
	}
	return 0;
}

static int check_interface(const char *name, struct err *err)
{
	if (!name || !*name || strlen(name) > 15 || name[0] == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(name))
		return err_set_field(err, ERR_INVALID, "interface", "\"%s\" is no interface name", str_or(name, ""));
	return 0;
}

static int check_addresses(const struct netboot_spec *spec, struct err *err)
{
	struct subnet subnet;
	uint32_t first, last, gateway;

	if (subnet_parse(spec->address, &subnet) < 0)
		return err_set_field(err, ERR_INVALID, "address",
				     "\"%s\" is no address with prefix, such as 10.77.0.1/24",
				     str_or(spec->address, ""));
	if (ipv4_parse(spec->dhcp_first, &first) < 0)
		return err_set_field(err, ERR_INVALID, "dhcp_first", "\"%s\" is no IPv4 address",
				     str_or(spec->dhcp_first, ""));
	if (ipv4_parse(spec->dhcp_last, &last) < 0)
		return err_set_field(err, ERR_INVALID, "dhcp_last", "\"%s\" is no IPv4 address",
				     str_or(spec->dhcp_last, ""));
	if (!dhcp_range_fits(first, last))
		return err_set_field(err, ERR_INVALID, "dhcp_last",
				     "the range %s to %s is empty or has more than %d addresses", spec->dhcp_first,
				     spec->dhcp_last, DHCP_RANGE_MAX);
	if (((first ^ subnet.address) | (last ^ subnet.address)) & subnet.netmask)
		return err_set_field(err, ERR_INVALID, "dhcp_first", "the range %s to %s is not in the network of %s",
				     spec->dhcp_first, spec->dhcp_last, spec->address);
	if (spec->gateway && ipv4_parse(spec->gateway, &gateway) < 0)
		return err_set_field(err, ERR_INVALID, "gateway", "\"%s\" is no IPv4 address", spec->gateway);
	if (spec->boot_port == 0 || spec->agent_port == 0)
		return err_set_field(err, ERR_INVALID, spec->boot_port ? "agent_port" : "boot_port",
				     "the port is missing");
	return 0;
}

static int check_file(const char *dir, const char *name, const char *field, struct err *err)
{
	_cleanup_free_ char *path = dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);

	if (access(path, R_OK) < 0)
		return err_set_field(err, ERR_NOT_FOUND, field, "cannot read %s: %s", path, strerror(errno));
	return 0;
}

static int check_files(const struct netboot_spec *spec, struct err *err)
{
	int r = check_path(spec->run_dir, "run_dir", err);

	if (r == 0)
		r = check_path(spec->loader_dir, "loader_dir", err);
	if (r == 0)
		r = check_path(spec->live_dir, "live_dir", err);
	if (r == 0 && spec->bundle_path)
		r = check_path(spec->bundle_path, "bundle_path", err);
	if (r == 0)
		r = check_file(spec->loader_dir, "undionly.kpxe", "loader_dir", err);
	if (r == 0)
		r = check_file(spec->loader_dir, "snponly.efi", "loader_dir", err);
	if (r == 0)
		r = check_file(spec->live_dir, "vmlinuz", "live_dir", err);
	if (r == 0)
		r = check_file(spec->live_dir, "initrd", "live_dir", err);
	if (r == 0 && spec->bundle_path)
		r = check_file(NULL, spec->bundle_path, "bundle_path", err);
	return r;
}

int netboot_settings_check(const struct netboot_spec *spec, struct err *err)
{
	int r = check_interface(spec->interface, err);

	return r < 0 ? r : check_addresses(spec, err);
}

int netboot_spec_check(const struct netboot_spec *spec, struct err *err)
{
	uint8_t fingerprint[32];
	int r = netboot_settings_check(spec, err);

	if (r == 0)
		r = check_files(spec, err);
	if (r < 0)
		return r;
	if (!spec->ca_pem || !spec->ca_fingerprint || hex_decode(spec->ca_fingerprint, fingerprint, 32) < 0)
		return err_set_field(err, ERR_INVALID, "ca_fingerprint",
				     "the CA's certificate or its SHA-256 is missing");
	return 0;
}

/* ---- templates ---- */

struct word {
	const char *name;
	const char *value;
};

/* Replaces each @NAME@. A word that is not in the table is a mistake in the template. */
static char *expand(const char *template, const struct word *words, unsigned count)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	for (const char *at; (at = strchr(template, '@'));) {
		const char *end = strchr(at + 1, '@');
		const char *value = NULL;

		strbuf_add(&out, template, (size_t)(at - template));
		for (unsigned i = 0; end && !value && i < count; i++) {
			if (strlen(words[i].name) == (size_t)(end - at - 1) &&
			    strncmp(words[i].name, at + 1, (size_t)(end - at - 1)) == 0)
				value = words[i].value;
		}
		if (!value)
			abort();
		strbuf_adds(&out, value);
		template = end + 1;
	}
	strbuf_adds(&out, template);
	return strbuf_take(&out);
}

static char *endpoint(const struct netboot_spec *spec, uint16_t port)
{
	return xasprintf("%.*s:%u", (int)strcspn(spec->address, "/"), spec->address, port);
}

char *netboot_dnsmasq_config(const struct netboot_spec *spec)
{
	_cleanup_free_ char *boot = endpoint(spec, spec->boot_port);
	_cleanup_free_ char *gateway = spec->gateway ? xasprintf(",%s", spec->gateway) : xstrdup("");
	_cleanup_free_ char *netmask = NULL, *network = NULL;
	struct subnet subnet = { 0 };

	subnet_parse(spec->address, &subnet);
	netmask = ipv4_format(subnet.netmask);
	network = ipv4_format(subnet.address & subnet.netmask);
	const struct word words[] = {
		{ "INTERFACE", spec->interface },
		{ "RUN_DIR", spec->run_dir },
		{ "FIRST", spec->dhcp_first },
		{ "LAST", spec->dhcp_last },
		{ "NETMASK", netmask },
		{ "NETWORK", network },
		{ "GATEWAY", gateway },
		{ "BOOT", boot },
		{ "LOADER_DIR", spec->loader_dir },
	};
	return expand(spec->proxy ? template_dnsmasq_proxy_conf : template_dnsmasq_conf, words, ARRAY_SIZE(words));
}

char *netboot_first_script(const struct netboot_spec *spec)
{
	_cleanup_free_ char *boot = endpoint(spec, spec->boot_port);
	const struct word words[] = { { "BOOT", boot } };

	return expand(template_boot_ipxe, words, ARRAY_SIZE(words));
}

/* "tty0 ttyS0,115200n8" -> "console=tty0 console=ttyS0,115200n8" */
static char *console_words(const char *console)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const char *at = console_valid(console) ? console : CONSOLE_DEFAULT;

	for (size_t len; *(at += strspn(at, " ")); at += len) {
		len = strcspn(at, " ");
		strbuf_addf(&out, "%sconsole=%.*s", out.len ? " " : "", (int)len, at);
	}
	return strbuf_take(&out);
}

char *netboot_script(const struct netboot_spec *spec, const char *mac, enum boot_intent intent, const char *console)
{
	_cleanup_free_ char *boot = endpoint(spec, spec->boot_port);
	_cleanup_free_ char *agent = endpoint(spec, spec->agent_port);
	_cleanup_free_ char *consoles = console_words(console);
	_cleanup_free_ char *hyphened = NULL;
	struct mac parsed = { 0 };

	mac_parse(mac, &parsed);
	hyphened = mac_format(&parsed, '-');
	const struct word words[] = {
		{ "BOOT", boot },    { "AGENT", agent },      { "CA", spec->ca_fingerprint },
		{ "MAC", hyphened }, { "CONSOLE", consoles },
	};
	return expand(intent == BOOT_INTENT_DISK ? template_disk_ipxe : template_live_ipxe, words, ARRAY_SIZE(words));
}

char *netboot_reservation(const struct mac *mac, uint32_t address, const char *host)
{
	_cleanup_free_ char *mac_text = mac_format(mac, ':');
	_cleanup_free_ char *address_text = ipv4_format(address);

	return host ? xasprintf("%s,%s,%s\n", mac_text, address_text, host)
		    : xasprintf("%s,%s\n", mac_text, address_text);
}
