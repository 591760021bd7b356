/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request to the boot listener, which answers everybody on the provisioning network: it gives what stands in its folder and
 * nothing beside it. The first line is the request's target, the others are its headers. */
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz_raw.h"
#include "netboot/netboot_priv.h"

#define SECRET "nobody must read this"

static uint16_t port;

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	if (write_file_atomic(path, text, strlen(text), 0600) < 0)
		abort();
}

/* What it serves lies in DIR/live and DIR/bundle; DIR/secret lies beside. Removed at the end of the process. */
static char dir[] = "/tmp/ingot-fuzz-XXXXXX";

static void remove_files(void)
{
	static const char *const names[] = { "live/vmlinuz", "live/initrd", "live", "bundle", "secret", "" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, names[i]);

		remove(path);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct boot_listener *listener;
	static char *live, *bundle; /* the listener's for good */

	if (!mkdtemp(dir))
		abort();
	atexit(remove_files);
	live = xasprintf("%s/live", dir);
	bundle = xasprintf("%s/bundle", dir);
	if (mkdir(live, 0700) < 0)
		abort();
	put(live, "vmlinuz", "kernel");
	put(live, "initrd", "initrd");
	put(dir, "bundle", "bundle");
	put(dir, "secret", SECRET);
	for (unsigned i = 0;; i++) { /* another may take the port before we do */
		struct netboot_spec spec = { .address = "127.0.0.1/8",
					     .boot_port = port = raw_free_port(),
					     .agent_port = 8444,
					     .live_dir = live,
					     .bundle_path = bundle,
					     .ca_pem = "the CA\n",
					     .ca_fingerprint = "0123456789abcdef" };

		if (boot_listener_start(&spec, &listener, &err) == 0)
			return 0;
		if (i == 10)
			abort();
		err_done(&err);
		err = (struct err)ERR_INIT;
	}
}

/* What would let the server wait: for a body, or for another request. */
static bool waits(const char *headers)
{
	return strcasestr(headers, "content-length") || strcasestr(headers, "transfer-encoding") ||
	       strcasestr(headers, "connection");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size), *request = NULL;
	_cleanup_strbuf_ struct strbuf answer = { 0 };
	_cleanup_close_ int fd = -1;
	char *headers = text + strcspn(text, "\n");

	if (*headers)
		*headers++ = '\0';
	if (waits(headers) || strlen(text) > 1024)
		return 0;
	request = xasprintf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n\r\n", text, headers);
	fd = raw_connect(port, request, strlen(request));
	answer = raw_read(fd, 0);
	assert(!memmem(answer.data, answer.len, SECRET, strlen(SECRET)));
	assert(!memmem(answer.data, answer.len, "root:x:0:", 9));
	return 0;
}
