/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/commands.h"

#include <stdio.h>

#include "cli/verbs.h"

#define LIST(noun_, operation_)                                                                                        \
	{                                                                                                              \
		.noun = noun_, .verb = "list", .operation = operation_, .run = verb_list,                              \
		.options = OPTION_BIT(OPTION_SORT) | OPTION_BIT(OPTION_FILTER) | OPTION_BIT(OPTION_SEARCH),            \
		.details = list_details,                                                                               \
	}
#define SHOW(noun_, operation_)                                                                                        \
	{                                                                                                              \
		.noun = noun_, .verb = "show", .operation = operation_, .flags = COMMAND_TARGET, .run = verb_show      \
	}
#define CREATE(noun_, operation_, ...)                                                                                 \
	{                                                                                                              \
		.noun = noun_, .verb = "create", .operation = operation_, .positional = "name", .run = verb_act,       \
		__VA_ARGS__                                                                                            \
	}
/* On one or several resources of the noun. */
#define ACT(noun_, verb_, operation_, ...)                                                                             \
	{                                                                                                              \
		.noun = noun_, .verb = verb_, .operation = operation_, .flags = COMMAND_TARGET | COMMAND_MANY,         \
		.run = verb_act, __VA_ARGS__                                                                           \
	}
#define CONSOLE(noun_, operation_)                                                                                     \
	{                                                                                                              \
		.noun = noun_, .verb = "console", .operation = operation_, .flags = COMMAND_TARGET,                    \
		.options = OPTION_BIT(OPTION_DURATION), .run = verb_console, .details = console_details,               \
	}

static const char list_details[] =
	"--filter takes FIELD=VALUE and may be given several times; all of them have to fit. Of a field of words several "
	"fit: state=ready,failed. What fields there are, -o json and the OpenAPI document show.";

static const char console_details[] =
	"On a terminal, what is typed goes to the console, all keys of it. After a new line, ~. ends it, ~? lists what "
	"else there is, and ~~ sends a ~. Without a terminal, standard input goes to the console and its output to "
	"standard output, until it is closed or --duration is over.";

