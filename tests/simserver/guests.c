/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What simulated virtual machines are to whoever opens their console: real QEMU processes. */
#include "simserver_priv.h"
#include "vm/vm_paths.h"

#define ARGUMENTS_MAX 32

struct guest {
	struct list link;
	const struct sim_machine *machine;
	char *id;
	struct service *qemu;
	bool wanted;
};

struct guests {
	struct world *world;
	const char *dir, *image;
	struct list list;
};

struct service *guest_start(struct world *world, const char *image, const char *name, const char *const *ends)
{
	_cleanup_free_ char *drive = xasprintf("file=%s,format=raw,if=virtio,readonly=on", image);
	const char *argv[ARGUMENTS_MAX] = { "qemu-system-x86_64",
					    "-nodefaults",
					    "-no-user-config",
					    "-name",
					    name,
					    "-machine",
					    "pc,accel=tcg",
					    "-m",
					    "16",
					    "-drive",
					    drive,
					    "-vga",
					    "std",
					    "-display",
					    "none" };
	size_t n = 0;
	while (argv[n])
		n++;
	while (*ends && n < ARGUMENTS_MAX - 1)
		argv[n++] = *ends++;
	const struct service_spec spec = { .name = name, .argv = argv };
	return service_new(world->loop, &spec);
}

char *guests_prefix(const char *dir, const struct sim_machine *machine)
{
	return xasprintf("%s/nodes/%u", dir, machine->index);
}

static struct guest *find(struct guests *guests, const struct sim_machine *machine, const char *id)
{
	struct guest *guest;
	LIST_FOREACH(guest, &guests->list, link)
		if (guest->machine == machine && str_equal(guest->id, id))
			return guest;
	return NULL;
}

static struct guest *add(struct guests *guests, const struct sim_machine *machine, const char *id)
{
	_cleanup_free_ char *prefix = guests_prefix(guests->dir, machine);
	static const char *const folders[] = { VM_RUN_DIR, VM_LOG_DIR, VM_VNC_DIR };
	_cleanup_free_ char *serial = xasprintf("socket,id=serial,server=on,wait=off,path=%s" VM_SERIAL_FORMAT
						",logappend=off,logfile=%s" VM_SERIAL_LOG_FORMAT,
						prefix, id, prefix, id);
	_cleanup_free_ char *vnc = xasprintf("unix:%s" VM_VNC_FORMAT, prefix, id);
	const char *const ends[] = { "-chardev", serial, "-serial", "chardev:serial", "-vnc", vnc, NULL };
	struct guest *guest = new0(struct guest, 1);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *folder = xasprintf("%s%s", prefix, folders[i]);
		mkdir_p(folder, 0700);
	}
	guest->machine = machine;
	guest->id = xstrdup(id);
	guest->qemu = guest_start(guests->world, guests->image, id, ends);
	list_append(&guests->list, &guest->link);
	return guest;
}

static void drop(struct guest *guest)
{
	list_remove(&guest->link);
	service_free(guest->qemu);
	free(guest->id);
	free(guest);
}

void guests_look(struct guests *guests)
{
	struct guest *guest;
	LIST_FOREACH(guest, &guests->list, link)
		guest->wanted = false;
	for (unsigned i = 0; i < guests->world->machine_count; i++) {
		const struct sim_machine *machine = &guests->world->machines[i];
		for (unsigned n = 0; n < machine->domain_count; n++) {
			const struct sim_domain *domain = &machine->domains[n];
			if (domain->state != DOMAIN_RUNNING)
				continue;
			guest = find(guests, machine, domain->id);
			guest = guest ? guest : add(guests, machine, domain->id);
			guest->wanted = true;
		}
	}
	LIST_FOREACH(guest, &guests->list, link)
		if (!guest->wanted)
			drop(guest);
}

struct guests *guests_new(struct world *world, const char *dir, const char *image)
{
	struct guests *guests = new0(struct guests, 1);
	guests->world = world;
	guests->dir = dir;
	guests->image = image;
	list_init(&guests->list);
	return guests;
}
