/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <curl/curl.h>

#define PIPE_BYTES ((int)(1 * MIB))
#define STACK_BYTES ((size_t)(256 * KIB))
#define CONNECT_TIMEOUT_MS 10000L
#define STALL_TIMEOUT_S 30L
#define GIVE_UP_MS 600000
#define RETRY_PAUSE_MS 1000
#define ASK_INTERVAL_MS 500

struct fetch {
	char *url;
	const char *what;
	int64_t give_up_ms, retry_pause_ms;
	bool (*cancelled)(void *ctx);
	void *ctx;
	int fds[2];
	pthread_t thread;
	bool joined;
	atomic_bool stop;

	/* the thread's, until it was joined */
	CURL *curl;
	uint64_t done_bytes; /* went into the pipe */
	int64_t total_bytes; /* as the first answer said; -1: unknown */
	uint64_t skip_bytes; /* of this answer: were there before, the server does not know ranges */
	bool answer_judged;
	int64_t last_byte_ms, asked_ms;
	bool complete;
	struct err err;
};

static size_t pass_on(struct fetch *fetch, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fetch->fds[1], data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return 0; /* EPIPE: nobody reads any more */
		data += n;
		len -= (size_t)n;
		fetch->done_bytes += (uint64_t)n;
	}
	return 1;
}

static bool is_redirection(const struct fetch *fetch)
{
	long status = 0;

	curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 300 && status < 400;
}

static size_t body_came(char *data, size_t size, size_t count, void *user)
{
	struct fetch *fetch = user;
	size_t len = size * count, skip;
	curl_off_t total = -1;
	long status = 0;

	if (!fetch->answer_judged) {
		curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
		fetch->skip_bytes = status == 206 ? 0 : fetch->done_bytes;
		curl_easy_getinfo(fetch->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
		if (fetch->done_bytes == 0)
			fetch->total_bytes = total;
		fetch->answer_judged = true;
	}
	/* What it sends is words about another place, and not for the reader. */
	if (is_redirection(fetch))
		return len;
	fetch->last_byte_ms = monotonic_ms();
	skip = MIN_OF(fetch->skip_bytes, len);
	fetch->skip_bytes -= skip;
	return len == skip || pass_on(fetch, data + skip, len - skip) ? len : 0;
}

static bool must_stop(struct fetch *fetch)
{
	return atomic_load(&fetch->stop) || (fetch->cancelled && fetch->cancelled(fetch->ctx));
}

static int keep_going(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	int64_t now_ms = monotonic_ms();
	struct fetch *fetch = user;

	/* libcurl calls this at every turn while bytes come. */
	if (now_ms - fetch->asked_ms < ASK_INTERVAL_MS)
		return atomic_load(&fetch->stop);
	fetch->asked_ms = now_ms;
	return must_stop(fetch);
}

static void set_up(struct fetch *fetch, char *error_text)
{
	_cleanup_free_ char *range = xasprintf("%" PRIu64 "-", fetch->done_bytes);
	CURL *curl = fetch->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 128L * 1024);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_came);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, keep_going);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
	if (fetch->done_bytes)
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
	fetch->answer_judged = false;
	*error_text = '\0';
}

/* True if another try may help. Fills fetch->err. */
static bool judge_failure(struct fetch *fetch, CURLcode code, const char *error_text)
{
	const char *elsewhere = NULL;
	long status = 0;

	curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_HTTP_RETURNED_ERROR && status < 400) {
		curl_easy_getinfo(fetch->curl, CURLINFO_REDIRECT_URL, &elsewhere);
		err_set(&fetch->err, ERR_INVALID,
			"%s: the server answers %ld, which leads to %s and is not followed; name the address that has the file",
			fetch->url, status, str_or(elsewhere, "nowhere"));
		return false;
	}
	if (code == CURLE_HTTP_RETURNED_ERROR && status >= 400 && status < 500) {
		err_set(&fetch->err, err_code_from_http((int)status), "%s: the server answers %ld", fetch->url, status);
		return false;
	}
	if (code == CURLE_WRITE_ERROR || code == CURLE_ABORTED_BY_CALLBACK) {
		err_set(&fetch->err, ERR_CANCELLED, "%s: ended after %" PRIu64 " bytes", fetch->url, fetch->done_bytes);
		return false;
	}
	err_set(&fetch->err, ERR_UNREACHABLE, "%s: %s, after %" PRIu64 " bytes", fetch->url,
		*error_text ? error_text : curl_easy_strerror(code), fetch->done_bytes);
	return code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL &&
	       monotonic_ms() - fetch->last_byte_ms < fetch->give_up_ms;
}

