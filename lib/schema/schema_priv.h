/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef INGOT_SCHEMA_SCHEMA_PRIV_H
#define INGOT_SCHEMA_SCHEMA_PRIV_H

#include "schema/schema.h"

#define AT(type, object, off) (*(type *)(void *)((char *)(object) + (off)))
#define AT_CONST(type, object, off) (*(type const *)(const void *)((const char *)(object) + (off)))

/* Frees what a field of an object points to and makes it zero, and an empty list. */
void field_clear(const struct field *f, void *object);

#endif
