/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands do. Each returns the exit code and has printed what is to be said. */
#ifndef INGOT_CLI_VERBS_H
#define INGOT_CLI_VERBS_H

#include "cli/arguments.h"
#include "cli/cli_session.h"

int verb_list(struct session *session, const struct invocation *invocation);
int verb_show(struct session *session, const struct invocation *invocation);
/* Creates, deletes, acts: one call a target, then --wait on all of them together. */
int verb_act(struct session *session, const struct invocation *invocation);
/* Creates or changes what has a password, a user or a range of BMCs; asks for it. */
int verb_with_password(struct session *session, const struct invocation *invocation);
/* Creates a token and prints it. */
int verb_token(struct session *session, const struct invocation *invocation);
/* Creates a virtual machine, with what its cloud-init is given from files. */
int verb_vm_create(struct session *session, const struct invocation *invocation);
/* Says what is wrong with it; exit code 2 if something is. */
int verb_cloud_init_check(struct session *session, const struct invocation *invocation);
int verb_on_new(struct session *session, const struct invocation *invocation);
int verb_import(struct session *session, const struct invocation *invocation);
int verb_task_watch(struct session *session, const struct invocation *invocation);
int verb_event_watch(struct session *session, const struct invocation *invocation);
int verb_console(struct session *session, const struct invocation *invocation);
int verb_vnc(struct session *session, const struct invocation *invocation);
int verb_version(struct session *session, const struct invocation *invocation);
int verb_completion(struct session *session, const struct invocation *invocation);

#endif
