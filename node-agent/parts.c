/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "ceph/ceph_part.h"
#include "console/console_part.h"
#include "install/install.h"
#include "inventory/inventory.h"
#include "parts.h"

/* Built in. */
static const struct part *const built_in[] = {
	&inventory_part,
	&install_part,
	&ceph_part,
	&console_part,
};

/* Shared objects, for what the live image does not have the libraries of. */
static const struct {
	const char *file;
	const char *symbol; /* of type part_plugin_fn */
	unsigned modes;
} plugins[] = {
	{ "ingot-agent-vm.so", "ingot_vm_part", PART_NODE },
};

static const struct part *plugin_load(const char *dir, const char *file, const char *symbol)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, file);
	part_plugin_fn get;
	void *handle;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		log_info("%s is not there: the agent does without", path);
		return NULL;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		log_error("%s", dlerror());
		return NULL;
	}
	/* POSIX lets a symbol's address stand for a function (dlsym, application usage); ISO C does not. */
	*(void **)&get = dlsym(handle, symbol);
	if (!get) {
		log_error("%s: it has no %s", path, symbol);
		dlclose(handle);
		return NULL;
	}
	/* Never unloaded: its threads and its part live as long as we do. */
	return get();
}

const struct part **parts_load(unsigned mode, const char *plugin_dir, unsigned *ret_count)
{
	const struct part **parts = new0(const struct part *, ARRAY_SIZE(built_in) + ARRAY_SIZE(plugins) + 1);
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(built_in); i++) {
		if (built_in[i]->modes & mode)
			parts[count++] = built_in[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		const struct part *part =
			plugins[i].modes & mode ? plugin_load(plugin_dir, plugins[i].file, plugins[i].symbol) : NULL;

		if (part && part->abi != PART_ABI)
			log_error("%s was made for another agent (ABI %u, this one has %d)", plugins[i].file, part->abi,
				  PART_ABI);
		else if (part && part->modes & mode)
			parts[count++] = part;
	}
	*ret_count = count;
	return parts;
}