const struct command commands[] = {
	LIST("machine", OP_MACHINE_LIST),
	SHOW("machine", OP_MACHINE_SHOW),
	{ .noun = "machine",
	  .verb = "accept",
	  .operation = OP_MACHINE_ACCEPT,
	  .flags = COMMAND_TARGET | COMMAND_MANY,
	  .options = OPTION_BIT(OPTION_ALL),
	  .run = verb_on_new,
	  .help = "Accept machines that were found",
	  .example = "ingot machine accept --all --wait" },
	ACT("machine", "deploy", OP_MACHINE_DEPLOY, .help = "Install the host system and enroll the machines as nodes",
	    .details = "What is on the chosen disk is lost. With several machines, --disk is looked for in each.",
	    .example = "ingot machine deploy rack1-a rack1-b rack1-c --wait"),
	ACT("machine", "power", OP_MACHINE_POWER, .positional = "action",
	    .example = "ingot machine power rack1-a cycle --wait"),
	ACT("machine", "update", OP_MACHINE_UPDATE, .help = "Say where machines stand",
	    .details =
		    "The zone is a label of your own: a rack, a room. The dashboard shows the cluster by it. An empty one "
		    "takes it away.",
	    .example = "ingot machine update rack1-a rack1-b --zone rack1"),
	{ .noun = "machine",
	  .verb = "delete",
	  .operation = OP_MACHINE_DELETE,
	  .flags = COMMAND_TARGET | COMMAND_MANY,
	  .options = OPTION_BIT(OPTION_ALL),
	  .run = verb_on_new,
	  .help = "Forget machines that are new or have failed",
	  .details =
		  "For those that are not there any more, or never were. One that is there is found again, as a new one.",
	  .example = "ingot machine delete machine-7" },
	CONSOLE("machine", OP_MACHINE_CONSOLE),
	{ .noun = "machine",
	  .verb = "sensors",
	  .operation = OP_MACHINE_SENSORS,
	  .flags = COMMAND_TARGET,
	  .run = verb_show },
	{ .noun = "machine",
	  .verb = "sel",
	  .operation = OP_MACHINE_SEL,
	  .flags = COMMAND_TARGET,
	  .run = verb_show,
	  .details = "What the BMC has noted of the hardware: temperatures, power supplies, memory, fans, restarts." },

	LIST("bmc-range", OP_BMC_RANGE_LIST),
	SHOW("bmc-range", OP_BMC_RANGE_SHOW),
	{ .noun = "bmc-range",
	  .verb = "create",
	  .operation = OP_BMC_RANGE_CREATE,
	  .positional = "name",
	  .run = verb_with_password,
	  .options = OPTION_BIT(OPTION_PASSWORD_FILE),
	  .help = "Tell where BMCs are, so that their machines are found",
	  .details =
		  "The password of that user on the BMCs is asked for on a terminal, unless --password-file names a file whose "
		  "first line it is. The range is scanned at once and every half minute from then on; \"ingot bmc-range show\" says "
		  "how many BMCs answered, and how many refused the password.",
	  .example = "ingot bmc-range create rack1 --range 10.1.0.10-10.1.0.50 --user admin" },
	{ .noun = "bmc-range",
	  .verb = "update",
	  .operation = OP_BMC_RANGE_UPDATE,
	  .flags = COMMAND_TARGET,
	  .run = verb_with_password,
	  .options = OPTION_BIT(OPTION_PASSWORD_FILE),
	  .help = "Change the user or the password of a range of BMCs",
	  .details =
		  "BMCs that refused are tried again at once. For other addresses, delete the range and create another.",
	  .example = "ingot bmc-range update rack1 --password-file rack1.password" },
	ACT("bmc-range", "delete", OP_BMC_RANGE_DELETE, .help = "Look for BMCs in ranges no more",
	    .details = "Machines that were found there stay, and keep the password that their BMCs took."),

	LIST("node", OP_NODE_LIST),
	SHOW("node", OP_NODE_SHOW),

	ACT("node", "update", OP_NODE_UPDATE, .help = "Give the data disks of nodes to the pool",
	    .details = "What is on them is lost. A node that joined by a token keeps them until then.",
	    .example = "ingot node update rack1-d --pool-disks true"),
	ACT("node", "confirm-off", OP_NODE_CONFIRM_OFF, .help = "Confirm that silent nodes are off",
	    .details =
		    "After an older state of the provisioner was restored, nothing is started until each node has said what "
		    "it runs (awaited in \"ingot node show\"). One that is off never will: switch it off, see that it is, and "
		    "confirm it. A node that is only cut off still runs its virtual machines, and they would run twice.",
	    .example = "ingot node confirm-off rack1-d"),

	LIST("pool", OP_POOL_LIST),
	SHOW("pool", OP_POOL_SHOW),
	{ .noun = "pool",
	  .verb = "usage",
	  .operation = OP_POOL_USAGE,
	  .flags = COMMAND_TARGET,
	  .run = verb_show,
	  .help = "Show how full a pool was, hour by hour",
	  .details = "One sample an hour while the pool answers, kept for four weeks." },

	LIST("image", OP_IMAGE_LIST),
	SHOW("image", OP_IMAGE_SHOW),
	{ .noun = "image",
	  .verb = "import",
	  .operation = OP_IMAGE_CREATE,
	  .positional = "name",
	  .run = verb_import,
	  .options = OPTION_BIT(OPTION_FILE),
	  .help = "Import a raw disk image that volumes are cloned from",
	  .example = "ingot image import debian-12 --file disk.raw --wait" },
	ACT("image", "delete", OP_IMAGE_DELETE, .help = "Delete images"),

	LIST("volume", OP_VOLUME_LIST),
	SHOW("volume", OP_VOLUME_SHOW),
	CREATE("volume", OP_VOLUME_CREATE, .example = "ingot volume create web-root --image debian-12 --wait"),
	ACT("volume", "delete", OP_VOLUME_DELETE, .help = "Delete volumes and what is on them"),

	LIST("network", OP_NETWORK_LIST),
	SHOW("network", OP_NETWORK_SHOW),
	CREATE("network", OP_NETWORK_CREATE, .example = "ingot network create dmz --vlan 20"),
	ACT("network", "delete", OP_NETWORK_DELETE, .help = "Delete networks that no virtual machine is in"),

	LIST("vm", OP_VM_LIST),
	SHOW("vm", OP_VM_SHOW),
	{ .noun = "vm",
	  .verb = "create",
	  .operation = OP_VM_CREATE,
	  .positional = "name",
	  .run = verb_vm_create,
	  .options = OPTION_BIT(OPTION_USER_DATA) | OPTION_BIT(OPTION_NETWORK_CONFIG) | OPTION_BIT(OPTION_SSH_KEY),
	  .details =
		  "With --user-data, --network-config, --ssh-key or --hostname the guest finds a seed for cloud-init: a "
		  "disk labelled cidata (data source NoCloud). What the files hold is never shown again.",
	  .example = "ingot vm create web --memory 2GiB --volume web-root --ssh-key id_ed25519.pub --start --wait" },
	ACT("vm", "start", OP_VM_START, .help = "Place and start virtual machines"),
	ACT("vm", "stop", OP_VM_STOP, .help = "Stop virtual machines"),
	ACT("vm", "migrate", OP_VM_MIGRATE, .help = "Move running virtual machines to another node, live",
	    .example = "ingot vm migrate web --node rack1-b --wait"),
	CONSOLE("vm", OP_VM_CONSOLE),
	{ .noun = "vm",
	  .verb = "vnc",
	  .operation = OP_VM_SHOW,
	  .flags = COMMAND_TARGET,
	  .options = OPTION_BIT(OPTION_LISTEN) | OPTION_BIT(OPTION_DURATION),
	  .run = verb_vnc,
	  .help = "Show the screen of a virtual machine to VNC viewers of this computer",
	  .details = "It listens until it is ended, or --duration is over, and serves any number of viewers at once.",
	  .example = "ingot vm vnc web --listen 127.0.0.1:5901" },
	ACT("vm", "delete", OP_VM_DELETE, .help = "Stop and delete virtual machines; their volumes stay"),

	{ .noun = "cloud-init",
	  .verb = "check",
	  .operation = OP_CLOUD_INIT_CHECK,
	  .run = verb_cloud_init_check,
	  .options = OPTION_BIT(OPTION_USER_DATA) | OPTION_BIT(OPTION_NETWORK_CONFIG) | OPTION_BIT(OPTION_SSH_KEY),
	  .help = "Say what is wrong with data for cloud-init",
	  .details = "Lists the first problem of each, and ends with 2 if there is one.",
	  .example = "ingot cloud-init check --user-data web.yaml" },

	LIST("task", OP_TASK_LIST),
	SHOW("task", OP_TASK_SHOW),
	{ .noun = "task",
	  .verb = "watch",
	  .operation = OP_TASK_SHOW,
	  .flags = COMMAND_TARGET | COMMAND_MANY,
	  .run = verb_task_watch,
	  .help = "Follow tasks to their end",
	  .details = "Ends with 0 only if all of them succeeded. Ending it early does not stop the tasks." },
	ACT("task", "cancel", OP_TASK_CANCEL, .help = "Ask tasks to stop"),
	ACT("task", "retry", OP_TASK_RETRY, .help = "Ask once more for what tasks did not do",
	    .details =
		    "Of tasks that failed or were cancelled: a new task does what was asked for then. What that overwrites or "
		    "deletes is overwritten or deleted.",
	    .example = "ingot task retry 019bf0a2-7c3e-7d51-8f6a-2f6b8f3f1c11 --wait"),

	{ .noun = "event", .verb = "list", .operation = OP_EVENT_LIST, .run = verb_list, .help = "List events" },
	{ .noun = "event",
	  .verb = "watch",
	  .operation = OP_EVENT_LIST,
	  .run = verb_event_watch,
	  .options = OPTION_BIT(OPTION_DURATION),
	  .help = "Print events as they happen",
	  .details = "With -o json, one JSON object a line. After a lost connection it goes on where it was." },

	LIST("user", OP_USER_LIST),
	SHOW("user", OP_USER_SHOW),
	{ .noun = "user",
	  .verb = "create",
	  .operation = OP_USER_CREATE,
	  .positional = "name",
	  .run = verb_with_password,
	  .options = OPTION_BIT(OPTION_PASSWORD_FILE),
	  .details =
		  "The password is asked for on a terminal, unless --password-file names a file whose first line it is.",
	  .example = "ingot user create kim --role operator" },
	{ .noun = "user",
	  .verb = "update",
	  .operation = OP_USER_UPDATE,
	  .flags = COMMAND_TARGET,
	  .run = verb_with_password,
	  .options = OPTION_BIT(OPTION_PASSWORD_FILE),
	  .details = "Who gets a new password or is disabled is signed out.",
	  .example = "ingot user update kim --role viewer --disabled false" },
	ACT("user", "delete", OP_USER_DELETE, .help = "Delete users and their tokens"),

	LIST("token", OP_TOKEN_LIST),
	SHOW("token", OP_TOKEN_SHOW),
	{ .noun = "token",
	  .verb = "create",
	  .operation = OP_TOKEN_CREATE,
	  .positional = "name",
	  .run = verb_token,
	  .help = "Create a token, and print it this once",
	  .example = "ingot token create backup --role viewer --expires-at 2030-01-01T00:00:00Z" },
	ACT("token", "delete", OP_TOKEN_DELETE, .help = "Delete tokens"),

	LIST("join-token", OP_JOIN_TOKEN_LIST),
	SHOW("join-token", OP_JOIN_TOKEN_SHOW),
	{ .noun = "join-token",
	  .verb = "create",
	  .operation = OP_JOIN_TOKEN_CREATE,
	  .positional = "name",
	  .run = verb_token,
	  .help = "Create a token by which a machine joins, and print it this once",
	  .details =
		  "For machines that cannot be installed over the network: boot one from the installation medium, choose the "
		  "role node, and give it the token. It is good for one machine, or as many as --uses says, for a day, or until "
		  "--expires-at.",
	  .example = "ingot join-token create rack2" },
	ACT("join-token", "delete", OP_JOIN_TOKEN_DELETE,
	    .help = "Delete join tokens: nobody joins by them any more; who has joined stays"),

	LIST("audit", OP_AUDIT_LIST),

	{ .noun = "version",
	  .operation = OP_VERSION,
	  .flags = COMMAND_LOCAL,
	  .run = verb_version,
	  .help = "Print the version of this program and, if there is a URL, of the provisioner" },
	{ .noun = "completion",
	  .verb = "bash",
	  .operation = -1,
	  .flags = COMMAND_LOCAL,
	  .run = verb_completion,
	  .help = "Print a completion script for bash",
	  .example = ". <(ingot completion bash)" },
};
const size_t command_count = ARRAY_SIZE(commands);

