/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/store.h"

#define KIND(word) const struct store_kind kind_##word = { #word, &word##_schema, offsetof(struct word, name) }
#define KIND_WITHOUT_NAME(word) const struct store_kind kind_##word = { #word, &word##_schema, STORE_NO_NAME }

KIND(machine);
KIND(bmc_range);
KIND(node);
KIND(pool);
KIND(image);
KIND(volume);
KIND(network);
KIND(vm);
KIND(token);
KIND(user);
KIND(join_token);
KIND_WITHOUT_NAME(task);
KIND_WITHOUT_NAME(ceph_cluster);
KIND_WITHOUT_NAME(pool_usage);
KIND_WITHOUT_NAME(creation);
KIND_WITHOUT_NAME(sign_in_session);
KIND_WITHOUT_NAME(audit);
KIND(deleted_vm);
