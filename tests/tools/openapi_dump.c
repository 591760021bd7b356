/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints the OpenAPI document of the REST API: what the dashboard's types are generated from. */
#include <stdio.h>

#include "proto/operations.h"

int main(void)
{
	json_t *document = openapi_document();
	int r = json_dumpf(document, stdout, JSON_INDENT(1));
	json_decref(document);
	return r < 0 || putchar('\n') == EOF || fflush(stdout) != 0;
}