/* ---- options ---- */

static const char *const output_words[] = { "table", "json", NULL };

static const struct {
	const char *name;
	char letter;
	const char *value;
	const char *const *words;
	const char *help;
} option_specs[OPTION_COUNT] = {
	[OPTION_OUTPUT] = { "output", 'o', "table|json", output_words, "how to print what the provisioner answers" },
	[OPTION_WAIT] = { "wait", 0, NULL, NULL, "follow the tasks this starts to their end" },
	[OPTION_TIMEOUT] = { "timeout", 0, "SECONDS", NULL, "give up after this time; what was started goes on" },
	[OPTION_URL] = { "url", 0, "URL", NULL, "address of the provisioner, https://...; default: $INGOT_URL" },
	[OPTION_TOKEN_FILE] = { "token-file", 0, "FILE", NULL,
				"file that holds the token; default: the token in $INGOT_TOKEN" },
	[OPTION_CACERT] = { "cacert", 0, "FILE", NULL,
			    "certificate of the authority to trust (PEM); default: $INGOT_CACERT, or the system's" },
	[OPTION_HELP] = { "help", 'h', NULL, NULL, "print help on a command" },
	[OPTION_VERSION] = { "version", 0, NULL, NULL, "print the version of this program" },
	[OPTION_MAN] = { "man", 0, NULL, NULL, "print the manual page (troff)" },
	[OPTION_ALL] = { "all", 0, NULL, NULL, "all that are new" },
	[OPTION_FILE] = { "file", 0, "FILE", NULL, "the image: a raw disk (required)" },
	[OPTION_DURATION] = { "duration", 0, "SECONDS", NULL, "end after this time" },
	[OPTION_LISTEN] = { "listen", 0, "ADDRESS:PORT", NULL,
			    "where VNC viewers of this computer connect; default: 127.0.0.1:5900; port 0: any that is free" },
	[OPTION_SORT] = { "sort", 0, "FIELD", NULL, "order by this field; -FIELD the other way round" },
	[OPTION_FILTER] = { "filter", 0, "FIELD=VALUE", NULL, "only those whose field has this value" },
	[OPTION_SEARCH] = { "search", 0, "TEXT", NULL, "only those with this text in a field; case is ignored" },
	[OPTION_PASSWORD_FILE] = { "password-file", 0, "FILE", NULL,
				   "file whose first line is the password; - for standard input" },
	[OPTION_USER_DATA] = { "user-data", 0, "FILE", NULL,
			       "user data for cloud-init: begins with #cloud-config, #! or a MIME header" },
	[OPTION_NETWORK_CONFIG] = { "network-config", 0, "FILE", NULL,
				    "network configuration for cloud-init, version 1 or 2 (YAML)" },
	[OPTION_SSH_KEY] = { "ssh-key", 0, "FILE", NULL,
			     "public SSH keys, one a line, for the guest's first user; may be given several times" },
};

