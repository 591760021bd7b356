/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be installed, read from the desired section and checked to the last character: it ends in a kernel command line,
 * in files of the host and on a disk. */
#ifndef INGOT_INSTALL_ORDER_H
#define INGOT_INSTALL_ORDER_H

#include <jansson.h>

#include "install/boot.h"

struct order {
	char *id;
	struct {
		char *wwn, *serial; /* either may be NULL */
		uint64_t size_bytes;
	} disk;
	struct {
		char *url, *key_pem, *version;
	} bundle;
	struct {
		char *name, *machine, *mac, *address, *gateway, *server, *ca_pem, *token; /* gateway may be NULL */
	} host;
	char *console; /* for the kernel command line: "console=tty0 console=ttyS0"; "" for none */
	enum boot_how boot;
};
/* ERR_INVALID names the field. */
int order_parse(json_t *section, struct order *ret, struct err *err);
void order_done(struct order *order);

#endif
