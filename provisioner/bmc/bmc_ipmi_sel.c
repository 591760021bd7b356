/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The system event log of a BMC (IPMI v2.0 chapter 31). The library walks it and says what the entries mean; it does not know
 * when to stop, so each entry looks at the clock. */
#include <time.h>

#include "bmc_ipmi_priv.h"

#define DEADLINE_MS 120000
#define TEXT_MAX 512
#define RECORD_BYTES 16	       /* section 32.1 */
#define RECORD_EVENT 0x02      /* section 32.1 */
#define RECORD_OEM_TIMED 0xdf  /* the last type that has a time, section 32.2 */
#define SINCE_START 0x20000000 /* section 37.1: up to here seconds since the BMC's start, its clock was not set */
#define TIME_UNKNOWN 0xffffffff

struct reader {
	const struct bmc_target *target;
	struct bmc_session session;
	ipmi_sel_ctx_t log;
	ipmi_interpret_ctx_t meaning;
	int64_t deadline_ms;
	bool too_late;
	struct bmc_sel_entry ring[BMC_SEL_MAX];
	size_t total; /* entry n is at n % BMC_SEL_MAX */
};

static void entry_done(struct bmc_sel_entry *entry)
{
	free(entry->sensor);
	free(entry->type);
	free(entry->text);
	*entry = (struct bmc_sel_entry){ 0 };
}

static struct reader *reader_free(struct reader *reader)
{
	if (!reader)
		return NULL;
	for (size_t i = 0; i < BMC_SEL_MAX; i++)
		entry_done(&reader->ring[i]);
	if (reader->meaning)
		ipmi_interpret_ctx_destroy(reader->meaning);
	if (reader->log)
		ipmi_sel_ctx_destroy(reader->log);
	bmc_session_close(&reader->session);
	free(reader);
	return NULL;
}
DEFINE_CLEANUP(struct reader *, reader_free)

static int reader_open(struct reader *reader, struct err *err)
{
	int r = bmc_session_open_checked(reader->target, &reader->session, err);

	if (r < 0)
		return r;
	reader->log = ipmi_sel_ctx_create(reader->session.ctx, NULL);
	reader->meaning = ipmi_interpret_ctx_create();
	if (!reader->log || !reader->meaning || ipmi_sel_ctx_set_separator(reader->log, ";") < 0)
		return err_set(err, ERR_INTERNAL, "BMC %s: libfreeipmi gives no context", reader->target->address);
	return 0;
}

/* A part of the entry that was just read, by one of the library's formats; the caller frees. NULL: it has none. */
static char *part(ipmi_sel_ctx_t log, const char *format)
{
	char text[TEXT_MAX] = "";
	int len = ipmi_sel_parse_read_record_string(log, format, NULL, 0, text, sizeof(text) - 1,
						    IPMI_SEL_STRING_FLAGS_IGNORE_UNAVAILABLE_FIELD);

	return len > 0 && *text ? xstrdup(text) : NULL;
}

static int64_t time_of(ipmi_sel_ctx_t log)
{
	uint32_t seconds = TIME_UNKNOWN;

	if (ipmi_sel_parse_read_timestamp(log, NULL, 0, &seconds) < 0 || seconds == TIME_UNKNOWN ||
	    seconds <= SINCE_START)
		return 0;
	return (int64_t)seconds * 1000;
}

static void take_event(struct reader *reader, struct bmc_sel_entry *entry)
{
	uint8_t record[RECORD_BYTES], direction = 0;
	unsigned state = IPMI_INTERPRET_STATE_UNKNOWN;
	int len = ipmi_sel_parse_read_record(reader->log, record, sizeof(record));

	entry->sensor = part(reader->log, "%s");
	entry->type = part(reader->log, "%T");
	entry->text = part(reader->log, "%E");
	if (ipmi_sel_parse_read_event_direction(reader->log, NULL, 0, &direction) >= 0)
		entry->ended = direction == IPMI_SEL_RECORD_DEASSERTION_EVENT;
	if (len > 0 && ipmi_interpret_sel(reader->meaning, record, (unsigned)len, &state) >= 0)
		entry->state = bmc_ipmi_state(state);
}

/* After each entry that was read. Negative ends the walk. */
static int take_entry(ipmi_sel_ctx_t log, void *data)
{
	struct reader *reader = data;
	struct bmc_sel_entry *entry = &reader->ring[reader->total % BMC_SEL_MAX];
	uint16_t id = 0;
	uint8_t type = 0;

	reader->too_late = monotonic_ms() >= reader->deadline_ms;
	if (reader->too_late)
		return -1;
	if (ipmi_sel_parse_read_record_id(log, NULL, 0, &id) < 0 ||
	    ipmi_sel_parse_read_record_type(log, NULL, 0, &type) < 0)
		return 0; /* a record that is none is passed over */
	entry_done(entry);
	*entry = (struct bmc_sel_entry){ .number = id, .state = BMC_SENSOR_UNKNOWN };
	reader->total++;
	if (type <= RECORD_OEM_TIMED)
		entry->time_ms = time_of(log);
	if (type == RECORD_EVENT)
		take_event(reader, entry);
	else
		entry->text = part(log, "%o");
	return 0;
}

static int walk(struct reader *reader, struct err *err)
{
	int errnum, bmc_errnum;

	if (ipmi_sel_parse(reader->log, IPMI_SEL_RECORD_ID_FIRST, IPMI_SEL_RECORD_ID_LAST, take_entry, reader) >= 0)
		return 0;
	errnum = ipmi_sel_ctx_errnum(reader->log);
	bmc_errnum = ipmi_ctx_errnum(reader->session.ctx);
	if (reader->too_late)
		return err_set(err, ERR_TIMEOUT, "BMC %s: its event log took longer than %d s; it had read %zu entries",
			       reader->target->address, DEADLINE_MS / 1000, reader->total);
	if (errnum == IPMI_SEL_ERR_NO_SEL_ENTRIES)
		return 0;
	if (bmc_errnum == IPMI_ERR_SESSION_TIMEOUT || bmc_errnum == IPMI_ERR_MESSAGE_TIMEOUT)
		return err_set(err, ERR_UNREACHABLE, "BMC %s: reading its event log: %s", reader->target->address,
			       ipmi_ctx_strerror(bmc_errnum));
	return err_set(err, ERR_UNSUPPORTED, "BMC %s: its event log cannot be read: %s", reader->target->address,
		       ipmi_sel_ctx_strerror(errnum));
}

/* The ring, in the order of the log. */
static void give(struct reader *reader, struct bmc_sel *ret)
{
	size_t count = MIN_OF(reader->total, (size_t)BMC_SEL_MAX);

	*ret = (struct bmc_sel){ .count = count, .total = reader->total };
	if (count > 0)
		ret->list = new0(struct bmc_sel_entry, count);
	for (size_t i = 0; i < count; i++) {
		struct bmc_sel_entry *entry = &reader->ring[(reader->total - count + i) % BMC_SEL_MAX];

		ret->list[i] = *entry;
		*entry = (struct bmc_sel_entry){ 0 };
	}
}

int bmc_ipmi_sel(const struct bmc_target *target, struct bmc_sel *ret, struct err *err)
{
	_cleanup_(reader_free_p) struct reader *reader = new0(struct reader, 1);
	int r;

	reader->target = target;
	reader->deadline_ms = monotonic_ms() + DEADLINE_MS;
	r = reader_open(reader, err);
	if (r == 0)
		r = walk(reader, err);
	if (r == 0)
		give(reader, ret);
	return r;
}
