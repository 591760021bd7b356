/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where BMCs are looked for, and whom they are spoken to as: ranges that people made, and those that the configuration names. The
 * latter are documents too, so that people see them and what came of them, but for the password, which the configuration has. */
#include "base/log.h"
#include "machine/machine_priv.h"

static void put_password(struct bmc_range *range, const char *password)
{
	if (range->password)
		wipe(range->password, strlen(range->password));
	str_set(&range->password, password);
}

static void tell(struct machines *machines, const char *code, const struct bmc_range *range)
{
	_cleanup_free_ char *count = xasprintf("%lld", (long long)range->addresses);
	store_event(machines->store, code, "bmc_range", range->id, range->name, "range", range->range, "count", count,
		    NULL);
}

/* ---- what people ask for ---- */

static int check_others(struct machines *machines, const struct bmc_addresses *addresses, struct err *err)
{
	int64_t total = 0;
	STORE_EACH(struct bmc_range, other, machines->store, &kind_bmc_range) {
		struct bmc_addresses theirs;
		if (bmc_addresses_parse(other->range, &theirs, NULL) < 0)
			continue;
		_cleanup_free_ char *shared = bmc_addresses_shared(addresses, &theirs);
		if (shared)
			return err_set_field(
				err, ERR_EXISTS, "range",
				"range: %s is in the range %s (%s) already; leave its addresses out, or delete that one first",
				shared, other->name, other->range);
		total += theirs.count;
	}
	if (total + addresses->count > BMC_ADDRESSES_MAX)
		return err_set_field(
			err, ERR_INVALID, "range",
			"range: with the %lld addresses of the other ranges these are %lld, and no more than %d are looked at; "
			"write a smaller range, or delete another one",
			(long long)total, (long long)total + addresses->count, BMC_ADDRESSES_MAX);
	return 0;
}

static int check(struct machines *machines, const struct bmc_range *wanted, struct bmc_addresses *ret, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;
	if (store_find(machines->store, &kind_bmc_range, wanted->name))
		return err_set_field(err, ERR_EXISTS, "name",
				     "name: there is a range '%s' of BMC addresses already; choose another",
				     wanted->name);
	if (bmc_addresses_parse(wanted->range, ret, &why) < 0)
		return err_set_field(err, ERR_INVALID, "range", "range: %s", why.text);
	return check_others(machines, ret, err);
}

int machine_bmc_range_create(struct machines *machines, const struct bmc_range *wanted, const struct bmc_range **ret,
			     struct err *err)
{
	struct bmc_addresses addresses;
	int r = check(machines, wanted, &addresses, err);
	if (r < 0)
		return r;
	store_begin(machines->store);
	struct bmc_range *range = store_create(machines->store, &kind_bmc_range);
	_cleanup_free_ char *id = xstrdup(range->id);
	range->name = xstrdup(wanted->name);
	range->range = xstrdup(wanted->range);
	range->user = xstrdup(wanted->user);
	range->password = xstrdup(wanted->password);
	range->addresses = addresses.count;
	range->created_at = loop_now_ms(machines->loop);
	tell(machines, "bmc_range.created", range);
	r = store_commit(machines->store, err);
	if (r == 0)
		*ret = store_get(machines->store, &kind_bmc_range, id);
	return r;
}

static int check_own(const struct bmc_range *range, struct err *err)
{
	if (!range->configured)
		return 0;
	return err_set(err, ERR_STATE,
		       "%s is named by the provisioner's configuration file; change it there (bmc.ranges, bmc.user, "
		       "bmc.password_file) and restart the provisioner",
		       range->name);
}

static int check_login(const struct bmc_range *changed, struct err *err)
{
	if (!changed->user)
		return err_set_field(err, ERR_INVALID, "user", "user: must not be null; leave it out to keep it");
	if (!changed->password)
		return err_set_field(err, ERR_INVALID, "password",
				     "password: must not be null; leave it out to keep it");
	return 0;
}

static void outdate(struct machines *machines, const char *id)
{
	for (size_t i = 0; i < machines->scanned_count; i++)
		if (str_equal(machines->scanned[i].id, id))
			machines->scanned[i].outdated = true;
}

int machine_bmc_range_update(struct machines *machines, const char *id, const struct bmc_range *changed,
			     struct err *err)
{
	const struct bmc_range *known = store_get(machines->store, &kind_bmc_range, id);
	int r = check_own(known, err);
	if (r == 0)
		r = check_login(changed, err);
	if (r < 0 || (str_equal(known->user, changed->user) && str_equal(known->password, changed->password)))
		return r;
	store_begin(machines->store);
	struct bmc_range *range = store_edit(machines->store, &kind_bmc_range, id);
	str_set(&range->user, changed->user);
	put_password(range, changed->password);
	range->answered = range->refused = 0;
	range->scanned_at = 0;
	tell(machines, "bmc_range.changed", range);
	r = store_commit(machines->store, err);
	if (r == 0)
		outdate(machines, id);
	return r;
}

int machine_bmc_range_delete(struct machines *machines, const char *id, struct err *err)
{
	const struct bmc_range *range = store_get(machines->store, &kind_bmc_range, id);
	int r = check_own(range, err);
	if (r < 0)
		return r;
	store_begin(machines->store);
	tell(machines, "bmc_range.deleted", range);
	store_remove(machines->store, &kind_bmc_range, id);
	return store_commit(machines->store, err);
}

/* ---- what the configuration says ---- */

