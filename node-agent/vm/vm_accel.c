/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether KVM can run our guests. A device that opens and makes a machine is no proof: in nested and paravirtual hosts the
 * guest may never get through its firmware. So a guest is run that tells QEMU to exit with a number. */
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/user.h"
#include "cmd/cmd.h"
#include "vm/vm_priv.h"

#define PROBE_DEADLINE_MS 15000
#define PROBE_IMAGE VM_RUN_DIR "/kvm-probe.img"
/* Found out once in a boot. */
#define PROBE_RESULT VM_RUN_DIR "/accelerator"
#define EXIT_DEVICE "isa-debug-exit,iobase=0xf4,iosize=0x01"
#define EXIT_VALUE 0x2a
/* isa-debug-exit ends QEMU with (value << 1) | 1. */
#define EXIT_CODE ((EXIT_VALUE << 1) | 1)

/* A boot sector: mov al, 0x2a; out 0xf4, al; hlt. */
static const uint8_t probe_code[] = { 0xb0, EXIT_VALUE, 0xe6, 0xf4, 0xf4 };

static int write_probe(const char *path)
{
	uint8_t sector[512] = { 0 };

	memcpy(sector, probe_code, sizeof(probe_code));
	sector[510] = 0x55;
	sector[511] = 0xaa;
	return write_file_atomic(path, sector, sizeof(sector), 0600);
}

#define KVM_DEVICE "/dev/kvm"
#define GROUPS_MAX 64

/* We are root; those that are to use it are not. */
static bool user_may_use(const struct stat *st)
{
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	uid_t uid;
	gid_t gid;

	if (user_find(VM_QEMU_USER, &uid, &gid) < 0 || getgrouplist(VM_QEMU_USER, gid, groups, &count) < 0)
		return false;
	if (st->st_uid == uid)
		return (st->st_mode & 0600) == 0600;
	for (int i = 0; i < count; i++) {
		if (st->st_gid == groups[i])
			return (st->st_mode & 0060) == 0060;
	}
	return (st->st_mode & 0006) == 0006;
}

static bool device_opens(void)
{
	_cleanup_close_ int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (user_may_use(&st))
		return true;
	log_warning(KVM_DEVICE " is there, but the user " VM_QEMU_USER
			       " may not use it: it should be in the device's group");
	return false;
}

static bool probe(const struct part_run *run)
{
	_cleanup_(cmd_result_done) struct cmd_result result = { 0 };
	_cleanup_free_ char *image = part_run_path(run, PROBE_IMAGE);
	_cleanup_free_ char *drive = xasprintf("file=%s,format=raw,if=none,id=probe,readonly=on", image);
	const char *argv[] = { "qemu-system-x86_64",
			       "-accel",
			       "kvm",
			       "-machine",
			       VM_MACHINE,
			       "-cpu",
			       "qemu64",
			       "-m",
			       "32",
			       "-nodefaults",
			       "-display",
			       "none",
			       "-no-reboot",
			       "-drive",
			       drive,
			       "-device",
			       "virtio-blk-pci,drive=probe",
			       "-device",
			       EXIT_DEVICE,
			       NULL };
	struct cmd cmd = { .argv = argv, .deadline_ms = PROBE_DEADLINE_MS, .die_with_parent = true };
	_cleanup_err_ struct err err = ERR_INIT;
	bool works;

	if (!device_opens() || write_probe(image) < 0)
		return false;
	cmd_run(&cmd, &result, &err);
	works = WIFEXITED(result.status) && WEXITSTATUS(result.status) == EXIT_CODE;
	if (!works)
		log_info("KVM is there but does not run a guest: %s", str_or(err.text, "wrong answer"));
	unlink(image);
	return works;
}

bool vm_accel_kvm_works(const struct part_run *run)
{
	_cleanup_free_ char *path = part_run_path(run, PROBE_RESULT), *known = NULL;
	bool works;

	if (read_file(path, 16, &known, NULL) == 0)
		return str_equal(known, "kvm");
	works = probe(run);
	write_file_atomic(path, works ? "kvm" : "tcg", strlen("kvm"), 0644);
	return works;
}
