/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
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

/* A shared object, for what the live image does not have the libraries of. It is loaded when its part is first run: its
 * libraries are large, and a node is known to the provisioner sooner without them. */
struct plugin {
	const char *file, *symbol; /* the symbol is a part_plugin_fn */
	char *path;
	const struct part *part; /* once it was loaded; never unloaded: its threads live as long as we do */
};

static int plugin_load(struct plugin *plugin, const struct part *announced, struct err *err)
{
	const struct part *part;
	part_plugin_fn get;
	void *handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return err_set(err, ERR_UNSUPPORTED, "%s", dlerror());
	/* POSIX lets a symbol's address stand for a function (dlsym, application usage); ISO C does not. */
	*(void **)&get = dlsym(handle, plugin->symbol);
	part = get ? get() : NULL;
	if (part && part->abi == PART_ABI && str_equal(part->name, announced->name) &&
	    str_equal(part->also, announced->also) && part->flags == announced->flags &&
	    part->modes == announced->modes && part->converge) {
		plugin->part = part;
		return 0;
	}
	dlclose(handle);
	return err_set(err, ERR_UNSUPPORTED, "%s: it was made for another agent, or has no %s", plugin->path,
		       plugin->symbol);
}

static struct plugin vm_plugin = { .file = "ingot-agent-vm.so", .symbol = "ingot_vm_part" };
static const struct part vm_part;

static int vm_converge(struct part_run *run, json_t *desired, json_t **ret_report, struct err *err)
{
	int r = vm_plugin.part ? 0 : plugin_load(&vm_plugin, &vm_part, err);

	if (r < 0)
		return r;
	part_run_again(run, vm_plugin.part->period_ms);
	return vm_plugin.part->converge(run, desired, ret_report, err);
}

static void vm_release(void *state)
{
	if (vm_plugin.part && vm_plugin.part->release)
		vm_plugin.part->release(state);
}

/* As the plugin's own says; its period is known once it is loaded. PART_WAITS: it is not run, and so not loaded, before the
 * provisioner has spoken. */
static const struct part vm_part = {
	.abi = PART_ABI,
	.name = "vms",
	.also = "members",
	.modes = PART_NODE,
	.flags = PART_WAITS,
	.converge = vm_converge,
	.release = vm_release,
};

/* Whether it is there. */
static bool plugin_find(struct plugin *plugin, const char *dir)
{
	free(plugin->path);
	plugin->path = xasprintf("%s/%s", dir, plugin->file);
	if (access(plugin->path, F_OK) == 0)
		return true;
	log_info("%s is not there: the agent does without", plugin->path);
	return false;
}

const struct part **parts_load(unsigned mode, const char *plugin_dir, unsigned *ret_count)
{
	const struct part **parts = new0(const struct part *, ARRAY_SIZE(built_in) + 2);
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(built_in); i++) {
		if (built_in[i]->modes & mode)
			parts[count++] = built_in[i];
	}
	if ((vm_part.modes & mode) && plugin_find(&vm_plugin, plugin_dir))
		parts[count++] = &vm_part;
	*ret_count = count;
	return parts;
}
