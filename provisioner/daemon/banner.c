/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/banner.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "daemon/certificate.h"
#include "daemon/own_addresses.h"

#define HTTPS_PORT 443
#define PEM_MAX_BYTES 65536

/* ---- the text ---- */

static void add_url(struct strbuf *text, const char *address, unsigned port)
{
	bool v6 = strchr(address, ':');

	strbuf_addf(text, "      https://%s%s%s", v6 ? "[" : "", address, v6 ? "]" : "");
	if (port != HTTPS_PORT)
		strbuf_addf(text, ":%u", port);
	strbuf_adds(text, "\n");
}

/* A listener on all addresses of a family is one on each of them. */
static unsigned add_listener_urls(struct strbuf *text, const char *listen, const char *const *addresses, size_t count)
{
	_cleanup_free_ char *address = NULL;
	uint16_t port;
	unsigned added = 0;

	if (config_split(listen, &address, &port, NULL) < 0)
		return 0;
	bool all = str_equal(address, "0.0.0.0") || str_equal(address, "::");
	bool v6 = strchr(address, ':');
	if (!all) {
		add_url(text, address, port);
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (v6 || !strchr(addresses[i], ':')) {
			add_url(text, addresses[i], port);
			added++;
		}
	}
	return added;
}

/* As browsers write it: pairs with colons, half of them on a line. */
static void add_fingerprint(struct strbuf *text, const char *fingerprint)
{
	size_t len = strlen(fingerprint), half = len / 2;

	for (size_t i = 0; i < len; i++) {
		if (i % half == 0)
			strbuf_adds(text, "      ");
		strbuf_addf(text, "%c", toupper((unsigned char)fingerprint[i]));
		if ((i + 1) % half == 0)
			strbuf_adds(text, "\n");
		else if (i % 2 == 1)
			strbuf_adds(text, ":");
	}
}

char *banner_text(const struct config *config, const char *const *addresses, size_t count, const char *served,
		  const char *authority)
{
	struct strbuf text = { 0 };
	unsigned urls = 0;

	strbuf_adds(&text, "Ingot provisioner " INGOT_VERSION "\n\n    Dashboard and API:\n");
	for (size_t i = 0; i < config->api->listen_count; i++)
		urls += add_listener_urls(&text, config->api->listen[i], addresses, count);
	if (urls == 0)
		strbuf_adds(&text, "      at no address yet: is a cable plugged in, is there a DHCP server?\n");
	if (served && authority) {
		strbuf_adds(&text, "    The SHA-256 fingerprint of its certificate, as a browser shows it:\n");
		add_fingerprint(&text, served);
		strbuf_adds(&text, "    That of the authority which signed it, for those who import that:\n");
		add_fingerprint(&text, authority);
	} else {
		strbuf_adds(&text, "    It has not started yet; journalctl -u ingot-provisioner says why.\n");
	}
	strbuf_addf(&text,
		    "    Next: let machines boot from the network at %s (%s);\n"
		    "    they appear by themselves. Of others tell where their BMCs are:\n"
		    "      ingot bmc-range create\n"
		    "    Then in the dashboard, or here as root:\n"
		    "      ingot machine list, ingot machine accept NAME, ingot machine deploy NAME\n\n",
		    config->provisioning->interface, config->provisioning->address);
	return strbuf_take(&text);
}

/* ---- this host ---- */

/* A certificate in the state folder and its fingerprint; NULL while there is none. */
static int fingerprint_of(const struct config *config, const char *name, char **ret_pem, char **ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", config->state_dir, name);
	int r = read_file(path, PEM_MAX_BYTES, ret_pem, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set_errno(err, r, "reading %s", path);
	r = cert_fingerprint(*ret_pem, ret, err);
	return r < 0 ? err_prefix(err, "%s", path) : 0;
}

int banner_print(const struct config *config, struct err *err)
{
	_cleanup_free_ char *served = NULL, *authority = NULL, *text = NULL, *served_pem = NULL, *authority_pem = NULL;
	_cleanup_own_addresses_ struct own_addresses addresses = { 0 };
	const char *named[OWN_ADDRESSES_MAX];
	size_t count = 0;
	int r = fingerprint_of(config, CERTIFICATE_FILE, &served_pem, &served, err);

	if (r == 0)
		r = fingerprint_of(config, "ca.pem", &authority_pem, &authority, err);
	if (r == 0)
		r = own_addresses_read(&addresses, err);
	if (r == 0) {
		/* One that has just come is shown when the certificate names it: beside an older fingerprint it would be a lie. */
		for (size_t i = 0; i < addresses.count; i++) {
			if (!served_pem || cert_is_for(served_pem, addresses.list[i]))
				named[count++] = addresses.list[i];
		}
		text = banner_text(config, named, count, served, authority);
		if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
			r = err_set_errno(err, -EIO, "writing the text");
	}
	return r;
}
