/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boot listener: plain HTTP/1.1, GET and HEAD of exact names, in libmicrohttpd's own threads. What the loop changes
 * (the boot intents) is guarded by a mutex; all else is read only from the start on. Files go out by sendfile(2). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "netboot_priv.h"

#define THREADS 4
#define CONNECTIONS_MAX 512
#define CONNECTIONS_PER_ADDRESS_MAX 32
#define IDLE_S 30
#define CONNECTION_MEMORY_BYTES (16 * KIB)

struct intent {
	struct mac mac;
	enum boot_intent intent;
	char *console;
};

/* A script that was made and may not have left yet. */
struct answer {
	struct list link;
	struct mac mac;
	int fd;
};

/* What is served under one exact name: a text or a file. */
struct item {
	char *url;
	char *text;
	char *path;
	const char *type;
};
#define ITEMS_MAX 5

struct boot_listener {
	struct MHD_Daemon *daemon;
	struct netboot_spec spec; /* what the scripts are made from; owned strings */
	struct item items[ITEMS_MAX];
	unsigned item_count;
	struct visits visits; /* has a mutex of its own */

	pthread_mutex_t mutex;	/* guards what follows */
	struct intent *intents; /* in order of MAC */
	unsigned intent_count;
	struct list answers;
};

/* ---- boot intents ---- */

static unsigned position(const struct boot_listener *listener, const struct mac *mac)
{
	return mac_position(listener->intents, listener->intent_count, sizeof(*listener->intents), mac);
}

static struct intent *find_intent(const struct boot_listener *listener, const struct mac *mac)
{
	unsigned at = position(listener, mac);

	return at < listener->intent_count && memcmp(&listener->intents[at].mac, mac, sizeof(*mac)) == 0
		       ? &listener->intents[at]
		       : NULL;
}

/* Mutex held. */
static void set_one(struct boot_listener *listener, const struct mac *mac, enum boot_intent intent, const char *console)
{
	struct intent *entry = find_intent(listener, mac);
	struct answer *answer = NULL;

	if (entry && entry->intent == intent && str_equal(entry->console, console))
		return;
	if (!entry) {
		unsigned at = position(listener, mac);

		listener->intents = xrealloc(listener->intents, (listener->intent_count + 1) * sizeof(struct intent));
		entry = &listener->intents[at];
		memmove(entry + 1, entry, (listener->intent_count - at) * sizeof(*entry));
		listener->intent_count++;
		*entry = (struct intent){ .mac = *mac };
	}
	entry->intent = intent;
	str_set(&entry->console, console);
	/* An older answer that is still on its way is cut off: the machine asks again. The descriptor is open, since
	 * the answer leaves the list before libmicrohttpd closes it. */
	LIST_FOREACH(answer, &listener->answers, link) {
		if (memcmp(&answer->mac, mac, sizeof(*mac)) == 0)
			shutdown(answer->fd, SHUT_RDWR);
	}
}

void boot_listener_set_intent(struct boot_listener *listener, const char *const *macs, enum boot_intent intent,
			      const char *console)
{
	pthread_mutex_lock(&listener->mutex);
	for (unsigned i = 0; macs && macs[i]; i++) {
		struct mac mac;

		if (mac_parse(macs[i], &mac) < 0)
			log_warning("netboot: \"%s\" is no MAC: its boot intent is not set", macs[i]);
		else
			set_one(listener, &mac, intent, console);
	}
	pthread_mutex_unlock(&listener->mutex);
}

/* ---- answers ---- */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response,
			     const char *type)
{
	enum MHD_Result r = MHD_NO;

	if (!response)
		return r;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
	return queue(connection, status,
		     MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY),
		     "text/plain; charset=utf-8");
}

static enum MHD_Result answer_file(struct MHD_Connection *connection, const struct item *item)
{
	int fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct MHD_Response *response;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close_fd(fd);
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "the file is not there\n");
	}
	response = MHD_create_response_from_fd64((uint64_t)st.st_size, fd); /* takes fd */
	if (!response)
		close_fd(fd);
	return queue(connection, MHD_HTTP_OK, response, item->type);
}

static enum MHD_Result answer_script(struct boot_listener *listener, struct MHD_Connection *connection,
				     const struct mac *mac, void **request_state)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	_cleanup_free_ char *text = mac_format(mac, ':');
	_cleanup_free_ char *script = NULL;
	struct answer *answer = new0(struct answer, 1);
	const struct intent *intent;

	answer->mac = *mac;
	answer->fd = info ? info->connect_fd : -1;
	pthread_mutex_lock(&listener->mutex);
	intent = find_intent(listener, mac);
	script = netboot_script(&listener->spec, text, intent ? intent->intent : BOOT_INTENT_LIVE,
				intent ? intent->console : NULL);
	list_append(&listener->answers, &answer->link);
	pthread_mutex_unlock(&listener->mutex);
	*request_state = answer;
	return answer_text(connection, MHD_HTTP_OK, script);
}

