/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/order.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#define TEXT_MAX 255
#define PEM_MAX 16384

void order_done(struct order *order)
{
	if (order->host.token)
		wipe(order->host.token, strlen(order->host.token));
	free(order->id);
	free(order->disk.wwn);
	free(order->disk.serial);
	free(order->bundle.url);
	free(order->bundle.key_pem);
	free(order->bundle.version);
	free(order->host.name);
	free(order->host.machine);
	free(order->host.mac);
	free(order->host.address);
	free(order->host.gateway);
	free(order->host.server);
	free(order->host.ca_pem);
	free(order->host.token);
	free(order->console);
	*order = (struct order){ 0 };
}

/* ---- what a text may be ---- */

static bool all_of(const char *text, const char *others)
{
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr(others, *p))
			return false;
	}
	return *text != '\0';
}

static bool is_word(const char *text)
{
	return all_of(text, "._-+:~/@=");
}

static bool is_printable(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (!isprint((unsigned char)*p))
			return false;
	}
	return true;
}

/* One label of a host name (RFC 1123 section 2.1). */
static bool is_host_name(const char *text)
{
	size_t len = strlen(text);

	return len <= 63 && all_of(text, "-") && text[0] != '-' && text[len - 1] != '-';
}

static bool is_mac(const char *text)
{
	for (size_t i = 0; i < 17; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return text[17] == '\0';
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_address_with_prefix(const char *text)
{
	const char *slash = strchr(text, '/');
	_cleanup_free_ char *address = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
	int64_t bits;

	return address && is_address(address) && parse_i64(slash + 1, 1, strchr(address, ':') ? 128 : 32, &bits) == 0;
}

static bool is_server(const char *text)
{
	const char *colon = strrchr(text, ':');
	int64_t port;

	return colon && colon > text && parse_i64(colon + 1, 1, 65535, &port) == 0 && all_of(text, ".-:[]");
}

static bool is_http_url(const char *text)
{
	return str_starts(text, "http://") && all_of(text + 7, "._-+:~/@=%?&[]");
}

static bool is_pem(const char *text)
{
	return str_starts(text, "-----BEGIN ");
}

/* Console devices of the kernel, as "ttyS0,115200n8". */
static bool is_console_word(const char *text)
{
	return all_of(text, ",");
}

/* ---- fields ---- */

struct text_field {
	const char *path; /* "host.name": at most one dot */
	size_t offset;
	size_t max;
	bool (*valid)(const char *text);
	bool optional; /* null, "" or absent give NULL */
	const char *should;
};
#define FIELD(path, member) path, offsetof(struct order, member)

static const struct text_field text_fields[] = {
	{ FIELD("id", id), TEXT_MAX, is_word, false, "a word" },
	{ FIELD("disk.wwn", disk.wwn), TEXT_MAX, is_printable, true, "printable text" },
	{ FIELD("disk.serial", disk.serial), TEXT_MAX, is_printable, true, "printable text" },
	{ FIELD("bundle.url", bundle.url), 2048, is_http_url, false, "an http:// address" },
	{ FIELD("bundle.key", bundle.key_pem), PEM_MAX, is_pem, false, "a public key in PEM" },
	{ FIELD("bundle.version", bundle.version), TEXT_MAX, is_word, false, "a word" },
	{ FIELD("host.name", host.name), 63, is_host_name, false, "a host name of one label" },
	{ FIELD("host.machine", host.machine), TEXT_MAX, is_word, false, "a word" },
	{ FIELD("host.mac", host.mac), 17, is_mac, false, "a MAC address" },
	{ FIELD("host.address", host.address), 64, is_address_with_prefix, false, "ADDRESS/PREFIX" },
	{ FIELD("host.gateway", host.gateway), 64, is_address, true, "an address" },
	{ FIELD("host.server", host.server), TEXT_MAX, is_server, false, "ADDRESS:PORT" },
	{ FIELD("host.ca", host.ca_pem), PEM_MAX, is_pem, false, "a certificate in PEM" },
	{ FIELD("host.token", host.token), TEXT_MAX, is_word, false, "a token" },
};

static json_t *lookup(json_t *section, const char *path)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *outer = dot ? xstrndup(path, (size_t)(dot - path)) : NULL;

	return dot ? json_object_get(json_object_get(section, outer), dot + 1) : json_object_get(section, path);
}

static int parse_text(json_t *section, const struct text_field *field, struct order *order, struct err *err)
{
	json_t *value = lookup(section, field->path);
	const char *text = json_string_value(value);

	if (field->optional && (!value || json_is_null(value) || (text && !*text)))
		return 0;
	/* A NUL inside would hide what comes behind it from the checks. */
	if (!text || json_string_length(value) != strlen(text) || strlen(text) > field->max || !field->valid(text))
		return err_set_field(err, ERR_INVALID, field->path, "install.%s must be %s of at most %zu characters",
				     field->path, field->should, field->max);
	*(char **)(void *)((char *)order + field->offset) = xstrdup(text);
	return 0;
}

/* Space-separated devices, with or without "console=" before each. */
static int parse_console(json_t *value, char **ret, struct err *err)
{
	struct strbuf line = { 0 };
	_cleanup_free_ char *copy = xstrdup(str_or(json_string_value(value), ""));
	char *next = copy, *word;

	if (value && !json_is_string(value) && !json_is_null(value))
		return err_set_field(err, ERR_INVALID, "console", "install.console must be a text or null");
	while ((word = strsep(&next, " "))) {
		if (str_starts(word, "console="))
			word += strlen("console=");
		if (!*word)
			continue;
		if (!is_console_word(word) || line.len > TEXT_MAX) {
			strbuf_done(&line);
			return err_set_field(err, ERR_INVALID, "console",
					     "install.console must be console devices such as ttyS0,115200");
		}
		strbuf_addf(&line, "%sconsole=%s", line.len ? " " : "", word);
	}
	*ret = strbuf_take(&line);
	return 0;
}

static int parse_boot(json_t *value, enum boot_how *ret, struct err *err)
{
	const char *text = json_string_value(value);

	if (!value || json_is_null(value))
		*ret = BOOT_NOT_YET;
	else if (str_equal(text, "kexec"))
		*ret = BOOT_KEXEC;
	else if (str_equal(text, "reboot"))
		*ret = BOOT_REBOOT;
	else
		return err_set_field(err, ERR_INVALID, "boot", "install.boot must be null, kexec or reboot");
	return 0;
}

static int parse_fields(json_t *section, struct order *order, struct err *err)
{
	json_t *size = lookup(section, "disk.size_bytes");
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++) {
		r = parse_text(section, &text_fields[i], order, err);
		if (r < 0)
			return r;
	}
	if (!order->disk.wwn && !order->disk.serial)
		return err_set_field(err, ERR_INVALID, "disk", "install.disk needs a wwn or a serial");
	if (!json_is_integer(size) || json_integer_value(size) <= 0)
		return err_set_field(err, ERR_INVALID, "disk.size_bytes",
				     "install.disk.size_bytes must be a number above 0");
	order->disk.size_bytes = (uint64_t)json_integer_value(size);
	r = parse_console(json_object_get(section, "console"), &order->console, err);
	return r < 0 ? r : parse_boot(json_object_get(section, "boot"), &order->boot, err);
}

int order_parse(json_t *section, struct order *ret, struct err *err)
{
	struct order order = { 0 };
	int r = parse_fields(section, &order, err);

	if (r < 0) {
		order_done(&order);
		return r;
	}
	*ret = order;
	return 0;
}
