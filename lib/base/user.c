/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/user.h"

#include <errno.h>
#include <pwd.h>

#include "base/util.h"

int user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	size_t size = 16 * KIB;
	_cleanup_free_ char *buffer = xmalloc(size);
	struct passwd entry, *found = NULL;
	int r = getpwnam_r(name, &entry, buffer, size, &found);

	if (r != 0)
		return -r;
	if (!found)
		return -ENOENT;
	*ret_uid = found->pw_uid;
	*ret_gid = found->pw_gid;
	return 0;
}
