/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial over LAN through libipmiconsole (IPMI v2.0 section 26). The library's threads speak the protocol; what it
 * carries comes and goes through a socket pair whose one end is watched by our loop. */
#include <errno.h>
#include <fcntl.h>
#include <ipmiconsole.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "bmc_priv.h"

#define ENGINE_THREADS 2
#define SESSION_SILENCE_MS 20000
#define KEEPALIVE_MS 8000
#define RESEND_MS 500
#define OPEN_DEADLINE_MS 15000
#define INPUT_MAX (64 * KIB)
/* The library keeps a port in 15 bits; asked for another it fails, and closes descriptors that are not its own. */
#define PORT_MAX 32767

struct bmc_console {
	struct loop *loop;
	ipmiconsole_ctx_t ctx;
	int fd;
	struct loop_io *io;
	struct loop_timer *opening; /* until the session is there */
	struct strbuf input;	    /* what the socket did not take yet */
	char *address;
	struct bmc_console_events events;
	void *events_ctx;
};

/* One row an error of the library; the rest is ERR_INTERNAL. */
static const struct {
	int errnum;
	enum err_code code;
} meanings[] = {
	{ IPMICONSOLE_ERR_USERNAME_INVALID, ERR_CREDENTIALS },
	{ IPMICONSOLE_ERR_PASSWORD_INVALID, ERR_CREDENTIALS },
	{ IPMICONSOLE_ERR_K_G_INVALID, ERR_CREDENTIALS },
	{ IPMICONSOLE_ERR_PRIVILEGE_LEVEL_INSUFFICIENT, ERR_CREDENTIALS },
	{ IPMICONSOLE_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, ERR_CREDENTIALS },
	{ IPMICONSOLE_ERR_CONNECTION_TIMEOUT, ERR_UNREACHABLE },
	{ IPMICONSOLE_ERR_SESSION_TIMEOUT, ERR_UNREACHABLE },
	{ IPMICONSOLE_ERR_EXCESS_RETRANSMISSIONS_SENT, ERR_UNREACHABLE },
	{ IPMICONSOLE_ERR_BMC_BUSY, ERR_UNREACHABLE },
	{ IPMICONSOLE_ERR_SOL_UNAVAILABLE, ERR_UNSUPPORTED },
	{ IPMICONSOLE_ERR_IPMI_2_0_UNAVAILABLE, ERR_UNSUPPORTED },
	{ IPMICONSOLE_ERR_CIPHER_SUITE_ID_UNAVAILABLE, ERR_UNSUPPORTED },
	{ IPMICONSOLE_ERR_SOL_INUSE, ERR_STATE },
	{ IPMICONSOLE_ERR_SOL_STOLEN, ERR_STATE },
	{ IPMICONSOLE_ERR_HOSTNAME_INVALID, ERR_INVALID },
	{ IPMICONSOLE_ERR_TOO_MANY_OPEN_FILES, ERR_CAPACITY },
	{ IPMICONSOLE_ERR_SUCCESS, ERR_UNREACHABLE }, /* it ended without a word */
};

static int set_library_error(struct err *err, const char *address, int errnum)
{
	const char *text =
		errnum == IPMICONSOLE_ERR_SUCCESS ? "the BMC closed the session" : ipmiconsole_ctx_strerror(errnum);

	for (unsigned i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].errnum == errnum)
			return err_set(err, meanings[i].code, "console of BMC %s: %s", address, text);
	}
	return err_set(err, ERR_INTERNAL, "console of BMC %s: %s", address, text);
}

/* Frees without a word. The library ends the session by itself when the descriptor closes; destroying the context
 * hands it to the library's garbage collector. */
static void console_free(struct bmc_console *console)
{
	loop_timer_free(console->opening);
	loop_io_free(console->io);
	close_fd(console->fd);
	if (console->ctx)
		ipmiconsole_ctx_destroy(console->ctx);
	strbuf_done(&console->input);
	free(console->address);
	free(console);
}

static void console_end(struct bmc_console *console, struct err *err)
{
	struct bmc_console_events events = console->events;
	void *ctx = console->events_ctx;

	console_free(console);
	events.closed(err, ctx);
}

static void console_end_library(struct bmc_console *console)
{
	_cleanup_err_ struct err err = ERR_INIT;

	set_library_error(&err, console->address, ipmiconsole_ctx_errnum(console->ctx));
	console_end(console, &err);
}

static void on_open_timeout(void *data)
{
	struct bmc_console *console = data;
	_cleanup_err_ struct err err = ERR_INIT;

	console->opening = NULL;
	err_set(&err, ERR_UNREACHABLE, "console of BMC %s: no session within %d s", console->address,
		OPEN_DEADLINE_MS / 1000);
	console_end(console, &err);
}

/* Writes what waits. False if the other end is gone. */
static bool flush_input(struct bmc_console *console)
{
	while (console->input.len > 0) {
		ssize_t n = write(console->fd, console->input.data, console->input.len);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		strbuf_remove_front(&console->input, (size_t)n);
	}
	return true;
}

