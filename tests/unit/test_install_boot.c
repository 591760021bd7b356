/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the live image is left. The kernel's own answers to kexec_file_load(2) and reboot(2) are given by a seccomp filter, which
 * also sees to it that neither is ever carried out here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "install/boot.h"

/* From now on, and for good, the call ends with this errno (0: it succeeds and does nothing). Of several filters that say so the
 * last one counts (seccomp(2)). */
static void answer_syscall(unsigned number, unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static int no_reboot(void **state)
{
	answer_syscall(SYS_reboot, EPERM);
	answer_syscall(SYS_kexec_file_load, EPERM);
	return 0;
}

static struct kexec *load(unsigned error)
{
	answer_syscall(SYS_kexec_file_load, error);
	return kexec_start(memfd_create("kernel", MFD_CLOEXEC), memfd_create("initrd", MFD_CLOEXEC), "console=ttyS0");
}

static void every_refusal_of_kexec_leads_to_a_reboot(void **state)
{
	static const struct {
		unsigned error;
		const char *says;
	} refusals[] = {
		{ EPERM, "kexec_load_disabled" }, { ENOSYS, "built without" },	 { ENOEXEC, "no kernel that" },
		{ EADDRNOTAVAIL, "no room" },	  { ENOMEM, "allocate memory" }, { EBUSY, "busy" },
		{ EKEYREJECTED, "Key" },	  { EBADF, "descriptor" },	 { EINVAL, "Invalid" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_err_ struct err why = ERR_INIT;
		struct kexec *kexec = load(refusals[i].error);

		assert_int_equal(boot_choose(BOOT_KEXEC, kexec, &why), BOOT_REBOOT);
		assert_int_equal(boot_choose(BOOT_KEXEC, kexec, NULL), BOOT_REBOOT); /* asked again: the same */
		kexec_free(kexec);
		assert_int_equal(why.code, ERR_UNSUPPORTED);
		assert_true(str_starts(why.text, "kexec_file_load: "));
		if (!strstr(why.text, refusals[i].says))
			fail_msg("errno %u: \"%s\" does not say \"%s\"", refusals[i].error, why.text, refusals[i].says);
	}
}

static void kexec_only_where_a_kernel_was_loaded(void **state)
{
	_cleanup_err_ struct err why = ERR_INIT, none = ERR_INIT;
	struct kexec *kexec = load(0);

	assert_int_equal(boot_choose(BOOT_KEXEC, kexec, &none), BOOT_KEXEC);
	assert_int_equal(boot_choose(BOOT_REBOOT, kexec, &none), BOOT_REBOOT);
	assert_int_equal(boot_choose(BOOT_POWEROFF, NULL, &none), BOOT_POWEROFF);
	assert_int_equal(none.code, ERR_NONE);
	assert_int_equal(boot_choose(BOOT_KEXEC, NULL, &why), BOOT_REBOOT);
	assert_string_equal(why.text, "no kernel was loaded ahead");
	kexec_free(kexec);
}

/* What was told, one line each. */
static void note(enum boot_how how, const struct err *why, void *ctx)
{
	static const char *const words[] = { "not yet", "kexec", "reboot", "poweroff" };

	strbuf_addf(ctx, "%s%s%s\n", words[how], why->code == ERR_NONE ? "" : ": ", str_or(why->text, ""));
}

static void it_is_told_before_it_goes(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf told = { 0 };
	struct kexec *kexec = load(ENOSYS);

	assert_int_equal(boot_host(BOOT_KEXEC, kexec, note, &told, &err), -EPERM);
	assert_string_equal(told.data,
			    "reboot: kexec_file_load: Function not implemented (the kernel is built without it)\n");
	assert_non_null(strstr(err.text, "reboot"));
	kexec_free(kexec);
}

static void a_loaded_kernel_that_does_not_start_leads_to_a_reboot_too(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf told = { 0 };
	struct kexec *kexec = load(0);

	assert_int_equal(boot_host(BOOT_KEXEC, kexec, note, &told, &err), -EPERM);
	assert_string_equal(told.data, "kexec\nreboot: starting the kernel that was loaded: Operation not permitted\n");
	kexec_free(kexec);
}

static void a_reboot_that_was_asked_for_needs_no_reason(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf told = { 0 };

	assert_int_equal(boot_host(BOOT_REBOOT, NULL, note, &told, &err), -EPERM);
	assert_string_equal(told.data, "reboot\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_refusal_of_kexec_leads_to_a_reboot),
		cmocka_unit_test(kexec_only_where_a_kernel_was_loaded),
		cmocka_unit_test(it_is_told_before_it_goes),
		cmocka_unit_test(a_loaded_kernel_that_does_not_start_leads_to_a_reboot_too),
		cmocka_unit_test(a_reboot_that_was_asked_for_needs_no_reason),
	};

	return cmocka_run_group_tests(tests, no_reboot, NULL);
}