static bool is_configured(const struct machines *machines, const char *text)
{
	const char *const *ranges = machines->spec.bmc_ranges;
	for (size_t i = 0; ranges && ranges[i]; i++)
		if (str_equal(ranges[i], text))
			return true;
	return false;
}

/* For an edit; the document, or NULL. */
static struct bmc_range *find_configured(struct machines *machines, const char *text)
{
	STORE_EACH(struct bmc_range, range, machines->store, &kind_bmc_range)
		if (range->configured && str_equal(range->range, text))
			return store_edit(machines->store, &kind_bmc_range, range->id);
	return NULL;
}

static void configure(struct machines *machines, const char *text, size_t number, size_t count)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct bmc_addresses addresses;
	if (bmc_addresses_parse(text, &addresses, &err) < 0) {
		log_warning("bmc.ranges: %s; it is left out", err.text);
		return;
	}
	struct bmc_range *range = find_configured(machines, text);
	if (!range) {
		range = store_create(machines->store, &kind_bmc_range);
		range->range = xstrdup(text);
		range->configured = true;
		range->created_at = loop_now_ms(machines->loop);
		range->addresses = addresses.count;
		/* What is made in one transaction is not found by its name: each range has numbers of its own. */
		do {
			free(range->name);
			range->name = xasprintf("configured-%zu", number);
			number += count;
		} while (store_find(machines->store, &kind_bmc_range, range->name));
		tell(machines, "bmc_range.created", range);
	}
	str_set(&range->user, machines->spec.bmc_user);
}

void machine_bmc_ranges_configure(struct machines *machines)
{
	const char *const *ranges = machines->spec.bmc_ranges;
	size_t count = 0;
	while (ranges && ranges[count])
		count++;
	store_begin(machines->store);
	for (size_t i = 0; i < count; i++)
		configure(machines, ranges[i], i + 1, count);
	STORE_EACH(struct bmc_range, range, machines->store, &kind_bmc_range) {
		if (!range->configured || is_configured(machines, range->range))
			continue;
		tell(machines, "bmc_range.deleted", range);
		store_remove(machines->store, &kind_bmc_range, range->id);
	}
	store_must_commit(machines->store);
}

/* ---- a scan ---- */

void machine_bmc_range_follow(struct machines *machines, const char *id)
{
	const struct bmc_range *range = store_get(machines->store, &kind_bmc_range, id);
	if (range && !range->scanned_at)
		machine_bmc_scan_now(machines);
}

const char **machine_bmc_ranges_begin(struct machines *machines)
{
	size_t count = store_count(machines->store, &kind_bmc_range);
	const char **texts = new0(const char *, count + 1);
	int64_t total = 0;
	machine_bmc_ranges_stop(machines);
	machines->scanned = new0(struct scanned_range, count + 1);
	STORE_EACH(struct bmc_range, range, machines->store, &kind_bmc_range) {
		struct scanned_range *scanned = &machines->scanned[machines->scanned_count];
		if (bmc_addresses_parse(range->range, &scanned->addresses, NULL) < 0)
			continue;
		/* Those that people make fit; the configuration may name more beside them. */
		if (total + scanned->addresses.count > BMC_ADDRESSES_MAX) {
			log_warning("looking for BMCs: %s (%s) is left out: with it there are more than %d addresses",
				    range->name, range->range, BMC_ADDRESSES_MAX);
			continue;
		}
		total += scanned->addresses.count;
		scanned->id = xstrdup(range->id);
		texts[machines->scanned_count++] = range->range;
	}
	return texts;
}

struct scanned_range *machine_bmc_range_of(struct machines *machines, const char *address)
{
	for (size_t i = 0; i < machines->scanned_count; i++)
		if (bmc_addresses_have(&machines->scanned[i].addresses, address))
			return &machines->scanned[i];
	return NULL;
}

bool machine_bmc_range_login(struct machines *machines, const struct scanned_range *range, struct bmc_target *target)
{
	const struct machines_spec *spec = &machines->spec;
	const struct bmc_range *known = range ? store_get(machines->store, &kind_bmc_range, range->id) : NULL;
	bool of_spec = known ? known->configured : !range && spec->scan;
	if (!known && !of_spec)
		return false;
	str_set(&target->user, of_spec ? spec->bmc_user : known->user);
	str_set(&target->password, of_spec ? spec->bmc_password : known->password);
	return true;
}

bool machine_bmc_ranges_end(struct machines *machines)
{
	if (machines->scanned_count == 0)
		return false;
	store_begin(machines->store);
	for (size_t i = 0; i < machines->scanned_count; i++) {
		const struct scanned_range *scanned = &machines->scanned[i];
		if (scanned->outdated || !store_get(machines->store, &kind_bmc_range, scanned->id))
			continue; /* changed or deleted meanwhile; of the former the next scan tells */
		struct bmc_range *range = store_edit(machines->store, &kind_bmc_range, scanned->id);
		range->answered = scanned->answered;
		range->refused = scanned->refused;
		range->scanned_at = loop_now_ms(machines->loop);
	}
	machine_bmc_ranges_stop(machines);
	return store_must_commit(machines->store) == 0;
}

void machine_bmc_ranges_stop(struct machines *machines)
{
	for (size_t i = 0; i < machines->scanned_count; i++)
		free(machines->scanned[i].id);
	free(machines->scanned);
	machines->scanned = NULL;
	machines->scanned_count = 0;
}
