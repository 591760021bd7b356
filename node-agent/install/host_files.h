/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files that a host starts with: what the installer leaves on its state partition (docs/protocol.md). */
#ifndef INGOT_INSTALL_HOST_FILES_H
#define INGOT_INSTALL_HOST_FILES_H

#include <sys/types.h>

#include "base/util.h"

struct host_file {
	char *path;	   /* on the host; in /etc or /var; folders above it are made (0755) */
	mode_t mode;	   /* not of links */
	unsigned uid, gid; /* on the host */
	/* One of these, or none: then it is a folder. */
	char *text;
	char *target; /* a symbolic link */
	char *source; /* a file here, which may be large */
};
struct host_files {
	struct host_file *list;
	unsigned count;
};
void host_files_text(struct host_files *files, const char *path, mode_t mode,
		     char *text); /* takes text, wipes it later */
void host_files_link(struct host_files *files, const char *path, const char *target);
void host_files_copy(struct host_files *files, const char *path, mode_t mode, const char *source);
void host_files_folder(struct host_files *files, const char *path, mode_t mode);
/* Whose the file is that was added last; without this, root's. */
void host_files_own(struct host_files *files, unsigned uid, unsigned gid);
void host_files_done(struct host_files *files);
#define _cleanup_host_files_ _cleanup_(host_files_done)

/* systemd.network(5) of an interface with one address; gateway may be NULL. The caller frees. */
char *host_network_text(const char *mac, const char *address, const char *gateway);
/* What makes the host's agent enroll. All borrowed. */
struct host_identity {
	const char *server; /* "ADDRESS:PORT" */
	const char *ca_pem;
	const char *machine; /* its id there, or "": it joins, and the rest is told */
	const char *name, *token;
	/* of one that joins */
	const char *mac;		    /* of the interface that it is reached through; or NULL */
	const char *disk_wwn, *disk_serial; /* the system is on; either may be NULL */
	bool pool_disks;		    /* its data disks are the pool's */
	const char *handover; /* in place of server, ca_pem and token, which are NULL: the file they will be in */
};
void host_files_identity(struct host_files *files, const struct host_identity *identity);

#endif