/* Waits between two tries; false if the reader has gone meanwhile. */
static bool pause_for_retry(struct fetch *fetch)
{
	/* No event is asked for: only POLLERR comes, when the reading end was closed (pipe(7)). */
	struct pollfd wait = { .fd = fetch->fds[1] };

	return poll(&wait, 1, (int)fetch->retry_pause_ms) <= 0 && !must_stop(fetch);
}

static void *fetch_thread(void *data)
{
	struct fetch *fetch = data;
	char error_text[CURL_ERROR_SIZE];
	sigset_t all;
	CURLcode code;

	/* Signals are the loop's, and a pipe that nobody reads is an error to be told by write(), not SIGPIPE. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	fetch->last_byte_ms = monotonic_ms();
	for (;;) {
		set_up(fetch, error_text);
		code = curl_easy_perform(fetch->curl);
		if (code == CURLE_OK && is_redirection(fetch))
			code = CURLE_HTTP_RETURNED_ERROR;
		/* A proxy or a server on its way down may answer with less than there is, and mean it. */
		if (code == CURLE_OK && fetch->total_bytes >= 0 && fetch->done_bytes < (uint64_t)fetch->total_bytes)
			code = CURLE_PARTIAL_FILE;
		if (code == CURLE_OK) {
			err_done(&fetch->err);
			fetch->complete = true;
			break;
		}
		if (!judge_failure(fetch, code, error_text) || !pause_for_retry(fetch))
			break;
	}
	fetch->fds[1] = close_fd(fetch->fds[1]);
	return NULL;
}

static int start_thread(struct fetch *fetch, struct err *err)
{
	pthread_attr_t attributes;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&fetch->thread, &attributes, fetch_thread, fetch);
	pthread_attr_destroy(&attributes);
	return r ? err_set_errno(err, -r, "starting a thread") : 0;
}

int fetch_start(const struct fetch_spec *spec, struct fetch **ret, struct err *err)
{
	struct fetch *fetch = new0(struct fetch, 1);
	int r;

	fetch->url = xstrdup(spec->url);
	fetch->what = str_or(spec->what, "the bundle");
	fetch->give_up_ms = spec->give_up_ms ? spec->give_up_ms : GIVE_UP_MS;
	fetch->retry_pause_ms = spec->retry_pause_ms ? spec->retry_pause_ms : RETRY_PAUSE_MS;
	fetch->cancelled = spec->cancelled;
	fetch->ctx = spec->ctx;
	fetch->joined = true;
	fetch->total_bytes = -1;
	fetch->curl = curl_easy_init();
	if (!fetch->curl || pipe2(fetch->fds, O_CLOEXEC) < 0) {
		r = err_set_errno(err, fetch->curl ? -errno : -ENOMEM, "%s", spec->url);
		fetch->fds[0] = fetch->fds[1] = -1;
		fetch_free(fetch);
		return r;
	}
	/* More than the default of 64 KiB if we may: fewer rounds. */
	fcntl(fetch->fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	r = start_thread(fetch, err);
	if (r < 0) {
		fetch->fds[1] = close_fd(fetch->fds[1]);
		fetch_free(fetch);
		return r;
	}
	fetch->joined = false;
	*ret = fetch;
	return 0;
}

int fetch_fd(const struct fetch *fetch)
{
	return fetch->fds[0];
}

int fetch_finish(struct fetch *fetch, struct err *err)
{
	atomic_store(&fetch->stop, true);
	fetch->fds[0] = close_fd(fetch->fds[0]);
	if (!fetch->joined)
		pthread_join(fetch->thread, NULL);
	fetch->joined = true;
	if (fetch->complete)
		return 0;
	err_copy(err, &fetch->err);
	return err_prefix(err, "%s", fetch->what);
}

struct fetch *fetch_free(struct fetch *fetch)
{
	_cleanup_err_ struct err unused = ERR_INIT;

	if (!fetch)
		return NULL;
	fetch_finish(fetch, &unused);
	if (fetch->curl)
		curl_easy_cleanup(fetch->curl);
	err_done(&fetch->err);
	free(fetch->url);
	free(fetch);
	return NULL;
}