static void on_io(int fd, uint32_t events, void *data)
{
	struct bmc_console *console = data;
	char buffer[4096];
	const char *from = buffer;
	ssize_t n;

	if ((events & EPOLLOUT) && !console->opening && !flush_input(console)) {
		console_end_library(console);
		return;
	}
	if (console->input.len == 0)
		loop_io_set_events(console->io, EPOLLIN);
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	n = read(fd, buffer, sizeof(buffer));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		console_end_library(console);
		return;
	}
	if (console->opening) {
		/* The engine's own sign that the session is there: one NUL before the first byte. */
		console->opening = loop_timer_free(console->opening);
		from++;
		n--;
		if (console->input.len > 0)
			loop_io_set_events(console->io, EPOLLIN | EPOLLOUT);
	}
	if (n > 0)
		console->events.output(from, (size_t)n, console->events_ctx);
}

static bool engine_start(void)
{
	static bool started; /* loop thread only */

	if (!started)
		started = ipmiconsole_engine_init(ENGINE_THREADS, 0) == 0;
	return started;
}

static ipmiconsole_ctx_t context_new(const struct bmc_target *target)
{
	struct ipmiconsole_ipmi_config ipmi = {
		.username = target->user,
		.password = target->password,
		.privilege_level = IPMICONSOLE_PRIVILEGE_ADMIN,
		.cipher_suite_id = target->cipher_suite >= 0 ? target->cipher_suite : 3,
		/* The two libraries number the flags alike. Two more for all BMCs: Get Channel Payload Support is not
		 * asked, because the activation tells as well and some BMCs (ipmi_sim) die of the question; and what
		 * they say of packet sizes is often wrong, so 32 characters go at a time. */
		.workaround_flags = target->quirks | IPMICONSOLE_WORKAROUND_SKIP_CHANNEL_PAYLOAD_SUPPORT |
				    IPMICONSOLE_WORKAROUND_IGNORE_SOL_PAYLOAD_SIZE,
	};
	struct ipmiconsole_protocol_config protocol = {
		.session_timeout_len = SESSION_SILENCE_MS,
		.retransmission_timeout_len = RESEND_MS,
		.keepalive_timeout_len = KEEPALIVE_MS,
		.retransmission_keepalive_timeout_len = KEEPALIVE_MS / 4,
	};
	struct ipmiconsole_engine_config engine = { .engine_flags = IPMICONSOLE_ENGINE_OUTPUT_ON_SOL_ESTABLISHED };

	return ipmiconsole_ctx_create(target->address, &ipmi, &protocol, &engine);
}

int bmc_ipmi_console_open(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
			  void *ctx, struct bmc_console **ret, struct err *err)
{
	struct bmc_console *console;
	struct sockaddr_in address;
	int r = bmc_address_parse(target->address, &address, err);

	if (r < 0)
		return r;
	if (ntohs(address.sin_port) > PORT_MAX)
		return err_set(
			err, ERR_UNSUPPORTED,
			"console of BMC %s: serial over LAN goes to ports up to %d only; give the BMC such a port",
			target->address, PORT_MAX);
	if (!engine_start())
		return err_set_errno(err, -errno, "cannot start the engine of libipmiconsole");
	console = new0(struct bmc_console, 1);
	console->loop = loop;
	console->fd = -1;
	console->address = xstrdup(target->address);
	console->events = *events;
	console->events_ctx = ctx;
	console->ctx = context_new(target);
	if (!console->ctx)
		r = err_set_errno(err, -errno, "console of BMC %s", target->address);
	else if (ipmiconsole_engine_submit(console->ctx, NULL, NULL) < 0 ||
		 (console->fd = ipmiconsole_ctx_fd(console->ctx)) < 0)
		r = set_library_error(err, target->address, ipmiconsole_ctx_errnum(console->ctx));
	if (r < 0) {
		console_free(console);
		return r;
	}
	fcntl(console->fd, F_SETFL, fcntl(console->fd, F_GETFL) | O_NONBLOCK);
	fcntl(console->fd, F_SETFD, FD_CLOEXEC);
	console->io = loop_io_new(loop, console->fd, EPOLLIN, on_io, console);
	console->opening = loop_timer_new(loop, OPEN_DEADLINE_MS, on_open_timeout, console);
	*ret = console;
	return 0;
}

int bmc_console_open(struct loop *loop, const struct bmc_target *target, const struct bmc_console_events *events,
		     void *ctx, struct bmc_console **ret, struct err *err)
{
	const struct bmc_driver *driver = bmc_driver_find(target->driver);

	if (!driver || !driver->console_open)
		return err_set(err, ERR_UNSUPPORTED, "BMC %s: no serial console goes through a BMC of the kind \"%s\"",
			       target->address, str_or(target->driver, "unknown"));
	return driver->console_open(loop, target, events, ctx, ret, err);
}

int bmc_console_input(struct bmc_console *console, const void *data, size_t len)
{
	if (console->input.len + len > INPUT_MAX)
		return -EBUSY;
	strbuf_add(&console->input, data, len);
	if (!console->opening && console->input.len > 0)
		loop_io_set_events(console->io, EPOLLIN | EPOLLOUT);
	return 0;
}

void bmc_console_close(struct bmc_console *console)
{
	if (console)
		console_free(console);
}
