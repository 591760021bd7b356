/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two halves of openapi_document(): operations here, schemas there. */
#ifndef INGOT_PROTO_OPENAPI_PRIV_H
#define INGOT_PROTO_OPENAPI_PRIV_H

#include "proto/operations.h"

/* What a resource looks like in an answer, what may be sent to make it, and what to change it: components of one schema. */
enum openapi_form { OPENAPI_SHOWN, OPENAPI_SENT, OPENAPI_CHANGED };

/* {"$ref": "#/components/schemas/vm"}; adds the component, and what it refers to, if it is not there yet. */
json_t *openapi_reference(json_t *components, const struct schema *schema, enum openapi_form form);

#endif
