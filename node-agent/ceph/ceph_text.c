/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ceph's configuration file and keyrings. Pure. */
#include <inttypes.h>

#include "ceph/ceph_node_priv.h"

/* Below these the defaults of Ceph, made for servers with much memory, are what fills a small machine. */
#define SMALL_MACHINE_BYTES (8 * GIB)
#define SMALL_OSD_BYTES (2 * GIB)
/* Ceph refuses an OSD a smaller target. */
#define OSD_TARGET_MIN_BYTES (896 * MIB)

struct setting {
	const char *key, *value;
};

static void add_settings(struct strbuf *text, const struct setting *settings)
{
	for (; settings->key; settings++)
		strbuf_addf(text, "%s = %s\n", settings->key, settings->value);
}

static const struct setting global_settings[] = {
	{ "ms_bind_msgr1", "false" },
	{ "ms_bind_msgr2", "true" },
	{ "auth_cluster_required", "cephx" },
	{ "auth_service_required", "cephx" },
	{ "auth_client_required", "cephx" },
	/* The last lines before a crash are enough; thousands are kept in memory otherwise. */
	{ "log_max_recent", "500" },
	{ "debug_rocksdb", "1/1" },
	{ "debug_bluestore", "1/1" },
	{ "debug_bluefs", "1/1" },
	{ "debug_mon", "1/1" },
	{ "debug_paxos", "1/1" },
	{ "debug_ms", "0/0" },
	{ NULL, NULL },
};

static const struct setting journal_settings[] = {
	{ "log_to_file", "false" },
	{ "log_to_stderr", "true" },
	{ NULL, NULL },
};

static const struct setting mon_settings[] = {
	/* Every client of ours is new enough (CVE-2021-20288). */
	{ "auth_allow_insecure_global_id_reclaim", "false" },
	/* The monitor shares its file system with the host. */
	{ "mon_data_avail_warn", "10" },
	/* Modules that nobody asked for are not enabled when the cluster is made. */
	{ "mgr_initial_modules", "" },
	/* It goes to the monitors' own log as well. */
	{ "mon_cluster_log_to_file", "false" },
	{ NULL, NULL },
};

static const struct setting mon_small_settings[] = {
	{ "mon_memory_autotune", "false" },
	{ "rocksdb_cache_size", "33554432" },
	{ "mon_osd_cache_size", "50" },
	{ NULL, NULL },
};

/* QEMU and whoever else opens images here: a machine that cannot get at its disk fails to start, it does not hang. What it
 * has open waits for the storage as long as it takes. */
static const struct setting client_settings[] = {
	{ "client_mount_timeout", "30" },
	{ "rados_mon_op_timeout", "30" },
	{ NULL, NULL },
};

static const struct setting osd_small_settings[] = {
	{ "bluestore_cache_autotune", "false" },
	{ "bluestore_rocksdb_options",
	  "compression=kNoCompression,max_write_buffer_number=2,min_write_buffer_number_to_merge=1,"
	  "recycle_log_file_num=2,write_buffer_size=16777216,writable_file_max_buffer_size=0,"
	  "compaction_readahead_size=262144,max_background_compactions=1,max_total_wal_size=67108864" },
	{ "osd_max_pg_log_entries", "1000" },
	{ "osd_min_pg_log_entries", "250" },
	{ "osd_map_cache_size", "20" },
	{ "osd_client_message_size_cap", "67108864" },
	{ NULL, NULL },
};

static void add_osd(struct strbuf *text, const struct osd_order *osd)
{
	if (!osd->memory_bytes)
		return;
	strbuf_addf(text, "\n[osd.%d]\n", osd->id);
	strbuf_addf(text, "osd_memory_target = %" PRIu64 "\n", MAX_OF(osd->memory_bytes, OSD_TARGET_MIN_BYTES));
	if (osd->memory_bytes >= SMALL_OSD_BYTES)
		return;
	strbuf_addf(text, "bluestore_cache_size = %" PRIu64 "\n", osd->memory_bytes / 8);
	add_settings(text, osd_small_settings);
}

static const struct {
	const char *name;
	const struct setting *settings, *small;
} daemon_sections[] = {
	{ "mon", mon_settings, mon_small_settings },
	{ "mgr", NULL, NULL },
	{ "osd", NULL, NULL },
};

char *ceph_text_conf(const struct ceph_order *order, const struct ceph_text_host *host)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_adds(&text, "# Written by ingot-agent; changes are overwritten.\n[global]\n");
	strbuf_addf(&text, "fsid = %s\n", order->fsid);
	strbuf_addf(&text, "mon_host = %s\n", order->mon_host);
	if (host->public_address)
		strbuf_addf(&text, "public_addr = %s\n", host->public_address);
	add_settings(&text, global_settings);
	for (size_t i = 0; i < ARRAY_SIZE(daemon_sections); i++) {
		strbuf_addf(&text, "\n[%s]\n", daemon_sections[i].name);
		/* Not for all: whoever reads images here has a standard error of its own. */
		if (host->journal)
			add_settings(&text, journal_settings);
		if (daemon_sections[i].settings)
			add_settings(&text, daemon_sections[i].settings);
		if (daemon_sections[i].small && host->memory_bytes < SMALL_MACHINE_BYTES)
			add_settings(&text, daemon_sections[i].small);
	}
	strbuf_adds(&text, "\n[client]\n");
	add_settings(&text, client_settings);
	for (unsigned i = 0; i < order->osd_count; i++)
		add_osd(&text, &order->osds[i]);
	return strbuf_take(&text);
}

char *ceph_text_keyring(const char *entity, const char *key)
{
	return xasprintf("[%s]\n\tkey = %s\n", entity, key);
}

char *ceph_text_mon_keyring(const struct ceph_order *order)
{
	return xasprintf("[mon.]\n\tkey = %s\n\tcaps mon = \"allow *\"\n"
			 "[client.admin]\n\tkey = %s\n\tcaps mon = \"allow *\"\n\tcaps osd = \"allow *\"\n"
			 "\tcaps mgr = \"allow *\"\n\tcaps mds = \"allow *\"\n",
			 order->mon.key, order->mon.admin_key);
}
