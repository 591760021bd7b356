/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine's BMC knows, its sensors and its event log: asked of it, which takes a while, and answered when it has. One
 * reading of a machine at a time: its BMC does one thing at a time, and is needed for more than looking. */
#include "api/api_priv.h"

struct reading {
	struct list link;
	struct api *api; /* NULL: it has ended */
	char *machine;
	struct http_request *request; /* NULL: the client has left */
};

static void reading_free(struct reading *reading)
{
	list_remove(&reading->link);
	free(reading->machine);
	free(reading);
}

static void reading_gone(void *data)
{
	struct reading *reading = data;
	reading->request = NULL;
}

static int schema_state(enum bmc_sensor_state state)
{
	static const int states[] = {
		[BMC_SENSOR_OK] = SENSOR_OK,
		[BMC_SENSOR_WARNING] = SENSOR_WARNING,
		[BMC_SENSOR_CRITICAL] = SENSOR_CRITICAL,
		[BMC_SENSOR_UNKNOWN] = SENSOR_UNKNOWN,
	};
	return states[state];
}

static json_t *show_sensors(int64_t now_ms, const struct bmc_op *op)
{
	const struct bmc_sensors *sensors = &op->sensors;
	struct machine_sensors shown = { .read_at = now_ms };
	for (size_t i = 0; i < sensors->count; i++) {
		const struct bmc_sensor *from = &sensors->list[i];
		struct sensor *to = schema_list_add(&machine_sensors_schema, &shown, "sensors");
		to->number = from->number;
		to->name = xstrdup(from->name);
		to->type = xstrdup(from->type);
		to->unit = xstrdup(from->unit);
		to->text = xstrdup(from->text);
		to->value = from->value;
		to->state = schema_state(from->state);
	}
	json_t *json = schema_encode(&machine_sensors_schema, &shown, false);
	schema_done(&machine_sensors_schema, &shown);
	return json;
}

static json_t *show_sel(int64_t now_ms, const struct bmc_op *op)
{
	struct machine_sel shown = { .read_at = now_ms, .total = (int64_t)op->sel.total };
	for (size_t i = 0; i < op->sel.count; i++) {
		const struct bmc_sel_entry *from = &op->sel.list[i];
		struct sel_entry *to = schema_list_add(&machine_sel_schema, &shown, "entries");
		to->number = from->number;
		to->time = from->time_ms;
		to->sensor = xstrdup(from->sensor);
		to->type = xstrdup(from->type);
		to->text = xstrdup(from->text);
		to->ended = from->ended;
		to->state = schema_state(from->state);
	}
	json_t *json = schema_encode(&machine_sel_schema, &shown, false);
	schema_done(&machine_sel_schema, &shown);
	return json;
}

static void reading_done(struct bmc_op *op, void *data)
{
	struct reading *reading = data;
	int64_t now_ms = reading->api ? loop_now_ms(reading->api->spec.loop) : 0;
	if (reading->api && reading->request && op->err.code == ERR_NONE)
		http_answer_json(reading->request, 200,
				 op->kind == BMC_OP_SEL ? show_sel(now_ms, op) : show_sensors(now_ms, op), NULL);
	else if (reading->api && reading->request)
		http_answer_problem(reading->request, &op->err);
	reading_free(reading);
}

static int check_reading(struct api *api, const struct machine *machine, struct err *err)
{
	struct reading *reading;
	LIST_FOREACH(reading, &api->readings, link)
		if (str_equal(reading->machine, machine->id))
			return err_set(err, ERR_BUSY, "the BMC of %s is being read already; wait for that to end",
				       machine->name);
	return 0;
}

static int read_bmc(struct api_call *call, enum bmc_op_kind what, struct err *err)
{
	struct api *api = call->api;
	const struct machine *machine = store_get(api->store, &kind_machine, call->id);
	struct bmc_op op = { .kind = what, .done = reading_done };
	int r = check_reading(api, machine, err);
	if (r == 0)
		r = machine_bmc_target(api->spec.machines, machine, &op.target, err);
	if (r < 0)
		return r;
	struct reading *reading = new0(struct reading, 1);
	reading->api = api;
	reading->machine = xstrdup(machine->id);
	list_append(&api->readings, &reading->link);
	op.data = reading;
	r = bmc_submit(api->spec.loop, &op, err);
	bmc_target_done(&op.target);
	if (r < 0) {
		reading_free(reading);
		return r;
	}
	reading->request = call->request;
	http_request_on_gone(call->request, reading_gone, reading);
	call->answered = true;
	return 0;
}

int api_machine_sensors(struct api_call *call, struct err *err)
{
	return read_bmc(call, BMC_OP_SENSORS, err);
}

int api_machine_sel(struct api_call *call, struct err *err)
{
	return read_bmc(call, BMC_OP_SEL, err);
}

/* What a worker still asks comes back to nobody. */
void api_readings_stop(struct api *api)
{
	struct reading *reading;
	LIST_FOREACH(reading, &api->readings, link) {
		reading->api = NULL;
		list_remove(&reading->link);
	}
}
