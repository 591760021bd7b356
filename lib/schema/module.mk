# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,lib/schema,lib/base,jansson)
