/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sensors of a BMC: its sensor data records (IPMI v2.0 chapter 43) one after another, and what each sensor reads (section
 * 35.14). The library's cache of records wants a file and has no deadline; so the records are read here and the library takes
 * them apart. */
#include <math.h>
#include <time.h>

#include "bmc_ipmi_priv.h"

#define DEADLINE_MS 60000
#define RECORDS_MAX 1024
/* Pieces of records that every BMC gives (section 33.12: some cannot give a whole one). */
#define PIECE_BYTES 16
#define HEADER_BYTES 5
#define RECORD_LAST 0xffff

struct reader {
	const struct bmc_target *target;
	struct bmc_session session;
	ipmi_sdr_ctx_t records;
	ipmi_sensor_read_ctx_t sensors;
	ipmi_interpret_ctx_t meaning;
	uint16_t reservation;
	int64_t deadline_ms;
	uint8_t record[IPMI_SDR_MAX_RECORD_LENGTH];
	unsigned record_len;
};

static void reader_done(struct reader *reader)
{
	if (reader->meaning)
		ipmi_interpret_ctx_destroy(reader->meaning);
	if (reader->sensors)
		ipmi_sensor_read_ctx_destroy(reader->sensors);
	if (reader->records)
		ipmi_sdr_ctx_destroy(reader->records);
	bmc_session_close(&reader->session);
}

static int reader_open(struct reader *reader, struct err *err)
{
	int r = bmc_session_open_checked(reader->target, &reader->session, err);

	if (r < 0)
		return r;
	reader->records = ipmi_sdr_ctx_create();
	reader->sensors = ipmi_sensor_read_ctx_create(reader->session.ctx);
	reader->meaning = ipmi_interpret_ctx_create();
	if (!reader->records || !reader->sensors || !reader->meaning)
		return err_set(err, ERR_INTERNAL, "BMC %s: libfreeipmi gives no context", reader->target->address);
	return 0;
}

static int check_deadline(const struct reader *reader, struct err *err)
{
	if (monotonic_ms() < reader->deadline_ms)
		return 0;
	return err_set(err, ERR_TIMEOUT, "BMC %s: its sensors took longer than %d s", reader->target->address,
		       DEADLINE_MS / 1000);
}

/* ---- records ---- */

static int failed(const struct reader *reader, const char *what, struct err *err)
{
	int errnum = ipmi_ctx_errnum(reader->session.ctx);
	bool silent = errnum == IPMI_ERR_SESSION_TIMEOUT || errnum == IPMI_ERR_MESSAGE_TIMEOUT;

	return err_set(err, silent ? ERR_UNREACHABLE : ERR_UNSUPPORTED, "BMC %s: %s: %s", reader->target->address, what,
		       ipmi_ctx_strerror(errnum));
}

static int reserve(struct reader *reader, struct err *err)
{
	fiid_obj_t answer = fiid_obj_create(tmpl_cmd_reserve_sdr_repository_rs);
	uint64_t reservation = 0;
	int r = 0;

	if (ipmi_cmd_reserve_sdr_repository(reader->session.ctx, answer) < 0 ||
	    fiid_obj_get(answer, "reservation_id", &reservation) < 0)
		r = failed(reader, "Reserve SDR Repository", err);
	reader->reservation = (uint16_t)reservation;
	fiid_obj_destroy(answer);
	return r;
}

static int read_piece(struct reader *reader, uint16_t id, unsigned offset, unsigned len, uint16_t *ret_next,
		      struct err *err)
{
	fiid_obj_t answer = fiid_obj_create(tmpl_cmd_get_sdr_rs);
	uint64_t next = RECORD_LAST, code = 0;
	int r = check_deadline(reader, err);

	if (r == 0 && (ipmi_cmd_get_sdr(reader->session.ctx, reader->reservation, id, (uint8_t)offset, (uint8_t)len,
					answer) < 0 ||
		       fiid_obj_get(answer, "next_record_id", &next) < 0 ||
		       fiid_obj_get_data(answer, "record_data", reader->record + offset, len) != (int)len))
		r = failed(reader, "Get SDR", err);
	if (r < 0 && fiid_obj_get(answer, "comp_code", &code) > 0 &&
	    code == IPMI_COMP_CODE_REQUESTED_SENSOR_DATA_OR_RECORD_NOT_PRESENT)
		err_set(err, ERR_NOT_FOUND, "BMC %s: there is no sensor record %u", reader->target->address, id);
	*ret_next = (uint16_t)next;
	fiid_obj_destroy(answer);
	return r;
}

static int read_record(struct reader *reader, uint16_t id, uint16_t *ret_next, struct err *err)
{
	uint16_t ignored;
	int r = read_piece(reader, id, 0, HEADER_BYTES, ret_next, err);

	if (r < 0)
		return r;
	reader->record_len =
		HEADER_BYTES + reader->record[HEADER_BYTES - 1]; /* section 43: the length of what follows */
	for (unsigned at = HEADER_BYTES; r == 0 && at < reader->record_len; at += PIECE_BYTES)
		r = read_piece(reader, id, at, MIN_OF((unsigned)PIECE_BYTES, reader->record_len - at), &ignored, err);
	return r;
}

/* ---- sensors ---- */