void field_flag_name(const struct field *field, char *ret_name, size_t size)
{
	static const char unit[] = "_bytes";
	size_t len = strlen(field->name);
	if (len > strlen(unit) && str_equal(field->name + len - strlen(unit), unit))
		len -= strlen(unit);
	len = MIN_OF(len, size - 1);
	for (size_t i = 0; i < len; i++)
		ret_name[i] = field->name[i] == '_' ? '-' : field->name[i];
	ret_name[len] = '\0';
}

/* What an option's value looks like in help: "N", "SIZE", "on|off", or the flag's own name in capitals. */
static void field_value_name(const struct field *field, const char *flag, char *ret_value, size_t size)
{
	size_t n = 0;
	ret_value[0] = '\0';
	if (field->type == FIELD_BOOL)
		return;
	if (field->type == FIELD_ENUM) {
		for (size_t i = 0; field->words[i] && n < size; i++)
			n += (size_t)snprintf(ret_value + n, size - n, "%s%s", i ? "|" : "", field->words[i]);
	} else if (field->type == FIELD_TIME) {
		snprintf(ret_value, size, "TIME");
	} else if (field->type == FIELD_INT || field->type == FIELD_BYTES) {
		snprintf(ret_value, size, "%s", field->type == FIELD_INT ? "N" : "SIZE");
	} else {
		for (; n < size - 1 && flag[n]; n++)
			ret_value[n] = flag[n] >= 'a' && flag[n] <= 'z' ? (char)(flag[n] - 'a' + 'A') : flag[n];
		ret_value[n] = '\0';
	}
}

