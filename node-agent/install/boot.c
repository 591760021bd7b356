/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "install/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "install/loader.h"

#define STACK_BYTES ((size_t)(128 * KIB))

struct kexec {
	pthread_t thread;
	bool joined;
	int kernel, initrd;
	char *line;
	int error; /* of kexec_file_load; 0 or an errno. The thread's until it was joined. */
};

/* kexec_file_load(2) */
static void *load_thread(void *data)
{
	struct kexec *kexec = data;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (syscall(SYS_kexec_file_load, kexec->kernel, kexec->initrd, strlen(kexec->line) + 1, kexec->line, 0UL) < 0)
		kexec->error = errno;
	return NULL;
}

struct kexec *kexec_start(int kernel, int initrd, const char *command_line)
{
	struct kexec *kexec = new0(struct kexec, 1);
	pthread_attr_t attributes;
	int r;

	kexec->kernel = kernel;
	kexec->initrd = initrd;
	kexec->line = xstrdup(command_line);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&kexec->thread, &attributes, load_thread, kexec);
	pthread_attr_destroy(&attributes);
	/* If there is a thread, the error is its own by now. */
	if (r != 0) {
		kexec->joined = true;
		kexec->error = r;
	}
	return kexec;
}

/* A file of the ESP in memory, open for reading only. */
static int read_from_esp(const struct esp *esp, const char *path, int *ret_fd, struct err *err)
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

int kexec_start_from_esp(const struct esp *esp, const char *name, const char *console, struct kexec **ret,
			 struct err *err)
{
	_cleanup_free_ char *line = loader_command_line(esp->layout, name, console);
	_cleanup_close_ int kernel = -1, initrd = -1;
	int r = read_from_esp(esp, "/ingot/a/vmlinuz", &kernel, err);

	if (r == 0)
		r = read_from_esp(esp, "/ingot/a/initrd", &initrd, err);
	if (r < 0)
		return r;
	*ret = kexec_start(TAKE_FD(kernel), TAKE_FD(initrd), line);
	return 0;
}

/* What a person may want to know beyond the errno's own text; see kexec_file_load(2). */
static const char *meaning_of(int error)
{
	static const struct {
		int error;
		const char *meaning;
	} meanings[] = {
		{ EPERM, " (kernel.kexec_load_disabled is set, or Secure Boot has locked the kernel down)" },
		{ ENOSYS, " (the kernel is built without it)" },
		{ ENOEXEC, " (it is no kernel that this one knows how to start)" },
		{ EADDRNOTAVAIL, " (there is no room for it in memory)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].error == error)
			return meanings[i].meaning;
	return "";
}

/* 0 when the kernel is loaded. */
static int kexec_wait(struct kexec *kexec, struct err *err)
{
	if (!kexec->joined)
		pthread_join(kexec->thread, NULL);
	kexec->joined = true;
	if (!kexec->error)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "kexec_file_load: %s%s",
		       str_or(strerrordesc_np(kexec->error), "Unknown error"), meaning_of(kexec->error));
}

struct kexec *kexec_free(struct kexec *kexec)
{
	_cleanup_err_ struct err unused = ERR_INIT;

	if (!kexec)
		return NULL;
	if (kexec_wait(kexec, &unused) == 0)
		syscall(SYS_kexec_file_load, -1, -1, 0UL, NULL, (unsigned long)KEXEC_FILE_UNLOAD);
	close_fd(kexec->kernel);
	close_fd(kexec->initrd);
	free(kexec->line);
	free(kexec);
	return NULL;
}

enum boot_how boot_choose(enum boot_how wanted, struct kexec *kexec, struct err *why)
{
	if (wanted != BOOT_KEXEC)
		return wanted;
	if (!kexec)
		err_set(why, ERR_STATE, "no kernel was loaded ahead");
	else if (kexec_wait(kexec, why) == 0)
		return BOOT_KEXEC;
	return BOOT_REBOOT;
}

int boot_host(enum boot_how how, struct kexec *kexec, boot_tell_fn tell, void *ctx, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;

	how = boot_choose(how, kexec, &why);
	tell(how, &why, ctx);
	sync();
	if (how == BOOT_KEXEC) {
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
		err_set_errno(&why, -errno, "starting the kernel that was loaded");
		how = BOOT_REBOOT;
		tell(how, &why, ctx);
	}
	reboot(how == BOOT_POWEROFF ? RB_POWER_OFF : RB_AUTOBOOT);
	return err_set_errno(err, -errno, "reboot");
}
