/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files that keep what the serial ports put out. QEMU only ever adds to them; we take room back from the front by making
 * holes, so that offsets stay the numbers of the bytes. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vm/vm_priv.h"

#define BLOCK_BYTES 4096
#define SUFFIX ".serial.log"
/* How long the output of a machine that is gone can still be read. */
#define GONE_KEPT_S 3600

void vm_log_trim(const struct part_run *run, const char *id)
{
	_cleanup_free_ char *path = part_run_path(run, VM_SERIAL_LOG_FORMAT, id);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	/* Twice what is kept before anything is done: a hole is not made for each line. st_blocks counts 512 bytes each. */
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_blocks * 512 < 2 * VM_SERIAL_KEPT_BYTES)
		return;
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		  (st.st_size - VM_SERIAL_KEPT_BYTES) / BLOCK_BYTES * BLOCK_BYTES);
}

void vm_log_tidy(const struct part_run *run, const struct vm_domains *domains)
{
	_cleanup_free_ char *dir_path = part_run_path(run, VM_LOG_DIR);
	DIR *dir = opendir(dir_path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, SUFFIX);
		_cleanup_free_ char *id = end ? xstrndup(entry->d_name, (size_t)(end - entry->d_name)) : NULL;
		struct stat st;

		if (!id || vm_domains_find(domains, id) || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		if (st.st_mtime + GONE_KEPT_S < time(NULL))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}