/* Called once the answer has left or the connection broke, before the descriptor is closed. */
static void on_completed(void *data, struct MHD_Connection *connection, void **request_state,
			 enum MHD_RequestTerminationCode code)
{
	struct boot_listener *listener = data;
	struct answer *answer = *request_state;

	*request_state = NULL;
	if (!answer)
		return;
	pthread_mutex_lock(&listener->mutex);
	list_remove(&answer->link);
	pthread_mutex_unlock(&listener->mutex);
	free(answer);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **request_state)
{
	struct boot_listener *listener = data;
	struct mac mac;

	visits_asked(&listener->visits, connection);
	/* Always answered at the first call, before a body is read: libmicrohttpd then ends the connection after it.
	 * One request a connection: none idles, and no second request hides behind a first. */
	if (!str_equal(method, MHD_HTTP_METHOD_GET) && !str_equal(method, MHD_HTTP_METHOD_HEAD))
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (str_starts(url, "/boot/") && mac_parse(url + strlen("/boot/"), &mac) == 0)
		return answer_script(listener, connection, &mac, request_state);
	for (unsigned i = 0; i < listener->item_count; i++) {
		const struct item *item = &listener->items[i];

		if (!str_equal(url, item->url))
			continue;
		return item->text ? answer_text(connection, MHD_HTTP_OK, item->text) : answer_file(connection, item);
	}
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "no such name\n");
}

static PRINTF_LIKE(2, 0) void on_log(void *data, const char *fmt, va_list ap)
{
	_cleanup_free_ char *line = xvasprintf(fmt, ap);

	line[strcspn(line, "\n")] = '\0';
	log_debug("boot listener: %s", line);
}

/* ---- start and end ---- */

static void add_item(struct boot_listener *listener, char *url, char *text, char *path)
{
	listener->items[listener->item_count++] = (struct item){
		.url = url,
		.text = text,
		.path = path,
		.type = "application/octet-stream",
	};
}

static void fill_items(struct boot_listener *listener, const struct netboot_spec *spec)
{
	add_item(listener, xstrdup("/boot.ipxe"), netboot_first_script(spec), NULL);
	add_item(listener, xstrdup("/ca.pem"), xstrdup(spec->ca_pem), NULL);
	add_item(listener, xstrdup("/live/vmlinuz"), NULL, xasprintf("%s/vmlinuz", spec->live_dir));
	add_item(listener, xstrdup("/live/initrd"), NULL, xasprintf("%s/initrd", spec->live_dir));
	if (spec->bundle_path)
		add_item(listener, xasprintf("/bundle/%s", strrchr(spec->bundle_path, '/') + 1), NULL,
			 xstrdup(spec->bundle_path));
}

int boot_listener_start(const struct netboot_spec *spec, struct boot_listener **ret, struct err *err)
{
	struct boot_listener *listener = new0(struct boot_listener, 1);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(spec->boot_port) };
	struct subnet subnet = { 0 };

	subnet_parse(spec->address, &subnet);
	address.sin_addr.s_addr = htonl(subnet.address);
	pthread_mutex_init(&listener->mutex, NULL);
	list_init(&listener->answers);
	visits_init(&listener->visits, CONNECTIONS_MAX);
	listener->spec = (struct netboot_spec){
		.address = xstrdup(spec->address),
		.boot_port = spec->boot_port,
		.agent_port = spec->agent_port,
		.ca_fingerprint = xstrdup(spec->ca_fingerprint),
	};
	fill_items(listener, spec);
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, listener,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE,
		(unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
		visits_follow, &listener->visits, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener, MHD_OPTION_END);
	if (!listener->daemon) {
		int r = err_set(err, ERR_INTERNAL, "cannot listen on %s, port %u: %s", spec->address, spec->boot_port,
				strerror(errno));

		boot_listener_free(listener);
		return r;
	}
	*ret = listener;
	return 0;
}

struct boot_listener *boot_listener_free(struct boot_listener *listener)
{
	if (!listener)
		return NULL;
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	visits_done(&listener->visits);
	for (unsigned i = 0; i < listener->item_count; i++) {
		free(listener->items[i].url);
		free(listener->items[i].text);
		free(listener->items[i].path);
	}
	for (unsigned i = 0; i < listener->intent_count; i++)
		free(listener->intents[i].console);
	free(listener->intents);
	free((void *)(uintptr_t)listener->spec.address);
	free((void *)(uintptr_t)listener->spec.ca_fingerprint);
	pthread_mutex_destroy(&listener->mutex);
	free(listener);
	return NULL;
}

void boot_listener_sweep(struct boot_listener *listener, int64_t now_ms)
{
	visits_sweep(&listener->visits, now_ms);
}