enum bmc_sensor_state bmc_ipmi_state(unsigned interpreted)
{
	static const enum bmc_sensor_state states[] = {
		[IPMI_INTERPRET_STATE_NOMINAL] = BMC_SENSOR_OK,
		[IPMI_INTERPRET_STATE_WARNING] = BMC_SENSOR_WARNING,
		[IPMI_INTERPRET_STATE_CRITICAL] = BMC_SENSOR_CRITICAL,
		[IPMI_INTERPRET_STATE_UNKNOWN] = BMC_SENSOR_UNKNOWN,
	};

	return interpreted < ARRAY_SIZE(states) ? states[interpreted] : BMC_SENSOR_UNKNOWN;
}

/* "AC lost, predictive failure". The caller frees; NULL: nothing. */
static char *words_of(uint8_t event_type, uint8_t type, uint8_t number, uint16_t bits)
{
	struct strbuf text = { 0 };
	char **messages = NULL;
	unsigned count = 0;

	if (ipmi_get_event_messages(event_type, type, number, bits, 0, 0, &messages, &count, NULL,
				    IPMI_GET_EVENT_MESSAGES_FLAGS_DEFAULT) < 0)
		return NULL;
	for (unsigned i = 0; i < count; i++) {
		strbuf_addf(&text, "%s%s", i ? ", " : "", messages[i]);
		free(messages[i]);
	}
	free(messages);
	return strbuf_take(&text);
}

static char *unit_of(struct reader *reader)
{
	uint8_t percentage, modifier, rate, base, modifier_unit;
	char text[64] = "";

	if (ipmi_sdr_parse_sensor_units(reader->records, reader->record, reader->record_len, &percentage, &modifier,
					&rate, &base, &modifier_unit) < 0 ||
	    ipmi_sensor_units_string(percentage, modifier, rate, base, modifier_unit, text, sizeof(text), 1) <= 0)
		return NULL;
	return xstrdup(text);
}

/* What it reads now. A sensor that cannot be read just now (its machine is off) has neither number nor words. */
static void read_sensor(struct reader *reader, struct bmc_sensor *sensor, uint8_t event_type, uint8_t type)
{
	uint8_t raw = 0, number = 0;
	double *value = NULL;
	uint16_t bits = 0;
	unsigned state = IPMI_INTERPRET_STATE_UNKNOWN;

	if (ipmi_sensor_read(reader->sensors, reader->record, reader->record_len, 0, &raw, &value, &bits) < 0)
		return;
	ipmi_sdr_parse_sensor_number(reader->records, reader->record, reader->record_len, &number);
	if (value)
		sensor->value = *value;
	else
		sensor->text = words_of(event_type, type, number, bits);
	free(value);
	if (ipmi_interpret_sensor(reader->meaning, event_type, type, bits, &state) >= 0)
		sensor->state = bmc_ipmi_state(state);
}

/* Takes the record apart; one that is of no sensor is passed over. */
static void take_record(struct reader *reader, struct bmc_sensors *sensors)
{
	char name[IPMI_SDR_MAX_ID_STRING_LENGTH + 1] = "";
	uint8_t kind = 0, type = 0, event_type = 0;
	struct bmc_sensor *sensor;
	uint16_t id = 0;

	if (ipmi_sdr_parse_record_id_and_type(reader->records, reader->record, reader->record_len, &id, &kind) < 0 ||
	    (kind != IPMI_SDR_FORMAT_FULL_SENSOR_RECORD && kind != IPMI_SDR_FORMAT_COMPACT_SENSOR_RECORD) ||
	    ipmi_sdr_parse_sensor_type(reader->records, reader->record, reader->record_len, &type) < 0 ||
	    ipmi_sdr_parse_event_reading_type_code(reader->records, reader->record, reader->record_len, &event_type) <
		    0)
		return;
	ipmi_sdr_parse_id_string(reader->records, reader->record, reader->record_len, name, sizeof(name) - 1);
	sensors->list = xrealloc(sensors->list, (sensors->count + 1) * sizeof(*sensors->list));
	sensor = &sensors->list[sensors->count++];
	*sensor = (struct bmc_sensor){ .number = id,
				       .name = xstrdup(name),
				       .type = xstrdup(str_or(ipmi_get_sensor_type_string(type), "OEM")),
				       .value = NAN,
				       .state = BMC_SENSOR_UNKNOWN };
	read_sensor(reader, sensor, event_type, type);
	if (isfinite(sensor->value))
		sensor->unit = unit_of(reader);
}

static int read_all(struct reader *reader, struct bmc_sensors *sensors, struct err *err)
{
	uint16_t id = 0, next = 0;
	int r = reserve(reader, err);

	/* 0 is the first one, and each tells the next: a BMC may lead in a circle. */
	for (unsigned i = 0; r == 0 && i < RECORDS_MAX; i++) {
		r = read_record(reader, id, &next, err);
		if (r < 0 && i == 0 && err->code == ERR_NOT_FOUND) {
			err_done(err); /* a repository without a record */
			return 0;
		}
		if (r < 0)
			return r;
		take_record(reader, sensors);
		if (next == RECORD_LAST || next == id)
			break;
		id = next;
	}
	return r;
}

int bmc_ipmi_sensors(const struct bmc_target *target, struct bmc_sensors *ret, struct err *err)
{
	_cleanup_(reader_done) struct reader reader = { .target = target, .deadline_ms = monotonic_ms() + DEADLINE_MS };
	_cleanup_(bmc_sensors_done) struct bmc_sensors sensors = { 0 };
	int r = reader_open(&reader, err);

	if (r == 0)
		r = read_all(&reader, &sensors, err);
	if (r < 0)
		return r;
	*ret = sensors;
	sensors = (struct bmc_sensors){ 0 };
	return 0;
}
