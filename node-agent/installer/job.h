/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One installation, from answers that were checked to a disk that boots: medium, then node-agent/install. Blocks. */
#ifndef INGOT_INSTALLER_JOB_H
#define INGOT_INSTALLER_JOB_H

#include "install/write.h"
#include "installer/answers.h"
#include "installer/medium.h"

struct job_progress {
	const char *step;     /* "medium", then those of struct write_status */
	unsigned percent;     /* of the step */
	uint64_t bytes_per_s; /* 0: this step moves none, or it is not known yet */
	int64_t left_s;	      /* of the step; -1: not known */
};
/* How fast bytes go, from the first that were told on: what was done before, and the time until then, are none of it. */
struct job_pace {
	int64_t began_ms;
	uint64_t began_bytes;
	bool running;
};
/* Takes in how much is done of a step now, and fills bytes_per_s and left_s of *ret where they can be told: a second after the
 * first bytes. done 0: none have come yet. A step begins with a pace of zeros. Pure. */
void job_pace_tell(struct job_pace *pace, int64_t now_ms, uint64_t done, uint64_t total, struct job_progress *ret);

/* All borrowed. */
struct job {
	const struct answers *answers;
	const struct medium *medium;
	const char *ca_pem;  /* of the provisioner that a node joins, as join_check() found it; else NULL */
	const char *mark;    /* for the record: which answers these are; NULL */
	const char *sysroot; /* before /sys, /proc, /dev */
	const char *prefix;  /* before /run, which is written to */
	void (*progress)(const struct job_progress *progress, void *ctx); /* some times a second; may be NULL */
	void *ctx;
};
/* ERR_BUSY: another one is at it; ERR_CORRUPT: the medium is damaged, or the state to be kept has no host's name; those of
 * write_host(). *ret as there. */
int job_run(const struct job *job, struct write_status *ret, struct err *err);
/* The name that the host has or is to have: of the answers, or, where its state is kept, of the host on the disk. ERR_CORRUPT:
 * it has none; the errors of held_disk_open() and layout_read(). The caller frees. */
int job_host_name(const struct job *job, char **ret, struct err *err);
/* Ends as the answer "finish" says; a kernel is taken from the disk that the answers name. Returns only on error; with a prefix
 * always, having done nothing. */
int job_finish(const struct job *job, struct err *err);

/* The mark of the answers by which a disk was installed; the caller frees. NULL if there is no whole host, or a person
 * answered. The errors of record_read(): it cannot be told. */
int job_mark_on_disk(const struct held_disk *disk, char **ret, struct err *err);
/* The disk that the answers name, to look at. The errors of held_disk_open(). */
int job_open_disk(const struct job *job, struct held_disk *ret, struct err *err);

#endif