static bool command_changes(const struct command *command)
{
	const struct operation *operation = command_operation(command);
	return operation && operation->kind == OPERATION_UPDATE;
}

static void info_of_field(const struct command *command, const struct field *field, struct option_info *ret)
{
	static const char *const truth[] = { "true", "false", NULL };
	*ret = (struct option_info){ .field = field, .help = field->help, .id = OPTION_COUNT };
	/* In a file that is at hand it can be looked up. */
	if (command->run == verb_import && str_equal(field->name, "sha256"))
		ret->help = "SHA-256 of the content; default: computed from the file";
	ret->changes = command_changes(command);
	ret->words = field->type == FIELD_ENUM ? field->words : NULL;
	field_flag_name(field, ret->name, sizeof(ret->name));
	field_value_name(field, ret->name, ret->value, sizeof(ret->value));
	/* What is left out stays as it is: a flag could only ever say yes. */
	if (field->type == FIELD_BOOL && ret->changes) {
		ret->words = truth;
		snprintf(ret->value, sizeof(ret->value), "true|false");
	}
}

static void info_of_id(enum option_id id, struct option_info *ret)
{
	*ret = (struct option_info){ .letter = option_specs[id].letter,
				     .help = option_specs[id].help,
				     .words = option_specs[id].words,
				     .id = id };
	snprintf(ret->name, sizeof(ret->name), "%s", option_specs[id].name);
	snprintf(ret->value, sizeof(ret->value), "%s", str_or(option_specs[id].value, ""));
}

/* Objects and lists of objects have no flag; no request has one so far. */
static bool field_is_option(const struct command *command, const struct field *field)
{
	bool flat = field->type != FIELD_OBJECT && field->type != FIELD_OBJECTS && field->type != FIELD_JSON;
	bool sent = field->flags & (command_changes(command) ? FIELD_UPDATE : FIELD_CREATE);
	bool secret = field->flags & FIELD_INTERNAL; /* others could read it on the command line */
	return flat && sent && !secret && !str_equal(field->name, command->positional);
}

#define GENERAL_OPTIONS                                                                                                \
	(OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_TIMEOUT) | OPTION_BIT(OPTION_URL) |                             \
	 OPTION_BIT(OPTION_TOKEN_FILE) | OPTION_BIT(OPTION_CACERT) | OPTION_BIT(OPTION_HELP) |                         \
	 OPTION_BIT(OPTION_VERSION) | OPTION_BIT(OPTION_MAN))

