/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "inventory/sysfs.h"

/* What hardware says about itself is short. */
#define SYSFS_TEXT_MAX_BYTES ((size_t)4096)
#define SYSFS_NAMES_MAX 4096

#define FORMAT_PATH(path, fmt)                                                                                         \
	_cleanup_free_ char *path = NULL;                                                                              \
	do {                                                                                                           \
		va_list ap_;                                                                                           \
		va_start(ap_, fmt);                                                                                    \
		path = xvasprintf(fmt, ap_);                                                                           \
		va_end(ap_);                                                                                           \
	} while (0)

char *text_tidy(char *text)
{
	size_t begin = 0, end = strlen(text);

	while (end > 0 && isspace((unsigned char)text[end - 1]))
		end--;
	while (begin < end && isspace((unsigned char)text[begin]))
		begin++;
	if (begin == end) {
		free(text);
		return NULL;
	}
	memmove(text, text + begin, end - begin);
	text[end - begin] = '\0';
	/* Firmware writes what it likes here; the report is JSON, which is UTF-8. */
	for (char *p = text; *p; p++) {
		if (!isprint((unsigned char)*p))
			*p = '?';
	}
	return text;
}

char *sysfs_text(const char *fmt, ...)
{
	char *text;
	size_t len;
	FORMAT_PATH(path, fmt);

	return read_file(path, SYSFS_TEXT_MAX_BYTES, &text, &len) < 0 ? NULL : text_tidy(text);
}

int64_t sysfs_number(int64_t other, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	int64_t number;
	FORMAT_PATH(path, fmt);

	text = sysfs_text("%s", path);
	return text && parse_i64(text, INT64_MIN, INT64_MAX, &number) == 0 ? number : other;
}

char *sysfs_link_name(const char *fmt, ...)
{
	char target[4096];
	const char *slash;
	ssize_t len;
	FORMAT_PATH(path, fmt);

	len = readlink(path, target, sizeof(target) - 1);
	if (len <= 0)
		return NULL;
	target[len] = '\0';
	slash = strrchr(target, '/');
	return xstrdup(slash ? slash + 1 : target);
}

bool sysfs_exists(const char *fmt, ...)
{
	FORMAT_PATH(path, fmt);

	return access(path, F_OK) == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

int sysfs_list(const char *path, struct name_list *ret)
{
	struct name_list list = { 0 };
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		return -errno;
	while (list.count < SYSFS_NAMES_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		list.names = xrealloc(list.names, (list.count + 1) * sizeof(list.names[0]));
		list.names[list.count++] = xstrdup(entry->d_name);
	}
	closedir(dir);
	if (list.count)
		qsort(list.names, list.count, sizeof(list.names[0]), compare_names);
	*ret = list;
	return 0;
}

void name_list_done(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct name_list){ 0 };
}

bool sysfs_is_nic(const char *sysroot, const char *name)
{
	/* Hardware has a device; type 1 is Ethernet (ARPHRD_ETHER). */
	return sysfs_exists("%s/sys/class/net/%s/device", sysroot, name) &&
	       sysfs_number(0, "%s/sys/class/net/%s/type", sysroot, name) == 1;
}
