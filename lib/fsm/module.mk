# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,lib/fsm,lib/base,)
