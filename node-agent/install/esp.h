/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The EFI system partition, through mkfs.fat and mtools: written in place on the disk, never mounted. */
#ifndef INGOT_INSTALL_ESP_H
#define INGOT_INSTALL_ESP_H

#include "install/layout.h"

#define ESP_LABEL "INGOT-ESP"

struct esp {
	const struct held_disk *disk;
	const struct layout *layout;
	const char *work_dir; /* for mtools' configuration and files on their way; exists */
};

/* Makes the file system and the folders of docs/protocol.md. */
int esp_format(const struct esp *esp, struct err *err);
/* Copies a file of the running system to a path such as "/ingot/a/vmlinuz", over what is there. */
int esp_put(const struct esp *esp, const char *from, const char *path, struct err *err);
/* Reads a file back from the disk, past the cache, and compares it with the one it was copied from. ERR_CORRUPT. */
int esp_check(const struct esp *esp, const char *from, const char *path, struct err *err);
/* Gives a file another name, in its folder. */
int esp_rename(const struct esp *esp, const char *from, const char *to, struct err *err);
/* Copies from a path to a descriptor. */
int esp_get(const struct esp *esp, const char *path, int to_fd, struct err *err);

#endif
