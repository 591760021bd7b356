/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_BASE_USER_H
#define INGOT_BASE_USER_H

#include <sys/types.h>

/* The numbers of a user of this host; any thread (getpwnam(3) shares its answer between them). 0, -ENOENT if there is no
 * such user, or a negative errno. */
int user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid);

#endif
