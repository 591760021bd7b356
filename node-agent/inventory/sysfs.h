/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the small files of sysfs and proc below a root. */
#ifndef INGOT_INVENTORY_SYSFS_H
#define INGOT_INVENTORY_SYSFS_H

#include "base/util.h"

/* The text of a file without white space at its ends, as printable ASCII or UTF-8; NULL if it cannot be read or is empty.
 * The caller frees. */
char *sysfs_text(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The number in a file, or other if there is none. */
int64_t sysfs_number(int64_t other, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The last component of what a symbolic link points to; NULL if it is none. The caller frees. */
char *sysfs_link_name(const char *fmt, ...) PRINTF_LIKE(1, 2);
bool sysfs_exists(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Whether a network interface is Ethernet hardware (or a virtual machine's). */
bool sysfs_is_nic(const char *sysroot, const char *name);

/* The names in a folder, sorted, but those with a leading dot. */
struct name_list {
	char **names;
	size_t count;
};
int sysfs_list(const char *path, struct name_list *ret);
void name_list_done(struct name_list *list);
#define _cleanup_names_ _cleanup_(name_list_done)

/* Cuts white space off both ends and replaces what is not printable; NULL if nothing is left. Steals text. */
char *text_tidy(char *text);

#endif
