/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request's head must be like before anybody looks at the request: the framing that libmicrohttpd lets through, and
 * the client's certificate. */
#include <gnutls/x509.h>

#include "http/http_server_priv.h"

struct head {
	unsigned lengths, encodings, hosts, authorizations;
	const char *length, *encoding;
	const char *fault;
};

/* A field name is a token (RFC 9110 section 5.6.2): no white space before the colon, nor anything else odd. */
static bool is_token(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return name[0] && name[strspn(name, token)] == '\0';
}

/* A value has no control character but a tab (RFC 9110 section 5.5): a CR alone is the end of a line to some readers. */
static bool is_value(const char *value)
{
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	return true;
}

/* A line that goes on in the next one has to be refused or unfolded (RFC 9112 section 5.2). The daemon does neither: it moves
 * the name away and puts the next line behind it, "Content-Leng" and "th" make Content-Length. Otherwise nothing but the colon
 * (which it overwrites) and white space is between a name and its value. */
static bool is_folded(const char *name, const char *value)
{
	const char *gap = name + strlen(name);

	if ((uintptr_t)value <= (uintptr_t)gap)
		return true;
	while (gap < value && (*gap == '\0' || *gap == ' ' || *gap == '\t'))
		gap++;
	return gap < value;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct head *head = cls;

	if (!is_token(name))
		head->fault = "a header's name has white space or other forbidden characters";
	else if (value && !is_value(value))
		head->fault = "a header's value has control characters";
	else if (value && is_folded(name, value))
		head->fault = "a header goes on in the next line";
	if (strcasecmp(name, "Content-Length") == 0) {
		head->lengths++;
		head->length = str_or(value, "");
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		head->encodings++;
		head->encoding = str_or(value, "");
	} else if (strcasecmp(name, "Host") == 0) {
		head->hosts++;
	} else if (strcasecmp(name, "Authorization") == 0) {
		head->authorizations++;
	}
	return MHD_YES;
}

static const char *framing_fault(const struct head *head, const char *version)
{
	bool http_1_0 = str_equal(version, "HTTP/1.0");

	if (head->fault)
		return head->fault;
	if (head->lengths > 0 && head->encodings > 0)
		return "Content-Length and Transfer-Encoding exclude each other";
	if (head->lengths > 1)
		return "there is more than one Content-Length";
	if (head->encodings > 1 || (head->encoding && strcasecmp(head->encoding, "chunked") != 0))
		return "the only Transfer-Encoding understood is \"chunked\"";
	if (head->encoding && http_1_0)
		return "HTTP/1.0 has no Transfer-Encoding";
	if (head->hosts > 1 || (head->hosts == 0 && !http_1_0))
		return "exactly one Host is needed";
	if (head->authorizations > 1)
		return "there is more than one Authorization";
	return NULL;
}

int head_check(struct http_request *request, const char *version, uint64_t *ret_content_length, struct err *err)
{
	struct head head = { 0 };
	int64_t length = 0;
	const char *fault;

	MHD_get_connection_values(request->conn->mhd, MHD_HEADER_KIND, on_header, &head);
	fault = framing_fault(&head, version);
	if (fault)
		return err_set(err, ERR_INVALID, "%s", fault);
	if (head.length && (head.length[strspn(head.length, "0123456789")] != '\0' ||
			    parse_i64(head.length, 0, INT64_MAX, &length) < 0))
		return err_set(err, ERR_INVALID, "Content-Length is not a number");
	*ret_content_length = head.encoding ? UINT64_MAX : (uint64_t)length;
	return 0;
}

/* ---- client certificates ---- */

static char *common_name(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	char name[128] = "";
	size_t size = sizeof(name);
	int r = gnutls_x509_crt_init(&crt);

	if (r < 0)
		return NULL;
	r = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER);
	if (r >= 0)
		r = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
	gnutls_x509_crt_deinit(crt);
	/* A NUL inside would let one name pass for another. */
	return r < 0 || size == 0 || strlen(name) != size ? NULL : xstrdup(name);
}

void conn_check_client(struct http_conn *conn)
{
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (void *)GNUTLS_KP_TLS_WWW_CLIENT };
	const union MHD_ConnectionInfo *info;
	const gnutls_datum_t *chain;
	unsigned count = 0, status = 0;
	gnutls_session_t session;

	if (conn->client != CLIENT_UNCHECKED)
		return;
	conn->client = CLIENT_NONE;
	info = conn->server->check_clients ? MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)
					   : NULL;
	if (!info)
		return;
	session = info->tls_session;
	chain = gnutls_certificate_get_peers(session, &count);
	if (!chain || count == 0)
		return;
	conn->client = CLIENT_BAD;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
		conn->client_fault = "the client certificate cannot be checked";
	else if (status & GNUTLS_CERT_EXPIRED)
		conn->client_fault = "the client certificate has expired";
	else if (status != 0)
		conn->client_fault = "the client certificate is not one that this cluster issued for clients";
	else if (!(conn->client_name = common_name(&chain[0])))
		conn->client_fault = "the client certificate has no common name";
	else
		conn->client = CLIENT_GOOD;
}
