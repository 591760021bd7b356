/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection to this node's libvirt, and the key to Ceph that libvirt is given over it. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "vm/vm_priv.h"

#define KEYRING_PATH "/etc/ceph/ceph.client.ingot.keyring"

static char *first_line(const char *path)
{
	char *text = NULL;

	if (read_file(path, 256, &text, NULL) < 0)
		return xstrdup("unknown");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* This host, in this boot. */
static char *boot_name(struct part_run *run)
{
	_cleanup_free_ char *path = part_run_path(run, "/etc/machine-id");
	_cleanup_free_ char *host = first_line(path), *boot = first_line("/proc/sys/kernel/random/boot_id");

	return xasprintf("%s/%s", host, boot);
}

struct vm_state *vm_state_get(struct part_run *run)
{
	void **slot = part_run_state(run);
	struct vm_state *state = *slot;

	if (state)
		return state;
	state = new0(struct vm_state, 1);
	list_init(&state->migrations);
	list_init(&state->memories);
	state->boot = boot_name(run);
	*slot = state;
	return state;
}

/* ---- libvirt's own loop: answers and sends keepalives, so that calls to a daemon that hangs end ---- */

static void *event_thread(void *unused)
{
	(void)unused;
	while (virEventRunDefaultImpl() == 0)
		;
	return NULL;
}

static void quiet(void *unused, virErrorPtr error)
{
	(void)unused;
	(void)error;
}

/* Something must always be pending, or the loop would have nothing to wait for. */
static void tick(int timer, void *unused)
{
	(void)timer;
	(void)unused;
}

static void start_events(void)
{
	pthread_t thread;

	virSetErrorFunc(NULL, quiet);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0 || virEventAddTimeout(60000, tick, NULL, NULL) < 0)
		return;
	if (pthread_create(&thread, NULL, event_thread, NULL) == 0)
		pthread_detach(thread);
}

/* ---- the key ---- */

/* Of a keyring's "key = ..." line; the caller wipes and frees. */
static int read_key(struct part_run *run, char **ret, struct err *err)
{
	_cleanup_free_ char *path = part_run_path(run, KEYRING_PATH), *text = NULL;
	const char *key;
	int r = read_file(path, 4 * KIB, &text, NULL);

	if (r == -ENOENT)
		return err_set(err, ERR_STATE, "this node has no key to the storage yet");
	if (r < 0)
		return err_set_errno(err, r, "cannot read %s", path);
	key = strstr(text, "key = ");
	if (!key)
		return err_set(err, ERR_CORRUPT, "%s has no key", path);
	*ret = xstrndup(key + strlen("key = "), strcspn(key + strlen("key = "), "\n"));
	wipe(text, strlen(text));
	return 0;
}

static int set_secret(struct vm_state *state, const char *key, struct err *err)
{
	_cleanup_free_ char *xml = vm_xml_secret();
	_cleanup_free_ void *raw = NULL;
	size_t len = 0;
	virSecretPtr secret;
	int r;

	if (base64_decode(key, &raw, &len) < 0)
		return err_set(err, ERR_CORRUPT, "the key to the storage is not base64");
	secret = virSecretLookupByUsage(state->conn, VIR_SECRET_USAGE_TYPE_CEPH, VM_SECRET_USAGE);
	if (!secret)
		secret = virSecretDefineXML(state->conn, xml, 0);
	r = secret ? virSecretSetValue(secret, raw, len, 0) : -1;
	wipe(raw, len);
	if (secret)
		virSecretFree(secret);
	return r < 0 ? vm_fail(err, "libvirt does not take the key to the storage") : 0;
}

/* ---- connection ---- */

void vm_disconnect(struct vm_state *state)
{
	if (state->conn)
		virConnectClose(state->conn);
	state->conn = NULL;
	if (state->secret_key)
		wipe(state->secret_key, strlen(state->secret_key));
	free(TAKE_PTR(state->secret_key));
}

bool vm_connected(const struct vm_state *state)
{
	return state->conn && virConnectIsAlive(state->conn) == 1;
}

int vm_connect(struct vm_state *state, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (vm_connected(state))
		return 0;
	vm_disconnect(state);
	pthread_once(&once, start_events);
	state->conn = virConnectOpen("qemu:///system");
	if (!state->conn)
		return vm_fail(err, "libvirt does not answer");
	virConnectSetKeepAlive(state->conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

void vm_warm_up(struct vm_state *state)
{
	if (!state->warm)
		free(virConnectGetDomainCapabilities(state->conn, VM_EMULATOR, "x86_64", VM_MACHINE, NULL, 0));
	state->warm = true;
}

int vm_secret_ensure(struct part_run *run, struct vm_state *state, struct err *err)
{
	_cleanup_free_ char *key = NULL;
	int r = read_key(run, &key, err);

	if (r < 0)
		return r;
	if (!str_equal(key, state->secret_key)) {
		r = set_secret(state, key, err);
		if (r == 0)
			str_set(&state->secret_key, key);
	}
	if (key)
		wipe(key, strlen(key));
	return r;
}

void vm_state_release(void *data)
{
	struct vm_state *state = data;
	struct vm_memory *memory;

	migration_forget(state, NULL);
	LIST_FOREACH(memory, &state->memories, link)
		vm_memory_forget(state, memory->id);
	vm_disconnect(state);
	if (!list_empty(&state->migrations))
		return;
	json_decref(state->let_in);
	free(state->boot);
	free(state->member);
	free(state);
}
