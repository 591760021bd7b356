/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The certificate that the provisioner shows to those who connect. It is kept in the state folder and shown for as long as it
 * does, so that an exception in a browser lasts, and what the console says can be compared with it. Loop thread. */
#ifndef INGOT_DAEMON_CERTIFICATE_H
#define INGOT_DAEMON_CERTIFICATE_H

#include "crypto/crypto.h"

/* In the state folder: the certificate, and its authority's behind it; and the key, mode 0600. */
#define CERTIFICATE_FILE "server.pem"
#define CERTIFICATE_KEY_FILE "server.key"

struct certificate {
	char *chain_pem, *key_pem;
};
void certificate_done(struct certificate *certificate); /* the key is wiped */

/* Gives what is in the folder where that is good for all names (NULL-terminated) and not near its end, else a new one (of the same
 * key, where only names are missing), which is in the folder when this returns. *certificate: what was had before, or zeros; it stays as it is where that is the same still.
 * *ret_fresh: whether it is another one now. Errors: those of ca_issue_server(), -errno of what cannot be written. */
int certificate_get(const char *state_dir, struct ca *ca, const char *const *names, struct certificate *certificate,
		    bool *ret_fresh, struct err *err);

#endif
