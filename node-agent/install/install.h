/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Installs a host: the section "install" (docs/protocol.md). In the live image only. */
#ifndef INGOT_INSTALL_INSTALL_H
#define INGOT_INSTALL_INSTALL_H

#include "core/part.h"

extern const struct part install_part;

#endif
