/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "install/loader.h"

/* A file of the ESP in memory, open for reading only: the kernel refuses to load what somebody could still write. */
static int load_from_esp(const struct esp *esp, const char *path, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = memfd_create("ingot-kexec", MFD_CLOEXEC);
	_cleanup_free_ char *again = NULL;
	int r;

	if (fd < 0)
		return err_set_errno(err, -errno, "memfd_create");
	r = esp_get(esp, path, fd, err);
	if (r < 0)
		return r;
	again = xasprintf("/proc/self/fd/%d", fd);
	r = open(again, O_RDONLY | O_CLOEXEC);
	if (r < 0)
		return err_set_errno(err, -errno, "%s", again);
	*ret_fd = r;
	return 0;
}

/* kexec_file_load(2) */
static int load_kernel(const char *name, const char *console, const struct esp *esp, struct err *err)
{
	_cleanup_free_ char *line = loader_command_line(esp->layout, name, console);
	_cleanup_close_ int kernel = -1, initrd = -1;
	int r = load_from_esp(esp, "/ingot/a/vmlinuz", &kernel, err);

	if (r == 0)
		r = load_from_esp(esp, "/ingot/a/initrd", &initrd, err);
	if (r < 0)
		return r;
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, 0UL) < 0)
		return err_set_errno(err, -errno, "kexec_file_load");
	return 0;
}

int boot_host(enum boot_how how, const char *name, const char *console, const struct esp *esp, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;

	sync();
	if (how == BOOT_KEXEC) {
		if (load_kernel(name, console, esp, &why) == 0 &&
		    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL) < 0)
			err_set_errno(&why, -errno, "kexec");
		/* The boot intent is the local disk by now: the long way leads there as well. */
		log_warning("install: %s; rebooting instead", str_or(why.text, "kexec did not happen"));
	}
	reboot(how == BOOT_POWEROFF ? RB_POWER_OFF : RB_AUTOBOOT);
	return err_set_errno(err, -errno, "reboot");
}
