/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dashboard: static files from a folder, for whoever asks. Loop thread.
 *
 * GET and HEAD only, without credentials. A path is looked for below the folder, segment by segment; hidden names and
 * symbolic links are not followed. A path whose last segment has no dot and that is no file is a route of the dashboard's own:
 * it gets index.html. Beside NAME there may be NAME.br and NAME.gz: one of them is sent instead to a client that takes it (RFC
 * 9110 section 12.5.3). What lies in assets/ with a hash in its name never changes and is cached so (RFC 8246); all else is
 * asked for again by its ETag (RFC 9110 section 13.1.2). Every answer bears the content security policy. */
#ifndef INGOT_API_UI_FILES_H
#define INGOT_API_UI_FILES_H

#include "http/http_server.h"

/* Answers the request from the folder dir (an absolute path; need not be there: then it says that the dashboard is not
 * installed). What is below /v1/ is not its business: 404. */
void ui_files_answer(struct http_request *request, const char *dir);

#endif
