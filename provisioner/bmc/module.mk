# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,provisioner/bmc,lib/base lib/loop,libfreeipmi libipmiconsole)
