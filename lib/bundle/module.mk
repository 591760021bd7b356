# SPDX-License-Identifier: GPL-3.0-or-later
$(call module,lib/bundle,lib/base lib/crypto,libarchive jansson gnutls)
