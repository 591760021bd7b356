/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One installation on its way, and its steps. All on the caller's thread. */
#ifndef INGOT_INSTALL_INSTALL_PRIV_H
#define INGOT_INSTALL_INSTALL_PRIV_H

#include "bundle/bundle.h"
#include "install/esp.h"
#include "install/fetch.h"
#include "install/layout.h"
#include "install/readback.h"
#include "install/write.h"

struct install {
	const struct write_spec *spec;
	struct write_status *status;
	struct held_disk disk;
	struct layout *layout; /* the status' own */
	struct esp esp;
	struct fetch *fetch; /* NULL: from a file */
	int bundle_fd;	     /* the file; -1 if there is none */
	struct bundle_reader *reader;
	struct piece_sums root_sums; /* of the root part, once it was written */
	int kernel, initrd;	     /* as read back from the ESP, until somebody is given them; -1 */

	int64_t published_ms, asked_ms;
	bool cancelled;
};

/* Tells how far the step is; seldom enough to be called often. */
void install_progress(struct install *install, uint64_t done, uint64_t total);
/* The order was taken back or replaced, or the agent ends. */
bool install_cancelled(struct install *install);
int install_check_cancelled(struct install *install, struct err *err);

/* A file of the work folder; the caller frees. */
char *install_work_path(const struct install *install, const char *name);

/* image.c: the steps that move the bundle. */
int image_open(struct install *install, struct err *err);   /* signature, manifest, sizes; nothing is written */
int image_write(struct install *install, struct err *err);  /* every part to its place or to the work folder */
int image_verify(struct install *install, struct err *err); /* read back from the disk */
void image_close(struct install *install);

/* state_partition.c: a new one with the files, or the files put into the one that is there; read back from the disk. */
int state_partition_make(struct install *install, struct err *err);
/* Mends the file system of the one that is there, its journal first: only then may anything be put into it. ERR_STATE: it
 * cannot be mended; the errors of disk_window_open(). */
int state_partition_repair(struct install *install, struct err *err);
int state_partition_update(struct install *install, struct err *err);
/* "/proc/1/fd/7?offset=N", as the tools of e2fsprogs take it; the caller frees. */
char *state_device(const struct install *install);
/* Runs commands of debugfs. Its exit code says nothing, and what it complains about comes on standard error, at no certain
 * place among the rest: what has happened is asked for afterwards. Its standard output (the caller frees), of which
 * answers_bytes and some more are kept, repeats each command before the answer. */
int state_debugfs(struct install *install, const char *commands, size_t answers_bytes, char **ret_answers,
		  struct err *err);
/* Whether debugfs puts a file in: large ones; and all but links and folders into a state that is kept. */
bool state_is_put_in(const struct host_file *file, bool kept);

/* state_check.c: reads the files back from the disk, past the cache, and compares them. kept: of a state that is kept only those
 * that were put in. ERR_CORRUPT names the file. */
int state_files_check(struct install *install, bool kept, struct err *err);

#endif
