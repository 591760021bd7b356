/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest's cloud-init is given (data source NoCloud), and whether it could read that: the beginning of user data, the
 * syntax of YAML, public keys. Pure; any thread. No error repeats what was given: it may be secret. */
#ifndef INGOT_COMPUTE_CLOUD_INIT_H
#define INGOT_COMPUTE_CLOUD_INIT_H

#include "proto/resources.h"

/* Each: 0, or ERR_INVALID with the field, and the line where it is known. NULL and no keys are right. */

/* Its first line says what it is (cloud-init documentation, "User data formats"): "#cloud-config" (then it is YAML, a mapping),
 * "#cloud-config-archive" (a list), "#!", "#include", "#include-once", "#cloud-boothook", "#part-handler", "## template: jinja"
 * or a MIME header. */
int cloud_init_check_user_data(const char *text, struct err *err);
/* YAML, a mapping with "version: 1" or "version: 2", or with all of that below "network". */
int cloud_init_check_network_config(const char *text, struct err *err);
/* Lines of authorized_keys (sshd(8)) without options: type, base64, comment. */
int cloud_init_check_ssh_keys(char *const *keys, size_t count, struct err *err);

/* The first problem of each field; schema_done() frees what is in it. */
void cloud_init_check(const struct cloud_init_input *input, struct cloud_init_verdict *ret);

/* The seed of a virtual machine as its node is told: {"meta_data", "user_data", "network_config": text or null}; NULL if it has
 * none. The same machine always gives the same. The caller owns it. */
json_t *cloud_init_seed(const struct vm *vm);

/* How many bytes that is of the node's document. 0: it has none. */
size_t cloud_init_seed_bytes(const struct vm *vm);

#endif
