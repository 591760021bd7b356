/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every command of the command line, one row each. Parsing, help, the man page and the completion are made from these
 * rows and from the tables in lib/proto; nothing about a command is written down twice. */
#ifndef INGOT_CLI_COMMANDS_H
#define INGOT_CLI_COMMANDS_H

#include "proto/operations.h"

struct session;
struct invocation;

/* Options that do not come from a request's schema. */
enum option_id {
	OPTION_OUTPUT,
	OPTION_WAIT,
	OPTION_TIMEOUT,
	OPTION_URL,
	OPTION_TOKEN_FILE,
	OPTION_CACERT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_MAN,
	OPTION_ALL,
	OPTION_FILE,
	OPTION_DURATION,
	OPTION_LISTEN,
	OPTION_SORT,
	OPTION_FILTER,
	OPTION_SEARCH,
	OPTION_PASSWORD_FILE,
	OPTION_USER_DATA,
	OPTION_NETWORK_CONFIG,
	OPTION_SSH_KEY,
	OPTION_COUNT,
};
#define OPTION_BIT(id) (1u << (id))

enum command_flag {
	COMMAND_TARGET = 1 << 0, /* takes the name or id of a resource: the {id} of the path */
	COMMAND_MANY = 1 << 1,	 /* takes several of them */
	COMMAND_LOCAL = 1 << 2,	 /* works without a provisioner */
};

struct command {
	const char *noun, *verb; /* verb NULL: the noun is the whole command */
	int operation;		 /* enum operation_id, or -1 */
	unsigned flags;
	unsigned options;	/* OPTION_BIT()s of its own */
	const char *positional; /* field of the request that is given without an option, after the targets; or NULL */
	int (*run)(struct session *session, const struct invocation *invocation); /* returns the exit code */
	const char *help;							  /* NULL: the operation's summary */
	const char *details; /* paragraphs for its --help; or NULL */
	const char *example; /* or NULL */
};
extern const struct command commands[];
extern const size_t command_count;

/* One option of a command, wherever it comes from. */
struct option_info {
	char name[48];	/* without the dashes */
	char letter;	/* one-letter form, or 0 */
	char value[80]; /* what it takes, for help; "" if it takes nothing */
	const char *help;
	const char *const *words;  /* the values it takes, NULL-terminated; or NULL for any */
	const struct field *field; /* of the request it fills, or NULL: then id */
	bool changes;		   /* what is there already: there is no default, and nothing is required */
	enum option_id id;
};
/* The options of a command one after another: first its own, then the general ones. command NULL: the general ones.
 * False past the last. */
bool command_option(const struct command *command, size_t index, struct option_info *ret);
/* What is given without an option behind the targets. False: nothing. */
bool command_positional(const struct command *command, struct option_info *ret);
/* "NAME", or what else a target is called. */
const char *target_name(const struct command *command);
/* Whether --help shows it among the general options. */
bool option_is_general(const struct option_info *option);
bool option_is_required(const struct option_info *option);

/* NULL if there is none. */
const struct command *command_find(const char *noun, const char *verb);
/* NULL for one that talks to nobody. */
const struct operation *command_operation(const struct command *command);
const char *command_help(const struct command *command);
/* Whether what it starts may be a task that --wait follows. */
bool command_can_wait(const struct command *command);
/* "vm create NAME --volume VOLUME [OPTION]..."; the caller frees. */
char *command_usage(const struct command *command);
/* "machine power", or "version"; the caller frees. */
char *command_name(const struct command *command);
/* "memory_bytes" is "memory" for people, "bmc_address" is "bmc-address". */
void field_flag_name(const struct field *field, char *ret_name, size_t size);
/* The schema whose fields become options and positional arguments; NULL: none. */
const struct schema *command_request(const struct command *command);

#define FOREACH_COMMAND(c) for (const struct command *c = commands; c < commands + command_count; c++)
/* True for the first row of each noun. */
bool command_starts_noun(const struct command *command);
/* What a noun is called in a sentence: "virtual machine" of vm; constant, or the noun itself. */
const char *noun_words(const char *noun);
/* The same with its article, "an image"; the caller frees. */
char *noun_with_article(const char *noun);

#endif