bool option_is_general(const struct option_info *option)
{
	return !option->field && (GENERAL_OPTIONS & OPTION_BIT(option->id)) != 0;
}

bool option_is_required(const struct option_info *option)
{
	return option->field ? !option->changes && (option->field->flags & FIELD_REQUIRED) : option->id == OPTION_FILE;
}

bool command_option(const struct command *command, size_t index, struct option_info *ret)
{
	const struct schema *request = command ? command_request(command) : NULL;
	for (size_t i = 0; request && i < request->field_count; i++) {
		if (field_is_option(command, &request->fields[i]) && index-- == 0) {
			info_of_field(command, &request->fields[i], ret);
			return true;
		}
	}
	unsigned ids = GENERAL_OPTIONS;
	if (command)
		ids |= command->options | (command_can_wait(command) ? OPTION_BIT(OPTION_WAIT) : 0);
	for (int own = 1; own >= 0; own--) {
		for (unsigned id = 0; id < OPTION_COUNT; id++) {
			bool general = (GENERAL_OPTIONS & OPTION_BIT(id)) != 0;
			if ((ids & OPTION_BIT(id)) && general != (own == 1) && index-- == 0) {
				info_of_id((enum option_id)id, ret);
				return true;
			}
		}
	}
	return false;
}

bool command_positional(const struct command *command, struct option_info *ret)
{
	if (!command->positional)
		return false;
	info_of_field(command, schema_field(command_request(command), command->positional), ret);
	return true;
}

/* ---- rows ---- */

const struct operation *command_operation(const struct command *command)
{
	return command->operation < 0 ? NULL : &operations[command->operation];
}

const char *target_name(const struct command *command)
{
	return str_equal(command->noun, "task") ? "ID" : "NAME"; /* tasks have no names */
}

const struct schema *command_request(const struct command *command)
{
	const struct operation *operation = command_operation(command);
	return operation ? operation->request : NULL;
}

const char *command_help(const struct command *command)
{
	return command->help ? command->help : command_operation(command)->summary;
}

bool command_can_wait(const struct command *command)
{
	if (command->operation == OP_TASK_CANCEL)
		return false; /* it starts nothing */
	const struct operation *operation = command_operation(command);
	bool acts = command->run == verb_act || command->run == verb_on_new || command->run == verb_import ||
		    command->run == verb_vm_create;
	return acts && (operation->kind == OPERATION_TASK ||
			(operation->response && schema_field(operation->response, "task")));
}

const struct command *command_find(const char *noun, const char *verb)
{
	FOREACH_COMMAND(c)
	if (str_equal(c->noun, noun) && str_equal(c->verb, verb))
		return c;
	return NULL;
}

bool command_starts_noun(const struct command *command)
{
	return command == commands || !str_equal(command[-1].noun, command->noun);
}

const char *noun_words(const char *noun)
{
	static const char *const words[][2] = { { "vm", "virtual machine" },
						{ "join-token", "join token" },
						{ "bmc-range", "range of BMC addresses" } };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_equal(noun, words[i][0]))
			return words[i][1];
	return noun;
}

char *noun_with_article(const char *noun)
{
	const char *words = noun_words(noun);
	bool vowel = *words && strchr("aeio", *words); /* not u: "a user" */
	return xasprintf("%s %s", vowel ? "an" : "a", words);
}

char *command_name(const struct command *command)
{
	return xasprintf("%s%s%s", command->noun, command->verb ? " " : "", str_or(command->verb, ""));
}

char *command_usage(const struct command *command)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *name = command_name(command);
	struct option_info option;
	strbuf_adds(&text, name);
	if (command->flags & COMMAND_TARGET)
		strbuf_addf(&text, " %s%s%s%s", command->options & OPTION_BIT(OPTION_ALL) ? "{" : "",
			    target_name(command), command->flags & COMMAND_MANY ? "..." : "",
			    command->options & OPTION_BIT(OPTION_ALL) ? "|--all}" : "");
	if (command_positional(command, &option))
		strbuf_addf(&text, " %s", option.value);
	for (size_t i = 0; command_option(command, i, &option); i++)
		if (option_is_required(&option))
			strbuf_addf(&text, " --%s %s", option.name, option.value);
	strbuf_adds(&text, " [OPTION]...");
	return strbuf_take(&text);
}
