/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two halves of openapi_document(): operations here, schemas there. */
#ifndef INGOT_PROTO_OPENAPI_PRIV_H
#define INGOT_PROTO_OPENAPI_PRIV_H

#include "proto/operations.h"

/* What a resource looks like in an answer, and what may be sent of it: two components of one schema. */
enum openapi_form { OPENAPI_SHOWN, OPENAPI_SENT };

/* {"$ref": "#/components/schemas/vm"}; adds the component, and what it refers to, if it is not there yet. */
json_t *openapi_reference(json_t *components, const struct schema *schema, enum openapi_form form);

#endif
