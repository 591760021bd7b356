/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of what was called: entries are added and, when they are many or old, dropped; never changed. */
#include "auth/auth_priv.h"

/* Within a transaction. At most two a time: there is never more to do than one was added. */
static void drop_old(struct auth *auth)
{
	int64_t now = loop_now_ms(store_loop(auth->store));
	size_t count = store_count(auth->store, &kind_audit);
	for (size_t i = 0; i < 2; i++) {
		const struct audit *oldest = store_at(auth->store, &kind_audit, i);
		if (oldest && (count - i >= AUDIT_MAX || now - oldest->time > AUDIT_KEPT_MS))
			store_remove(auth->store, &kind_audit, oldest->id);
	}
}

int auth_audit(struct auth *auth, const struct audit *entry, struct err *err)
{
	store_begin(auth->store);
	drop_old(auth);
	_cleanup_free_ char *id = store_id_new(auth->store);
	struct audit *audit = store_create_id(auth->store, &kind_audit, id);
	schema_done(&audit_schema, audit);
	schema_copy(&audit_schema, audit, entry);
	str_set(&audit->id, id);
	audit->time = loop_now_ms(store_loop(auth->store));
	return store_commit(auth->store, err);
}
