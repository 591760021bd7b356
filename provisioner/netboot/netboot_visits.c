/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is connected to the boot listener, and since when. Whoever opens connections and does not ask, asks a byte at a time, or does
 * not read what comes, is sent away: there are only so many places, and machines that boot wait for one. */
#include <linux/tcp.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include "netboot_priv.h"

#define ASK_WITHIN_MS 10000 /* the whole head of the request */
/* If places are scarce: what any client takes that means it. */
#define ASK_SOON_MS 2000
/* An installer that writes to a slow disk reads in fits and starts, but it does read. */
#define LOOK_EVERY_MS 30000
#define LEAST_BYTES (64 * KIB)

struct visit {
	struct list link;
	int fd;
	int64_t began_ms, looked_ms;
	uint64_t bytes; /* that came through until then */
	bool asked;
};

void visits_init(struct visits *visits, unsigned places)
{
	*visits = (struct visits){ .places = places };
	pthread_mutex_init(&visits->mutex, NULL);
	list_init(&visits->list);
}

void visits_done(struct visits *visits)
{
	struct visit *visit;

	LIST_FOREACH(visit, &visits->list, link)
		free(visit);
	pthread_mutex_destroy(&visits->mutex);
}

/* The daemon sees it and closes. The descriptor is open: a visit leaves the list before that. */
static void send_away(struct visit *visit)
{
	shutdown(visit->fd, SHUT_RDWR);
}

/* Mutex held. The oldest that has not asked yet. */
static void make_room(struct visits *visits, int64_t now_ms)
{
	struct visit *visit;

	LIST_FOREACH(visit, &visits->list, link) {
		if (now_ms - visit->began_ms < ASK_SOON_MS)
			return;
		if (!visit->asked) {
			send_away(visit);
			return;
		}
	}
}

void visits_follow(void *data, struct MHD_Connection *connection, void **socket_context,
		   enum MHD_ConnectionNotificationCode code)
{
	struct visits *visits = data;
	struct visit *visit = *socket_context;

	pthread_mutex_lock(&visits->mutex);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		visit = new0(struct visit, 1);
		visit->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		visit->began_ms = visit->looked_ms = monotonic_ms();
		*socket_context = visit;
		if (++visits->count > visits->places / 2)
			make_room(visits, visit->began_ms);
		list_append(&visits->list, &visit->link);
	} else {
		visits->count--;
		list_remove(&visit->link);
		free(visit);
		*socket_context = NULL;
	}
	pthread_mutex_unlock(&visits->mutex);
}

void visits_asked(struct visits *visits, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct visit *visit = info->socket_context;

	pthread_mutex_lock(&visits->mutex);
	visit->asked = true;
	pthread_mutex_unlock(&visits->mutex);
}

/* What the other end has got and sent; no number if the kernel does not tell. */
static bool bytes_through(int fd, uint64_t *ret)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		return false;
	*ret = info.tcpi_bytes_acked + info.tcpi_bytes_received;
	return true;
}

static bool is_stuck(struct visit *visit, int64_t now_ms)
{
	uint64_t bytes;

	if (!visit->asked)
		return now_ms - visit->began_ms >= ASK_WITHIN_MS;
	if (now_ms - visit->looked_ms < LOOK_EVERY_MS || !bytes_through(visit->fd, &bytes))
		return false;
	bool stuck = bytes - visit->bytes < LEAST_BYTES;
	visit->bytes = bytes;
	visit->looked_ms = now_ms;
	return stuck;
}

void visits_sweep(struct visits *visits, int64_t now_ms)
{
	struct visit *visit;

	pthread_mutex_lock(&visits->mutex);
	LIST_FOREACH(visit, &visits->list, link)
		if (is_stuck(visit, now_ms))
			send_away(visit);
	pthread_mutex_unlock(&visits->mutex);
}
